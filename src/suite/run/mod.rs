//! One execution of a canary: pulled, not scheduled. Asking for a step runs its prerequisites first, each once.

mod attempt;
mod options;
mod recording;
mod watching;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

pub(super) use attempt::panic_failure;
use jiff::Timestamp;
pub use options::{Limits, Observer, RunOptions};
use tokio::sync::{Semaphore, SetOnce};
use tokio_util::task::TaskTracker;

use super::{
    cleanup::{JournalEntry, UndoStack},
    context::{Outputs, Recorder, RunShared, Value},
    plan::{CanaryPlan, Planned},
};
use crate::{
    clock::Clock,
    failure::Failure,
    record::{AttemptRecord, CleanupRecord, RunRecord, millis},
    redact::Redactor,
    verdict::{Cause, Verdict},
};

/// One execution of one canary.
pub struct Run {
    plan: Arc<CanaryPlan>,
    shared: Arc<RunShared>,
    began: Timestamp,
    location: String,
    filtered: bool,
    selected: Vec<usize>,
    /// The selected steps and all that they pull in.
    wanted: Vec<bool>,
    patience: Option<Duration>,
    limit: Option<Arc<Semaphore>>,
    observer: Option<Observer>,
    /// One per step of the plan.
    cells: Vec<Cell>,
    /// How long the run took, once it has finished.
    ended: OnceLock<Duration>,
    /// What clean-up has done so far.
    cleaned: Mutex<Vec<CleanupRecord>>,
    /// Held while cleaning up: who asks meanwhile waits until it is done.
    cleaning: tokio::sync::Mutex<()>,
    /// Set if the run is ended because it takes too long: how long it might have taken.
    overdue: OnceLock<Duration>,
}

/// What a run knows of one step.
#[derive(Default)]
struct Cell {
    /// Set by whoever asks first, who starts a task that belongs to the run and not to the asker.
    started: OnceLock<()>,
    /// Set by that task.
    end: SetOnce<StepEnd>,
    /// From the first attempt to the end, which is told under this lock: so that nobody finds the step neither
    /// alive nor ended. Written by the step's task, read by whoever takes a record, the watchdog's thread included.
    live: Mutex<Option<Box<Live>>>,
}

/// A step that has begun.
struct Live {
    /// Those that are over.
    attempts: Vec<AttemptRecord>,
    /// The one going on.
    current: Option<Current>,
}

struct Current {
    number: u32,
    started: Instant,
    deadline: Instant,
    recorder: Recorder,
}

/// Tells a step's end, also if its task is dropped half-way because its runtime is shut down.
struct Ending {
    run: Arc<Run>,
    step: usize,
}

impl Ending {
    fn tell(&self, mut end: End) {
        if let Some(observer) = &self.run.observer {
            observer(self.step, end.verdict);
        }
        let cell = &self.run.cells[self.step];
        let mut live = cell.live();
        end.attempts = live.take().map(|it| it.attempts).unwrap_or_default();
        let _ = cell.end.set(StepEnd(Arc::new(end)));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.run.cells[self.step].end.get().is_none() {
            self.tell(End::without_pass(cancelled()));
        }
    }
}

/// What became of one step.
#[derive(Clone)]
pub struct StepEnd(Arc<End>);

struct End {
    verdict: Verdict,
    flaky: bool,
    failure: Option<Box<Failure>>,
    /// The first cause, of a blocked step.
    root: Option<usize>,
    output: Option<Value>,
    started_ms: f64,
    duration_ms: f64,
    attempts: Vec<AttemptRecord>,
}

impl StepEnd {
    /// How it ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// Why it did not pass; of a blocked step, why its root did not.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.as_deref()
    }

    /// Whether it passed, but not at the first attempt.
    #[must_use]
    pub fn flaky(&self) -> bool {
        self.0.flaky
    }

    /// How long all its attempts took, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> f64 {
        self.0.duration_ms
    }

    /// Index of the step that a blocked one is blocked by.
    #[must_use]
    pub fn root(&self) -> Option<usize> {
        self.0.root
    }
}

