//! However a run ends, it cleans up what it can and leaves word of the rest.

use std::{fs, os::unix::process::ExitStatusExt as _, time::Duration};

use coalmine::{Cause, Verdict};

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("ctrl_c_cleans_up_and_reports", ctrl_c_cleans_up_and_reports),
    ("sigterm_cleans_up_and_reports", sigterm_cleans_up_and_reports),
    ("steps_that_wait_for_their_turn_are_cancelled", steps_that_wait_for_their_turn),
    ("a_second_signal_changes_nothing", a_second_signal_changes_nothing),
    ("a_kill_leaves_a_journal_and_a_placeholder", a_kill_leaves_a_journal_and_a_placeholder),
    ("a_run_that_ends_leaves_no_journal", a_run_that_ends_leaves_no_journal),
    ("what_cannot_be_removed_stays_in_the_journal", what_cannot_be_removed_stays),
    ("a_target_that_does_not_last_has_no_journal", a_target_that_does_not_last),
    ("one_blocked_thread_is_one_failed_step", one_blocked_thread_is_one_failed_step),
    ("a_starved_runtime_still_reports", a_starved_runtime_still_reports),
    ("a_starved_runtime_of_many_still_reports", a_starved_runtime_of_many_still_reports),
    ("a_report_that_cannot_be_written_is_not_green", a_report_that_cannot_be_written),
];

fn interrupted(signals: &[&str], args: &[&str]) -> Ended {
    let running = Fixture::new("pending", args).start();
    running.wait_for_mark("begin make");
    signals.iter().for_each(|signal| running.signal(signal));
    let ended = running.wait().expect_code(75);
    assert_eq!(ended.marked("undone"), ["thing-2", "thing-1"], "{}", ended.all());
    let make = ended.step("make");
    assert_eq!(make.verdict, Verdict::Inconclusive);
    assert_eq!(make.failure.unwrap().cause, Cause::Cancelled);
    assert_eq!(ended.trial("front::make"), "FAILED");
    let junit = ended.report("junit.xml");
    assert!(junit.contains("the run was cancelled") && !junit.contains("did not finish"), "{junit}");
    let removed: Vec<_> = ended.records()[0].cleanup.iter().map(|it| it.name.clone()).collect();
    assert_eq!(removed, ["thing-2", "thing-1"]);
    ended
}

fn ctrl_c_cleans_up_and_reports() {
    interrupted(&["INT"], &[]).warns("SIGINT: stopping the run and cleaning up");
}

fn sigterm_cleans_up_and_reports() {
    interrupted(&["TERM"], &[]).warns("SIGTERM: stopping the run and cleaning up");
}

fn steps_that_wait_for_their_turn() {
    let ended = interrupted(&["INT"], &["--test-threads", "1"]);
    assert_eq!(ended.trial("front::passes"), "ok");
    assert!(ended.trial("front::uses").starts_with("ignored (blocked by `make`"), "{}", ended.all());
}

fn a_second_signal_changes_nothing() {
    interrupted(&["INT", "INT", "TERM"], &[]);
}

/// The text of every file of the journal.
fn journal(ended: &Ended) -> Vec<String> {
    let mut texts = Vec::new();
    for target in fs::read_dir(ended.path("journal")).unwrap() {
        for file in fs::read_dir(target.unwrap().path()).unwrap() {
            texts.push(fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    texts
}

fn lasting(suite: &str) -> Fixture {
    let fixture =
        Fixture::new(suite, &[]).var("FIXTURE_LASTING", "1").var("FIXTURE_TARGET", "https://shop.test");
    let journal = fixture.path().join("journal");
    fixture.var("COALMINE_JOURNAL", journal)
}

fn a_kill_leaves_a_journal_and_a_placeholder() {
    let running = lasting("pending").start();
    running.wait_for_mark("begin make");
    running.signal("KILL");
    let ended = running.wait();
    assert_eq!(ended.status.signal(), Some(9), "{}", ended.all());
    assert!(ended.path("journal/shop.test").is_dir());
    let [text] = &journal(&ended)[..] else { panic!("{:?}", journal(&ended)) };
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains(r#""name":"thing-1""#) && text.contains(r#""name":"thing-2""#), "{text}");
    assert!(text.contains(r#""target":"https://shop.test""#), "{text}");
    for name in ["junit.xml", "junit-strict.xml", "record.json"] {
        let report = ended.report(name);
        assert!(
            report.contains("the run did not finish") && report.contains("https://shop.test"),
            "{report}"
        );
    }
    assert_eq!(ended.junit().errors, 1);
    assert!(ended.records().is_empty());
}

fn a_run_that_ends_leaves_no_journal() {
    let ended = lasting("lasting").run().expect_code(0);
    assert_eq!(journal(&ended), [""; 0]);
    assert_eq!(ended.marked("undone"), ["last", "first"]);
    let running = lasting("pending").start();
    running.wait_for_mark("begin make");
    running.signal("TERM");
    assert_eq!(journal(&running.wait().expect_code(75)), [""; 0]);
}

fn what_cannot_be_removed_stays() {
    let ended = lasting("stubborn").run().expect_code(0);
    assert!(journal(&ended)[0].contains(r#""name":"rock""#), "{:?}", journal(&ended));
}

fn a_target_that_does_not_last() {
    let ended = lasting("lasting").var("FIXTURE_LASTING", "0").run().expect_code(0);
    assert!(!ended.path("journal").exists());
}

fn one_blocked_thread_is_one_failed_step() {
    let ended = Fixture::new("parked", &[]).var("TOKIO_WORKER_THREADS", "3").run().expect_code(1);
    assert_eq!(ended.trial("front::park_0"), "FAILED");
    assert_eq!(ended.trial("front::rest"), "ok");
    ended.says("still running after 200ms");
    assert!(!ended.stderr.contains("starved"), "{}", ended.all());
    assert_eq!(ended.step("park_0").failure.unwrap().cause, Cause::Timeout);
}

fn starved(suite: &str, steps: usize) {
    let ended = Fixture::new(suite, &[]).var("TOKIO_WORKER_THREADS", "2").run().expect_code(1);
    ended.warns("the runtime is starved by ").warns("front::park_");
    assert!(ended.waited < Duration::from_secs(60), "{:?}", ended.waited);
    let blocking: Vec<_> = (0..steps).map(|number| ended.step(&format!("park_{number}"))).collect();
    let timeouts = blocking.iter().filter(|it| it.failure.as_ref().unwrap().cause == Cause::Timeout).count();
    assert!(timeouts >= 2, "{}", ended.report("record.json"));
    let text = ended.report("junit.xml");
    assert!(text.contains("blocks its thread") && text.contains("spawn_blocking"), "{text}");
    assert!(!text.contains("did not finish"), "{text}");
    assert_eq!(ended.cases("front").len(), steps + 1);
}

fn a_starved_runtime_still_reports() {
    starved("starved", 2);
}

fn a_starved_runtime_of_many_still_reports() {
    starved("starved_twice", 4);
}

fn a_report_that_cannot_be_written() {
    let ended = Fixture::new("breaks_reports", &[]).run().expect_code(75);
    ended.warns("error: no report: ").warns("junit.xml").warns("remedy: remove what is in the way");
    assert_eq!(ended.trial("front::breaks"), "ok");
}
