//! How a step may end, and what trial, exit code and JUnit make of it.

use coalmine::{Cause, Verdict};
use quick_junit::{NonSuccessKind, TestCaseStatus};

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("a_blocked_step_names_its_root", a_blocked_step_names_its_root),
    ("a_blocked_step_alone_is_not_green", a_blocked_step_alone_is_not_green),
    ("a_failed_fixture_is_one_failure", a_failed_fixture_is_one_failure),
    ("each_failed_fixture_has_a_trial_that_names_it", each_failed_fixture_has_a_trial),
    ("inconclusive_is_not_failed", inconclusive_is_not_failed),
    ("failed_is_worse_than_inconclusive", failed_is_worse_than_inconclusive),
    ("a_retry_that_passes_is_flaky", a_retry_that_passes_is_flaky),
    ("right_but_late_is_a_failure", right_but_late_is_a_failure),
    ("a_step_that_never_ends_is_given_up", a_step_that_never_ends_is_given_up),
    ("a_panic_is_a_failure_of_its_step", a_panic_is_a_failure_of_its_step),
    ("clean_up_that_fails_changes_no_verdict", clean_up_that_fails_changes_no_verdict),
];

fn run(suite: &str, args: &[&str], code: i32) -> Ended {
    Fixture::new(suite, args).run().expect_code(code)
}

/// What JUnit says of a step: the element's name, its type and its message.
fn status(ended: &Ended, name: &str) -> (&'static str, String, String) {
    let text = |it: Option<quick_junit::XmlString>| it.map_or_else(String::new, |it| it.as_str().to_owned());
    match ended.case("front", name).status {
        TestCaseStatus::Success { flaky_runs } if flaky_runs.is_empty() => {
            ("ok", String::new(), String::new())
        }
        TestCaseStatus::Success { .. } => ("flaky", String::new(), String::new()),
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message, ty, .. } => {
            ("failure", text(ty), text(message))
        }
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, message, ty, .. } => {
            ("error", text(ty), text(message))
        }
        TestCaseStatus::Skipped { message, ty, .. } => ("skipped", text(ty), text(message)),
    }
}

fn a_blocked_step_names_its_root() {
    let ended = run("blocked", &[], 1);
    assert_eq!(ended.trial("front::open"), "FAILED");
    for name in ["front::fill", "front::pay"] {
        assert_eq!(ended.trial(name), "ignored (blocked by `open`: the door is locked)");
    }
    assert_eq!(ended.trial("front::passes"), "ok");
    ended.says("remedy: bring the key").says("promise: the door opens").warns("blocks: fill, pay");
    assert_eq!(ended.marked("begin").iter().filter(|it| *it != "passes").count(), 1);
    assert_eq!(status(&ended, "open").0, "failure");
    assert_eq!(status(&ended, "pay").0, "skipped");
    assert!(
        status(&ended, "pay").2.starts_with("blocked by `open`: the door"),
        "{:?}",
        status(&ended, "pay")
    );
    assert_eq!(ended.step("pay").root.as_deref(), Some("open"));
}

fn a_blocked_step_alone_is_not_green() {
    for args in [&["--exact", "front::pay"][..], &["pay"]] {
        let ended = run("blocked", args, 1);
        assert_eq!(ended.trials(), [("front::pay", "FAILED")]);
        ended.says("failed: blocked by `open`: the door\nis locked").says("remedy: bring the key");
    }
    let ended = run("inconclusive", &["--exact", "front::opens"], 75);
    assert_eq!(ended.trials(), [("front::opens", "FAILED")]);
    ended.says("inconclusive: blocked by `reads`: the mailbox did not answer");
}

fn a_failed_fixture_is_one_failure() {
    let ended = run("fixture", &[], 1);
    assert_eq!(ended.trial("front::uses"), "FAILED");
    ended.says("blocked by `fixture shelf`: the shelf fell down");
    let other = "ignored (blocked by `fixture shelf`: the shelf fell down)";
    assert_eq!(ended.trial("front::also_uses"), other);
    assert_eq!(ended.trial("front::passes"), "ok");
    let shelf = status(&ended, "fixture shelf");
    assert_eq!(shelf, ("failure", "assertion".to_owned(), "the shelf fell down".to_owned()));
    for name in ["uses", "also_uses"] {
        assert_eq!(status(&ended, name).0, "skipped");
    }
    assert_eq!(ended.marked("begin"), ["passes"]);
    let ended = run("fixture", &["also_uses"], 1);
    assert_eq!(ended.trials(), [("front::also_uses", "FAILED")]);
}

