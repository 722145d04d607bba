//! The drill of fields: every documented field of every answer goes missing, gets another name and another type, and
//! each time somebody must notice.
//!
//! One trial per operation. What is run for a fault is what saw such an answer when nothing was wrong.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use super::{
    fault::{FaultName, Kind},
    json::{Change, Pointer},
    runner::{DrillWorld, PATIENCE, runtime},
};
use crate::{
    config::{ConfigError, Start},
    suite::{Plan, Run, RunOptions, Suite},
    surface::{Documented, Surface},
    verdict::Verdict,
    world::World,
};

/// What is known of the suite when nothing is wrong; found out by the first trial that runs.
struct Calm {
    documented: Vec<Documented>,
    /// By operation and status: who got such an answer, as the canary's number and the step's in it.
    saw: BTreeMap<(String, u16), Vec<(usize, usize)>>,
}

/// A trial `fields::OPERATION` for each operation of the suite. The world's start has to hold a [`Surface`].
pub(super) fn trials(suite: fn() -> Suite, world: fn() -> Result<DrillWorld, ConfigError>) -> Vec<Trial> {
    let Ok(plan) = suite().plan() else { return Vec::new() };
    let calm: Arc<OnceLock<Result<Calm, String>>> = Arc::default();
    plan.operations
        .into_iter()
        .map(|operation| {
            let calm = Arc::clone(&calm);
            Trial::test(format!("fields::{operation}"), move || {
                match calm.get_or_init(|| look_around(suite, world)) {
                    Ok(calm) => drill(calm, &operation, suite, world),
                    Err(error) => Err(error.into()),
                }
            })
        })
        .collect()
}

/// Runs everything once.
fn look_around(suite: fn() -> Suite, world: fn() -> Result<DrillWorld, ConfigError>) -> Result<Calm, String> {
    let DrillWorld { world: _world, start } = world().map_err(|error| error.to_string())?;
    let surface = start.resources.get::<Surface>().ok_or("the world's resources hold no `Surface`")?;
    let plan = suite().plan().map_err(|error| error.to_string())?;
    let runtime = runtime().map_err(|error| error.to_string())?;
    let everything = plan.canaries.iter().enumerate().map(|(canary, it)| {
        let cases: Vec<_> = it.cases().map(|(step, _)| step).collect();
        (canary, cases)
    });
    let runs = runs(&plan, &start, everything);
    runtime.block_on(finish(&runs));
    let mut saw: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (canary, run) in &runs {
        let record = run.record();
        if let Some(root) = record.roots().next() {
            let text = root.failure.as_deref().map_or("", |it| it.text.as_str());
            return Err(format!("without any fault `{}` did not pass: {text}", root.title()));
        }
        for step in &record.steps {
            let Some(index) = (0..run.plan().len()).find(|&it| run.plan().title(it) == step.title()) else {
                continue;
            };
            for exchange in step.attempts.iter().flat_map(|it| &it.exchanges) {
                if let (Some(operation), Some(status)) = (&exchange.operation, exchange.status) {
                    let by = saw.entry((operation.clone(), status)).or_default();
                    if !by.contains(&(*canary, index)) {
                        by.push((*canary, index));
                    }
                }
            }
        }
    }
    // Those that need little first: most faults are noticed by the first who sees the answer.
    for by in saw.values_mut() {
        by.sort_by_key(|&(canary, step)| {
            plan.canaries[canary].closure([step]).iter().filter(|&&it| it).count()
        });
    }
    Ok(Calm { documented: surface.documented(), saw })
}

