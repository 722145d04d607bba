//! Gives finished runs, and the schedule's state, to the store: in order, and again if it must.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Event, event::Events, timer};
use crate::{
    clock::Clock,
    store::{AlertRows, Finished, Schedule, Store, StoreError},
};

/// How many runs are held while the store takes none. Then the oldest are lost.
pub const BACKLOG: usize = 1000;

/// How many are handed over at once: a store can write them together, and wait for the disk once.
const GROUP: usize = 64;

/// The waits from one try to the next, in seconds of the service's clock. The last one repeats.
const BACK_OFF: [i64; 6] = [1, 2, 5, 10, 30, 60];

/// From one try to the next when the service is stopping.
const IN_A_HURRY: Duration = Duration::from_millis(200);

/// How often the store is told to remove what is too old.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);

/// Whether runs are being kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Why not, and since when.
    pub trouble: Option<(Timestamp, String)>,
    /// How many runs wait for the store.
    pub waiting: usize,
    /// How many runs are lost.
    pub lost: u64,
}

/// The store's only writer.
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    clock: Clock,
    events: Events,
    /// How long somebody waits for the store.
    patience: Duration,
    state: Mutex<State>,
    /// There is something to do.
    work: Notify,
    closing: CancellationToken,
    /// Nothing is left to do, and nothing more will come.
    done: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    runs: VecDeque<Waiting>,
    /// What has changed of alerts without a run, or with one that is lost.
    alerts: AlertRows,
    /// The newest of each canary.
    entries: BTreeMap<String, Schedule>,
    /// Those who wait for what is in [`Self::alerts`].
    wait_for_alerts: Vec<oneshot::Sender<()>>,
    /// Those who wait for what the store is being given of alerts.
    wait_for_given: Vec<oneshot::Sender<()>>,
    /// Those who wait until the entries have been tried.
    waiting: Vec<oneshot::Sender<()>>,
    trouble: Option<(Timestamp, String)>,
    lost: u64,
}

/// A run that waits for the store.
struct Waiting {
    run: Finished,
    /// What it has changed of alerts: to be kept with it.
    alerts: AlertRows,
    /// Who waits for it.
    told: Option<oneshot::Sender<()>>,
}

/// What to do next.
enum Work {
    /// Side by side, so that a store can write them together.
    Keep {
        entries: Vec<Schedule>,
        runs: Vec<(Finished, AlertRows)>,
        alerts: AlertRows,
    },
    Sweep,
}

