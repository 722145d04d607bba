//! `cargo test --test canaries`: the suite in a libtest-mimic harness.
//!
//! Each step is a trial `canary::step`, and everything that users of the built-in harness know works as they expect.
//! The selected steps and their prerequisites start at once; trial threads only wait and print. What goes to
//! standard output is the harness's (so `--format json` stays JSON); everything else goes to standard error.
//!
//! Known limitations: nothing is captured, so a step that prints mixes with the results; there is one positional
//! filter only; `--bench` runs nothing.

mod select;
mod signals;
mod trials;
mod watchdog;

use std::{
    ffi::OsString,
    io::IsTerminal as _,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use clap::Parser as _;
use libtest_mimic::Arguments;
use select::Selection;
use tokio::{runtime::Runtime, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ConfigError, Environment, OwnSettings, Settings, Setup, Start},
    journal::FileJournal,
    redact::Redactor,
    report::{console, files::Reports},
    suite::{Journal, NoJournal, Plan, Run, RunOptions, Suite},
    verdict::{EXIT_USAGE, Verdict},
};

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
    main_with::<S>(suite, std::env::args_os())
}

/// The same with arguments from elsewhere; the first one is the program's name.
pub(crate) fn main_with<S: Setup>(suite: Suite, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Arguments::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no mistakes; clap knows which stream is right.
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    match run::<S>(suite, args, &Environment::of_process()) {
        Ok(code) => code,
        Err(Refusal(message)) => {
            eprintln!("error: {message}");
            EXIT_USAGE.into()
        }
    }
}

/// Nothing was run, and why.
struct Refusal(String);

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn run<S: Setup>(suite: Suite, mut args: Arguments, environment: &Environment) -> Result<ExitCode, Refusal> {
    if args.test_threads == Some(0) {
        return Err(Refusal("--test-threads 0: expected at least 1; leave it out for no limit".to_owned()));
    }
    let plan = suite.plan()?;
    let selection = Selection::new(&plan, &args, select::one_process_per_trial(environment));
    if args.list {
        return Ok(libtest_mimic::run(&args, selection.listing(&plan)).exit_code());
    }
    if selection.is_empty() {
        return nothing_selected(&plan, &selection, args);
    }

    let mut settings = Settings::new(environment);
    let own = OwnSettings::read(&mut settings);
    let setup = S::read(&mut settings);
    settings.finish()?;
    let setup = setup
        .ok_or_else(|| Refusal("the suite's settings are not usable, and it does not say why".into()))?;
    let reports = Reports::open(&own.reports)?;
    let runtime = Runtime::new().map_err(|error| Refusal(format!("the runtime cannot start: {error}")))?;
    let start = setup.start()?;
    plan.check_resources(&start.resources)?;
    let names: Vec<&str> = selection.canaries(&plan).map(|(canary, _)| canary.name()).collect();
    reports.placeholder(&plan.suite, &names, &start.target, &start.redactor)?;

    let journal = journal(&own, &start)?;

    // The first line: a green result is worth nothing without the target it was seen on.
    eprintln!("watching {} at {}", plan.suite, start.redactor.clean(&start.target));

    let limit = args.test_threads.map(|threads| Arc::new(Semaphore::new(threads)));
    args.test_threads = Some(match args.test_threads {
        Some(1) => 1,
        _ => selection.cases().clamp(1, 512),
    });
    let cancel = CancellationToken::new();
    let runs = begin(&plan, &selection, &start, &own, &journal, limit.as_ref(), &cancel);
    redact_panics(&start.redactor, &runs);
    let colours = std::io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let reporter = Arc::new(Reporter { plan, runs, reports, redactor: start.redactor.clone(), colours });
    let _signals = runtime.spawn(signals::cancel_on_signal(cancel.clone()));
    let watchdog = watchdog::watch(Arc::clone(&reporter));

    // Everything starts now, whatever the number of threads that wait and print.
    {
        let _inside = runtime.enter();
        reporter.runs.iter().for_each(Run::start);
    }
    let trials = trials::trials(&reporter.plan, &selection, &reporter.runs, runtime.handle());
    let conclusion = libtest_mimic::run(&args, trials);

    runtime.block_on(async {
        let clean_ups: Vec<_> = reporter
            .runs
            .iter()
            .map(|run| {
                let run = Arc::clone(run);
                tokio::spawn(async move { run.finish().await })
            })
            .collect();
        for clean_up in clean_ups {
            // A panic in here is ours; the record is taken below all the same.
            let _ = clean_up.await;
        }
    });
    drop(watchdog);
    let verdict = reporter.report();
    // A step that blocks its thread must not keep the process alive.
    runtime.shutdown_background();
    drop(start.keep);
    let code = match verdict.exit_code() {
        0 if conclusion.has_failed() => 1,
        code => code,
    };
    Ok(code.into())
}