/// All faults of one operation, in one world.
fn drill(
    calm: &Calm,
    operation: &str,
    suite: fn() -> Suite,
    world: fn() -> Result<DrillWorld, ConfigError>,
) -> Result<(), Failed> {
    let DrillWorld { world, start } = world()?;
    let plan = suite().plan()?;
    let runtime = runtime()?;
    let before = world.census();
    let mut problems = String::new();
    let answers = calm.documented.iter().filter(|it| it.operation == operation).flat_map(|it| &it.answers);
    for answer in answers {
        let Ok(status) = answer.status.parse::<u16>() else { continue };
        let Some(saw) = calm.saw.get(&(operation.to_owned(), status)) else { continue };
        for field in &answer.fields {
            // The document's pointers go through the first element; all are meant.
            let place =
                field.pointer.split('/').map(|it| if it == "0" { "*" } else { it }).collect::<Vec<_>>();
            let place: Pointer = place.join("/").parse()?;
            for change in [Change::Missing, Change::Renamed, Change::Mistyped] {
                let kind = Kind::Field { change, status: Some(status), place: place.clone() };
                let fault = FaultName { kind, operation: operation.to_owned() }.to_string();
                let mut outcome = Outcome::Unnoticed;
                // Most faults are noticed by the first who sees the answer; the others need not be run for them.
                for few in [&saw[..1], &saw[1..]] {
                    if matches!(outcome, Outcome::Unnoticed) && !few.is_empty() {
                        outcome = attempt(&runtime, &plan, &*world, &start, &fault, few)?;
                    }
                }
                match outcome {
                    Outcome::Noticed => (),
                    Outcome::Unnoticed => {
                        let _ = write!(problems, "\nnobody noticed `{fault}`");
                    }
                    Outcome::Unclear(text) => {
                        let _ = write!(problems, "\nwith `{fault}` nobody could tell: {text}");
                    }
                }
            }
        }
    }
    let after = world.census();
    if after != before {
        let _ = write!(problems, "\nexpected the census as before:\n{before:#}\ngot:\n{after:#}");
    }
    runtime.shutdown_background();
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

enum Outcome {
    /// A step failed, or no answer had the field.
    Noticed,
    Unnoticed,
    Unclear(String),
}

/// Switches a fault on and runs these steps with what they need.
fn attempt(
    runtime: &Runtime,
    plan: &Plan,
    world: &dyn World,
    start: &Start,
    fault: &str,
    steps: &[(usize, usize)],
) -> Result<Outcome, Failed> {
    let mut selected: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(canary, step) in steps {
        // Those that come after may judge what a step saw.
        let steps = selected.entry(canary).or_default();
        for step in plan.canaries[canary].followers(step).into_iter().chain([step]) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    let runs = runs(plan, start, selected);
    world.switch(fault, true)?;
    runtime.block_on(async {
        runs.iter().for_each(|(_, run)| run.start());
        for (_, run) in &runs {
            run.steps_ended().await;
        }
    });
    let never = world.effects(fault) == Some(0);
    world.switch(fault, false)?;
    runtime.block_on(finish(&runs));
    let mut unclear = None;
    for (_, run) in &runs {
        for root in run.record().roots() {
            if root.verdict == Verdict::Failed {
                return Ok(Outcome::Noticed);
            }
            unclear = Some(root.failure.as_deref().map(|it| it.text.clone()).unwrap_or_default());
        }
    }
    // What is in no answer cannot be missed; that it is never seen is for the coverage to say.
    Ok(unclear.map_or(if never { Outcome::Noticed } else { Outcome::Unnoticed }, Outcome::Unclear))
}

fn runs(
    plan: &Plan,
    start: &Start,
    selected: impl IntoIterator<Item = (usize, Vec<usize>)>,
) -> Vec<(usize, Arc<Run>)> {
    let run = |(canary, steps): (usize, Vec<usize>)| {
        let options = RunOptions {
            selected: Some(steps),
            patience: Some(PATIENCE),
            redactor: start.redactor.clone(),
            ..RunOptions::new(&start.target, start.resources.clone())
        };
        (canary, Run::new(Arc::clone(&plan.canaries[canary]), options))
    };
    selected.into_iter().map(run).collect()
}

async fn finish(runs: &[(usize, Arc<Run>)]) {
    runs.iter().for_each(|(_, run)| run.start());
    for (_, run) in runs {
        run.finish().await;
    }
}
