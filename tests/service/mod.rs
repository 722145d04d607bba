//! The service through its public face, by a clock that stands still until a test moves it. Steps wait at gates, and
//! tests wait for events; nothing here sleeps.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod alerts;
mod anchors;

mod ask;
mod day;
mod heartbeat;
mod keeping;
pub(crate) mod memory;
mod outage;
pub(crate) mod pings;
mod recorder;
mod schedule;
mod stop;
mod summary;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use coalmine::{
    Canary, Clock, Failure, Result, Suite,
    service::{Event, Service, ServiceOptions},
    store::Summary,
};
use jiff::{SignedDuration, Timestamp};
use memory::Memory;
use tokio::sync::{Semaphore, broadcast};

/// A service with one canary, `front`, that runs every five minutes.
struct Rig {
    clock: Clock,
    store: Arc<Memory>,
    service: Service,
    events: broadcast::Receiver<Arc<Event>>,
    gate: Gate,
}

/// What the step `look` does.
#[derive(Clone)]
struct Gate {
    /// One permit for each time that the step was entered.
    entered: Arc<Semaphore>,
    /// Lets the step end, once for each permit.
    leave: Arc<Semaphore>,
    fails: Arc<AtomicBool>,
    runs: Arc<AtomicUsize>,
}

impl Gate {
    /// Lets everybody through.
    fn open() -> Self {
        let gate = Self::shut();
        gate.leave.add_permits(100_000);
        gate
    }

    /// Holds everybody until [`Self::let_one_through`].
    fn shut() -> Self {
        Self {
            entered: Arc::new(Semaphore::new(0)),
            leave: Arc::new(Semaphore::new(0)),
            fails: Arc::default(),
            runs: Arc::default(),
        }
    }

    /// Waits until somebody stands at the gate.
    async fn somebody(&self) {
        soon(self.entered.acquire()).await.unwrap().forget();
    }

    fn let_one_through(&self) {
        self.leave.add_permits(1);
    }

    fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn pass(self) -> Result<()> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.entered.add_permits(1);
        self.leave.acquire().await?.forget();
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failure::new("it is broken"));
        }
        Ok(())
    }

    /// A canary whose one step goes through this gate.
    fn canary(&self, name: &str) -> Canary {
        let gate = self.clone();
        Canary::new(name).step("look", move || gate.clone().pass())
    }
}

fn start_time() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn options(clock: &Clock) -> ServiceOptions {
    ServiceOptions {
        location: "here".to_owned(),
        clock: clock.clone(),
        jitter: Duration::ZERO,
        keep: Duration::from_secs(30),
        patience: Duration::from_secs(30),
        end: Duration::from_secs(60),
        ..ServiceOptions::watching("memory:")
    }
}

async fn start(canary: Canary, options: ServiceOptions, store: &Arc<Memory>) -> Service {
    let plan = Suite::new("shop").canary(canary).plan().unwrap_or_else(|error| panic!("{error}"));
    Service::start(plan, options, store.clone()).await.unwrap_or_else(|error| panic!("{error}"))
}

impl Rig {
    /// Every five minutes; the clock stands at the start, and the first run is over.
    async fn new() -> Self {
        let mut rig = Self::with(Gate::open(), |canary| canary.every(Duration::from_secs(300)), |_| ()).await;
        rig.advance(1);
        rig.run_ended().await;
        rig
    }

    /// Runs only when asked.
    async fn idle(gate: Gate) -> Self {
        Self::with(gate, |canary| canary, |_| ()).await
    }

    async fn with(
        gate: Gate,
        canary: impl FnOnce(Canary) -> Canary,
        set: impl FnOnce(&mut ServiceOptions),
    ) -> Self {
        Self::on(Arc::new(Memory::default()), Clock::manual(start_time()), gate, canary, set).await
    }

    async fn on(
        store: Arc<Memory>,
        clock: Clock,
        gate: Gate,
        canary: impl FnOnce(Canary) -> Canary,
        set: impl FnOnce(&mut ServiceOptions),
    ) -> Self {
        let mut options = options(&clock);
        set(&mut options);
        let service = start(canary(gate.canary("front")), options, &store).await;
        let events = service.events();
        Self { clock, store, service, events, gate }
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// The next event of a kind; those before it are passed over.
    async fn event<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        soon(async {
            loop {
                let event = self.events.recv().await.expect("no event is lost");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        })
        .await
    }

    async fn run_ended(&mut self) -> Summary {
        let ended = |event: &Event| match event {
            Event::RunEnded(summary) => Some((**summary).clone()),
            _ => None,
        };
        self.event(ended).await
    }

    async fn schedule_changed(&mut self) -> coalmine::store::Schedule {
        let changed = |event: &Event| match event {
            Event::ScheduleChanged(schedule) => Some(schedule.clone()),
            _ => None,
        };
        self.event(changed).await
    }

    /// Everything that has happened by now and was not looked at, by its kind.
    fn happened(&mut self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            kinds.push(kind(&event));
        }
        kinds
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::RunStarted { .. } => "run started",
        Event::StepEnded { .. } => "step ended",
        Event::RunEnded(_) => "run ended",
        Event::ScheduleChanged(_) => "schedule changed",
        Event::MissedRun { .. } => "missed run",
        Event::IncidentChanged(_) => "incident changed",
        Event::Told { .. } => "told",
        Event::StoreTrouble { .. } => "store trouble",
        Event::StoreWell => "store well",
        Event::RunLost { .. } => "run lost",
    }
}

/// Waits, but not for ever: a test that would hang fails instead.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("this ends at once unless something hangs")
}

/// Lets everything else that can go on go on, many times over.
async fn let_others_run() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
