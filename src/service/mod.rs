//! The service: runs canaries on their schedules and whenever somebody asks, keeps what came of it, and tells of it.
//!
//! One task per canary, its actor, owns everything that changes about it: the run in flight, the schedule, who waits.
//! Others send it commands and read a [`CanaryView`] that it publishes. A finished run goes to the [`Store`] first, and
//! only then to anybody else.
//!
//! Reading order: this file (the public face), `options`, `event`, `view`, `ask`, `actor`, `anchors`, `keeper`, `desk`,
//! `alerts`, `history`, `remembered`, `last_day`, `stop`.

mod actor;
mod alerts;
mod anchors;
mod ask;
mod desk;
mod event;
mod history;
mod keeper;
mod last_day;
mod lateness;
mod measures;
mod options;
mod remembered;
mod stop;
mod timer;
mod view;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::AbortHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use actor::{Actor, Command};
pub use alerts::{AlertView, IncidentStory};
use anchors::Anchors;
pub use ask::{Answered, Ask, Refusal};
pub use desk::{DeliveryCounts, Links};
use desk::{Desk, DeskOptions};
pub use event::Event;
use event::Events;
use history::History;
pub use history::{Days, whole_minute};
use keeper::Keeper;
pub use keeper::{BACKLOG, StoreHealth};
use last_day::LastDay;
pub use lateness::{LATENESS_BOUNDS, Lateness};
pub use measures::{Distribution, MAIL_BOUNDS, Measures, RUN_BOUNDS, STEP_BOUNDS, StepMeasures};
pub use options::{Alerts, ServiceError, ServiceOptions};
pub use stop::Stopped;
pub use view::{CanaryView, RECENT, Running, Snapshot};

use crate::{
    clock::Clock,
    redact::Redactor,
    schedule::{Agenda, Missed, Rhythm, Timetable, jitter},
    store::{Filter, Schedule, Store, Totals},
    suite::{CanaryPlan, Plan},
    trace::Traces,
};

/// How far apart canaries begin that would begin at the same time, when the service starts.
const APART: Duration = Duration::from_millis(20);

/// How many commands may wait for one actor. It answers at once, so that they do not.
const COMMANDS: usize = 64;

/// Canaries on a schedule. Clones are the same service; it stops when it is told to, or when the last one is dropped.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
    /// The only senders: without a service there are no more commands, and the actors end.
    actors: Arc<HashMap<String, mpsc::Sender<Command>>>,
}

/// What the service's tasks share.
struct Shared {
    plan: Plan,
    options: ServiceOptions,
    started: Timestamp,
    missed_at_start: Vec<Event>,
    /// What was kept of alerts and cannot be read.
    unread: Vec<String>,
    store: Arc<dyn Store>,
    keeper: Arc<Keeper>,
    desk: Arc<Desk>,
    events: Events,
    /// What the store has said of the past.
    history: History,
    anchors: Anchors,
    /// One per canary of the plan. Written by its actor, read by anybody.
    views: Vec<Mutex<Arc<CanaryView>>>,
    /// One per canary, as the views.
    last_days: Vec<LastDay>,
    /// One per canary: its last run has ended without a record, by a mistake of our own. Written by its actor.
    lost: Vec<AtomicBool>,
    /// All that has to live for as long as the service, with what it does. Set when all has begun.
    tasks: OnceLock<Vec<(String, AbortHandle)>>,
    /// No new runs.
    closing: CancellationToken,
    /// Runs in flight are to end.
    cancel: CancellationToken,
    /// Actors, with the runs that they wait for.
    actors: TaskTracker,
}