impl Run {
    /// A run that has not started.
    #[must_use]
    pub fn new(plan: Arc<CanaryPlan>, options: RunOptions) -> Arc<Self> {
        let RunOptions {
            id,
            target,
            location,
            selected,
            patience,
            limit,
            redactor,
            journal,
            resources,
            clock,
            cancel,
            limits,
            observer,
        } = options;
        let filtered = selected.is_some();
        // Fixtures are not asked for: who takes their output pulls them in.
        let selected = selected.unwrap_or_else(|| {
            plan.cases().map(|(it, _)| it).filter(|&it| plan.steps[it].step.ignored.is_none()).collect()
        });
        let shared = RunShared {
            suite: plan.suite.clone(),
            canary: plan.name.clone(),
            run: id.unwrap_or_else(new_run_id).into(),
            trace: hex(16).into(),
            target: target.into(),
            started: Clock::instant(),
            redactor: redactor.fork(),
            resources,
            undo: UndoStack::new(journal),
            in_flight: TaskTracker::new(),
            cancel,
            limits,
            clock,
            certificates: Mutex::default(),
        };
        Arc::new(Self {
            wanted: plan.closure(selected.iter().copied()),
            ended: OnceLock::new(),
            cells: plan.steps.iter().map(|_| Cell::default()).collect(),
            began: shared.clock.now(),
            shared: Arc::new(shared),
            plan,
            location,
            filtered,
            selected,
            patience,
            limit,
            observer,
            cleaned: Mutex::default(),
            cleaning: tokio::sync::Mutex::default(),
            overdue: OnceLock::new(),
        })
    }

    /// Ends the run because it has taken that long, which is too long: whatever has not ended fails with the cause
    /// *timeout*. Clean-up is still done.
    pub fn end_overdue(&self, limit: Duration) {
        let _ = self.overdue.set(limit);
        self.shared.cancel.cancel();
    }

    /// Why what has not ended does not go on.
    fn stopped(&self) -> Failure {
        match self.overdue.get() {
            Some(limit) => {
                Failure::of(Cause::Timeout, format_args!("the run was to end within {limit:?}, and did not"))
            }
            None => cancelled(),
        }
    }

    /// What is run.
    #[must_use]
    pub fn plan(&self) -> &Arc<CanaryPlan> {
        &self.plan
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.run
    }

    /// How many steps and fixtures it takes to run the selected ones.
    #[must_use]
    pub fn size(&self) -> usize {
        self.wanted.iter().filter(|it| **it).count()
    }

