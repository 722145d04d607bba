//! In which order steps run, and how many at once.

use crate::{
    Case,
    child::{Ended, Fixture},
    suites::shop::QUEUE,
};

pub(crate) const CASES: &[Case] = &[
    ("one_thread_runs_one_step_at_a_time_in_list_order", one_thread),
    ("three_threads_run_three_steps_at_a_time", three_threads),
    ("without_a_limit_all_run_at_once", without_a_limit),
];

/// One line per step: those that began and ended, one after the other.
fn in_turn(ended: &Ended) -> Vec<String> {
    let marks = ended.marks();
    assert_eq!(marks[0], "start");
    marks[1..]
        .chunks(2)
        .map(|pair| {
            let name = pair[0].strip_prefix("begin ").unwrap_or_else(|| panic!("{marks:?}"));
            assert_eq!(pair[1], format!("end {name}"), "{marks:?}");
            name.to_owned()
        })
        .collect()
}

fn one_thread() {
    let ended =
        Fixture::new("queue", &["--test-threads", "1"]).var("TOKIO_WORKER_THREADS", "4").run().expect_code(0);
    let mut order = in_turn(&ended);
    // What the first step needs comes before it, in whatever order.
    order[..2].sort_unstable();
    let mut expected = vec!["counter".to_owned(), "last".to_owned(), "first".to_owned()];
    expected.extend((0..QUEUE).map(|number| format!("step_{number:02}")));
    expected.push("alone".to_owned());
    assert_eq!(order, expected);
    let trials: Vec<_> = ended.trials().into_iter().map(|(name, _)| name.to_owned()).collect();
    let listed = Fixture::new("queue", &["--list"]).run();
    let listed: Vec<_> = listed.stdout.lines().map(|line| line.replace(": test", "")).collect();
    assert_eq!(trials, listed);
}

fn three_threads() {
    // Three must meet for each of them to go on, so fewer than three would hang until the limit of a step.
    let ended = Fixture::new("crowd", &["--test-threads", "3"]).run().expect_code(0);
    assert!(ended.marks().iter().any(|it| it.starts_with("most 3")), "{}", ended.all());
    assert!(!ended.marks().iter().any(|it| it.starts_with("most 4")), "{}", ended.all());
}

fn without_a_limit() {
    // The machine's number of processors does not matter: steps wait far more than they compute.
    let ended = Fixture::new("crowd", &[]).var("TOKIO_WORKER_THREADS", "1").run().expect_code(0);
    assert_eq!(ended.trials().len(), 9);
}
