//! The drill: switching one fault on and demanding that the right step sings, and no other.

use std::{collections::BTreeSet, fmt::Write as _, io, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser as _;
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::{
    config::{ConfigError, Start},
    failure::Failure,
    record::RunRecord,
    suite::{Run, RunOptions, Suite},
    verdict::{Cause, EXIT_USAGE, Verdict},
    world::World,
};

/// No step of a drill waits longer than this: what is known not to come need not be waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// A fault, and where it must be noticed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The fault.
    pub fault: String,
    /// `canary::step` or `canary::fixture NAME`: at least one of them must fail, and no other step.
    pub steps: Vec<String>,
    /// Why one of them must fail: noticing a late mail as a missing one is not noticing it. Any cause will do if none
    /// is given.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// A world of one trial, with what the suite needs to watch it.
pub struct DrillWorld {
    /// Is broken on purpose.
    pub world: Arc<dyn World>,
    /// Leads to it.
    pub start: Start,
}

/// Runs a drill as a test binary: a trial without any fault, one per row of `table` (JSON: a list of
/// [`Expectation`]s), and one for each operation in which every documented field of its answers goes missing, gets
/// another name and another type; for these the world's resources have to hold the product's `Surface`.
#[must_use]
pub fn main(suite: fn() -> Suite, table: &str, world: fn() -> Result<DrillWorld, ConfigError>) -> ExitCode {
    let mut args = match Arguments::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let expectations = match read(suite, table) {
        Ok(expectations) => expectations,
        Err(message) => {
            eprintln!("error: {message}");
            return EXIT_USAGE.into();
        }
    };
    // Most of a trial is waiting. More worlds than this starve one another, and slowness is a fault too.
    let worlds = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2;
    args.test_threads = Some(args.test_threads.unwrap_or(worlds).max(1));
    let mut trials = vec![Trial::test("no_fault", move || drill(suite, world, None))];
    trials.extend(expectations.into_iter().map(|expectation| {
        Trial::test(expectation.fault.clone(), move || drill(suite, world, Some(&expectation)))
    }));
    #[cfg(feature = "surface")]
    trials.extend(super::fields::trials(suite, world));
    libtest_mimic::run(&args, trials).exit_code()
}

/// The table, checked against the suite: a step that does not exist can never fail.
fn read(suite: fn() -> Suite, table: &str) -> Result<Vec<Expectation>, String> {
    let rows: Vec<Expectation> = serde_json::from_str(table)
        .map_err(|error| format!("the table of faults cannot be read: {error}"))?;
    let plan = suite().plan().map_err(|error| error.to_string())?;
    let known: BTreeSet<String> = plan
        .canaries
        .iter()
        .flat_map(|canary| (0..canary.len()).map(|step| format!("{}::{}", canary.name(), canary.title(step))))
        .collect();
    let mut faults = BTreeSet::new();
    for row in &rows {
        if !faults.insert(&row.fault) {
            return Err(format!("the table of faults has `{}` twice", row.fault));
        }
        if row.steps.is_empty() {
            return Err(format!("the table of faults expects nobody to notice `{}`", row.fault));
        }
        if let Some(unknown) = row.steps.iter().find(|step| !known.contains(*step)) {
            return Err(format!(
                "the table of faults names `{unknown}` for `{}`; there is no such step",
                row.fault
            ));
        }
    }
    Ok(rows)
}

/// One trial. The error says everything that was not as it should be.
fn drill(
    suite: fn() -> Suite,
    world: fn() -> Result<DrillWorld, ConfigError>,
    expected: Option<&Expectation>,
) -> Result<(), Failed> {
    let DrillWorld { world, start } = world()?;
    let runtime = runtime()?;
    let plan = suite().plan()?;
    plan.check_resources(&start.resources)?;
    let before = world.census();
    if let Some(Expectation { fault, .. }) = expected {
        world.switch(fault, true)?;
    }
    let options = RunOptions {
        patience: Some(PATIENCE),
        redactor: start.redactor.clone(),
        ..RunOptions::new(&start.target, start.resources.clone())
    };
    let runs: Vec<_> = plan.canaries.iter().map(|it| Run::new(Arc::clone(it), options.clone())).collect();
    runtime.block_on(async {
        runs.iter().for_each(Run::start);
        for run in &runs {
            run.steps_ended().await;
            run.clean_up().await;
        }
        // What could not be removed while the product was broken is removed when it has been mended, as a sweep
        // does after an outage.
        if let Some(Expectation { fault, .. }) = expected {
            world.switch(fault, false).map_err(Failure::from)?;
        }
        for run in runs.iter().filter(|run| !run.left_over().is_empty()) {
            run.clean_up().await;
        }
        Ok::<_, Failure>(())
    })?;
    let after = world.census();
    let records: Vec<_> = runs.iter().map(|run| run.record()).collect();
    runtime.shutdown_background();

    let mut problems = judge(&records, expected);
    if after != before {
        let _ = write!(problems, "\nexpected the census as before:\n{before:#}\ngot:\n{after:#}");
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// Two threads: worlds run side by side.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// What is wrong with how the steps ended.
fn judge(records: &[RunRecord], expected: Option<&Expectation>) -> String {
    let mut problems = String::new();
    let steps = expected.map_or(&[][..], |it| it.steps.as_slice());
    let cause = expected.and_then(|it| it.cause);
    let mut noticed = false;
    let mut misnamed = String::new();
    for record in records {
        for root in record.roots() {
            let name = record.full_name(root);
            let text = root.failure.as_deref().map_or("", |it| it.text.as_str());
            if root.verdict != Verdict::Failed {
                let _ = write!(problems, "\n`{name}` could not tell: {text}");
            } else if steps.contains(&name) {
                let found = root.failure.as_deref().map(|it| it.cause);
                if cause.is_none_or(|cause| found == Some(cause)) {
                    noticed = true;
                } else {
                    let found = found.map_or("none", Cause::as_str);
                    let _ = write!(misnamed, "\n`{name}` failed, but of the cause `{found}`: {text}");
                }
            } else {
                let _ = write!(problems, "\n`{name}` failed, and was not to: {text}");
            }
        }
    }
    if !noticed && !steps.is_empty() {
        let of = cause.map_or(String::new(), |cause| format!(" of the cause `{cause}`"));
        let _ = write!(problems, "{misnamed}\nnobody noticed; expected {} to fail{of}", steps.join(" or "));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A run in which the step `receive` failed of this cause.
    fn failed(cause: &str) -> RunRecord {
        let failure = json!({ "message": "m", "cause": cause, "text": "it did not come" });
        let step = json!({ "name": "receive", "verdict": "failed", "failure": failure });
        let record = json!({
            "version": 1, "suite": "shop", "canary": "mail", "run": "r", "trace": "", "target": "t", "location": "",
            "started": "2026-11-30T10:00:00Z", "duration_ms": 1.0, "verdict": "failed", "steps": [step],
        });
        serde_json::from_value(record).unwrap()
    }

    fn row(cause: Option<Cause>) -> Expectation {
        Expectation { fault: "late".to_owned(), steps: vec!["mail::receive".to_owned()], cause }
    }

    #[test]
    fn the_right_step_is_not_enough_if_the_table_names_a_cause() {
        assert_eq!(judge(&[failed("mail_late")], Some(&row(Some(Cause::MailLate)))), "");
        assert_eq!(judge(&[failed("mail_missing")], Some(&row(None))), "");
        assert_eq!(
            judge(&[failed("mail_missing")], Some(&row(Some(Cause::MailLate)))),
            "\n`mail::receive` failed, but of the cause `mail_missing`: it did not come\n\
             nobody noticed; expected mail::receive to fail of the cause `mail_late`"
        );
    }
}
