//! Which test repeats what went wrong.

use crate::record::{RunRecord, StepKind, StepRecord};

/// The step whose test runs this one, with what it needs. A fixture is no test: the first step that it blocks reports
/// it.
pub(crate) fn test_of<'r>(record: &'r RunRecord, step: &'r StepRecord) -> Option<&'r StepRecord> {
    let is_user = |it: &&StepRecord| {
        it.kind == StepKind::Step
            && (it.needs.contains(&step.name) || it.root.as_deref() == Some(step.name.as_str()))
    };
    match step.kind {
        StepKind::Step => Some(step),
        StepKind::Fixture => record.steps.iter().find(is_user),
    }
}
