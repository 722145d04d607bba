//! `cargo test --test canaries`: the suite in a libtest-mimic harness.
//!
//! Each step is a trial `canary::step`, and everything that users of the built-in harness know works as they expect.
//! The selected steps and their prerequisites start at once; trial threads only wait and print. What goes to
//! standard output is the harness's (so `--format json` stays JSON); everything else goes to standard error.
//!
//! Known limitations: nothing is captured, so a step that prints mixes with the results; there is one positional
//! filter only; `--bench` runs nothing; `RUST_TEST_THREADS` is not read.

#![cfg_attr(
    not(all(feature = "drill", feature = "surface")),
    allow(dead_code, unused_imports, reason = "the commands use what is given to the crate here")
)]

mod front;
mod select;
mod session;
mod signals;
mod trials;
mod watchdog;

use std::{
    ffi::OsString,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use front::{StandardError, say};
use libtest_mimic::{Arguments, Completion, Trial};

use crate::{
    config::{Environment, Setup},
    suite::{Plan, Suite},
    verdict::{EXIT_USAGE, Verdict},
};

pub(crate) use front::{Begun, Front, Outcome};
pub(crate) use select::{Selection, full};
pub(crate) use session::{Finished, Look, Refusal, Session, Wishes};

/// Runs a suite as a test binary: parses the arguments, runs what is selected, prints, writes the reports.
///
/// The exit code is 0, 1 (failed, or nothing was checked), 64 (usage or configuration; nothing was run) or 75
/// (inconclusive).
///
/// ```no_run
/// # struct Config;
/// # impl coalmine::config::Setup for Config {
/// #     fn read(_: &mut coalmine::config::Settings<'_>) -> Option<Self> { None }
/// #     fn start(self) -> Result<coalmine::config::Start, coalmine::config::ConfigError> { unimplemented!() }
/// # }
/// # fn suite() -> coalmine::Suite { coalmine::Suite::new("shop") }
/// fn main() -> std::process::ExitCode {
///     coalmine::harness::main::<Config>(suite())
/// }
/// ```
#[must_use]
pub fn main<S: Setup>(suite: Suite) -> ExitCode {
    main_with::<S>(suite, std::env::args_os(), false)
}

/// The same with arguments from elsewhere; the first one is the program's name. `alone` means that nobody else is
/// meant by the arguments, so a filter without a match is a mistake.
pub(crate) fn main_with<S: Setup>(
    suite: Suite,
    args: impl IntoIterator<Item = OsString>,
    alone: bool,
) -> ExitCode {
    let args = match Arguments::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no mistakes; clap knows which stream is right.
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    concluding(run::<S>(suite, args, &Environment::of_process(), alone, None))
}

/// Runs the whole suite once without trials; then somebody looks at the runs, and says whether that went well. The
/// exit code is as that of [`main`]. Nothing goes to standard output.
#[cfg(all(feature = "drill", feature = "surface"))]
pub(crate) fn once<S: Setup>(suite: Suite, look: &Look<'_>) -> ExitCode {
    let args = Arguments::default();
    concluding(run::<S>(suite, args, &Environment::of_process(), true, Some(look)))
}

fn concluding(outcome: Result<ExitCode, Refusal>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn run<S: Setup>(
    suite: Suite,
    mut args: Arguments,
    environment: &Environment,
    alone: bool,
    look: Option<&Look<'_>>,
) -> Result<ExitCode, Refusal> {
    if args.test_threads == Some(0) {
        return Err(Refusal("--test-threads 0: expected at least 1; leave it out for no limit".to_owned()));
    }
    let plan = suite.plan()?;
    let selection = Selection::new(&plan, &args, select::one_process_per_trial(environment));
    if let Some(path) = &args.logfile {
        // The harness would find out in the middle of the run.
        File::create(path).map_err(|error| {
            Refusal(format!("--logfile {path}: {error}\n  remedy: name a file that can be written"))
        })?;
    }
    if args.list {
        return Ok(u8::from(!concluded(&args, selection.listing(&plan))).into());
    }
    if selection.is_elsewhere() {
        // Where a real target is demanded, a green run must have checked something.
        let alone = alone || environment.get("COALMINE_REQUIRE_TARGET").is_some_and(|it| it != "0");
        return nothing_selected(&plan, &selection, &args, alone);
    }

    let limit = args.test_threads;
    let front = Arc::new(StandardError::new(environment));
    let start = |setup: S| setup.start();
    let session = Session::open(plan, &selection, Wishes { environment, limit, start, front })?;
    args.test_threads = Some(match args.test_threads {
        Some(1) => 1,
        _ => selection.cases().clamp(1, 512),
    });
    let all_well = look.is_some() || concluded(&args, trials::trials(&args, &selection, &session));
    let code = session.end(look);
    // All steps passed, but nobody could read it.
    Ok(if code == 0 && !all_well { Verdict::Inconclusive.exit_code() } else { code }.into())
}

/// Runs trials; whether all went well. The harness panics when nobody reads its output any more, and that must cost
/// neither clean-up nor reports.
fn concluded(args: &Arguments, trials: Vec<Trial>) -> bool {
    catch_unwind(AssertUnwindSafe(|| libtest_mimic::run(args, trials))).is_ok_and(|it| !it.has_failed())
}

/// A filter without a match: a mistake if the name was to be exact, and otherwise the everyday case of `cargo test
/// some_unit_test`, which asks every test binary. Reports of earlier runs stay as they are.
fn nothing_selected(
    plan: &Plan,
    selection: &Selection,
    args: &Arguments,
    alone: bool,
) -> Result<ExitCode, Refusal> {
    let trials = selection.listing(plan);
    // Nothing is checked, so nothing is `ok`.
    let ignored = |trial: &Trial| {
        let nothing = || Ok(Completion::ignored_with("nothing was checked"));
        Trial::ignorable_test(trial.name(), nothing).with_ignored_flag(trial.has_ignored_flag())
    };
    let filter = args.filter.as_deref().filter(|_| args.exact && !args.bench);
    if let Some(filter) = filter {
        return Err(Refusal(format!("--exact {filter}: {}", why_not(plan, args, filter, &trials))));
    }
    // These were asked for, and are not the business of another test binary.
    let alone = alone || !selection.unwanted().is_empty();
    let why = if args.bench {
        "there are no benchmarks here"
    } else if !selection.unwanted().is_empty() {
        "what matches is left out by `--skip`, or only proven by steps that are"
    } else if trials.iter().any(|trial| !args.is_filtered_out(trial)) {
        "every step that matches is ignored, and `--include-ignored` would run it"
    } else {
        "no step matches the filter"
    };
    let word = if alone { "error" } else { "warning" };
    say(format_args!("{word}: {why}; nothing was checked, and the reports were left alone"));
    let ignored = trials.iter().map(ignored).collect();
    Ok(u8::from(!concluded(args, ignored) || alone).into())
}

/// Why the trial of exactly this name does not run.
fn why_not(plan: &Plan, args: &Arguments, name: &str, trials: &[Trial]) -> String {
    match trials.iter().find(|trial| trial.name() == name) {
        None => match crate::nearest(name, trials.iter().map(Trial::name)) {
            Some(name) => format!("no step has this name; did you mean `{name}`?"),
            None => "no step has this name; `--list` shows all names".to_owned(),
        },
        Some(trial) if args.is_ignored(trial) => {
            let canaries = plan.canaries.iter();
            let reason = canaries
                .flat_map(|canary| {
                    canary.cases().map(move |(step, it)| (select::full(canary, it), canary.ignored(step)))
                })
                .find_map(|(it, reason)| reason.filter(|_| it == name))
                .unwrap_or_default();
            format!("this step is ignored ({reason}); add `--include-ignored` to run it")
        }
        Some(_) => "this step is left out by the other options, so nothing would be checked".to_owned(),
    }
}
