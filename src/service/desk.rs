//! The alerts' desk: looks at each finished run, and tells notifiers until everything has arrived.
//!
//! What is decided stands in one [`Book`]; this file keeps it, gives it the time, and does what it wants done. A run's
//! effect on alerts goes to the store with the run itself, and nobody is told of it before both are there, unless the
//! store is in trouble: a page does not wait for a disk.

mod gate;
mod remote;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use self::gate::Gate;
use super::{Event, event::Events, keeper::Keeper, timer};
use crate::{
    alert::{
        Book, Page, RunFacts,
        notifier::{Notifier, Outcome},
        post::Attempt,
    },
    clock::Clock,
    redact::Redactor,
    schedule::Rhythm,
    store::{AlertRows, Finished},
};

/// How long after the start pages wait for the server that signs their links.
const LINKS: Duration = Duration::from_secs(2);

/// How long a notifier may take. Each has a limit of its own, well below this one; a page must not depend on it.
const SENDING: Duration = Duration::from_secs(60);

/// How long a link in a page can be opened.
const LINK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Between a look at the book and the next one at least: a crowd of runs is looked at together, and what seems to be due
/// for ever costs no processor.
const APART: Duration = Duration::from_millis(2);

/// While so many attempts are on their way, over all notifiers, no further ones are begun.
const AT_ONCE: usize = 64;

/// Makes the address of a path that can be opened until then by whoever has it.
pub type Links = Arc<dyn Fn(&str, Timestamp) -> String + Send + Sync>;

/// How attempts have ended since the service started, for metrics.
#[derive(Debug, Default)]
pub struct DeliveryCounts {
    /// Taken by a notifier.
    pub accepted: AtomicU64,
    /// Refused.
    pub refused: AtomicU64,
    /// Not taken, or perhaps not.
    pub failed: AtomicU64,
}

pub(super) struct Desk {
    book: Mutex<Book>,
    notifiers: HashMap<String, Arc<dyn Notifier>>,
    keeper: Arc<Keeper>,
    clock: Clock,
    events: Events,
    redactor: Redactor,
    /// When the pager is drilled.
    drills: Option<Rhythm>,
    /// Who makes links, from when the server has started.
    links: OnceLock<Links>,
    linked: Notify,
    /// Runs that are not kept yet.
    gate: Gate,
    /// There is something to do.
    work: Notify,
    /// The book has changed: for those who wait until it says something.
    changed: Notify,
    /// A drill has begun.
    drilling: Notify,
    /// Since when, and why, a notifier could not be asked what it shows, by its name. Written by those who ask.
    blind: Mutex<BTreeMap<String, (Timestamp, String)>>,
    counts: DeliveryCounts,
    attempts: TaskTracker,
    /// How many attempts are on their way.
    flying: AtomicUsize,
    started: Instant,
    /// No more: what has not arrived is told by the next process.
    stop: CancellationToken,
    /// The end of the work.
    done: CancellationToken,
}

/// What a desk is made with.
pub(super) struct DeskOptions {
    pub(super) notifiers: Vec<Arc<dyn Notifier>>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) clock: Clock,
    pub(super) events: Events,
    pub(super) redactor: Redactor,
    pub(super) drills: Option<Rhythm>,
}

impl Desk {
    pub(super) fn new(book: Book, options: DeskOptions) -> Arc<Self> {
        let DeskOptions { notifiers, keeper, clock, events, redactor, drills } = options;
        let notifiers = notifiers.into_iter().map(|it| (it.manner().name.clone(), it)).collect();
        Arc::new(Self {
            book: Mutex::new(book),
            notifiers,
            keeper,
            clock,
            events,
            redactor,
            drills,
            links: OnceLock::new(),
            linked: Notify::new(),
            gate: Gate::default(),
            work: Notify::new(),
            changed: Notify::new(),
            drilling: Notify::new(),
            blind: Mutex::default(),
            counts: DeliveryCounts::default(),
            attempts: TaskTracker::new(),
            flying: AtomicUsize::new(0),
            started: Clock::instant(),
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        })
    }

