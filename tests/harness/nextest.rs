//! Under a runner that gives each trial a process of its own, the suite is one trial.

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("one_trial_is_listed", one_trial_is_listed),
    ("the_one_trial_runs_everything", the_one_trial_runs_everything),
    ("the_one_trial_fails_when_a_step_fails", the_one_trial_fails_when_a_step_fails),
    ("a_step_is_no_trial", a_step_is_no_trial),
];

fn suite(name: &str, args: &[&str]) -> Ended {
    Fixture::new(name, args).var("NEXTEST", "1").var("NEXTEST_EXECUTION_MODE", "process-per-test").run()
}

fn one_trial_is_listed() {
    let ended = suite("shop", &["--list", "--format", "terse"]).expect_code(0);
    assert_eq!(ended.stdout, "suite: test\n");
    ended.ran_nothing();
    let ended = suite("shop", &["--list", "--format", "terse", "--ignored"]).expect_code(0);
    assert_eq!(ended.stdout, "");
    ended.ran_nothing();
}

fn the_one_trial_runs_everything() {
    let ended = suite("shop", &["--exact", "suite", "--nocapture"]).expect_code(0);
    assert_eq!(ended.trials(), [("suite", "ok")]);
    assert_eq!(ended.marked_sorted("end"), ["count", "fill_basket", "look_around", "open", "pay"]);
    assert_eq!(ended.cases("front"), ["open", "fill_basket", "pay", "look_around", "audit"]);
    assert_eq!(ended.cases("back"), ["count", "prune"]);
    assert!(ended.records().iter().all(|it| !it.filtered));
}

fn the_one_trial_fails_when_a_step_fails() {
    let ended = suite("blocked", &["--exact", "suite", "--nocapture"]).expect_code(1);
    assert_eq!(ended.trials(), [("suite", "FAILED")]);
    ended.says("open failed").says("the door is locked").says("blocks: fill, pay");
    assert_eq!(ended.cases("front"), ["open", "fill", "pay", "passes"]);
    suite("inconclusive", &["--exact", "suite", "--nocapture"]).expect_code(75).says("inconclusive");
    suite("late_secret", &["--exact", "suite", "--nocapture"]).expect_code(1).says("the token [redacted]");
}

fn a_step_is_no_trial() {
    let ended = suite("shop", &["--exact", "front::pay"]).expect_code(64);
    ended.warns("no step has this name").ran_nothing();
}