impl Service {
    /// Starts the schedules, as the store remembers them.
    ///
    /// # Errors
    /// If a canary's schedule cannot be followed, steps need what they would not be given, or the store cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(
        plan: Plan,
        options: ServiceOptions,
        store: Arc<dyn Store>,
    ) -> Result<Self, ServiceError> {
        let rhythms = rhythms(&plan, &options)?;
        plan.check_resources(&options.resources)?;
        let mut kept: HashMap<String, Schedule> = keyed(store.schedule().await?, |it| &it.canary);
        let mut totals: HashMap<String, Totals> = keyed(store.totals().await?, |it| &it.canary);

        let now = options.clock.now();
        let events = Events::new();
        let keeper = Keeper::new(Arc::clone(&store), options.clock.clone(), events.clone(), options.keep);
        let crowd = APART.saturating_mul(u32::try_from(plan.canaries.len()).unwrap_or(u32::MAX));
        let mut agendas = Vec::with_capacity(plan.canaries.len());
        let mut views = Vec::with_capacity(plan.canaries.len());
        let mut missed_at_start = Vec::new();
        let mut watched = Vec::with_capacity(plan.canaries.len());
        for (canary, rhythm) in plan.canaries.iter().zip(rhythms) {
            let name = canary.name();
            let spread = match &rhythm {
                Some(rhythm) => jitter(name, crowd.min(rhythm.interval(now))),
                None => Duration::ZERO,
            };
            let reads = rhythm.as_ref().map(ToString::to_string);
            let interval = rhythm.as_ref().map(|it| it.interval(now));
            let timetable = rhythm.map(|it| Timetable::new(it, name, options.jitter));
            let (agenda, missed) =
                Agenda::restore(name, timetable, canary.recheck(), kept.remove(name), now, spread);
            watched.push(alerts::watched(&plan, canary, interval, agenda.entry().paused.is_some(), &options));
            if let Some(Missed { planned, late }) = missed {
                keeper.put(agenda.entry());
                let late_ms = late.as_secs_f64() * 1e3;
                missed_at_start.push(Event::MissedRun { canary: name.to_owned(), planned, late_ms });
            }
            let filter = Filter { canary: Some(name.to_owned()), limit: RECENT, ..Filter::default() };
            let runs = store.runs(&filter).await?.items;
            let mut view = CanaryView::new(name, reads, agenda.entry());
            view.measures = Arc::new(Measures::new((0..canary.len()).map(|it| canary.title(it))));
            view.runs = runs.into_iter().filter(|it| !it.filtered).map(Arc::new).collect();
            view.totals = totals.remove(name).unwrap_or(view.totals);
            views.push(Mutex::new(Arc::new(view)));
            agendas.push(agenda);
        }

        let (book, unread) = alerts::book(&plan, &options, watched, &*store, now).await?;
        let desk = Desk::new(
            book,
            DeskOptions {
                notifiers: options.alerts.notifiers.clone(),
                keeper: Arc::clone(&keeper),
                clock: options.clock.clone(),
                events: events.clone(),
                redactor: options.redactor.clone(),
                drills: options.alerts.drills.clone(),
            },
        );
        for event in &missed_at_start {
            if let Event::MissedRun { canary, planned, .. } = event {
                desk.change_soon(|book, now| book.missed(canary, *planned, now));
            }
        }

        let shared = Arc::new(Shared {
            started: now,
            unread,
            desk: Arc::clone(&desk),
            missed_at_start,
            plan,
            store,
            keeper: Arc::clone(&keeper),
            events,
            history: History::default(),
            anchors: Anchors::new(options.anchors.clone()),
            last_days: views.iter().map(|_| LastDay::default()).collect(),
            lost: views.iter().map(|_| AtomicBool::new(false)).collect(),
            tasks: OnceLock::new(),
            views,
            closing: CancellationToken::new(),
            cancel: CancellationToken::new(),
            actors: TaskTracker::new(),
            options,
        });
        let mut tasks = vec![
            ("the keeping of runs".to_owned(), tokio::spawn(keeper.work()).abort_handle()),
            ("the telling of alerts".to_owned(), tokio::spawn(desk.work()).abort_handle()),
        ];
        let mut actors = HashMap::with_capacity(agendas.len());
        for (number, agenda) in agendas.into_iter().enumerate() {
            let (commands, receiver) = mpsc::channel(COMMANDS);
            let name = shared.plan.canaries[number].name().to_owned();
            let actor = shared.actors.spawn(Actor::new(Arc::clone(&shared), number, agenda, receiver).work());
            tasks.push((format!("the schedule of {name}"), actor.abort_handle()));
            actors.insert(name, commands);
        }
        // Nobody else sets it.
        let _ = shared.tasks.set(tasks);
        alerts::beat(&shared);
        Ok(Self { shared, actors: Arc::new(actors) })
    }

    /// What is run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// The product instance under watch, without secrets.
    #[must_use]
    pub fn target(&self) -> String {
        self.redactor().clean(&self.shared.options.target).into_owned()
    }

    /// Where runs are made from.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.shared.options.location
    }

    /// Where finished runs are.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// What the service goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    /// Knows the configured secrets.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.shared.options.redactor
    }

    /// Where the traces of its runs go.
    #[must_use]
    pub fn traces(&self) -> Option<Traces> {
        self.shared.options.traces.clone()
    }

    /// What happens from now on. Who reads too slowly loses events, and is told how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared.events.subscribe()
    }

    /// The runs that were missed while no service was running, one [`Event::MissedRun`] per canary at most. Nobody
    /// could listen when that was found. They count as [`Schedule::missed`] like all others.
    #[must_use]
    pub fn missed_at_start(&self) -> &[Event] {
        &self.shared.missed_at_start
    }

    /// How everything stands, for pages and metrics. Cheap: it copies no run.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let Shared { plan, started, keeper, views, closing, options, .. } = &*self.shared;
        Snapshot {
            suite: Arc::clone(&plan.suite),
            target: self.target(),
            location: self.location().to_owned(),
            started: *started,
            canaries: views.iter().map(|it| Arc::clone(&lock(it))).collect(),
            store: keeper.health(),
            traces: options.traces.as_ref().map(Traces::counts).unwrap_or_default(),
            closing: closing.is_cancelled(),
        }
    }

    /// How one canary stands.
    #[must_use]
    pub fn canary(&self, name: &str) -> Option<Arc<CanaryView>> {
        let number = self.shared.plan.canaries.iter().position(|it| it.name() == name)?;
        Some(Arc::clone(&lock(&self.shared.views[number])))
    }

    /// Stops the schedule of a canary until then or until [`Self::resume`], beyond a restart; `/run` goes on. Whoever
    /// reads the page sees the reason.
    ///
    /// # Errors
    /// If there is no such canary, or the service is stopping.
    pub async fn pause(
        &self,
        canary: &str,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<Schedule, Refusal> {
        let reason = self.redactor().clean(reason).into_owned();
        let entry = self.command(canary, |reply| Command::Pause { reason, until, reply }).await?;
        self.shared.keeper.settled().await;
        Ok(entry)
    }

    /// Goes on with the schedule of a canary, at its next time.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub async fn resume(&self, canary: &str) -> Result<Schedule, Refusal> {
        let entry = self.command(canary, |reply| Command::Resume { reply }).await?;
        self.shared.keeper.settled().await;
        Ok(entry)
    }

    /// Sends a command to a canary's actor and waits for its answer, which comes at once.
    async fn command<T>(
        &self,
        canary: &str,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Refusal> {
        let Some(actor) = self.actors.get(canary) else {
            let known = self.shared.plan.canaries.iter().map(|it| it.name());
            let nearest = crate::nearest(canary, known).map(ToOwned::to_owned);
            return Err(Refusal::UnknownCanary { name: canary.to_owned(), nearest });
        };
        let (reply, answer) = oneshot::channel();
        actor.send(command(reply)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)
    }
}

