//! `cargo test --test canaries`: the suite in a libtest-mimic harness.
//!
//! Each step is a trial `canary::step`, and everything that users of the built-in harness know works as they expect.
//! The selected steps and their prerequisites start at once; trial threads only wait and print. What goes to
//! standard output is the harness's (so `--format json` stays JSON); everything else goes to standard error.
//!
//! Known limitations: nothing is captured, so a step that prints mixes with the results; there is one positional
//! filter only; `--bench` runs nothing; `RUST_TEST_THREADS` is not read.

mod select;
mod signals;
mod trials;
mod watchdog;

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{IsTerminal as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use clap::Parser as _;
use libtest_mimic::{Arguments, Completion, Trial};
use select::Selection;
use tokio::{
    runtime::{Handle, Runtime},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ConfigError, Environment, OtlpSettings, OwnSettings, Settings, Setup, Start},
    journal,
    record::RunRecord,
    redact::Redactor,
    report::{
        console,
        files::{ReportError, Reports},
        surface::{self, SurfaceCase},
        text,
    },
    suite::{Journal, Plan, Run, RunOptions, Suite},
    trace,
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

/// Who looks at runs that have ended.
type Look<'l> = dyn Fn(&Finished) -> bool + 'l;

/// The runs of a process that have ended, for those who look at more than the reports hold.
#[cfg_attr(
    not(all(feature = "drill", feature = "surface")),
    expect(dead_code, reason = "nobody looks without the commands")
)]
pub(crate) struct Finished {
    pub(crate) suite: String,
    pub(crate) target: String,
    pub(crate) verdict: Verdict,
    /// With all secrets, and bodies that are not cut.
    pub(crate) records: Vec<RunRecord>,
    /// Knows the secrets of all runs.
    pub(crate) redactor: Redactor,
}

/// A line for people. That nobody reads it any more (`| head`, or Ctrl-C that ends `tee` first) must not end the run.
fn say(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line about something that changes no verdict.
fn warn(line: String) {
    say(format_args!("warning: {line}"));
}

/// Nothing was run, and why.
struct Refusal(String);

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
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

    let mut settings = Settings::new(environment);
    let own = OwnSettings::read(&mut settings);
    let setup = S::read(&mut settings);
    settings.finish()?;
    let setup = setup
        .ok_or_else(|| Refusal("the suite's settings are not usable, and it does not say why".into()))?;
    let reports = Reports::open(&own.reports).map_err(|ReportError { path, expected, cause, remedy }| {
        let found = format!("`{}` is to be {expected}, but: {cause}", path.display());
        ConfigError::one("COALMINE_REPORTS", found, remedy)
    })?;
    let runtime = Runtime::new().map_err(|error| Refusal(format!("the runtime cannot start: {error}")))?;
    let start = setup.start()?;
    if let Some(traces) = &own.traces {
        traces.teach(&start.redactor);
    }
    plan.check_resources(&start.resources)?;
    let (journal, left) = journal::of_target(&own, &start)?;
    if let Some(warning) = left {
        say(warning);
    }
    let names: Vec<&str> = selection.canaries(&plan).map(|(canary, _)| canary.name()).collect();
    reports.placeholder(&plan.suite, &names, &start.target, &start.redactor)?;

    // The first line: a green result is worth nothing without the target it was seen on.
    say(format_args!("watching {} at {}", plan.suite, start.redactor.clean(&start.target)));
    if let Some(traces) = &own.traces {
        say(trace::announcement(traces));
    }

    let limit = args.test_threads.map(|threads| Arc::new(Semaphore::new(threads)));
    args.test_threads = Some(match args.test_threads {
        Some(1) => 1,
        _ => selection.cases().clamp(1, 512),
    });
    let cancel = CancellationToken::new();
    let runs = begin(&plan, &selection, &start, &own, &journal, limit.as_ref(), &cancel);
    redact_panics(&start.redactor, &runs);
    let colours = std::io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let reporter = Arc::new(Reporter {
        plan,
        operations: selection.operations().to_vec(),
        runs,
        reports,
        redactor: start.redactor.clone(),
        colours,
        seen: OnceLock::new(),
    });
    signals::cancel_on_signal(&runtime, cancel);
    let watchdog = watchdog::watch(Arc::clone(&reporter), limit.is_some(), runtime.handle().clone());

    // Everything starts now, whatever the number of threads that wait and print. Only one at a time is another matter:
    // then each step starts when its trial asks for it, and so in the order of the list.
    // Each run cleans up as soon as its own steps have ended.
    let finish = || {
        let finish = |run: &Arc<Run>| {
            let run = Arc::clone(run);
            runtime.spawn(async move { run.finish().await })
        };
        reporter.runs.iter().map(finish).collect::<Vec<_>>()
    };
    let finishing = if args.test_threads == Some(1) && limit.is_some() {
        None
    } else {
        // From this thread, which is none of the runtime's: so they spread over all of its threads.
        let inside = runtime.enter();
        reporter.runs.iter().for_each(Run::start);
        drop(inside);
        Some(finish())
    };
    let shared = trials::Shared { redactor: start.redactor.clone(), handle: runtime.handle().clone() };
    let all_well = look.is_some() || concluded(&args, trials::trials(&args, &selection, &reporter, &shared));

    runtime.block_on(async {
        for run in finishing.unwrap_or_else(finish) {
            // A panic in here is ours; the record is taken below all the same.
            let _ = run.await;
        }
    });
    drop(watchdog);
    let code = reporter.report();
    if let Some(traces) = &own.traces {
        // After the reports: whatever the receiver does, these are there.
        reporter.send_traces(traces);
    }
    let all_well = all_well && look.is_none_or(|look| look(&reporter.finished(&start.target)));
    // A step that blocks its thread must not keep the process alive.
    runtime.shutdown_background();
    drop(start.keep);
    // All steps passed, but nobody could read it.
    Ok(if code == 0 && !all_well { Verdict::Inconclusive.exit_code() } else { code }.into())
}

