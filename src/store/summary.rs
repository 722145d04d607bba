//! What a list says of a run.

use crate::{
    record::{RunRecord, StepKind},
    verdict::Verdict,
};

use super::{Counts, Finished, Summary};

impl Summary {
    /// What is to be said of a run that has ended.
    #[must_use]
    pub fn of(run: &Finished) -> Self {
        let record = &run.record;
        // A run that did not pass is about the first step that says the same, or else about the first of all.
        let root = record.roots().find(|it| it.verdict == record.verdict).or_else(|| record.roots().next());
        let failure = root.and_then(|it| it.failure.as_deref());
        Self {
            run: record.run.clone(),
            canary: record.canary.clone(),
            verdict: record.verdict,
            trigger: run.trigger,
            started: record.started,
            duration_ms: record.duration_ms,
            target: record.target.clone(),
            location: record.location.clone(),
            filtered: record.filtered,
            counts: Counts::of(record),
            root: root.map(crate::record::StepRecord::title),
            cause: failure.map(|it| it.cause),
            message: failure.map(|it| it.message.clone()),
        }
    }
}

impl Counts {
    /// How many steps of a run ended how.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        let mut counts = Self::default();
        for step in &record.steps {
            if step.kind == StepKind::Fixture && step.verdict == Verdict::Passed {
                continue;
            }
            *match step.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed => &mut counts.failed,
                Verdict::Inconclusive => &mut counts.inconclusive,
                Verdict::Blocked => &mut counts.blocked,
                Verdict::Skipped => &mut counts.skipped,
            } += 1;
            counts.flaky += u32::from(step.flaky);
        }
        counts
    }
}