    /// Takes a finished run in and keeps it. When this is done both are in the store, or it is in trouble.
    pub(super) async fn keep(&self, finished: Finished) {
        let facts = RunFacts::of(&finished.record, finished.trigger);
        let (ticket, rows) = {
            let mut book = self.book();
            book.observe(&facts, self.clock.now());
            (self.gate.enter(), self.rows(&mut book))
        };
        self.keeper.keep(finished, rows).await;
        drop(ticket);
        self.has_changed();
    }

    /// Does something with the book, keeps what it has changed, and sees to it that it is told.
    pub(super) async fn change<T>(&self, change: impl FnOnce(&mut Book, Timestamp) -> T) -> T {
        let (value, kept) = {
            let mut book = self.book();
            let value = change(&mut book, self.clock.now());
            let rows = self.rows(&mut book);
            (value, self.keeper.keep_alerts(rows))
        };
        self.has_changed();
        kept.await;
        value
    }

    /// The same, without waiting for the store.
    pub(super) fn change_soon<T>(&self, change: impl FnOnce(&mut Book, Timestamp) -> T) -> T {
        let mut book = self.book();
        let value = change(&mut book, self.clock.now());
        let rows = self.rows(&mut book);
        drop(self.keeper.keep_alerts(rows));
        drop(book);
        self.has_changed();
        value
    }

