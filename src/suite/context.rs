//! What a step's argument may be, and what it is built from.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{cleanup::UndoStack, run::Limits};
use crate::{
    clock::Clock,
    record::{CERTIFICATES, CertificateRecord, Exchange, MailRecord, millis},
    redact::Redactor,
};

pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// The outputs that a step takes: a handful, so a list and no map.
pub(crate) type Outputs = Vec<(TypeId, Value)>;

/// A type that a step can take as an argument.
///
/// Clients and fixtures implement it to be built for one step of one run, so that they record, redact and respect
/// deadlines under that step's name without any global state.
///
/// ```
/// use coalmine::{Context, FromContext, Needs};
///
/// struct Greeting(String);
/// impl FromContext for Greeting {
///     fn from_context(cx: &Context) -> Self {
///         Self(format!("hello from {}", cx.step()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a canary step",
    label = "not a step argument",
    note = "take `Out<{Self}>` for the output of an earlier step, or implement `FromContext`"
)]
pub trait FromContext: Sized + Send + 'static {
    /// Declares, before any step runs, what building this argument will take.
    fn needs(_: &mut Needs) {}

    /// Builds the argument for one attempt of one step.
    fn from_context(cx: &Context) -> Self;
}

/// The output of an earlier step; taking it makes that step a prerequisite.
pub struct Out<T>(Arc<T>);

/// The output of an earlier step that this step destroys: it runs after every other step that takes the same `T`.
///
/// Use it for the step that deletes the credential, removes the member, closes the account.
pub struct Ends<T>(Arc<T>);

impl<T: Send + Sync + 'static> FromContext for Out<T> {
    fn needs(needs: &mut Needs) {
        needs.output::<T>();
    }

    fn from_context(cx: &Context) -> Self {
        Self(cx.output::<T>())
    }
}

impl<T: Send + Sync + 'static> FromContext for Ends<T> {
    fn needs(needs: &mut Needs) {
        needs.output::<T>();
        needs.ends.push(Key::of::<T>());
    }

    fn from_context(cx: &Context) -> Self {
        Self(cx.output::<T>())
    }
}

impl<T> Deref for Out<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Ends<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What a step needs, gathered from its argument types.
#[derive(Default)]
pub struct Needs {
    pub(crate) outputs: Vec<Key>,
    pub(crate) ends: Vec<Key>,
    pub(crate) resources: Vec<Key>,
}

impl Needs {
    /// The output of the step that returns a `T`.
    pub fn output<T: 'static>(&mut self) {
        self.outputs.push(Key::of::<T>());
    }

    /// A resource that is given to the run from outside, see [`Resources`].
    pub fn resource<T: 'static>(&mut self) {
        self.resources.push(Key::of::<T>());
    }
}

/// A type and its name, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: TypeId,
    pub(crate) full_name: &'static str,
}

impl Key {
    pub(crate) fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), full_name: type_name::<T>() }
    }

    /// `onboarding::SignUp` reads as `SignUp`, `list::Page<api::Account>` as `Page<api::Account>`; what does not
    /// begin with a path, such as a tuple, stays whole.
    pub(crate) fn name(&self) -> &'static str {
        let head = self.full_name.find(['<', '(', '[', '&', ' ']).unwrap_or(self.full_name.len());
        let start = self.full_name[..head].rfind("::").map_or(0, |at| at + 2);
        &self.full_name[start..]
    }
}

/// What runs are given from outside: the target, connection pools, the mailbox. Keyed by type; clones share.
#[derive(Clone, Default)]
pub struct Resources(Arc<HashMap<TypeId, Value>>);

impl Resources {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds, or replaces, the one resource of type `T`.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(self, resource: T) -> Self {
        self.with_shared(Arc::new(resource))
    }

    /// As [`Self::with`], for what others hold as well.
    #[must_use]
    pub fn with_shared<T: Send + Sync + 'static>(mut self, resource: Arc<T>) -> Self {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), resource);
        self
    }

    /// The resource of type `T`.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.0.get(&TypeId::of::<T>())?;
        Some(Arc::clone(value).downcast().expect("resources are keyed by their own type"))
    }

    pub(crate) fn has(&self, key: &Key) -> bool {
        self.0.contains_key(&key.id)
    }
}

/// What all steps of one run share.
pub(crate) struct RunShared {
    pub(crate) suite: Arc<str>,
    pub(crate) canary: Arc<str>,
    pub(crate) run: Arc<str>,
    pub(crate) trace: Arc<str>,
    pub(crate) target: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) started: Instant,
    pub(crate) redactor: Redactor,
    pub(crate) resources: Resources,
    pub(crate) undo: UndoStack,
    /// Requests on the wire. A step that is given up leaves its request to end by itself, so that nobody deletes a
    /// thing whose creation is still being worked on.
    pub(crate) in_flight: TaskTracker,
    pub(crate) cancel: CancellationToken,
    pub(crate) limits: Limits,
    /// Written by clients as they see them, read when the run is recorded.
    pub(crate) certificates: Mutex<Vec<CertificateRecord>>,
}

