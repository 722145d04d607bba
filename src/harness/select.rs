//! Which steps a command line asks for.

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::{
    config::Environment,
    suite::{CanaryPlan, Plan},
};

/// The one trial that stands for everything when each trial gets a process of its own.
const SUITE: &str = "suite";

/// What is to run, known before anything runs.
pub(super) struct Selection {
    /// Whether there is one trial for the whole suite.
    single: bool,
    /// Per canary, in plan order: the selected steps.
    steps: Vec<Vec<usize>>,
    filtered: bool,
    /// Whether the command line, and not the suite, leaves nothing to run.
    elsewhere: bool,
}

/// cargo-nextest runs each trial in a process of its own. There, single steps would sign up once per step, so the
/// suite is one trial; our own JUnit report has every step.
pub(super) fn one_process_per_trial(environment: &Environment) -> bool {
    environment.get("NEXTEST_EXECUTION_MODE") == Some("process-per-test")
}

impl Selection {
    pub(super) fn new(plan: &Plan, args: &Arguments, single: bool) -> Self {
        let runs = |name: &str, ignored: bool| {
            // Filtering depends on the name and the flag alone, so a trial that does nothing can be asked.
            let trial = Trial::test(name, || Ok(())).with_ignored_flag(ignored);
            !args.bench && !args.is_filtered_out(&trial) && !args.is_ignored(&trial)
        };
        let mut filtered = false;
        let steps: Vec<Vec<usize>> = plan
            .canaries
            .iter()
            .map(|canary| {
                let mut selected = Vec::new();
                for (step, name) in canary.cases() {
                    let ignored = canary.ignored(step).is_some();
                    let runs = if single {
                        runs(SUITE, false) && !ignored
                    } else {
                        runs(&full(canary, name), ignored)
                    };
                    // Not running an ignored step, or running it on request, is what makes a run partial.
                    filtered |= runs == ignored;
                    if runs {
                        selected.push(step);
                    }
                }
                selected
            })
            .collect();
        let elsewhere = if single {
            !runs(SUITE, false)
        } else {
            let part = args.filter.is_some() || !args.skip.is_empty() || args.ignored || args.bench;
            part && steps.iter().all(Vec::is_empty)
        };
        Self { single, steps, filtered, elsewhere }
    }

    /// Whether somebody asks for something that is not here: another binary's test, for example. A suite that is asked
    /// for and has nothing to run is another matter: it has checked nothing, and must not be green.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// How many test cases will run.
    pub(super) fn cases(&self) -> usize {
        self.steps.iter().map(Vec::len).sum()
    }

    pub(super) fn is_single(&self) -> bool {
        self.single
    }

    /// Whether this is less, or more, than the suite as it is written.
    pub(super) fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// The canaries of which anything is selected, with their selected steps.
    pub(super) fn canaries<'p>(
        &self,
        plan: &'p Plan,
    ) -> impl Iterator<Item = (&'p Arc<CanaryPlan>, &[usize])> {
        let selected = plan.canaries.iter().zip(&self.steps);
        selected.filter(|(_, steps)| !steps.is_empty()).map(|(canary, steps)| (canary, steps.as_slice()))
    }

    /// All trials, for listing: they do nothing.
    pub(super) fn listing(&self, plan: &Plan) -> Vec<Trial> {
        if self.single {
            return vec![Trial::test(SUITE, || Ok(()))];
        }
        let cases = plan.canaries.iter().flat_map(|canary| canary.cases().map(move |case| (canary, case)));
        cases
            .map(|(canary, (step, name))| {
                Trial::test(full(canary, name), || Ok(())).with_ignored_flag(canary.ignored(step).is_some())
            })
            .collect()
    }
}

/// A trial's name.
pub(super) fn full(canary: &CanaryPlan, step: &str) -> String {
    format!("{}::{step}", canary.name())
}

/// The name of the single trial.
pub(super) fn suite_name() -> &'static str {
    SUITE
}
