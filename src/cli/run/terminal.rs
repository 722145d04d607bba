//! What people see of runs while they go on, and in the end.
//!
//! A thread of its own writes: a reader that is slow, or a terminal that somebody has stopped with Ctrl-S, holds up
//! nobody but those lines.

use std::{
    io::Write as _,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::screen::Screen;
use crate::{
    cli::{outputs::Outputs, say},
    clock::Clock,
    harness::{Begun, Front, Outcome},
    record::millis,
    redact::Redactor,
    report::{
        console::{
            self,
            progress::{EndedStep, Progress, ended, live},
        },
        files::ReportError,
        text::plain,
    },
    suite::Run,
    verdict::Verdict,
};

/// How often what can be rewritten is.
const PERIOD: Duration = Duration::from_millis(100);

/// How long somebody who has stopped the run waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows runs on a [`Screen`], and writes the reports that were asked for.
pub(super) struct Terminal {
    outputs: Outputs,
    colours: bool,
    /// To the thread that writes.
    told: Sender<Told>,
    /// Set when the runs begin.
    cancel: OnceLock<CancellationToken>,
    /// From the thread that writes, once: whether what was for standard output got there.
    done: Mutex<Receiver<bool>>,
}

/// What the thread that writes is told.
enum Told {
    /// Lines that stay.
    Lines(String),
    /// Runs are about to start.
    Begun(Vec<Arc<Run>>, Handle),
    /// A step has ended: number of the run, number of the step.
    Ended(usize, usize),
    /// It is over. The summary, and what is for standard output.
    Over(String, Option<String>),
}

impl Terminal {
    pub(super) fn new(screen: Screen, outputs: Outputs) -> Self {
        let (told, hears) = channel();
        let (says, done) = channel();
        let colours = screen.colours;
        thread::spawn(move || {
            let _ = says.send(Writer { screen, runs: Vec::new(), runtime: None }.write(&hears));
        });
        Self { outputs, colours, told, cancel: OnceLock::new(), done: Mutex::new(done) }
    }

    /// The thread that writes lives until it is told that all is over; afterwards nobody is left to be told.
    fn tell(&self, told: Told) {
        let _ = self.told.send(told);
    }
}

impl Front for Terminal {
    fn placeholder(
        &self,
        suite: &str,
        canaries: &[&str],
        target: &str,
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        self.outputs.placeholder(suite, canaries, target, redactor)
    }

    fn say(&self, line: &str) {
        self.tell(Told::Lines(line.to_owned()));
    }

    fn begin(&self, begun: &Begun<'_>) {
        let _ = self.cancel.set(begun.cancel.clone());
        self.tell(Told::Begun(begun.runs.to_vec(), begun.runtime.clone()));
    }

    fn step_ended(&self, run: usize, step: usize) {
        self.tell(Told::Ended(run, step));
    }

    fn conclude(&self, outcome: &Outcome<'_>) -> bool {
        let Outcome { suite: _, records, surface, redactor } = outcome;
        let mut errors: Vec<String> = self.outputs.write(outcome).iter().map(ToString::to_string).collect();
        let json = self.outputs.standard_output(outcome).transpose();
        let json = json.unwrap_or_else(|error| {
            errors.push(error.to_string());
            None
        });
        for error in &errors {
            self.say(&format!("error: {}", redactor.clean(error)));
        }
        let summary = console::summary(records, surface, self.colours);
        let wanted = json.is_some();
        self.tell(Told::Over(redactor.clean(&summary).into_owned(), json));
        // In any case: the process ends after this.
        let written = self.written();
        errors.is_empty() && (written || !wanted)
    }
}

impl Terminal {
    /// Waits until everything is written; whether standard output took what was for it. The reader may take its time,
    /// but not from somebody who has stopped the run.
    fn written(&self) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let mut until = None;
        loop {
            match done.recv_timeout(PERIOD) {
                Ok(delivered) => return delivered,
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.cancel.get().is_some_and(CancellationToken::is_cancelled)
                && Clock::instant() > *until.get_or_insert_with(|| Clock::instant() + PATIENCE)
            {
                return false;
            }
        }
    }
}

/// The thread that writes.
struct Writer {
    screen: Screen,
    runs: Vec<Shown>,
    runtime: Option<Handle>,
}

/// Prints a report on standard output. A reader that goes away has what it wanted, so only other errors count.
fn delivered(report: &str) -> bool {
    let mut out = std::io::stdout().lock();
    match out.write_all(report.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say(format_args!("error: standard output: {error}"));
            false
        }
        _ => true,
    }
}

