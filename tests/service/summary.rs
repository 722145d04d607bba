//! A record in few words.

use std::sync::Arc;

use coalmine::{
    Cause, RunRecord, Verdict,
    record::{FailureRecord, StepKind, StepRecord, VERSION},
    store::{Counts, Finished, Summary, Trigger},
};

use super::start_time;

fn step(name: &str, verdict: Verdict, cause: Option<Cause>) -> StepRecord {
    let failure = cause.map(|cause| {
        Box::new(FailureRecord {
            message: format!("{name} went wrong"),
            causes: Vec::new(),
            cause,
            remedy: None,
            exchange: None,
            text: String::new(),
        })
    });
    StepRecord { name: name.into(), verdict, failure, ..StepRecord::default() }
}

fn fixture(name: &str, verdict: Verdict, cause: Option<Cause>) -> StepRecord {
    StepRecord { kind: StepKind::Fixture, ..step(name, verdict, cause) }
}

fn record(steps: Vec<StepRecord>) -> RunRecord {
    RunRecord {
        version: VERSION,
        suite: "shop".into(),
        canary: "front".into(),
        run: "r1".into(),
        trace: "t1".into(),
        target: "memory:".into(),
        location: "here".into(),
        started: start_time(),
        duration_ms: 12.5,
        verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
        filtered: false,
        steps,
        cleanup: Vec::new(),
        certificates: Vec::new(),
    }
}

fn summary_of(record: RunRecord, trigger: Trigger) -> Summary {
    Summary::of(&Finished { record: Arc::new(record), trigger })
}

fn root(summary: &Summary) -> (Option<&str>, Option<Cause>, Option<&str>) {
    (summary.root.as_deref(), summary.cause, summary.message.as_deref())
}

#[test]
fn the_root_is_the_first_that_failed_and_else_the_first_that_could_not_tell() {
    use Verdict::{Blocked, Failed, Inconclusive, Passed};
    let assertion = Some(Cause::Assertion);
    let summary = summary_of(
        record(vec![
            step("read", Inconclusive, Some(Cause::MailProvider)),
            step("follow", Blocked, Some(Cause::MailProvider)),
            step("pay", Failed, assertion),
            step("close", Failed, Some(Cause::Timeout)),
        ]),
        Trigger::Recheck,
    );
    assert_eq!(root(&summary), (Some("pay"), assertion, Some("pay went wrong")));
    assert_eq!((summary.verdict, summary.trigger), (Failed, Trigger::Recheck));

    let summary = summary_of(
        record(vec![
            step("look", Passed, None),
            fixture("inbox", Inconclusive, Some(Cause::MailProvider)),
            step("read", Inconclusive, Some(Cause::Prober)),
        ]),
        Trigger::Schedule,
    );
    assert_eq!(root(&summary), (Some("fixture inbox"), Some(Cause::MailProvider), Some("inbox went wrong")));

    let summary = summary_of(record(vec![step("look", Passed, None)]), Trigger::Request);
    assert_eq!(root(&summary), (None, None, None));
    assert_eq!(
        (summary.run.as_str(), summary.canary.as_str(), summary.target.as_str(), summary.location.as_str()),
        ("r1", "front", "memory:", "here")
    );
    assert_eq!((summary.started, summary.duration_ms, summary.filtered), (start_time(), 12.5, false));
}

#[test]
fn steps_are_counted_and_fixtures_only_if_they_did_not_pass() {
    use Verdict::{Blocked, Failed, Inconclusive, Passed, Skipped};
    let flaky = StepRecord { flaky: true, ..step("again", Passed, None) };
    let summary = summary_of(
        record(vec![
            step("look", Passed, None),
            flaky,
            fixture("basket", Passed, None),
            fixture("account", Failed, Some(Cause::Tls)),
            step("pay", Failed, Some(Cause::Tls)),
            step("mail", Inconclusive, Some(Cause::Prober)),
            step("confirm", Blocked, Some(Cause::Tls)),
            step("refund", Skipped, None),
        ]),
        Trigger::Schedule,
    );
    let counts = Counts { passed: 2, flaky: 1, failed: 2, inconclusive: 1, blocked: 1, skipped: 1 };
    assert_eq!(summary.counts, counts);
}
