//! What a record says when the prober was offline.

use std::collections::HashMap;

use crate::{
    config::Anchor,
    record::{FailureRecord, RunRecord},
    verdict::{Cause, Verdict},
};

const REMEDY: &str = "mend the network of the machine that the canaries run on";

/// Whether that failed which would fail without a network.
pub(super) fn may_be_offline(record: &RunRecord) -> bool {
    record
        .steps
        .iter()
        .any(|it| it.verdict == Verdict::Failed && it.failure.as_deref().is_some_and(is_network))
}

/// Turns all that may have failed for want of a network into what nobody could tell, and says who was silent. What has
/// failed otherwise has had an answer, and stays failed.
pub(super) fn offline(record: &mut RunRecord, silent: &[Anchor]) {
    let mut rewritten = HashMap::new();
    for step in record.steps.iter_mut().filter(|it| it.verdict == Verdict::Failed) {
        let Some(failure) = step.failure.as_mut().filter(|it| is_network(it)) else { continue };
        rewrite(failure, silent);
        step.verdict = Verdict::Inconclusive;
        rewritten.insert(step.name.clone(), failure.clone());
        for attempt in step.attempts.iter_mut().filter(|it| it.verdict == Verdict::Failed) {
            if let Some(failure) = attempt.failure.as_mut().filter(|it| is_network(it)) {
                rewrite(failure, silent);
                attempt.verdict = Verdict::Inconclusive;
            }
        }
    }
    for step in record.steps.iter_mut().filter(|it| it.verdict == Verdict::Blocked) {
        if let Some(failure) = step.root.as_ref().and_then(|root| rewritten.get(root)) {
            step.failure = Some(failure.clone());
        }
    }
    if !rewritten.is_empty() {
        // Something was not passed, so that a fixture which passed decides nothing.
        record.verdict = Verdict::worst(record.steps.iter().map(|it| it.verdict));
    }
}

/// No answer, or one of somebody else: a captive portal shows a certificate of its own.
fn is_network(failure: &FailureRecord) -> bool {
    matches!(failure.cause, Cause::Transport | Cause::Timeout | Cause::Tls)
}

fn rewrite(failure: &mut FailureRecord, silent: &[Anchor]) {
    let names: Vec<String> = silent.iter().map(|it| format!("`{it}`")).collect();
    let message = format!(
        "the prober seems to be offline: {} answered after the last run that passed, and {} not now",
        names.join(" and "),
        if silent.len() == 1 { "does" } else { "do" }
    );
    // What a person reads goes on as it was, below the new sentence. Its remedy was one for the product.
    let text = match &failure.remedy {
        Some(remedy) => failure.text.replace(&format!("\n  remedy: {remedy}"), ""),
        None => failure.text.clone(),
    };
    failure.text = format!("{message}\n  caused by: {text}\n  remedy: {REMEDY}");
    failure.causes.insert(0, std::mem::replace(&mut failure.message, message));
    failure.cause = Cause::Prober;
    failure.remedy = Some(REMEDY.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Failure,
        record::{AttemptRecord, StepRecord},
    };

    fn step(name: &str, verdict: Verdict, failure: Option<&Failure>) -> StepRecord {
        let failure = failure.map(Box::<FailureRecord>::from);
        let attempt = AttemptRecord {
            number: 1,
            started_ms: 0.0,
            duration_ms: 1.0,
            verdict,
            failure: failure.clone(),
            exchanges: Vec::new(),
            notes: Vec::new(),
            mails: Vec::new(),
        };
        StepRecord { name: name.into(), verdict, failure, attempts: vec![attempt], ..StepRecord::default() }
    }

    fn record(steps: Vec<StepRecord>) -> RunRecord {
        RunRecord {
            version: 1,
            suite: "shop".into(),
            canary: "front".into(),
            run: "r".into(),
            trace: "t".into(),
            target: "https://shop.example".into(),
            location: "here".into(),
            started: "2026-01-01T00:00:00Z".parse().unwrap(),
            duration_ms: 1.0,
            verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
            filtered: false,
            steps,
            cleanup: Vec::new(),
            certificates: Vec::new(),
        }
    }

    fn silent() -> Vec<Anchor> {
        ["https://a.example", "tcp://b.example:53"].iter().filter_map(|it| Anchor::parse(it)).collect()
    }

    #[test]
    fn what_was_not_reached_is_inconclusive_with_what_it_blocks() {
        let refused = Failure::of(Cause::Transport, "the connection could not be made")
            .caused_by(&std::io::Error::other("refused"))
            .remedy("start the shop");
        let mut blocked = step("pay", Verdict::Blocked, Some(&refused));
        blocked.root = Some("look".into());
        blocked.attempts.clear();
        let portal = Failure::of(Cause::Tls, "the certificate is somebody else's");
        let mut run = record(vec![
            step("look", Verdict::Failed, Some(&refused)),
            blocked,
            step("sign_up", Verdict::Failed, Some(&portal)),
            step("wait", Verdict::Failed, Some(&Failure::of(Cause::Timeout, "no end"))),
            step("other", Verdict::Passed, None),
        ]);
        assert!(may_be_offline(&run));
        offline(&mut run, &silent()[..1]);
        assert_eq!(run.verdict, Verdict::Inconclusive);
        let verdicts: Vec<_> = run.steps.iter().map(|it| it.verdict.as_str()).collect();
        assert_eq!(verdicts, ["inconclusive", "blocked", "inconclusive", "inconclusive", "passed"]);
        let failure = run.steps[0].failure.as_deref().unwrap();
        assert_eq!(failure.cause, Cause::Prober);
        assert_eq!(
            failure.text,
            "the prober seems to be offline: `https://a.example` answered after the last run that passed, and does \
             not now\n  caused by: the connection could not be made\n  caused by: refused\n  remedy: mend the network \
             of the machine that the canaries run on"
        );
        assert_eq!(failure.causes, ["the connection could not be made", "refused"]);
        assert_eq!(run.steps[1].failure.as_deref(), Some(failure), "its root's");
        let attempt = &run.steps[0].attempts[0];
        assert_eq!((attempt.verdict, attempt.failure.as_deref()), (Verdict::Inconclusive, Some(failure)));
        assert!(!may_be_offline(&run), "it is said once");
    }

    #[test]
    fn what_had_an_answer_stays_failed() {
        let wrong = step("look", Verdict::Failed, Some(&Failure::new("expected 200, got 503")));
        let mut alone = record(vec![wrong.clone(), step("other", Verdict::Passed, None)]);
        assert!(!may_be_offline(&alone));
        let before = alone.clone();
        offline(&mut alone, &silent());
        assert_eq!(alone, before);

        let silence = step("pay", Verdict::Failed, Some(&Failure::of(Cause::Transport, "reset")));
        let mut both = record(vec![wrong.clone(), silence]);
        offline(&mut both, &silent());
        assert_eq!(both.verdict, Verdict::Failed, "the worst decides");
        assert_eq!(both.steps[0], wrong);
        assert_eq!(both.steps[1].verdict, Verdict::Inconclusive);
        let message = &both.steps[1].failure.as_deref().unwrap().message;
        assert!(message.contains("`https://a.example` and `tcp://b.example:53`"), "{message}");
    }
}
