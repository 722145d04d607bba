//! What is known of a run without its record.

use crate::{
    record::{RunRecord, StepKind},
    store::{Counts, Summary, Trigger},
    verdict::Verdict,
};

impl Summary {
    /// The summary of a record. Its root is the first step that failed; without one, the first that could not tell.
    #[must_use]
    pub fn of(record: &RunRecord, trigger: Trigger) -> Self {
        let mut counts = Counts::default();
        for step in &record.steps {
            // A fixture that passed has checked nothing.
            if step.kind == StepKind::Fixture && step.verdict == Verdict::Passed {
                continue;
            }
            let count = match step.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed => &mut counts.failed,
                Verdict::Inconclusive => &mut counts.inconclusive,
                Verdict::Blocked => &mut counts.blocked,
                Verdict::Skipped => &mut counts.skipped,
            };
            *count += 1;
            counts.flaky += u32::from(step.verdict == Verdict::Passed && step.flaky);
        }
        let first = |verdict| record.steps.iter().find(|it| it.verdict == verdict);
        let root = first(Verdict::Failed).or_else(|| first(Verdict::Inconclusive));
        let failure = root.and_then(|it| it.failure.as_deref());
        Self {
            run: record.run.clone(),
            canary: record.canary.clone(),
            verdict: record.verdict,
            trigger,
            started: record.started,
            duration_ms: record.duration_ms,
            target: record.target.clone(),
            location: record.location.clone(),
            filtered: record.filtered,
            counts,
            root: root.map(|it| it.title()),
            cause: failure.map(|it| it.cause),
            message: failure.map(|it| it.message.clone()),
        }
    }
}