    /// Looks at the book, without changing it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Book, Timestamp) -> T) -> T {
        look(&self.book(), self.clock.now())
    }

    /// A drill has begun: it is looked at sooner than otherwise.
    pub(super) fn drilling(&self) {
        self.drilling.notify_one();
    }

    /// Why nobody knows what a notifier shows, and since when.
    pub(super) fn blind(&self) -> Option<(Timestamp, String)> {
        super::lock(&self.blind).values().min().cloned()
    }

    pub(super) fn counts(&self) -> &DeliveryCounts {
        &self.counts
    }

    /// From now on pages have links.
    pub(super) fn set_links(&self, links: Links) {
        let _ = self.links.set(links);
        self.linked.notify_waiters();
    }

    /// Until it is closed.
    pub(super) async fn work(self: Arc<Self>) {
        tokio::spawn(Arc::clone(&self).compare());
        tokio::spawn(Arc::clone(&self).drill());
        while !self.stop.is_cancelled() {
            // Taken before looking, so that no move is overlooked.
            let moved = self.clock.moved();
            let wake = self.send_what_is_due().await;
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.work.notified() => (),
                () = timer::until(&self.clock, moved, wake) => (),
            }
            tokio::time::sleep(APART).await;
        }
        self.attempts.close();
        self.attempts.wait().await;
        self.done.cancel();
    }

    /// Waits until everything has arrived, but no longer than that, and ends.
    pub(super) async fn close(&self, limit: Duration) {
        let settled = async {
            loop {
                // Listens before looking, so that no change is overlooked.
                let changed = self.changed.notified();
                if self.look(|book, now| book.is_settled(now)) {
                    return;
                }
                changed.await;
            }
        };
        let begun = Clock::instant();
        let _ = tokio::time::timeout(limit, settled).await;
        self.stop.cancel();
        let _ = tokio::time::timeout(limit.saturating_sub(begun.elapsed()), self.done.cancelled()).await;
    }

    /// Ends it, whatever has arrived.
    pub(super) fn close_soon(&self) {
        self.stop.cancel();
    }

    fn has_changed(&self) {
        self.changed.notify_waiters();
        self.work.notify_one();
    }

    /// A service that has just started has no server yet, perhaps.
    async fn wait_for_links(&self) {
        let linked = self.linked.notified();
        let left = LINKS.saturating_sub(self.started.elapsed());
        if self.links.get().is_none() {
            tokio::select! {
                () = linked => (),
                () = self.stop.cancelled() => (),
                () = tokio::time::sleep(left) => (),
            }
        }
    }

    /// Begins what is due; when to come back.
    async fn send_what_is_due(self: &Arc<Self>) -> Option<Timestamp> {
        let now = self.clock.now();
        let (due, ticket, kept, wake) = {
            let mut book = self.book();
            book.tick(now);
            // Whichever of them ends says so.
            let full = self.flying.load(Ordering::SeqCst) >= AT_ONCE;
            let due = if full { Vec::new() } else { book.due(now) };
            let rows = self.rows(&mut book);
            let kept = self.keeper.keep_alerts(rows);
            (due, self.gate.last(), kept, book.wake(now).filter(|_| !full))
        };
        self.changed.notify_waiters();
        if due.is_empty() {
            return wake;
        }
        let due: Vec<_> = due.into_iter().map(|(attempt, page)| (Flying::of(self), attempt, page)).collect();
        // That something is on its way is kept before it goes: a kill must not make it a thing that nobody knows of.
        kept.await;
        for (flying, attempt, page) in due {
            self.attempts.spawn(async move {
                flying.0.gate.left(ticket).await;
                flying.0.send(attempt, page).await;
            });
        }
        wake
    }

    async fn send(self: &Arc<Self>, attempt: Attempt, page: Page) {
        let begun = Clock::instant();
        let outcome = self.clean(self.ask(&attempt, page).await);
        let count = match &outcome {
            Outcome::Accepted { .. } => &self.counts.accepted,
            Outcome::Refused { .. } => &self.counts.refused,
            Outcome::NotTaken { .. } | Outcome::Unknown { .. } => &self.counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let took = begun.elapsed();
        self.change_soon(|book, now| book.ended(&attempt, &outcome, took, now));
        self.events.tell(Event::Told {
            incident: attempt.incident.clone(),
            key: attempt.key.clone(),
            notifier: attempt.notifier.clone(),
            action: attempt.action,
            accepted: matches!(outcome, Outcome::Accepted { .. }),
            answer: outcome.text().to_owned(),
            took_ms: crate::record::millis(took),
        });
    }

    /// Asks the notifier, in a task of its own: however that goes, the attempt has an end, and is made again.
    async fn ask(self: &Arc<Self>, attempt: &Attempt, mut page: Page) -> Outcome {
        let Some(notifier) = self.notifiers.get(&attempt.notifier).cloned() else {
            return Outcome::NotTaken { why: "it is not configured".to_owned(), retry_after: None };
        };
        self.wait_for_links().await;
        let (desk, action, minimal) = (Arc::clone(self), attempt.action, attempt.minimal);
        let asked = AbortOnDropHandle::new(tokio::spawn(async move {
            desk.link(&mut page);
            notifier.send(&page, action, minimal).await
        }));
        match tokio::time::timeout(SENDING, asked).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Unknown { why: "the notifier panicked".to_owned() },
            Err(_) => Outcome::Unknown {
                why: format!("the notifier has not come to an end within {} s", SENDING.as_secs()),
            },
        }
    }

    /// The addresses that a phone at night can open.
    fn link(&self, page: &mut Page) {
        let Some(links) = self.links.get() else { return };
        let until = self.clock.now().saturating_add(LINK).unwrap_or(Timestamp::MAX);
        let newest = page.roots.iter().max_by_key(|it| it.started).map(|it| it.run.as_str());
        page.run_link = newest.map(|run| links(&crate::report::html::run_path(run), until));
        page.incident_link = (!page.incident.is_empty())
            .then(|| links(&crate::report::html::incident_path(&page.incident), until));
    }

    /// What a notifier says may repeat what it was sent.
    fn clean(&self, outcome: Outcome) -> Outcome {
        let clean = |text: String| self.redactor.clean(&text).into_owned();
        match outcome {
            Outcome::Accepted { answer } => Outcome::Accepted { answer: clean(answer) },
            Outcome::Refused { answer } => Outcome::Refused { answer: clean(answer) },
            Outcome::NotTaken { why, retry_after } => Outcome::NotTaken { why: clean(why), retry_after },
            Outcome::Unknown { why } => Outcome::Unknown { why: clean(why) },
        }
    }

    /// What the book has changed; tells of incidents that have.
    fn rows(&self, book: &mut Book) -> AlertRows {
        let rows = book.rows();
        for row in &rows.incidents {
            if let Some(incident) = book.incident(&row.id) {
                self.events.tell(Event::IncidentChanged(Box::new(incident.clone())));
            }
        }
        rows
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        super::lock(&self.book)
    }
}

/// An attempt that is on its way; its end makes room for others.
struct Flying(Arc<Desk>);

impl Flying {
    fn of(desk: &Arc<Desk>) -> Self {
        desk.flying.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(desk))
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.flying.fetch_sub(1, Ordering::SeqCst);
        self.0.work.notify_one();
    }
}
