//! Undoing what a run creates, however it ends, and leaving word of it in case it ends by `kill -9`.

use std::{
    collections::HashSet,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::context::{Context, FromContext, Outputs, Recorder, RunShared};
use crate::{
    clock::Clock,
    failure::{Failure, Result},
    record::{CleanupRecord, millis},
    verdict::Cause,
};

/// All the time that clean-up has unless [`Limits`](super::Limits) say otherwise, waiting for requests in flight
/// included.
pub const CLEANUP_LIMIT: Duration = Duration::from_secs(5);

/// One thing that a run creates, with the way to remove it again.
///
/// It is plain data, so that it can be journalled before the thing exists and carried out by another process after
/// a kill. It must hold no secret: derive passwords, do not keep them. Removing what is gone already is success.
pub trait Undo: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What kind of thing it is: `user`, `ledger`.
    const KIND: &'static str;

    /// Which one, for people.
    fn name(&self) -> String;

    /// Removes the thing and makes sure that it is gone.
    fn undo(&self, cx: &Context) -> impl Future<Output = Result<()>> + Send;
}

/// Where the intent to create something is written before it is created. Keyed by target: a journal is of use only
/// against the instance it was written for.
pub trait Journal: Send + Sync {
    /// Writes an intent. It must be on disk when this returns.
    ///
    /// # Errors
    /// If it could not be written; then nothing may be created.
    fn intend(&self, entry: &JournalEntry) -> std::io::Result<()>;

    /// Notes that the thing is gone.
    ///
    /// # Errors
    /// If it could not be written; the thing will be removed once more, which does no harm.
    fn done(&self, entry: &JournalEntry) -> std::io::Result<()>;
}

/// A journal for targets that vanish with the process, such as a sandbox inside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn intend(&self, _: &JournalEntry) -> std::io::Result<()> {
        Ok(())
    }

    fn done(&self, _: &JournalEntry) -> std::io::Result<()> {
        Ok(())
    }
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The product instance that the thing is on.
    pub target: String,
    /// The run that created it.
    pub run: String,
    /// The canary that created it.
    pub canary: String,
    /// Number within the run, from 0.
    pub id: u64,
    /// [`Undo::KIND`].
    pub kind: String,
    /// [`Undo::name`].
    pub name: String,
    /// The [`Undo`] itself.
    pub data: Value,
    /// When the intent was written.
    pub at: Timestamp,
}

/// Takes a run's undo actions. A step argument.
///
/// Register *before* creating:
/// ```
/// use coalmine::{Cleanup, Context, Result, Undo};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct DeleteUser { email: String }
///
/// impl Undo for DeleteUser {
///     const KIND: &'static str = "user";
///     fn name(&self) -> String {
///         self.email.clone()
///     }
///     async fn undo(&self, cx: &Context) -> Result<()> {
///         // Ask the product to delete the user; that there is none any more is success.
///         Ok(())
///     }
/// }
///
/// async fn sign_up(cleanup: Cleanup, cx: Context) -> Result<()> {
///     let email = format!("canary-{}@example.com", cx.run());
///     cleanup.intend(DeleteUser { email: email.clone() })?;
///     // Only now ask the product to create the user.
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Cleanup(Context);

impl FromContext for Cleanup {
    fn from_context(cx: &Context) -> Self {
        Self(cx.clone())
    }
}

impl Cleanup {
    /// Promises to undo something that is about to be created.
    ///
    /// # Errors
    /// If the journal cannot be written: then nothing may be created.
    pub fn intend<U: Undo>(&self, undo: U) -> Result<()> {
        self.0.undo().push(self.0.shared(), Arc::new(undo))
    }

    /// Forgets a promise, because a step has removed the thing and seen that it is gone.
    pub fn done<U: Undo>(&self, undo: &U) {
        self.0.undo().forget(U::KIND, &serde_json::to_value(undo).unwrap_or_default());
    }
}

/// The undo actions of one run, in the order in which they were promised.
pub(crate) struct UndoStack {
    journal: Arc<dyn Journal>,
    entries: Mutex<Stack>,
}

#[derive(Default)]
struct Stack {
    next_id: u64,
    open: Vec<Pending>,
}

#[derive(Clone)]
struct Pending {
    entry: JournalEntry,
    action: Arc<dyn Action>,
}

/// [`Undo`] without its type.
trait Action: Send + Sync {
    fn undo(&self, cx: Context) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;
}

struct Typed<U>(Arc<U>);

impl<U: Undo> Action for Typed<U> {
    fn undo(&self, cx: Context) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        let undo = Arc::clone(&self.0);
        Box::pin(async move { undo.undo(&cx).await })
    }
}