/// All runs of this process and where their reports go.
struct Reporter {
    plan: Plan,
    runs: Vec<Arc<Run>>,
    reports: Reports,
    redactor: Redactor,
    /// Whether the summary goes to somebody who sees colours.
    colours: bool,
}

impl Reporter {
    /// Writes the reports and the summary of the runs as they stand; returns the worst verdict.
    fn report(&self) -> Verdict {
        let records: Vec<_> = self.runs.iter().map(|run| run.record()).collect();
        // Each run knows secrets of its own: everything passes all of them.
        let runs = self.runs.iter().map(|run| run.redactor());
        let redactor = Redactor::all_of(runs.chain([&self.redactor]));
        if let Err(error) = self.reports.write(&self.plan.suite, &records, &redactor) {
            eprintln!("error: {}", redactor.clean(&error.to_string()));
        }
        eprintln!("{}", redactor.clean(&console::summary(&records, self.colours)));
        Verdict::worst(records.iter().map(|record| record.verdict))
    }
}

/// Where this target's journal is, if it outlives the process.
fn journal(own: &OwnSettings, start: &Start) -> Result<Arc<dyn Journal>, Refusal> {
    if !start.lasting {
        return Ok(Arc::new(NoJournal));
    }
    let journal = FileJournal::open(&own.journal, &start.target).map_err(|error| {
        let folder = own.journal.display();
        ConfigError::one(
            "COALMINE_JOURNAL",
            format!("cannot keep a journal in `{folder}`: {error}"),
            "name a writable folder",
        )
    })?;
    Ok(Arc::new(journal))
}

fn begin(
    plan: &Plan,
    selection: &Selection,
    start: &Start,
    own: &OwnSettings,
    journal: &Arc<dyn Journal>,
    limit: Option<&Arc<Semaphore>>,
    cancel: &CancellationToken,
) -> Vec<Arc<Run>> {
    selection
        .canaries(plan)
        .map(|(canary, selected)| {
            Run::new(
                Arc::clone(canary),
                RunOptions {
                    location: own.location.clone(),
                    selected: selection.is_filtered().then(|| selected.to_vec()),
                    limit: limit.cloned(),
                    redactor: start.redactor.clone(),
                    journal: Arc::clone(journal),
                    cancel: cancel.clone(),
                    ..RunOptions::new(&start.target, start.resources.clone())
                },
            )
        })
        .collect()
}

/// A filter without a match: a mistake if the name was to be exact, and otherwise the everyday case of `cargo test
/// some_unit_test`, which asks every test binary. Reports of earlier runs stay as they are.
fn nothing_selected(plan: &Plan, selection: &Selection, args: Arguments) -> Result<ExitCode, Refusal> {
    let filter = args.filter.as_deref().unwrap_or_default();
    if args.exact && args.filter.is_some() {
        let names = selection.names(plan);
        let hint = match crate::nearest(filter, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`--list` shows all names".to_owned(),
        };
        return Err(Refusal(format!("--exact {filter}: no step has this name; {hint}")));
    }
    eprintln!("warning: no step matches the filter; nothing was checked, and the reports were left alone");
    Ok(libtest_mimic::run(&args, selection.listing(plan)).exit_code())
}

/// Panics print where they happen; this is a sink like any other, so it goes through the redactor.
fn redact_panics(redactor: &Redactor, runs: &[Arc<Run>]) {
    static KNOWN: OnceLock<Vec<Redactor>> = OnceLock::new();
    let all = runs.iter().map(|run| run.redactor().clone()).chain([redactor.clone()]).collect();
    if KNOWN.set(all).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let text = KNOWN
                .get()
                .into_iter()
                .flatten()
                .fold(panic.to_string(), |text, redactor| redactor.clean(&text).into_owned());
            eprintln!("{text}");
        }));
    }
}
