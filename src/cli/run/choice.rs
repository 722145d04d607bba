//! Which steps a command line asks for, by names.

use std::path::Path;

use crate::{
    config::{ConfigError, Problem},
    harness::full,
    nearest,
    suite::{CanaryPlan, Plan, SURFACE},
};

/// Per canary of the plan the steps that are to run; `None` for a canary of which nothing is. Every name that is unknown
/// is told at once.
///
/// `json` is where records go: an option that may stand without a value takes the next word for one.
pub(super) fn chosen(
    plan: &Plan,
    canaries: &[String],
    steps: &[String],
    json: Option<&Path>,
) -> Result<Vec<Option<Vec<usize>>>, ConfigError> {
    let mut problems = Vec::new();
    let mut problem = |name: &str, (found, remedy): (String, String)| {
        problems.push(Problem { name: name.to_owned(), found, remedy });
    };
    if let Some(name) = json.and_then(Path::to_str).filter(|it| plan.canary(it).is_some()) {
        let found = format!("`{name}` is taken for the name of a file, and is that of a canary");
        problem(
            "--json",
            (found, format!("put the canary first, `{name} --json`; or name the file `./{name}`")),
        );
    }
    let all = canaries.is_empty() && steps.is_empty();
    let whole = |canary: &CanaryPlan| -> Vec<usize> {
        canary.cases().map(|(step, _)| step).filter(|&step| canary.ignored(step).is_none()).collect()
    };
    let mut chosen: Vec<Option<Vec<usize>>> =
        plan.canaries.iter().map(|canary| all.then(|| whole(canary))).collect();
    for name in canaries {
        match plan.canaries.iter().position(|it| it.name() == name) {
            Some(number) => chosen[number] = Some(whole(&plan.canaries[number])),
            None => problem("CANARY", unknown_canary(plan, name)),
        }
    }
    for name in steps {
        match find(plan, name) {
            Some((number, step)) => {
                let steps = chosen[number].get_or_insert_default();
                if let Err(place) = steps.binary_search(&step) {
                    steps.insert(place, step);
                }
            }
            None => problem("--step", unknown_step(plan, name)),
        }
    }
    if problems.is_empty() { Ok(chosen) } else { Err(ConfigError { problems }) }
}

/// Canary and number of the step with that full name.
fn find(plan: &Plan, name: &str) -> Option<(usize, usize)> {
    let (canary, step) = name.split_once("::")?;
    let number = plan.canaries.iter().position(|it| it.name() == canary)?;
    plan.canaries[number].cases().find(|(_, it)| *it == step).map(|(step, _)| (number, step))
}

fn unknown_canary(plan: &Plan, name: &str) -> (String, String) {
    let names = || plan.canaries.iter().map(|it| it.name());
    let remedy = if find(plan, name).is_some() {
        format!("write `--step {name}` for the step")
    } else {
        match nearest(name, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("take one of {}", names().collect::<Vec<_>>().join(", ")),
        }
    };
    (format!("there is no canary `{name}`"), remedy)
}

fn unknown_step(plan: &Plan, name: &str) -> (String, String) {
    let found = format!("there is no step `{name}`");
    let operation = name.strip_prefix(SURFACE).and_then(|it| it.strip_prefix("::"));
    if let Some((canary, step)) = operation.and_then(|it| plan.prover(it)) {
        let canary = &plan.canaries[canary];
        return (
            found,
            format!("write `{}`, the step that proves this operation", full(canary, &canary.title(step))),
        );
    }
    let names: Vec<String> = plan
        .canaries
        .iter()
        .flat_map(|canary| canary.cases().map(move |(_, step)| full(canary, step)))
        .collect();
    // Somebody who leaves the canary out means the one that has such a step.
    let alone = names.iter().find(|it| it.split_once("::").is_some_and(|(_, step)| step == name));
    let remedy = match alone.map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str))) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`test --list` prints all names, each as CANARY::STEP".to_owned(),
    };
    (found, remedy)
}
