//! What the rules see of a run.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use crate::{
    record::RunRecord,
    store::Trigger,
    verdict::{Cause, Verdict},
};

/// A run, as far as the rules look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// Its canary.
    pub canary: String,
    /// Its id.
    pub run: String,
    /// What started it.
    pub trigger: Trigger,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether only some steps were asked for. Such runs do not count.
    pub filtered: bool,
    /// When it began.
    pub started: Timestamp,
    /// When it had ended, clean-up included.
    pub ended: Timestamp,
    /// All steps and fixtures.
    pub steps: Vec<StepFacts>,
    /// What is still there that should have been removed, each with why.
    pub leftovers: Vec<String>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFacts {
    /// The step as people read it.
    pub step: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What speaks against it, if it failed; what stood in the way, if nobody could tell.
    pub evidence: Option<Evidence>,
}

impl RunFacts {
    /// What the rules see of a finished run.
    #[must_use]
    pub fn of(record: &RunRecord, trigger: Trigger) -> Self {
        let lasted = SignedDuration::try_from(Duration::from_secs_f64(record.duration_ms.max(0.0) / 1e3));
        let ended = lasted.ok().and_then(|it| record.started.checked_add(it).ok()).unwrap_or(record.started);
        let steps = record
            .steps
            .iter()
            .map(|step| StepFacts {
                step: step.title(),
                verdict: step.verdict,
                evidence: matches!(step.verdict, Verdict::Failed | Verdict::Inconclusive)
                    .then(|| evidence(record, step)),
            })
            .collect();
        let leftovers = record
            .cleanup
            .iter()
            .filter_map(|it| it.error.as_ref().map(|why| format!("{} `{}`: {why}", it.kind, it.name)))
            .collect();
        Self {
            canary: record.canary.clone(),
            run: record.run.clone(),
            trigger,
            verdict: record.verdict,
            filtered: record.filtered,
            started: record.started,
            ended,
            steps,
            leftovers,
        }
    }

    /// The failed steps.
    pub fn roots(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence(Verdict::Failed)
    }

    /// The steps that nobody could tell of.
    pub fn unclear(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence(Verdict::Inconclusive)
    }

    fn evidence(&self, verdict: Verdict) -> impl Iterator<Item = &Evidence> {
        self.steps.iter().filter(move |it| it.verdict == verdict).filter_map(|it| it.evidence.as_ref())
    }
}

fn evidence(record: &RunRecord, step: &crate::record::StepRecord) -> Evidence {
    let failure = step.failure.as_deref();
    let exchange = failure
        .and_then(|it| it.exchange)
        .and_then(|at| step.attempts.last().and_then(|attempt| attempt.exchanges.get(at)));
    let request = exchange.map(|it| {
        let status = it.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("{} {} -> {status}", it.method, it.url)
    });
    let blocks = record
        .steps
        .iter()
        .filter(|it| it.verdict == Verdict::Blocked && it.root.as_deref() == Some(&step.name))
        .map(crate::record::StepRecord::title)
        .collect();
    // Every record has a failure where there is evidence; without one, the verdict is all that is known.
    let (cause, said) = match step.verdict {
        Verdict::Inconclusive => (Cause::Prober, "nobody could tell"),
        _ => (Cause::Assertion, "it failed"),
    };
    Evidence {
        step: step.title(),
        promise: step.promise.clone(),
        severity: step.severity,
        cause: failure.map_or(cause, |it| it.cause),
        message: failure.map_or_else(|| said.to_owned(), |it| it.message.clone()),
        remedy: failure.and_then(|it| it.remedy.clone()),
        request,
        request_id: exchange.and_then(|it| it.request_id.clone()),
        runbook: step.runbook.clone(),
        blocks,
        run: record.run.clone(),
        trace: record.trace.clone(),
        started: record.started,
    }
}