fn each_failed_fixture_has_a_trial() {
    let ended = run("two_fixtures", &[], 1);
    assert_eq!(ended.trial("front::both"), "FAILED");
    assert_eq!(ended.trial("front::one"), "FAILED");
    assert_eq!(ended.trial("front::other"), "ignored (blocked by `fixture shelf`: the shelf fell down)");
    ended.says("blocked by `fixture door`").says("blocked by `fixture shelf`");
}

fn inconclusive_is_not_failed() {
    let ended = run("inconclusive", &[], 75);
    assert_eq!(ended.trial("front::reads"), "FAILED");
    ended.says("inconclusive: the mailbox did not answer").says("remedy: look at the provider's page");
    assert_eq!(ended.trial("front::opens"), "ignored (blocked by `reads`: the mailbox did not answer)");
    let reads = status(&ended, "reads");
    assert_eq!(reads, ("error", "mail_provider".to_owned(), "the mailbox did not answer".to_owned()));
    assert_eq!(ended.records()[0].verdict, Verdict::Inconclusive);
}

fn failed_is_worse_than_inconclusive() {
    let ended = run("mixed", &[], 1);
    ended
        .says("expected `1 + 1 == 3`")
        .says("inconclusive: the mailbox")
        .warns("overall: failed, 1 of 2 canaries");
    let verdicts: Vec<_> = ended.records().iter().map(|it| it.verdict).collect();
    assert_eq!(verdicts, [Verdict::Inconclusive, Verdict::Failed]);
}

fn a_retry_that_passes_is_flaky() {
    let ended = run("flaky", &["wavers"], 0);
    assert_eq!(ended.trials(), [("front::wavers", "ok")]);
    assert_eq!(status(&ended, "wavers").0, "flaky");
    let wavers = ended.step("wavers");
    assert!(wavers.flaky && wavers.attempts.len() == 2, "{wavers:?}");
    ended.warns("wavers passed only at attempt 2; before: not today").warns("1 of them flaky");
    assert!(ended.report("junit.xml").contains("<flakyFailure"), "{}", ended.report("junit.xml"));
    let ended = run("flaky", &[], 1);
    assert_eq!(ended.trial("front::wavers"), "ok");
    assert_eq!(ended.trial("front::refuses"), "FAILED");
    assert_eq!(ended.step("refuses").attempts.len(), 2);
}

fn right_but_late_is_a_failure() {
    let ended = run("slow", &[], 1);
    assert_eq!(ended.trial("front::passes"), "FAILED");
    ended.says("right, but too slow");
    assert_eq!(status(&ended, "passes").1, "latency");
}

fn a_step_that_never_ends_is_given_up() {
    let ended = run("late", &[], 1);
    assert_eq!(ended.trial("front::waits"), "FAILED");
    assert_eq!(ended.trial("front::passes"), "ok");
    ended.says("still running after 100ms");
    assert_eq!(status(&ended, "waits").1, "timeout");
}

fn a_panic_is_a_failure_of_its_step() {
    let ended = run("panics", &[], 1);
    assert_eq!(ended.trial("front::slips"), "FAILED");
    assert_eq!(ended.trial("front::passes"), "ok");
    ended.says("panicked: slipped on [redacted]").warns("slipped on [redacted]").warns("suites/verdicts.rs");
    assert!(!ended.all().contains("the-planted-secret"), "{}", ended.all());
    assert_eq!(ended.step("slips").failure.unwrap().cause, Cause::Panic);
}

fn clean_up_that_fails_changes_no_verdict() {
    let ended = run("stubborn", &[], 0);
    assert_eq!(ended.trials(), [("front::make", "ok")]);
    ended.warns("left behind: thing rock: it is nailed to the floor");
    assert!(ended.records()[0].cleanup[0].error.is_some());
}
