//! One execution of a canary: pulled, not scheduled. Asking for a step runs its prerequisites first, each once.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    cleanup::{CLEANUP_LIMIT, Journal, JournalEntry, NoJournal, UndoStack},
    context::{Context, Log, Recorder, Resources, RunShared, Value},
    plan::{CanaryPlan, Planned},
};
use crate::{
    clock::Clock,
    failure::Failure,
    record::{AttemptRecord, CleanupRecord, FailureRecord, RunRecord, StepRecord, VERSION, millis},
    redact::Redactor,
    verdict::{Cause, Verdict},
};

/// How long clean-up waits for requests of steps that were given up.
const IN_FLIGHT_LIMIT: Duration = Duration::from_secs(2);

/// How long a step may be overdue before its thread counts as blocked: timers of a healthy runtime fire within
/// milliseconds.
const STARVED_AFTER: Duration = Duration::from_secs(2);

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
    /// A step's memo: filled by whoever asks first, with a task that belongs to the run and not to the asker.
    cells: Vec<OnceLock<watch::Receiver<Option<StepEnd>>>>,
    /// Attempts going on now. Written by the steps' tasks, read by the watchdog's thread.
    live: Mutex<HashMap<usize, Live>>,
    /// What clean-up has done so far.
    cleaned: Mutex<Vec<CleanupRecord>>,
}

struct Live {
    number: u32,
    started: Instant,
    deadline: Instant,
    recorder: Recorder,
}

/// What became of one step.
#[derive(Clone)]
pub struct StepEnd(Arc<End>);