/// Runs trials; whether all went well. The harness panics when nobody reads its output any more, and that must cost
/// neither clean-up nor reports.
fn concluded(args: &Arguments, trials: Vec<Trial>) -> bool {
    catch_unwind(AssertUnwindSafe(|| libtest_mimic::run(args, trials))).is_ok_and(|it| !it.has_failed())
}

/// All runs of this process and where their reports go.
struct Reporter {
    plan: Plan,
    /// The operations that are judged.
    operations: Vec<String>,
    runs: Vec<Arc<Run>>,
    reports: Reports,
    redactor: Redactor,
    /// Whether the summary goes to somebody who sees colours.
    colours: bool,
    /// All steps as they ended, and what that says of the operations: for the trials.
    seen: OnceLock<(Vec<SurfaceCase>, Vec<RunRecord>)>,
}

impl Reporter {
    /// Waits until all steps have ended, and says what that means for the operations.
    fn surface(&self, runtime: &Handle) -> &(Vec<SurfaceCase>, Vec<RunRecord>) {
        self.seen.get_or_init(|| {
            runtime.block_on(async {
                for run in &self.runs {
                    run.steps_ended().await;
                }
            });
            let records: Vec<_> = self.runs.iter().map(|run| run.record()).collect();
            (self.cases(&records), records)
        })
    }

    fn cases(&self, records: &[RunRecord]) -> Vec<SurfaceCase> {
        surface::cases(&self.plan, self.operations.iter().map(String::as_str), records)
    }

    /// Each run knows secrets of its own: everything passes all of them.
    fn redactor(&self) -> Redactor {
        Redactor::all_of(self.runs.iter().map(|run| run.redactor()).chain([&self.redactor]))
    }

    fn finished(&self, target: &str) -> Finished {
        let records: Vec<_> = self.runs.iter().map(|run| run.uncut_record()).collect();
        let redactor = self.redactor();
        Finished {
            suite: self.plan.suite.to_string(),
            target: redactor.clean(target).into_owned(),
            verdict: surface::worst(&records, &self.cases(&records)),
            records,
            redactor,
        }
    }

    /// Sends the traces of the runs as they stand.
    fn send_traces(&self, to: &OtlpSettings) {
        let redactor = self.redactor();
        let mut records: Vec<_> = self.runs.iter().map(|run| run.record()).collect();
        // As the reports: each run knows secrets of its own.
        records.iter_mut().for_each(|it| it.clean(&redactor));
        trace::send_all(to, &redactor, records, warn);
    }

    /// Writes the reports and the summary of the runs as they stand; returns the exit code.
    fn report(&self) -> u8 {
        let records: Vec<_> = self.runs.iter().map(|run| run.record()).collect();
        let redactor = self.redactor();
        let surface = self.cases(&records);
        let written = self.reports.write(&self.plan.suite, &records, &surface, &redactor);
        if let Err(error) = &written {
            say(format_args!("error: {}", redactor.clean(&error.to_string())));
        }
        say(redactor.clean(&console::summary(&records, &surface, self.colours)));
        match surface::worst(&records, &surface).exit_code() {
            // Whoever reads the reports could not tell.
            0 if written.is_err() => Verdict::Inconclusive.exit_code(),
            code => code,
        }
    }
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
            // What a product sends must not steer the terminal.
            say(text::plain(&text));
        }));
    }
}
