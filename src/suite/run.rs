//! One execution of a canary: pulled, not scheduled. Asking for a step runs its prerequisites first, each once.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, SetOnce},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    cleanup::{CLEANUP_LIMIT, Journal, JournalEntry, NoJournal, UndoStack},
    context::{Context, Log, Outputs, Recorder, Resources, RunShared, Value},
    plan::{CanaryPlan, Planned},
};
use crate::{
    clock::Clock,
    failure::Failure,
    record::{AttemptRecord, CleanupRecord, FailureRecord, RunRecord, StepKind, StepRecord, VERSION, millis},
    redact::Redactor,
    verdict::{Cause, Verdict},
};

/// Stands for a timeout that is too long to be a point in time.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a run waits for what does not end by itself. The defaults are for real targets; a test of what happens
/// at a limit sets a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All the time that clean-up has, waiting for requests in flight included.
    pub cleanup: Duration,
    /// How much of it may go into waiting for requests of steps that were given up.
    pub in_flight: Duration,
    /// How long a step that was given up has to reach its next `.await`, where it stops. The run waits for that, so
    /// that nothing which comes after a step meets the step itself.
    pub stop: Duration,
    /// How long a step may be overdue before its thread counts as blocked: timers of a healthy runtime fire within
    /// milliseconds.
    pub starved: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cleanup: CLEANUP_LIMIT,
            in_flight: Duration::from_secs(2),
            stop: Duration::from_millis(500),
            starved: Duration::from_secs(2),
        }
    }
}

/// What a run is made with.
#[derive(Clone)]
pub struct RunOptions {
    /// The product instance under watch, for people and as the journal's key.
    pub target: String,
    /// Where the run is made from.
    pub location: String,
    /// Steps to run, with what they pull in; `None` for all that are not ignored.
    pub selected: Option<Vec<usize>>,
    /// No step may take longer than this, whatever it says itself: for drills, where waiting a minute for a mail that
    /// is known not to come would be wasted.
    pub patience: Option<Duration>,
    /// Limits the steps in flight; shared between runs that share the limit.
    pub limit: Option<Arc<Semaphore>>,
    /// What is secret already.
    pub redactor: Redactor,
    /// Where intents to create something are written.
    pub journal: Arc<dyn Journal>,
    /// What the steps hold.
    pub resources: Resources,
    /// Gives the record its times.
    pub clock: Clock,
    /// Cancelled from outside to stop the run; clean-up is still done.
    pub cancel: CancellationToken,
    /// How long the run waits for what does not end by itself.
    pub limits: Limits,
}