impl UndoStack {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, entries: Mutex::default() }
    }

    fn push<U: Undo>(&self, run: &RunShared, undo: Arc<U>) -> Result<()> {
        let data = serde_json::to_value(&*undo).map_err(|error| {
            Failure::of(
                Cause::Prober,
                format_args!("the undo action `{}` has no JSON form: {error}", U::KIND),
            )
        })?;
        let text = format!("{} {data}", undo.name());
        if run.redactor.clean(&text) != text {
            return Err(Failure::of(
                Cause::Prober,
                format_args!("the undo action `{}` holds a secret, which would go into the journal", U::KIND),
            )
            .remedy("derive the secret when undoing instead of keeping it"));
        }
        let mut stack = self.entries();
        let entry = JournalEntry {
            target: run.target.to_string(),
            run: run.run.to_string(),
            canary: run.canary.to_string(),
            id: stack.next_id,
            kind: U::KIND.to_owned(),
            name: undo.name(),
            data,
            at: run.clock.now(),
        };
        self.journal.intend(&entry).map_err(|error| {
            Failure::of(
                Cause::Prober,
                format_args!("the intent to create {} could not be journalled", Thing(&entry)),
            )
            .caused_by(&error)
            .remedy("make room and make the journal's folder writable; nothing was created")
        })?;
        stack.next_id += 1;
        stack.open.push(Pending { entry, action: Arc::new(Typed(undo)) });
        Ok(())
    }

    fn forget(&self, kind: &str, data: &Value) {
        let mut stack = self.entries();
        if let Some(at) = stack.open.iter().rposition(|it| it.entry.kind == kind && it.entry.data == *data) {
            let pending = stack.open.remove(at);
            // A lost "done" only means that the thing is removed once more.
            let _ = self.journal.done(&pending.entry);
        }
    }

    /// Undoes everything that is open, last first, until `deadline`, and tells of each. What could not be undone
    /// stays open.
    ///
    /// An entry leaves the stack only when its thing is gone: whoever drops this future halfway loses nothing, and
    /// what a straggler promises meanwhile is undone as well.
    pub(crate) async fn unwind(
        &self,
        shared: &Arc<RunShared>,
        deadline: Instant,
        tell: impl Fn(CleanupRecord),
    ) {
        let mut tried = HashSet::new();
        while let Some((pending, others)) = self.last_but(&tried) {
            tried.insert(pending.entry.id);
            let started = Clock::instant();
            let recorder = Recorder::new(shared.started);
            let left = deadline.saturating_duration_since(started);
            // One that hangs must leave time for the others.
            let until = started + if others { left / 2 } else { left };
            let outcome = if left.is_zero() {
                Err(format!("not tried: the {:?} of clean-up were over", shared.limits.cleanup))
            } else {
                let cx = Context::new(
                    Arc::clone(shared),
                    "clean-up".into(),
                    1,
                    until,
                    Outputs::new(),
                    recorder.clone(),
                );
                // A task of its own: a panic in one undo action must not keep the others from being tried.
                let mut task = tokio::spawn(pending.action.undo(cx));
                match tokio::time::timeout_at(until.into(), &mut task).await {
                    Ok(Ok(outcome)) => outcome.map_err(|failure| failure.to_string()),
                    Ok(Err(panic)) => Err(super::run::panic_failure(panic).to_string()),
                    Err(_) => {
                        task.abort();
                        let limit = shared.limits.cleanup;
                        Err(format!("still running when its share of the {limit:?} of clean-up was over"))
                    }
                }
            };
            if outcome.is_ok() {
                self.entries().open.retain(|it| it.entry.id != pending.entry.id);
                let _ = self.journal.done(&pending.entry);
            }
            tell(CleanupRecord {
                kind: pending.entry.kind,
                name: pending.entry.name,
                duration_ms: millis(started.elapsed()),
                error: outcome.err(),
                exchanges: recorder.log().exchanges,
            });
        }
    }

    /// The last promise that is open and not yet tried, and whether there are others.
    fn last_but(&self, tried: &HashSet<u64>) -> Option<(Pending, bool)> {
        let stack = self.entries();
        let mut open = stack.open.iter().rev().filter(|it| !tried.contains(&it.entry.id));
        let last = open.next()?.clone();
        Some((last, open.next().is_some()))
    }

    fn entries(&self) -> MutexGuard<'_, Stack> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been promised and not yet undone.
    pub(crate) fn open(&self) -> Vec<JournalEntry> {
        let stack = self.entries();
        stack.open.iter().map(|it| it.entry.clone()).collect()
    }
}

/// `user "a@b"`.
struct Thing<'a>(&'a JournalEntry);

impl fmt::Display for Thing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.0.kind, self.0.name)
    }
}
