//! Runs in this process from their configuration to their reports, whoever asked for them and shows them.

use std::sync::{Arc, OnceLock};

use tokio::{
    runtime::{Handle, Runtime},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    front::{Begun, Front, Outcome, say},
    select::Selection,
    signals,
    watchdog::{self, Watchdog},
};
use crate::{
    config::{ConfigError, Environment, OtlpSettings, OwnSettings, Settings, Setup, Start},
    journal,
    record::RunRecord,
    redact::Redactor,
    report::{
        files::{ReportError, Reports},
        surface::{self, SurfaceCase},
        text,
    },
    suite::{Journal, Observer, Plan, Run, RunOptions},
    trace,
    verdict::Verdict,
};

/// Nothing was run, and why.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// How somebody wants their runs.
pub(crate) struct Wishes<'e, F> {
    pub(crate) environment: &'e Environment,
    /// How many steps may be in flight; of one, steps start when somebody waits for them.
    pub(crate) limit: Option<usize>,
    /// Makes what steps hold.
    pub(crate) start: F,
    pub(crate) front: Arc<dyn Front>,
}

/// Runs that have begun.
pub(crate) struct Session {
    pub(super) reporter: Arc<Reporter>,
    pub(super) runtime: Runtime,
    start: Start,
    watchdog: Watchdog,
    /// None if steps start only when somebody waits for them.
    finishing: Option<Vec<JoinHandle<RunRecord>>>,
    /// Where traces go, if anywhere.
    traces: Option<OtlpSettings>,
}

/// Who looks at runs that have ended; whether that went well.
pub(crate) type Look<'l> = dyn Fn(&Finished) -> bool + 'l;

/// Runs that have ended, for those who look at more than the reports hold.
pub(crate) struct Finished {
    pub(crate) suite: String,
    pub(crate) target: String,
    pub(crate) verdict: Verdict,
    /// With all secrets, and bodies that are not cut.
    pub(crate) records: Vec<RunRecord>,
    /// Knows the secrets of all runs.
    pub(crate) redactor: Redactor,
}

impl Session {
    /// Reads the settings, makes what steps hold, and starts the selected steps.
    ///
    /// # Errors
    /// If something is wrong that can be seen beforehand. Then nothing was run, and the reports of earlier runs were
    /// left alone.
    pub(crate) fn open<S: Setup>(
        plan: Plan,
        selection: &Selection,
        wishes: Wishes<'_, impl FnOnce(S) -> Result<Start, ConfigError>>,
    ) -> Result<Self, Refusal> {
        let Wishes { environment, limit, start, front } = wishes;
        let mut settings = Settings::new(environment);
        let own = OwnSettings::read(&mut settings);
        let setup = S::read(&mut settings);
        settings.finish()?;
        let setup = setup
            .ok_or_else(|| Refusal("the suite's settings are not usable, and it does not say why".into()))?;
        let reports =
            Reports::open(&own.reports).map_err(|ReportError { path, expected, cause, remedy }| {
                let found = format!("`{}` is to be {expected}, but: {cause}", path.display());
                ConfigError::one("COALMINE_REPORTS", found, remedy)
            })?;
        let runtime =
            Runtime::new().map_err(|error| Refusal(format!("the runtime cannot start: {error}")))?;
        let start = start(setup)?;
        if let Some(traces) = &own.traces {
            traces.teach(&start.redactor);
        }
        own.alerts.teach(&start.redactor);
        plan.check_resources(&start.resources)?;
        let (journal, left) = journal::of_target(&own, &start)?;
        let names: Vec<&str> = selection.canaries(&plan).map(|it| it.canary.name()).collect();
        reports.placeholder(&plan.suite, &names, &start.target, &start.redactor)?;
        front.placeholder(&plan.suite, &names, &start.target, &start.redactor)?;

        // The first line: a green result is worth nothing without the target it was seen on.
        front.say(&format!("watching {} at {}", plan.suite, start.redactor.clean(&start.target)));
        if let Some(traces) = &own.traces {
            front.say(&trace::announcement(traces));
        }
        if let Some(warning) = left {
            front.say(&warning);
        }

        let semaphore = limit.map(|limit| Arc::new(Semaphore::new(limit)));
        let cancel = CancellationToken::new();
        let runs = begin(&plan, selection, &start, &own, &journal, semaphore.as_ref(), &cancel, &front);
        redact_panics(&start.redactor, &runs, &front);
        let reporter = Arc::new(Reporter {
            plan,
            operations: selection.operations().to_vec(),
            runs,
            reports,
            redactor: start.redactor.clone(),
            front,
            seen: OnceLock::new(),
        });
        signals::cancel_on_signal(&runtime, cancel.clone(), &reporter.front);
        let watchdog = watchdog::watch(Arc::clone(&reporter), limit.is_some(), runtime.handle().clone());
        reporter.front.begin(&Begun { runs: &reporter.runs, cancel: &cancel, runtime: runtime.handle() });

        // Everything starts now, whoever waits for it. Only one at a time is another matter: then each step starts when
        // somebody asks for it, and so in the order of the list.
        // Each run cleans up as soon as its own steps have ended.
        let finishing = (limit != Some(1)).then(|| {
            // From this thread, which is none of the runtime's: so they spread over all of its threads.
            let inside = runtime.enter();
            reporter.runs.iter().for_each(Run::start);
            drop(inside);
            finish(&reporter.runs, &runtime)
        });
        Ok(Self { reporter, runtime, start, watchdog, finishing, traces: own.traces })
    }

