//! Runs, as rows have them.

use std::collections::BTreeMap;

use coalmine::{
    Severity, Verdict,
    alert::{Evidence, RunFacts, StepFacts},
    store::Trigger,
    verdict::Cause,
};

use super::world::at;

pub(super) const STEPS: &str = "abcde";

/// What the rules see of a run.
pub(super) fn facts(word: &str, run: &str, start: i64, lasts: i64) -> RunFacts {
    let (trigger, word) = match word.split_at(1) {
        ("Q", rest) => (Trigger::Request, rest),
        ("R", rest) => (Trigger::Recheck, rest),
        _ => (Trigger::Schedule, word),
    };
    let (mut verdicts, mut filtered, mut leftovers) = (BTreeMap::new(), false, Vec::new());
    let mut verdict = (Verdict::Failed, Cause::Assertion);
    for letter in word.chars() {
        match letter {
            'p' => {}
            'f' => drop(verdicts.insert('a', verdict)),
            '>' => verdict.0 = Verdict::Blocked,
            '?' => verdict = (Verdict::Inconclusive, Cause::MailProvider),
            '-' => verdict.0 = Verdict::Skipped,
            '!' => leftovers.push("key `k1`: 503".to_owned()),
            '~' => filtered = true,
            'i' => verdicts.extend(STEPS.chars().map(|it| (it, (Verdict::Inconclusive, Cause::Prober)))),
            'x' => verdicts.extend(STEPS.chars().map(|it| (it, (Verdict::Inconclusive, Cause::Cancelled)))),
            's' => verdicts.extend(STEPS.chars().map(|it| (it, (Verdict::Skipped, Cause::Assertion)))),
            step if STEPS.contains(step) => drop(verdicts.insert(step, verdict)),
            other => panic!("no such run: {other}"),
        }
    }
    let blocks: Vec<String> =
        verdicts.iter().filter(|it| it.1.0 == Verdict::Blocked).map(|it| it.0.to_string()).collect();
    let steps: Vec<StepFacts> = STEPS
        .chars()
        .map(|letter| {
            let (verdict, cause) =
                verdicts.get(&letter).copied().unwrap_or((Verdict::Passed, Cause::Assertion));
            let speaks = matches!(verdict, Verdict::Failed | Verdict::Inconclusive);
            let evidence = speaks.then(|| Evidence {
                step: letter.to_string(),
                promise: String::new(),
                severity: if letter == 'e' { Severity::Warning } else { Severity::Critical },
                cause,
                message: format!("{letter} {verdict} in {run}"),
                remedy: None,
                request: None,
                request_id: None,
                runbook: None,
                blocks: blocks.clone(),
                run: run.to_owned(),
                trace: format!("trace of {run}"),
                started: at(start),
            });
            StepFacts { step: letter.to_string(), verdict, evidence }
        })
        .collect();
    RunFacts {
        canary: "front".into(),
        verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
        run: run.to_owned(),
        trigger,
        filtered,
        started: at(start),
        ended: at(start + lasts),
        steps,
        leftovers,
    }
}