/// A run, and how far it is.
struct Shown {
    run: Arc<Run>,
    since: std::time::Instant,
    progress: Progress,
}

impl Writer {
    /// Writes what it is told until all is over; whether standard output took what was for it.
    fn write(mut self, told: &Receiver<Told>) -> bool {
        let mut next_draw = Clock::instant();
        loop {
            let next = if self.screen.live {
                told.recv_timeout(next_draw.saturating_duration_since(Clock::instant()))
            } else {
                told.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(Told::Lines(lines)) => self.screen.keep(&lines),
                Ok(Told::Begun(runs, runtime)) => {
                    self.runs = runs.into_iter().map(Shown::new).collect();
                    self.runtime = Some(runtime);
                }
                Ok(Told::Ended(run, step)) => self.ended(run, step),
                Ok(Told::Over(summary, report)) => {
                    self.screen.keep(&format!("\n{}", summary.trim_end()));
                    return report.is_none_or(|report| delivered(&report));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            if self.screen.live && Clock::instant() >= next_draw {
                self.draw();
                next_draw = Clock::instant() + PERIOD;
            }
        }
    }

    fn ended(&mut self, number: usize, step: usize) {
        let (Some(runtime), Some(Shown { run, progress, .. })) = (&self.runtime, self.runs.get_mut(number))
        else {
            return;
        };
        // It has ended: this waits for nothing.
        let end = runtime.block_on(async { run.end_of(step).await });
        let plan = run.plan();
        let verdict = end.verdict();
        // A fixture is shown only if it is where something went wrong.
        let wrong = matches!(verdict, Verdict::Failed | Verdict::Inconclusive);
        let silent = plan.is_fixture(step) && !wrong;
        if !silent {
            progress.add(verdict, plan.is_fixture(step));
        }
        let title = plan.title(step);
        let root = end.root().map(|it| plan.title(it));
        let clean = |text: &str| run.redactor().clean(text).into_owned();
        // Before it is cut; and once more, because a control character may have stood in the middle of a secret.
        let failure = end.failure().map(|it| (it.cause, clean(&plain(&clean(&it.message)))));
        let line = ended(
            &EndedStep {
                canary: plan.name(),
                title: &title,
                verdict,
                flaky: end.flaky(),
                duration_ms: end.duration_ms(),
                failure: failure.as_ref().map(|(cause, message)| (*cause, message.as_str())),
                root: root.as_deref(),
            },
            self.screen.colours,
        );
        if !self.screen.live {
            if !silent {
                let (ended, of) = self.counts();
                let width = of.to_string().len();
                self.screen.keep(&format!("[{ended:>width$}/{of}] {line}"));
            }
        } else if wrong || end.flaky() {
            // Steps that are blocked are counted: their root says why.
            self.screen.keep(&line);
            self.draw();
        }
    }

    /// How many steps of all runs have ended, and how many there are.
    fn counts(&self) -> (usize, usize) {
        let sum = |count: fn(&Progress) -> usize| self.runs.iter().map(|it| count(&it.progress)).sum();
        (sum(|it| it.ended), sum(|it| it.of))
    }

    fn draw(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        for Shown { run, since, progress } in &mut self.runs {
            let plan = run.plan();
            progress.running = run.running().into_iter().map(|step| plan.title(step)).collect();
            let took = run.took();
            progress.over = took.is_some();
            progress.elapsed_ms = millis(took.unwrap_or_else(|| since.elapsed()));
        }
        let progress: Vec<_> = self.runs.iter().map(|it| it.progress.clone()).collect();
        let (columns, lines) = self.screen.size();
        self.screen.draw(&live(&progress, columns, lines.saturating_sub(1), self.screen.colours));
    }
}

impl Shown {
    fn new(run: Arc<Run>) -> Self {
        let plan = run.plan();
        let of = plan.cases().filter(|(step, _)| run.wants(*step)).count();
        let progress = Progress { canary: plan.name().to_owned(), of, ..Progress::default() };
        Self { since: Clock::instant(), progress, run }
    }
}