    /// Waits until all runs have ended and cleaned up, reports, and lets somebody look; returns the exit code.
    pub(crate) fn end(self, look: Option<&Look<'_>>) -> u8 {
        let Self { reporter, runtime, start, watchdog, finishing, traces } = self;
        runtime.block_on(async {
            for run in finishing.unwrap_or_else(|| finish(&reporter.runs, &runtime)) {
                // A panic in here is ours; the record is taken below all the same.
                let _ = run.await;
            }
        });
        drop(watchdog);
        let code = reporter.report();
        if let Some(traces) = &traces {
            // After the reports: whatever the receiver does, these are there.
            reporter.send_traces(traces);
        }
        let all_well = look.is_none_or(|look| look(&reporter.finished(&start.target)));
        // A step that blocks its thread must not keep the process alive.
        runtime.shutdown_background();
        drop(start.keep);
        if code == 0 && !all_well { Verdict::Inconclusive.exit_code() } else { code }
    }
}

fn finish(runs: &[Arc<Run>], runtime: &Runtime) -> Vec<JoinHandle<RunRecord>> {
    let finish = |run: &Arc<Run>| {
        let run = Arc::clone(run);
        runtime.spawn(async move { run.finish().await })
    };
    runs.iter().map(finish).collect()
}

/// All runs of this process and where their reports go.
pub(super) struct Reporter {
    pub(super) plan: Plan,
    /// The operations that are judged.
    operations: Vec<String>,
    pub(super) runs: Vec<Arc<Run>>,
    reports: Reports,
    /// That of the process: clients that outlive a run register with it, also after the run has begun.
    pub(super) redactor: Redactor,
    pub(super) front: Arc<dyn Front>,
    /// All steps as they ended, and what that says of the operations: for the trials.
    seen: OnceLock<(Vec<SurfaceCase>, Vec<RunRecord>)>,
}

impl Reporter {
    /// Waits until all steps have ended, and says what that means for the operations.
    pub(super) fn surface(&self, runtime: &Handle) -> &(Vec<SurfaceCase>, Vec<RunRecord>) {
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
        // Who shows the runs has had the last word already.
        trace::send_all(to, &redactor, records, |line| say(format_args!("warning: {line}")));
    }

    /// Writes the reports and the summary of the runs as they stand; returns the exit code.
    pub(super) fn report(&self) -> u8 {
        let records: Vec<_> = self.runs.iter().map(|run| run.record()).collect();
        let redactor = self.redactor();
        let surface = self.cases(&records);
        let written = self.reports.write(&self.plan.suite, &records, &surface, &redactor);
        if let Err(error) = &written {
            self.front.say(&format!("error: {}", redactor.clean(&error.to_string())));
        }
        let outcome =
            Outcome { suite: &self.plan.suite, records: &records, surface: &surface, redactor: &redactor };
        let delivered = self.front.conclude(&outcome);
        match surface::worst(&records, &surface).exit_code() {
            // Whoever reads the reports could not tell.
            0 if written.is_err() || !delivered => Verdict::Inconclusive.exit_code(),
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
    front: &Arc<dyn Front>,
) -> Vec<Arc<Run>> {
    selection
        .canaries(plan)
        .enumerate()
        .map(|(number, chosen)| {
            let front = Arc::clone(front);
            let observer: Observer = Arc::new(move |step, _| front.step_ended(number, step));
            Run::new(
                Arc::clone(chosen.canary),
                RunOptions {
                    location: own.location.clone(),
                    selected: chosen.partial.then(|| chosen.steps.to_vec()),
                    limit: limit.cloned(),
                    redactor: start.redactor.clone(),
                    journal: Arc::clone(journal),
                    cancel: cancel.clone(),
                    observer: Some(observer),
                    ..RunOptions::new(&start.target, start.resources.clone())
                },
            )
        })
        .collect()
}

/// Panics print where they happen; this is a sink like any other, so it goes through the redactor.
fn redact_panics(redactor: &Redactor, runs: &[Arc<Run>], front: &Arc<dyn Front>) {
    static KNOWN: OnceLock<Vec<Redactor>> = OnceLock::new();
    let all = runs.iter().map(|run| run.redactor().clone()).chain([redactor.clone()]).collect();
    if KNOWN.set(all).is_ok() {
        let front = Arc::clone(front);
        std::panic::set_hook(Box::new(move |panic| {
            let text = KNOWN
                .get()
                .into_iter()
                .flatten()
                .fold(panic.to_string(), |text, redactor| redactor.clean(&text).into_owned());
            // What a product sends must not steer the terminal.
            front.say(&text::plain(&text));
        }));
    }
}