impl Keeper {
    pub(super) fn new(store: Arc<dyn Store>, clock: Clock, events: Events, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            events,
            patience,
            state: Mutex::default(),
            work: Notify::new(),
            closing: CancellationToken::new(),
            done: CancellationToken::new(),
        })
    }

    /// Keeps a run, and with it what it has changed of alerts; done when the store has both. If the store does not take
    /// it, or does not answer, it is tried again later, and this is done all the same.
    pub(super) async fn keep(&self, run: Finished, alerts: AlertRows) {
        let (told, done) = oneshot::channel();
        let lost = {
            let mut state = self.state();
            state.runs.push_back(Waiting { run, alerts, told: Some(told) });
            let lost = if state.runs.len() > BACKLOG { state.runs.pop_front() } else { None };
            state.lost += u64::from(lost.is_some());
            lost.map(|Waiting { run, alerts, told: _ }| {
                // Whom it has called must be known also without it. It is older than what waits already.
                let later = std::mem::replace(&mut state.alerts, alerts);
                state.alerts.merge(later);
                run
            })
        };
        if let Some(Finished { record, .. }) = lost {
            let (canary, run) = (record.canary.clone(), record.run.clone());
            self.events.tell(Event::RunLost { canary, run });
        }
        self.work.notify_one();
        self.wait(done).await;
    }

    /// Keeps an entry of the schedule, soon.
    pub(super) fn put(&self, entry: Schedule) {
        self.state().entries.insert(entry.canary.clone(), entry);
        self.work.notify_one();
    }

    /// Keeps what has changed of alerts without a run: hands it over at once, and waits as [`Self::keep`] does.
    pub(super) fn keep_alerts(&self, rows: AlertRows) -> impl Future<Output = ()> + Send + '_ {
        let waiting = (!rows.is_empty()).then(|| {
            let (told, done) = oneshot::channel();
            let mut state = self.state();
            state.alerts.merge(rows);
            state.wait_for_alerts.push(told);
            done
        });
        if waiting.is_some() {
            self.work.notify_one();
        }
        async move {
            if let Some(done) = waiting {
                self.wait(done).await;
            }
        }
    }

    /// Waits until all entries are in the store, or it is in trouble.
    pub(super) async fn settled(&self) {
        let (told, done) = oneshot::channel();
        {
            let mut state = self.state();
            if state.entries.is_empty() {
                return;
            }
            state.waiting.push(told);
        }
        self.work.notify_one();
        self.wait(done).await;
    }

    async fn wait(&self, done: oneshot::Receiver<()>) {
        if self.state().trouble.is_some() {
            return;
        }
        if tokio::time::timeout(self.patience, done).await.is_err() {
            self.in_trouble(&format!("the store has not answered for {:?}", self.patience));
        }
    }

    pub(super) fn health(&self) -> StoreHealth {
        let State { runs, trouble, lost, .. } = &*self.state();
        StoreHealth { trouble: trouble.clone(), waiting: runs.len(), lost: *lost }
    }

    /// Waits until everything is in the store, but not longer than that; how many runs are not.
    pub(super) async fn close(&self, limit: Duration) -> usize {
        self.closing.cancel();
        let _ = tokio::time::timeout(limit, self.done.cancelled()).await;
        self.state().runs.len()
    }

    /// Ends it when it has nothing to do.
    pub(super) fn close_soon(&self) {
        self.closing.cancel();
    }

    /// Until it is closed, and nothing is left.
    pub(super) async fn work(self: Arc<Self>) {
        let mut tries = 0;
        let mut sweep = self.clock.now();
        loop {
            let moved = self.clock.moved();
            let work = self.next(sweep);
            let Some(work) = work else {
                if self.closing.is_cancelled() {
                    break;
                }
                tokio::select! {
                    () = self.work.notified() => (),
                    () = self.closing.cancelled() => (),
                    () = timer::until(&self.clock, moved, Some(sweep)) => (),
                }
                continue;
            };
            match self.do_it(&work).await {
                Ok(()) => {
                    tries = 0;
                    self.is_well();
                    if matches!(work, Work::Sweep) {
                        sweep = self.clock.now().checked_add(SWEEP).unwrap_or(Timestamp::MAX);
                    }
                }
                Err(error) => {
                    self.in_trouble(&error.to_string());
                    self.wait_after(tries).await;
                    tries += 1;
                }
            }
        }
        self.done.cancel();
    }

    fn next(&self, sweep: Timestamp) -> Option<Work> {
        let mut state = self.state();
        // A store in trouble is tried with one.
        let group = if state.trouble.is_some() { 1 } else { GROUP };
        if !state.runs.is_empty() || !state.entries.is_empty() || !state.alerts.is_empty() {
            let mut waiting = std::mem::take(&mut state.wait_for_alerts);
            state.wait_for_given.append(&mut waiting);
            return Some(Work::Keep {
                entries: state.entries.values().take(group).cloned().collect(),
                runs: state.runs.iter().take(group).map(|it| (it.run.clone(), it.alerts.clone())).collect(),
                alerts: std::mem::take(&mut state.alerts),
            });
        }
        (sweep <= self.clock.now() && !self.closing.is_cancelled()).then_some(Work::Sweep)
    }

    /// Does it, as far as it goes.
    async fn do_it(&self, work: &Work) -> Result<(), StoreError> {
        match work {
            Work::Keep { entries, runs, alerts } => {
                // The schedule is handed over first: what was told of a run must not be kept without the time of the
                // next one, or a process that is killed between the two would make it once more.
                let keep_alerts =
                    async { if alerts.is_empty() { Ok(()) } else { self.store.commit(None, alerts).await } };
                let (put, added, told) = tokio::join!(
                    all(entries.iter().map(|it| self.store.put_schedule(it))),
                    all(runs.iter().map(|(run, alerts)| self.store.commit(Some(run), alerts))),
                    keep_alerts,
                );
                self.kept_alerts(alerts, told.is_ok());
                let well = |end: &Result<(), StoreError>| end.is_ok();
                self.kept_entries(put.iter().zip(entries).filter(|(end, _)| well(end)).map(|it| it.1));
                self.kept_runs(added.iter().zip(runs).filter(|(end, _)| well(end)).map(|it| &it.1.0));
                self.release_settled();
                put.into_iter().chain(added).chain([told]).collect()
            }
            Work::Sweep => self.store.sweep(self.clock.now()).await.map(drop),
        }
    }

    fn kept_runs<'r>(&self, kept: impl Iterator<Item = &'r Finished>) {
        let mut state = self.state();
        for run in kept {
            // It may have been lost meanwhile; otherwise it is among the first.
            let at = state.runs.iter().position(|it| it.run.record.run == run.record.run);
            if let Some(Waiting { told, .. }) = at.and_then(|at| state.runs.remove(at)) {
                release(told.into_iter());
            }
        }
    }

    fn kept_entries<'e>(&self, kept: impl Iterator<Item = &'e Schedule>) {
        let mut state = self.state();
        for entry in kept {
            // A newer one has to be put as well.
            if state.entries.get(&entry.canary) == Some(entry) {
                state.entries.remove(&entry.canary);
            }
        }
    }

    fn kept_alerts(&self, rows: &AlertRows, kept: bool) {
        let mut state = self.state();
        if kept {
            release(state.wait_for_given.drain(..));
        } else {
            let later = std::mem::replace(&mut state.alerts, rows.clone());
            state.alerts.merge(later);
        }
    }

    fn release_settled(&self) {
        let mut state = self.state();
        if state.entries.is_empty() {
            release(state.waiting.drain(..));
        }
    }

    /// After a success.
    fn is_well(&self) {
        let mut state = self.state();
        let all = state.runs.is_empty() && state.entries.is_empty() && state.alerts.is_empty();
        if all && state.trouble.take().is_some() {
            drop(state);
            self.events.tell(Event::StoreWell);
        }
    }

    fn in_trouble(&self, error: &str) {
        let mut state = self.state();
        let news = state.trouble.as_ref().is_none_or(|(_, known)| known != error);
        let since = state.trouble.as_ref().map_or_else(|| self.clock.now(), |(since, _)| *since);
        state.trouble = Some((since, error.to_owned()));
        // Nobody waits for a store in trouble. Told first, so that the trouble comes before what it is about.
        if news {
            self.events.tell(Event::StoreTrouble { error: error.to_owned() });
        }
        release(state.runs.iter_mut().filter_map(|it| it.told.take()));
        release(state.waiting.drain(..));
        release(state.wait_for_alerts.drain(..));
        release(state.wait_for_given.drain(..));
    }

    async fn wait_after(&self, tries: usize) {
        if self.closing.is_cancelled() {
            return tokio::time::sleep(IN_A_HURRY).await;
        }
        let back_off = SignedDuration::from_secs(BACK_OFF[tries.min(BACK_OFF.len() - 1)]);
        let until = self.clock.now().checked_add(back_off).unwrap_or(Timestamp::MAX);
        loop {
            let moved = self.clock.moved();
            // A clock that has gone back must not make this wait for the old time.
            let left = until.duration_since(self.clock.now());
            if left <= SignedDuration::ZERO || left > back_off || self.closing.is_cancelled() {
                return;
            }
            tokio::select! {
                () = timer::until(&self.clock, moved, Some(until)) => (),
                () = self.closing.cancelled() => (),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }
}

/// Waits for all of them, side by side.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T> + Unpin>) -> Vec<T> {
    let mut open: Vec<_> = futures.map(|it| (it, None)).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (future, end) in open.iter_mut().filter(|(_, end)| end.is_none()) {
            match Pin::new(future).poll(cx) {
                Poll::Ready(value) => *end = Some(value),
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    open.into_iter().filter_map(|(_, end)| end).collect()
}

/// Tells those who wait. Some may have stopped waiting.
fn release(waiting: impl Iterator<Item = oneshot::Sender<()>>) {
    for told in waiting {
        let _ = told.send(());
    }
}