    /// Removes from text what this run knows to be secret.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.shared.redactor
    }

    /// Starts all selected steps, and so everything they need. Does not wait.
    ///
    /// # Panics
    /// Outside a tokio runtime; so does [`Run::end_of`].
    pub fn start(self: &Arc<Self>) {
        for &step in &self.selected {
            self.start_step(step);
        }
    }

    /// Waits for a step's end, running it and its prerequisites if they have not run.
    pub fn end_of(self: &Arc<Self>, step: usize) -> Pin<Box<dyn Future<Output = StepEnd> + Send>> {
        self.start_step(step);
        let run = Arc::clone(self);
        Box::pin(async move { run.cells[step].end.wait().await.clone() })
    }

    /// Runs all selected steps, cleans up, and says what came of it.
    pub async fn finish(self: &Arc<Self>) -> RunRecord {
        self.steps_ended().await;
        self.clean_up().await;
        self.ended.get_or_init(|| self.shared.started.elapsed());
        self.record()
    }

    /// Runs all selected steps; leaves clean-up to the caller.
    pub async fn steps_ended(self: &Arc<Self>) {
        self.start();
        for &step in &self.selected {
            self.end_of(step).await;
        }
    }

    /// Undoes what the steps have created, last first. What could not be undone stays open, and a second call
    /// tries it again.
    pub async fn clean_up(&self) {
        let _turn = self.cleaning.lock().await;
        let deadline = Clock::instant() + self.shared.limits.cleanup;
        self.shared.in_flight.close();
        // Otherwise the creation of a thing could overtake its removal.
        let _ = tokio::time::timeout(self.shared.limits.in_flight, self.shared.in_flight.wait()).await;
        let undone = |record| self.cleaned.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        self.shared.undo.unwind(&self.shared, deadline, undone).await;
    }

    /// What the run has promised to undo and not yet undone.
    #[must_use]
    pub fn left_over(&self) -> Vec<JournalEntry> {
        self.shared.undo.open()
    }

    /// Steps whose time was over so long ago that the runtime would have ended them if it could: they block their
    /// thread.
    #[must_use]
    pub fn starved(&self) -> Vec<String> {
        let now = Clock::instant();
        let overdue = |cell: &Cell| {
            let live = cell.live();
            let current = live.as_ref().and_then(|it| it.current.as_ref());
            current.is_some_and(|it| now.saturating_duration_since(it.deadline) > self.shared.limits.starved)
        };
        let steps = self.plan.steps.iter().zip(&self.cells);
        steps.filter(|(_, cell)| overdue(cell)).map(|(it, _)| self.plan.full_name(&it.step)).collect()
    }

    fn start_step(self: &Arc<Self>, step: usize) {
        // The step belongs to the run, not to the caller: a caller that gives up must not make the next one start
        // the step again.
        self.cells[step].started.get_or_init(|| {
            let ending = Ending { run: Arc::clone(self), step };
            tokio::spawn(async move { ending.tell(ending.run.execute(step).await) });
        });
    }

    /// Everything but the attempts, which are kept in the step's cell until it has ended.
    async fn execute(self: &Arc<Self>, index: usize) -> End {
        let planned = &self.plan.steps[index];
        let outputs = match self.prerequisites(planned).await {
            Ok(outputs) => outputs,
            Err(blocked) => return blocked,
        };
        // Taken after the prerequisites: holding it while waiting for them would deadlock chains longer than the
        // limit.
        let _permit = match &self.limit {
            // Others may hold it for long; a run that is cancelled does not wait for them.
            Some(limit) => tokio::select! {
                biased;
                () = self.shared.cancel.cancelled() => None,
                permit = limit.acquire() => permit.ok(),
            },
            None => None,
        };

        // On the heap, so that a step which still waits for others takes little room.
        Box::pin(self.attempts(index, outputs)).await
    }

    async fn attempts(&self, index: usize, outputs: Outputs) -> End {
        let planned = &self.plan.steps[index];
        let started_ms = millis(self.shared.started.elapsed());
        let started = Clock::instant();
        let mut end = End::without_pass(self.stopped());
        for number in 1..=planned.step.retries.saturating_add(1) {
            let outcome = if self.shared.cancel.is_cancelled() {
                Err(self.stopped())
            } else {
                self.attempt(index, number, outputs.clone()).await
            };
            match outcome {
                Ok(output) => {
                    end = End::passed(output);
                    end.flaky = number > 1;
                    break;
                }
                Err(failure) => {
                    let cancelled = failure.cause == Cause::Cancelled;
                    end = End::without_pass(failure);
                    if cancelled {
                        break;
                    }
                }
            }
        }
        end.started_ms = started_ms;
        end.duration_ms = millis(started.elapsed());
        end
    }

    /// Waits for everything that stands before a step, and collects the outputs it takes.
    async fn prerequisites(self: &Arc<Self>, planned: &Planned) -> Result<Outputs, End> {
        let ordered = || planned.order.iter().copied().filter(|&it| self.wanted[it]);
        for step in planned.needs.iter().copied().chain(ordered()) {
            self.start_step(step);
        }
        for step in ordered() {
            self.end_of(step).await;
        }
        let mut outputs = Vec::with_capacity(planned.inputs.len());
        for &step in &planned.needs {
            let StepEnd(end) = self.end_of(step).await;
            let Some(output) = &end.output else {
                let mut blocked = End::new(Verdict::Blocked);
                // The first cause is what people want to see, not the nearest one.
                blocked.root = Some(end.root.unwrap_or(step));
                blocked.failure = end.failure.clone();
                blocked.started_ms = millis(self.shared.started.elapsed());
                return Err(blocked);
            };
            let taken = planned.inputs.iter().filter(|(_, from)| *from == step);
            outputs.extend(taken.map(|(type_id, _)| (*type_id, Arc::clone(output))));
        }
        Ok(outputs)
    }
}

impl Cell {
    fn live(&self) -> MutexGuard<'_, Option<Box<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            flaky: false,
            failure: None,
            root: None,
            output: None,
            started_ms: 0.0,
            duration_ms: 0.0,
            attempts: Vec::new(),
        }
    }

    fn passed(output: Value) -> Self {
        Self { output: Some(output), ..Self::new(Verdict::Passed) }
    }

    fn without_pass(failure: Failure) -> Self {
        let verdict = failure.verdict();
        Self { failure: Some(Box::new(failure)), ..Self::new(verdict) }
    }
}

fn cancelled() -> Failure {
    Failure::of(Cause::Cancelled, "the run was cancelled")
}

/// Ten characters that people can read out: no vowels, so no words; no `0`, `1`, `l`.
#[must_use]
pub fn new_run_id() -> String {
    const ALPHABET: &[u8] = b"23456789bcdfghjkmnpqrstvwxz";
    (0..10).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())])).collect()
}

/// So many random bytes as lower-case hexadecimal, never all zero: for W3C trace context.
pub(crate) fn hex(bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes * 2);
    for _ in 1..bytes {
        let _ = write!(out, "{:02x}", fastrand::u8(..));
    }
    let _ = write!(out, "{:02x}", fastrand::u8(1..));
    out
}