impl Shared {
    fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    fn canary(&self, number: usize) -> &Arc<CanaryPlan> {
        &self.plan.canaries[number]
    }

    /// Takes note of whether the last run of a canary has ended with a record.
    fn set_lost(&self, number: usize, lost: bool) {
        self.lost[number].store(lost, Ordering::Relaxed);
    }

    fn change_view(&self, number: usize, change: impl FnOnce(&mut CanaryView)) {
        change(Arc::make_mut(&mut *lock(&self.views[number])));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody has anything to tell or to keep any more.
        self.desk.close_soon();
        self.closing.cancel();
        self.keeper.close_soon();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({} at {})", self.shared.plan.suite, self.target())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keyed<T>(items: Vec<T>, key: impl Fn(&T) -> &String) -> HashMap<String, T> {
    items.into_iter().map(|it| (key(&it).clone(), it)).collect()
}

/// When each canary runs; all mistakes at once.
fn rhythms(plan: &Plan, options: &ServiceOptions) -> Result<Vec<Option<Rhythm>>, ServiceError> {
    let mut mistakes = Vec::new();
    let mut rhythms = Vec::with_capacity(plan.canaries.len());
    for canary in &plan.canaries {
        match Rhythm::of(canary) {
            Ok(rhythm) => rhythms.push(options.every.map(Rhythm::Every).or(rhythm)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(rhythms) } else { Err(ServiceError::Schedule(mistakes)) }
}