impl RunShared {
    pub(crate) fn certificates(&self) -> MutexGuard<'_, Vec<CertificateRecord>> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one attempt of one step can see. Clones are the same context.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    shared: Arc<RunShared>,
    step: Arc<str>,
    attempt: u32,
    deadline: Instant,
    outputs: Outputs,
    recorder: Recorder,
}

impl Context {
    pub(crate) fn new(
        shared: Arc<RunShared>,
        step: Arc<str>,
        attempt: u32,
        deadline: Instant,
        outputs: Outputs,
        recorder: Recorder,
    ) -> Self {
        Self(Arc::new(Inner { shared, step, attempt, deadline, outputs, recorder }))
    }

    /// The step's name.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.0.step
    }

    /// Number of the attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Id of the run: lower-case letters and digits, unique.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.0.shared.run
    }

    /// W3C trace id of the run: 32 hexadecimal digits.
    #[must_use]
    pub fn trace(&self) -> &str {
        &self.0.shared.trace
    }

    /// The suite's name.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.0.shared.suite
    }

    /// The canary's name.
    #[must_use]
    pub fn canary(&self) -> &str {
        &self.0.shared.canary
    }

    /// The product instance under watch.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.shared.target
    }

    /// The run's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.shared.clock
    }

    /// How much of the step's time is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.0.deadline.saturating_duration_since(Clock::instant())
    }

    /// The run's redactor. What a client learns on the way (sessions, mailed codes) is to be registered here.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.0.shared.redactor
    }

    /// Where exchanges and notes of this attempt go.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.0.recorder
    }

    /// A resource that the type's [`FromContext::needs`] has declared.
    ///
    /// # Panics
    /// If it was not declared, and not given either.
    #[must_use]
    pub fn resource<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.shared.resources.get().unwrap_or_else(|| {
            let key = Key::of::<T>();
            panic!("`{}` was asked for without being declared in `FromContext::needs`", key.full_name)
        })
    }

    /// Runs a piece of work that must come to its end even if the step is given up meanwhile, such as a request
    /// that creates something. Clean-up waits for it.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.shared.in_flight.spawn(work)
    }

    /// Keeps until when a host's certificate is valid. Of several the first end counts, and no more than
    /// [`CERTIFICATES`] hosts are kept.
    pub fn saw_certificate(&self, host: &str, not_after: Timestamp) {
        let mut seen = self.0.shared.certificates();
        match seen.binary_search_by(|it| it.host.as_str().cmp(host)) {
            Ok(at) => seen[at].not_after = seen[at].not_after.min(not_after),
            Err(at) if seen.len() < CERTIFICATES => {
                seen.insert(at, CertificateRecord { host: host.to_owned(), not_after });
            }
            Err(_) => (),
        }
    }

    pub(crate) fn undo(&self) -> &UndoStack {
        &self.0.shared.undo
    }

    pub(crate) fn shared(&self) -> &Arc<RunShared> {
        &self.0.shared
    }

    fn output<T: Send + Sync + 'static>(&self) -> Arc<T> {
        let mut outputs = self.0.outputs.iter();
        let (_, value) =
            outputs.find(|(id, _)| *id == TypeId::of::<T>()).expect("the plan provides every declared need");
        Arc::clone(value).downcast().expect("outputs are keyed by their own type")
    }
}

impl FromContext for Context {
    fn from_context(cx: &Context) -> Self {
        cx.clone()
    }
}

/// Gathers what one attempt does. Clones write to the same attempt.
#[derive(Clone)]
pub struct Recorder {
    run_started: Instant,
    /// Written by clients while the attempt runs, read when it is over, or by the watchdog.
    log: Arc<Mutex<Log>>,
}

#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) notes: Vec<String>,
    pub(crate) mails: Vec<MailRecord>,
}

impl Recorder {
    pub(crate) fn new(run_started: Instant) -> Self {
        Self { run_started, log: Arc::default() }
    }

    /// Milliseconds since the run began.
    #[must_use]
    pub fn now_ms(&self) -> f64 {
        millis(Clock::instant().saturating_duration_since(self.run_started))
    }

    /// Opens an exchange that is about to be sent; returns its number.
    pub fn begin(&self, mut exchange: Exchange) -> usize {
        exchange.started_ms = self.now_ms();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.exchanges.push(exchange);
        log.exchanges.len() - 1
    }

    /// Completes an exchange. Its duration is set to the time since it was opened.
    pub fn finish(&self, index: usize, complete: impl FnOnce(&mut Exchange)) -> Exchange {
        let now = self.now_ms();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = log.exchanges.get_mut(index).expect("`begin` has given out this number");
        exchange.duration_ms = ((now - exchange.started_ms) * 1e3).round() / 1e3;
        complete(exchange);
        exchange.clone()
    }

    /// Keeps a sentence about what the step saw.
    pub fn note(&self, note: impl Into<String>) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).notes.push(note.into());
    }

    /// Keeps how a mail came that the step had waited for.
    pub fn mail(&self, mail: MailRecord) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).mails.push(mail);
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