impl RunOptions {
    /// All steps of a run against `target`, without a journal or a limit.
    #[must_use]
    pub fn new(target: &str, resources: Resources) -> Self {
        Self {
            target: target.to_owned(),
            location: "local".to_owned(),
            selected: None,
            patience: None,
            limit: None,
            redactor: Redactor::new(),
            journal: Arc::new(NoJournal),
            resources,
            clock: Clock::system(),
            cancel: CancellationToken::new(),
            limits: Limits::default(),
        }
    }
}

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
    /// One per step of the plan.
    cells: Vec<Cell>,
    /// What clean-up has done so far.
    cleaned: Mutex<Vec<CleanupRecord>>,
    /// Held while cleaning up: who asks meanwhile waits until it is done.
    cleaning: tokio::sync::Mutex<()>,
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
        } = options;
        let filtered = selected.is_some();
        // Fixtures are not asked for: who takes their output pulls them in.
        let selected = selected.unwrap_or_else(|| {
            plan.cases().map(|(it, _)| it).filter(|&it| plan.steps[it].step.ignored.is_none()).collect()
        });
        let shared = RunShared {
            suite: plan.suite.clone(),
            canary: plan.name.clone(),
            run: new_run_id().into(),
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
        };
        Arc::new(Self {
            wanted: plan.closure(selected.iter().copied()),
            cells: plan.steps.iter().map(|_| Cell::default()).collect(),
            began: shared.clock.now(),
            shared: Arc::new(shared),
            plan,
            location,
            filtered,
            selected,
            patience,
            limit,
            cleaned: Mutex::default(),
            cleaning: tokio::sync::Mutex::default(),
        })
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

    /// The record as it stands, redacted; complete after [`Run::finish`].
    #[must_use]
    pub fn record(&self) -> RunRecord {
        let mut steps: Vec<StepRecord> = Vec::with_capacity(self.plan.steps.len());
        steps.extend((0..self.plan.steps.len()).filter_map(|step| self.step_record(step)));
        let mut record = RunRecord {
            version: VERSION,
            suite: self.plan.suite.to_string(),
            canary: self.plan.name.to_string(),
            run: self.shared.run.to_string(),
            trace: self.shared.trace.to_string(),
            target: self.shared.target.to_string(),
            location: self.location.clone(),
            started: self.began,
            duration_ms: millis(self.shared.started.elapsed()),
            verdict: Verdict::worst(steps.iter().filter(|it| says_something(it)).map(|it| it.verdict)),
            filtered: self.filtered,
            steps,
            cleanup: self.cleaned.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        record.clean(&self.shared.redactor);
        record
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
        let mut end = End::without_pass(cancelled());
        for number in 1..=planned.step.retries.saturating_add(1) {
            let outcome = if self.shared.cancel.is_cancelled() {
                Err(cancelled())
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

    async fn attempt(&self, index: usize, number: u32, outputs: Outputs) -> Result<Value, Failure> {
        let step = &self.plan.steps[index].step;
        let recorder = Recorder::new(self.shared.started);
        let limit = self.patience.map_or(step.timeout, |patience| patience.min(step.timeout));
        let started_ms = recorder.now_ms();
        let started = Clock::instant();
        let deadline = started.checked_add(limit).unwrap_or(started + NO_LIMIT);
        self.cells[index]
            .live()
            .get_or_insert_with(|| Box::new(Live { attempts: Vec::with_capacity(1), current: None }))
            .current = Some(Current { number, started, deadline, recorder: recorder.clone() });

        let cx = Context::new(
            Arc::clone(&self.shared),
            step.name.clone(),
            number,
            deadline,
            outputs,
            recorder.clone(),
        );
        let body = Arc::clone(&step.run);
        // A task of its own: a panic ends the step and not the run, and a step that blocks its thread does not keep
        // the time limit from being noticed on another one.
        let mut task = tokio::spawn(async move { body(&cx).await });
        // What is there counts, however late this task comes to look.
        let (outcome, elapsed) = tokio::select! {
            biased;
            outcome = &mut task => {
                (outcome.unwrap_or_else(|panic| Err(panic_failure(panic))), started.elapsed())
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                let elapsed = started.elapsed();
                self.stop(task).await;
                (Err(self.timed_out(limit, &recorder.log())), elapsed)
            }
            () = self.shared.cancel.cancelled() => {
                let elapsed = started.elapsed();
                self.stop(task).await;
                (Err(cancelled()), elapsed)
            }
        };

        let log = given_up(recorder.log());
        let outcome = match (outcome, step.within) {
            (Ok(_), Some(budget)) if elapsed > budget => Err(self.too_slow(elapsed, budget, &log)),
            (outcome, _) => outcome,
        };
        let attempt = AttemptRecord {
            number,
            started_ms,
            duration_ms: millis(elapsed),
            verdict: outcome.as_ref().map_or_else(Failure::verdict, |_| Verdict::Passed),
            failure: outcome.as_ref().err().map(FailureRecord::from),
            exchanges: log.exchanges,
            notes: log.notes,
        };
        if let Some(live) = self.cells[index].live().as_mut() {
            live.current = None;
            live.attempts.push(attempt);
        }
        outcome
    }

    /// Ends a step's task. Until its next `.await` it still does things; those belong to this attempt, and must not
    /// happen beside the next one, or beside clean-up.
    async fn stop(&self, task: JoinHandle<Result<Value, Failure>>) {
        task.abort();
        let _ = tokio::time::timeout(self.shared.limits.stop, task).await;
    }

    fn timed_out(&self, limit: Duration, log: &Log) -> Failure {
        let failure = Failure::of(Cause::Timeout, format_args!("still running after {limit:?}"));
        let open =
            log.exchanges.iter().enumerate().rfind(|(_, it)| it.status.is_none() && it.error.is_none());
        match open.or(log.exchanges.iter().enumerate().next_back()) {
            Some((index, exchange)) => failure.exchange(exchange.reference(index, &self.shared.redactor)),
            None => failure,
        }
    }

    fn too_slow(&self, elapsed: Duration, budget: Duration, log: &Log) -> Failure {
        let failure = Failure::of(
            Cause::Latency,
            format_args!(
                "right, but too slow: expected at most {budget:?}, took {:.3} s",
                elapsed.as_secs_f64()
            ),
        );
        let slowest =
            log.exchanges.iter().enumerate().max_by(|(_, a), (_, b)| a.duration_ms.total_cmp(&b.duration_ms));
        match slowest {
            Some((index, exchange)) => failure
                .exchange(exchange.reference(index, &self.shared.redactor))
                .about_slowest(exchange.duration_ms),
            None => failure,
        }
    }

    /// A step's record, or none if the run has nothing to do with it.
    fn step_record(&self, index: usize) -> Option<StepRecord> {
        let Planned { step, inputs: _, needs, order } = &self.plan.steps[index];
        let name = |&it: &usize| self.plan.steps[it].step.name.to_string();
        let mut record = StepRecord {
            name: step.name.to_string(),
            kind: step.kind,
            promise: step.promise.to_string(),
            covers: step.covers.iter().map(ToString::to_string).collect(),
            severity: step.severity,
            runbook: step.runbook.as_deref().map(Into::into),
            place: format!("{}:{}", step.place.file(), step.place.line()),
            needs: needs.iter().map(name).collect(),
            waited_for: order.iter().filter(|&&it| self.wanted[it]).map(name).collect(),
            ..StepRecord::default()
        };
        let cell = &self.cells[index];
        if !self.wanted[index] && cell.started.get().is_none() {
            record.reason = Some(step.ignored.as_deref().filter(|_| !self.filtered)?.to_owned());
            return Some(record);
        }
        let live = cell.live();
        let Some(StepEnd(end)) = cell.end.get() else {
            self.unfinished(live.as_deref(), &mut record);
            return Some(record);
        };
        record.verdict = end.verdict;
        record.flaky = end.flaky;
        record.failure = end.failure.as_deref().map(FailureRecord::from);
        record.root = end.root.map(|root| self.plan.steps[root].step.name.to_string());
        record.started_ms = end.started_ms;
        record.duration_ms = end.duration_ms;
        record.attempts.clone_from(&end.attempts);
        Some(record)
    }

    /// What can be said of a step when the process has to be ended before the step ends.
    fn unfinished(&self, live: Option<&Live>, record: &mut StepRecord) {
        let current = live.and_then(|it| it.current.as_ref());
        let failure = match current {
            Some(it) if Clock::instant() > it.deadline => Failure::of(
                Cause::Timeout,
                format_args!(
                    "blocks its thread: the time limit of {:?} could not be enforced",
                    it.deadline.saturating_duration_since(it.started)
                ),
            )
            .remedy("await instead of blocking; put work that blocks into `tokio::task::spawn_blocking`"),
            None if live.is_none() => Failure::of(Cause::Cancelled, "the run ended before this step began"),
            Some(_) | None => Failure::of(Cause::Cancelled, "the run ended while this step was running"),
        };
        record.verdict = failure.verdict();
        record.failure = Some(FailureRecord::from(&failure));
        record.attempts.extend(live.into_iter().flat_map(|it| &it.attempts).cloned());
        if let Some(Current { number, started, deadline: _, recorder }) = current {
            let log = given_up(recorder.log());
            let duration_ms = millis(started.elapsed());
            record.attempts.push(AttemptRecord {
                number: *number,
                started_ms: millis(started.saturating_duration_since(self.shared.started)),
                duration_ms,
                verdict: record.verdict,
                failure: record.failure.clone(),
                exchanges: log.exchanges,
                notes: log.notes,
            });
        }
        if let (Some(first), Some(last)) = (record.attempts.first(), record.attempts.last()) {
            record.started_ms = first.started_ms;
            record.duration_ms = last.started_ms + last.duration_ms - first.started_ms;
        }
    }
}

/// A fixture that passed has checked nothing.
fn says_something(step: &StepRecord) -> bool {
    step.kind == StepKind::Step || step.verdict != Verdict::Passed
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

impl Failure {
    fn about_slowest(mut self, duration_ms: f64) -> Self {
        self.causes.push(format!("the slowest request took {:.3} s", duration_ms / 1e3));
        self
    }
}

fn cancelled() -> Failure {
    Failure::of(Cause::Cancelled, "the run was cancelled")
}

/// The failure that a panic in a step's task is.
pub(super) fn panic_failure(error: tokio::task::JoinError) -> Failure {
    let Ok(payload) = error.try_into_panic() else { return cancelled() };
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().map_or("(no message)".to_owned(), |it| (*it).to_owned()),
    };
    Failure::of(Cause::Panic, format_args!("panicked: {text}"))
}

/// Marks the exchanges that were still open when their attempt ended.
fn given_up(mut log: Log) -> Log {
    for exchange in log.exchanges.iter_mut().filter(|it| it.status.is_none() && it.error.is_none()) {
        exchange.error = Some("no answer yet when the step ended".to_owned());
    }
    log
}

/// Ten characters that people can read out: no vowels, so no words; no `0`, `1`, `l`.
fn new_run_id() -> String {
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
