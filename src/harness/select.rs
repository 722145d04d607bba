//! Which steps a command line asks for.

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::{
    config::Environment,
    suite::{CanaryPlan, Plan, SURFACE},
};

/// The one trial that stands for everything when each trial gets a process of its own.
const SUITE: &str = "suite";

/// What is to run, known before anything runs.
pub(crate) struct Selection {
    /// Whether there is one trial for the whole suite.
    single: bool,
    /// Per canary, in plan order: the steps that have a trial which runs.
    asked: Vec<Vec<usize>>,
    /// The same with those that only a selected operation asks for.
    steps: Vec<Vec<usize>>,
    /// The operations whose trial runs.
    operations: Vec<String>,
    /// Those that are asked for, but the step that proves them is left out on purpose.
    unwanted: Vec<String>,
    /// Per canary: whether this is less, or more, than the canary as it is written.
    partial: Vec<bool>,
    /// Whether the command line, and not the suite, leaves nothing to run.
    elsewhere: bool,
}

/// cargo-nextest runs each trial in a process of its own. There, single steps would sign up once per step, so the
/// suite is one trial; our own JUnit report has every step.
pub(super) fn one_process_per_trial(environment: &Environment) -> bool {
    environment.get("NEXTEST_EXECUTION_MODE") == Some("process-per-test")
}

/// A canary of which something is to run.
pub(super) struct Chosen<'s> {
    pub(super) canary: &'s Arc<CanaryPlan>,
    pub(super) steps: &'s [usize],
    /// Whether this is less, or more, than the canary as it is written.
    pub(super) partial: bool,
}

impl Selection {
    pub(super) fn new(plan: &Plan, args: &Arguments, single: bool) -> Self {
        let runs = |name: &str, ignored: bool| {
            // Filtering depends on the name and the flag alone, so a trial that does nothing can be asked.
            let trial = Trial::test(name, || Ok(())).with_ignored_flag(ignored);
            !args.bench && !args.is_filtered_out(&trial) && !args.is_ignored(&trial)
        };
        let mut filtered = false;
        let asked: Vec<Vec<usize>> = plan
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
        let (mut operations, mut left_out) = (Vec::new(), Vec::new());
        let mut steps = asked.clone();
        for operation in &plan.operations {
            let name = if single { SUITE.to_owned() } else { operation_name(operation) };
            let runs = runs(&name, false);
            let prover = plan.prover(operation);
            // Who leaves the prover out on purpose does not want it back by way of its operation.
            let unwanted = prover.is_some_and(|(canary, step)| {
                let canary = &plan.canaries[canary];
                let name = full(canary, &canary.title(step));
                args.skip.iter().any(|it| if args.exact { name == *it } else { name.contains(it.as_str()) })
            });
            filtered |= !runs || unwanted;
            if runs && unwanted {
                left_out.push(operation.clone());
            }
            if !runs || unwanted {
                continue;
            }
            operations.push(operation.clone());
            // Who asks for an operation alone asks for the step that proves it.
            if let Some((canary, step)) = prover
                && !steps[canary].contains(&step)
                && plan.canaries[canary].ignored(step).is_none()
            {
                steps[canary].push(step);
                steps[canary].sort_unstable();
            }
        }
        let elsewhere = if single {
            !runs(SUITE, false)
        } else {
            let part = args.filter.is_some() || !args.skip.is_empty() || args.ignored || args.bench;
            part && operations.is_empty() && steps.iter().all(Vec::is_empty)
        };
        let partial = vec![filtered; plan.canaries.len()];
        Self { single, asked, steps, operations, unwanted: left_out, partial, elsewhere }
    }

    /// The steps of the plan with these numbers, per canary; of a canary that is `None`, nothing. Operations are judged
    /// if the step that proves them is among the steps.
    pub(crate) fn of(plan: &Plan, chosen: Vec<Option<Vec<usize>>>) -> Self {
        let whole = |canary: &CanaryPlan| -> Vec<usize> {
            canary.cases().map(|(step, _)| step).filter(|&step| canary.ignored(step).is_none()).collect()
        };
        let partial = plan.canaries.iter().zip(&chosen);
        let partial =
            partial.map(|(canary, steps)| steps.as_ref().is_some_and(|it| *it != whole(canary))).collect();
        let steps: Vec<Vec<usize>> = chosen.into_iter().map(Option::unwrap_or_default).collect();
        let proven = |operation: &&String| {
            plan.prover(operation).is_some_and(|(canary, step)| steps[canary].contains(&step))
        };
        let everything = plan.canaries.iter().zip(&steps).all(|(canary, steps)| *steps == whole(canary));
        let judged = plan.operations.iter().filter(|it| everything || proven(it));
        Self {
            single: false,
            operations: judged.cloned().collect(),
            asked: steps.clone(),
            steps,
            unwanted: Vec::new(),
            partial,
            elsewhere: false,
        }
    }

    /// Whether somebody asks for something that is not here: another binary's test, for example. A suite that is asked
    /// for and has nothing to run is another matter: it has checked nothing, and must not be green.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// How many test cases will run.
    pub(super) fn cases(&self) -> usize {
        self.asked.iter().map(Vec::len).sum::<usize>() + self.operations.len()
    }

    /// The operations that are judged.
    pub(super) fn operations(&self) -> &[String] {
        &self.operations
    }

    /// Operations that are asked for though the steps that prove them are left out.
    pub(super) fn unwanted(&self) -> &[String] {
        &self.unwanted
    }

    /// The steps of a canary, by its number in the plan, that have a trial which runs.
    pub(super) fn asked(&self, canary: usize) -> &[usize] {
        &self.asked[canary]
    }

    pub(super) fn is_single(&self) -> bool {
        self.single
    }

    /// The canaries of which anything is to run.
    pub(super) fn canaries<'s>(&'s self, plan: &'s Plan) -> impl Iterator<Item = Chosen<'s>> {
        let selected = plan.canaries.iter().zip(&self.steps).zip(&self.partial);
        let chosen = selected.map(|((canary, steps), &partial)| Chosen { canary, steps, partial });
        chosen.filter(|it| !it.steps.is_empty())
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
            .chain(plan.operations.iter().map(|it| Trial::test(operation_name(it), || Ok(()))))
            .collect()
    }
}

/// A trial's name.
pub(crate) fn full(canary: &CanaryPlan, step: &str) -> String {
    format!("{}::{step}", canary.name())
}

/// The name of an operation's trial.
pub(super) fn operation_name(operation: &str) -> String {
    format!("{SURFACE}::{operation}")
}

/// The name of the single trial.
pub(super) fn suite_name() -> &'static str {
    SUITE
}
