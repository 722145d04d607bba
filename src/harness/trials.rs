//! What each trial says when its step has ended.

use std::sync::Arc;

use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::Handle;

use super::select::{Selection, full, suite_name};
use crate::{
    failure::Failure,
    report::console,
    suite::{CanaryPlan, Plan, Run, StepEnd},
    verdict::Verdict,
};

/// A trial for every case of the plan; those that are not selected do nothing, because the harness leaves them out.
pub(super) fn trials(plan: &Plan, selection: &Selection, runs: &[Arc<Run>], handle: &Handle) -> Vec<Trial> {
    if selection.is_single() {
        let runs = runs.to_vec();
        let handle = handle.clone();
        return vec![Trial::test(suite_name(), move || whole_suite(&runs, &handle))];
    }
    let mut trials = Vec::new();
    for canary in &plan.canaries {
        let chosen = selection.canaries(plan).find(|(it, _)| Arc::ptr_eq(it, canary)).map(|(_, steps)| steps);
        let selected: Arc<[usize]> = chosen.unwrap_or_default().into();
        let run = runs.iter().find(|run| Arc::ptr_eq(run.plan(), canary));
        for (step, name) in canary.cases() {
            let (run, selected, handle) = (run.cloned(), Arc::clone(&selected), handle.clone());
            let trial = Trial::ignorable_test(full(canary, name), move || {
                let Some(run) = run else { return Ok(Completion::ignored_with("not selected")) };
                let end = handle.block_on(run.end_of(step));
                outcome(&run, &selected, step, &end)
            });
            trials.push(trial.with_ignored_flag(canary.ignored(step).is_some()));
        }
    }
    trials
}

fn outcome(run: &Run, selected: &[usize], step: usize, end: &StepEnd) -> Result<Completion, Failed> {
    let clean = |text: String| run.redactor().clean(&text).into_owned();
    let text = |end: &StepEnd| end.failure().map_or_else(String::new, Failure::to_string);
    let promise = match run.plan().promise(step) {
        "" => String::new(),
        promise => format!("\n  promise: {promise}"),
    };
    match (end.verdict(), end.root()) {
        (Verdict::Passed, _) => Ok(Completion::Completed),
        (Verdict::Failed, _) => Err(clean(format!("{}{promise}", text(end))).into()),
        (Verdict::Inconclusive, _) => Err(clean(format!("inconclusive: {}{promise}", text(end))).into()),
        (Verdict::Blocked, Some(root)) => {
            let title = run.plan().title(root);
            if reported_elsewhere(run.plan(), selected, step, root) {
                let message = end.failure().map_or("", |it| it.message.as_str());
                return Ok(Completion::ignored_with(clean(format!("blocked by `{title}`: {message}"))));
            }
            // Nobody else will say it, and a run must never be green having checked nothing.
            let word = end.failure().map_or(Verdict::Failed, Failure::verdict);
            Err(clean(format!("{word}: blocked by `{title}`: {}", text(end))).into())
        }
        (Verdict::Blocked, None) => Err("blocked, and nobody says by what".into()),
        (Verdict::Skipped, _) => Ok(Completion::ignored_with("skipped")),
    }
}

/// Whether another trial of this process fails for `root`, so that this one may leave it at naming it.
///
/// A selected step reports itself. A fixture is no trial: the first selected step that needs it reports it for all.
fn reported_elsewhere(plan: &CanaryPlan, selected: &[usize], step: usize, root: usize) -> bool {
    if selected.contains(&root) {
        return true;
    }
    plan.is_fixture(root) && selected.iter().any(|&other| other < step && plan.closure([other])[root])
}

fn whole_suite(runs: &[Arc<Run>], handle: &Handle) -> Result<(), Failed> {
    let records: Vec<_> = runs
        .iter()
        .map(|run| {
            handle.block_on(run.steps_ended());
            run.record()
        })
        .collect();
    match Verdict::worst(records.iter().map(|record| record.verdict)) {
        Verdict::Passed => Ok(()),
        Verdict::Failed | Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => {
            Err(console::summary(&records, false).into())
        }
    }
}
