//! Turning a run into its record: at the end, or from outside while it still goes on.

use std::sync::PoisonError;

use super::{Current, Live, Run, StepEnd, attempt::given_up};
use crate::{
    clock::Clock,
    failure::Failure,
    record::{AttemptRecord, RunRecord, StepKind, StepRecord, VERSION, millis},
    suite::plan::Planned,
    verdict::{Cause, Verdict},
};

impl Run {
    /// The record as it stands, redacted; complete after [`Run::finish`].
    #[must_use]
    pub fn record(&self) -> RunRecord {
        let mut record = self.uncut_record();
        record.clean(&self.shared.redactor);
        record
    }

    /// The same with its secrets, and with bodies up to [`KEPT_BODY`](crate::record::KEPT_BODY): for those who look
    /// at what requests and answers consist of. Nothing of it may leave the process.
    pub(crate) fn uncut_record(&self) -> RunRecord {
        let mut steps: Vec<StepRecord> = Vec::with_capacity(self.plan.steps.len());
        steps.extend((0..self.plan.steps.len()).filter_map(|step| self.step_record(step)));
        RunRecord {
            version: VERSION,
            suite: self.plan.suite.to_string(),
            canary: self.plan.name.to_string(),
            run: self.shared.run.to_string(),
            trace: self.shared.trace.to_string(),
            target: self.shared.target.to_string(),
            location: self.location.clone(),
            started: self.began,
            duration_ms: millis(self.ended.get().copied().unwrap_or_else(|| self.shared.started.elapsed())),
            verdict: Verdict::worst(steps.iter().filter(|it| says_something(it)).map(|it| it.verdict)),
            filtered: self.filtered,
            steps,
            cleanup: self.cleaned.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            certificates: self.shared.certificates().clone(),
        }
    }

    /// A step's record, or none if the run has nothing to do with it.
    fn step_record(&self, index: usize) -> Option<StepRecord> {
        let Planned { step, inputs: _, needs, order } = &self.plan.steps[index];
        let name = |&it: &usize| self.plan.steps[it].step.name.to_string();
        let mut record = StepRecord {
            name: step.name.to_string(),
            kind: step.kind,
            promise: step.promise.to_string(),
            covers: step.covers.iter().map(ToString::to_string).collect(),
            severity: step.severity,
            runbook: step.runbook.as_deref().map(Into::into),
            place: format!("{}:{}", step.place.file(), step.place.line()),
            needs: needs.iter().map(name).collect(),
            waited_for: order.iter().filter(|&&it| self.wanted[it]).map(name).collect(),
            ..StepRecord::default()
        };
        let cell = &self.cells[index];
        if !self.wanted[index] && cell.started.get().is_none() {
            record.reason = Some(step.ignored.as_deref().filter(|_| !self.filtered)?.to_owned());
            return Some(record);
        }
        let live = cell.live();
        let Some(StepEnd(end)) = cell.end.get() else {
            self.unfinished(live.as_deref(), &mut record);
            return Some(record);
        };
        record.verdict = end.verdict;
        record.flaky = end.flaky;
        record.failure = end.failure.as_deref().map(Box::from);
        record.root = end.root.map(|root| self.plan.steps[root].step.name.to_string());
        record.started_ms = end.started_ms;
        record.duration_ms = end.duration_ms;
        record.attempts.clone_from(&end.attempts);
        Some(record)
    }

    /// What can be said of a step when the process has to be ended before the step ends.
    fn unfinished(&self, live: Option<&Live>, record: &mut StepRecord) {
        let current = live.and_then(|it| it.current.as_ref());
        let failure = match current {
            Some(it) if Clock::instant() > it.deadline => Failure::of(
                Cause::Timeout,
                format_args!(
                    "blocks its thread: the time limit of {:?} could not be enforced",
                    it.deadline.saturating_duration_since(it.started)
                ),
            )
            .remedy("await instead of blocking; put work that blocks into `tokio::task::spawn_blocking`"),
            None if live.is_none() => Failure::of(Cause::Cancelled, "the run ended before this step began"),
            Some(_) | None => Failure::of(Cause::Cancelled, "the run ended while this step was running"),
        };
        record.verdict = failure.verdict();
        record.failure = Some(Box::from(&failure));
        record.attempts.extend(live.into_iter().flat_map(|it| &it.attempts).cloned());
        if let Some(Current { number, started, deadline: _, recorder }) = current {
            let log = given_up(recorder.log());
            let duration_ms = millis(started.elapsed());
            record.attempts.push(AttemptRecord {
                number: *number,
                started_ms: millis(started.saturating_duration_since(self.shared.started)),
                duration_ms,
                verdict: record.verdict,
                failure: record.failure.clone(),
                exchanges: log.exchanges,
                notes: log.notes,
                mails: log.mails,
            });
        }
        if let (Some(first), Some(last)) = (record.attempts.first(), record.attempts.last()) {
            record.started_ms = first.started_ms;
            record.duration_ms = last.started_ms + last.duration_ms - first.started_ms;
        }
    }
}

/// A fixture that passed has checked nothing.
fn says_something(step: &StepRecord) -> bool {
    step.kind == StepKind::Step || step.verdict != Verdict::Passed
}