struct End {
    verdict: Verdict,
    flaky: bool,
    failure: Option<Failure>,
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
        self.0.failure.as_ref()
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
        } = options;
        let filtered = selected.is_some();
        let selected = selected.unwrap_or_else(|| {
            (0..plan.steps.len()).filter(|&it| plan.steps[it].step.ignored.is_none()).collect()
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
            clock,
        };
        Arc::new(Self {
            wanted: plan.closure(selected.iter().copied()),
            cells: plan.steps.iter().map(|_| OnceLock::new()).collect(),
            began: shared.clock.now(),
            shared: Arc::new(shared),
            plan,
            location,
            filtered,
            selected,
            patience,
            limit,
            live: Mutex::default(),
            cleaned: Mutex::default(),
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
    pub fn start(self: &Arc<Self>) {
        for &step in &self.selected {
            self.cell(step);
        }
    }

    /// Waits for a step's end, running it and its prerequisites if they have not run.
    pub fn end_of(self: &Arc<Self>, step: usize) -> Pin<Box<dyn Future<Output = StepEnd> + Send>> {
        let mut receiver = self.cell(step);
        Box::pin(async move {
            let end =
                receiver.wait_for(Option::is_some).await.expect("the step's task reports before it ends");
            end.clone().expect("waited for it")
        })
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
        let deadline = Clock::instant() + CLEANUP_LIMIT;
        self.shared.in_flight.close();
        // Otherwise the creation of a thing could overtake its removal.
        let _ = tokio::time::timeout(IN_FLIGHT_LIMIT, self.shared.in_flight.wait()).await;
        let records = self.shared.undo.unwind(&self.shared, deadline).await;
        self.cleaned.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
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
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.iter()
            .filter(|(_, it)| now > it.deadline + STARVED_AFTER)
            .map(|(&step, _)| self.plan.full_name(&self.plan.steps[step].step))
            .collect()
    }

    /// The record as it stands, redacted; complete after [`Run::finish`].
    #[must_use]
    pub fn record(&self) -> RunRecord {
        let steps: Vec<StepRecord> =
            (0..self.plan.steps.len()).filter_map(|step| self.step_record(step)).collect();
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
            verdict: Verdict::worst(steps.iter().map(|step| step.verdict)),
            filtered: self.filtered,
            steps,
            cleanup: self.cleaned.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        record.clean(&self.shared.redactor);
        record
    }

    fn cell(self: &Arc<Self>, step: usize) -> watch::Receiver<Option<StepEnd>> {
        // The step belongs to the run, not to the caller: a caller that gives up must not make the next one start
        // the step again.
        let cell = self.cells[step].get_or_init(|| {
            let (sender, receiver) = watch::channel(None);
            let run = Arc::clone(self);
            tokio::spawn(
                async move { sender.send_replace(Some(StepEnd(Arc::new(run.execute(step).await)))) },
            );
            receiver
        });
        cell.clone()
    }

    async fn execute(self: &Arc<Self>, index: usize) -> End {
        let planned = &self.plan.steps[index];
        let mut outputs = HashMap::new();
        match self.prerequisites(planned, &mut outputs).await {
            Ok(()) => (),
            Err(blocked) => return blocked,
        }
        // Taken after the prerequisites: holding it while waiting for them would deadlock chains longer than the
        // limit.
        let _permit = match &self.limit {
            Some(limit) => limit.acquire().await.ok(),
            None => None,
        };

        let mut end = End::new(Verdict::Skipped);
        end.started_ms = millis(self.shared.started.elapsed());
        let started = Clock::instant();
        for number in 1..=planned.step.retries + 1 {
            let (attempt, outcome) = self.attempt(index, number, outputs.clone()).await;
            end.attempts.push(attempt);
            match outcome {
                Ok(output) => {
                    end.verdict = Verdict::Passed;
                    end.flaky = number > 1;
                    end.output = Some(output);
                    end.failure = None;
                    break;
                }
                Err(failure) => {
                    let cancelled = failure.cause == Cause::Cancelled;
                    end.verdict = failure.verdict();
                    end.failure = Some(failure);
                    if cancelled {
                        break;
                    }
                }
            }
        }
        end.duration_ms = millis(started.elapsed());
        end
    }

    /// Waits for everything that stands before a step, and collects the outputs it takes.
    async fn prerequisites(
        self: &Arc<Self>,
        planned: &Planned,
        outputs: &mut HashMap<std::any::TypeId, Value>,
    ) -> Result<(), End> {
        let ordered = || planned.order.iter().copied().filter(|&it| self.wanted[it]);
        for step in planned.needs.iter().copied().chain(ordered()) {
            self.cell(step);
        }
        for step in ordered() {
            self.end_of(step).await;
        }
        for &step in &planned.needs {
            let StepEnd(end) = self.end_of(step).await;
            match (end.verdict, &end.output) {
                (Verdict::Passed, Some(output)) => {
                    for (type_id, _) in planned.inputs.iter().filter(|(_, from)| *from == step) {
                        outputs.insert(*type_id, Arc::clone(output));
                    }
                }
                _ => {
                    let mut blocked = End::new(Verdict::Blocked);
                    // The first cause is what people want to see, not the nearest one.
                    blocked.root = Some(end.root.unwrap_or(step));
                    blocked.failure = end.failure.clone();
                    blocked.started_ms = millis(self.shared.started.elapsed());
                    return Err(blocked);
                }
            }
        }
        Ok(())
    }

    async fn attempt(
        &self,
        index: usize,
        number: u32,
        outputs: HashMap<std::any::TypeId, Value>,
    ) -> (AttemptRecord, Result<Value, Failure>) {
        let step = &self.plan.steps[index].step;
        let recorder = Recorder::new(self.shared.started);
        let started = Clock::instant();
        let limit = self.patience.map_or(step.timeout, |patience| patience.min(step.timeout));
        let deadline = started + limit;
        let started_ms = recorder.now_ms();
        let live = Live { number, started, deadline, recorder: recorder.clone() };
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(index, live);

        let outcome = if self.shared.cancel.is_cancelled() {
            Err(cancelled())
        } else {
            let cx = Context::new(
                Arc::clone(&self.shared),
                step.name.clone(),
                number,
                deadline,
                outputs,
                recorder.clone(),
            );
            let body = Arc::clone(&step.run);
            // A task of its own: a panic ends the step and not the run, and a step that blocks its thread does not
            // keep the time limit from being noticed on another one.
            let mut task = tokio::spawn(async move { body(&cx).await });
            let outcome = tokio::select! {
                outcome = &mut task => outcome.unwrap_or_else(|panic| Err(panic_failure(panic))),
                () = tokio::time::sleep_until(deadline.into()) => Err(self.timed_out(limit, &recorder.log())),
                () = self.shared.cancel.cancelled() => Err(cancelled()),
            };
            task.abort();
            outcome
        };

        let elapsed = started.elapsed();
        let log = given_up(recorder.log());
        let outcome = match (outcome, step.within) {
            (Ok(_), Some(budget)) if elapsed > budget => Err(self.too_slow(elapsed, budget, &log)),
            (outcome, _) => outcome,
        };
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
        let attempt = AttemptRecord {
            number,
            started_ms,
            duration_ms: millis(elapsed),
            verdict: outcome.as_ref().map_or_else(Failure::verdict, |_| Verdict::Passed),
            failure: outcome.as_ref().err().map(FailureRecord::from),
            exchanges: log.exchanges,
            notes: log.notes,
        };
        (attempt, outcome)
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
        if !self.wanted[index] {
            record.reason = Some(step.ignored.as_deref().filter(|_| !self.filtered)?.to_owned());
            return Some(record);
        }
        let ended = self.cells[index].get().and_then(|cell| cell.borrow().clone());
        let Some(StepEnd(end)) = ended else {
            self.unfinished(index, &mut record);
            return Some(record);
        };
        record.verdict = end.verdict;
        record.flaky = end.flaky;
        record.failure = end.failure.as_ref().map(FailureRecord::from);
        record.root = end.root.map(|root| self.plan.steps[root].step.name.to_string());
        record.started_ms = end.started_ms;
        record.duration_ms = end.duration_ms;
        record.attempts.clone_from(&end.attempts);
        Some(record)
    }

    /// What can be said of a step when the process has to be ended before the step ends.
    fn unfinished(&self, index: usize, record: &mut StepRecord) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = match live.get(&index) {
            None => Failure::of(Cause::Cancelled, "the run ended before this step began"),
            Some(it) if Clock::instant() > it.deadline => Failure::of(
                Cause::Timeout,
                format_args!(
                    "blocks its thread: the time limit of {:?} could not be enforced",
                    self.plan.steps[index].step.timeout
                ),
            )
            .remedy("await instead of blocking; put work that blocks into `tokio::task::spawn_blocking`"),
            Some(_) => Failure::of(Cause::Cancelled, "the run ended while this step was running"),
        };
        record.verdict = failure.verdict();
        record.failure = Some(FailureRecord::from(&failure));
        if let Some(Live { number, started, deadline: _, recorder }) = live.get(&index) {
            let log = given_up(recorder.log());
            record.duration_ms = millis(started.elapsed());
            record.started_ms = (recorder.now_ms() - record.duration_ms).max(0.0);
            record.attempts.push(AttemptRecord {
                number: *number,
                started_ms: record.started_ms,
                duration_ms: record.duration_ms,
                verdict: record.verdict,
                failure: record.failure.clone(),
                exchanges: log.exchanges,
                notes: log.notes,
            });
        }
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
