//! The sign of life: it is given whatever the verdicts, and stops when the service does not do its work.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use coalmine::{
    Canary, Clock, Result, Secret,
    alert::heartbeat::Heartbeat,
    config::HeartbeatSettings,
    http::Roots,
    service::{Alerts, Ask, Event},
};

use super::{
    Gate, Rig,
    memory::Memory,
    options,
    pings::Pings,
    recorder::{Mood, Recorder, alerts},
    soon, start, start_time,
};

const EVERY: Duration = Duration::from_millis(5);

/// Sixty times the interval: on a busy machine a ping may be late.
const WINDOW: Duration = Duration::from_millis(300);

fn beating(alerts: Alerts, pings: &Pings) -> Alerts {
    let settings = HeartbeatSettings { url: Secret::new(pings.url()), every: EVERY };
    Alerts { heartbeat: Some(Arc::new(Heartbeat::new(&settings, &Roots::System).unwrap())), ..alerts }
}

impl Rig {
    async fn beating(alerts: Alerts, pings: &Pings) -> Self {
        let rig = Self::with(Gate::open(), |it| it, |it| it.alerts = beating(alerts, pings)).await;
        rig.service.set_links(Arc::new(|path, _| path.to_owned()));
        rig
    }

    /// Waits until no sign was given on purpose, twice over, and why. What was on its way has arrived by then.
    async fn holds(&self) -> Vec<String> {
        let held = || self.service.alerts().heartbeat.expect("there is one");
        let before = held().0.held;
        soon(async {
            while held().0.held < before + 2 {
                tokio::time::sleep(EVERY).await;
            }
        })
        .await;
        held().1
    }

    /// Fails until that is decided.
    async fn goes_down(&self) {
        self.gate.fail(true);
        for _ in 0..2 {
            self.service.run("front", Ask::default()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_beats_whatever_the_verdicts() {
    let (pings, recorder) = (Pings::start(), Recorder::new("chat"));
    let rig = Rig::beating(alerts([&recorder]), &pings).await;
    pings.more(2).await;
    rig.goes_down().await;
    assert_eq!(rig.service.alerts().open.len(), 1);
    pings.more(3).await;
    // Nobody is told, and nobody is to be told.
    let rig = Rig::beating(Alerts::default(), &pings).await;
    rig.goes_down().await;
    pings.more(3).await;
}

#[tokio::test]
async fn it_stops_while_a_page_is_undelivered_for_five_minutes() {
    let (pings, recorder) = (Pings::start(), Recorder::new("chat"));
    recorder.set(Mood::Away);
    let mut rig = Rig::beating(alerts([&recorder]), &pings).await;
    rig.goes_down().await;
    recorder.is_asked().await;
    rig.advance(299);
    pings.more(3).await;
    rig.advance(1);
    assert_eq!(rig.holds().await, ["a page has been undelivered for 5 min"]);
    let before = pings.count();
    rig.holds().await;
    assert_eq!(pings.count(), before, "it gives no sign");

    recorder.set(Mood::Takes);
    rig.advance(30);
    rig.event(|it| matches!(it, Event::Told { accepted: true, .. }).then_some(())).await;
    pings.more(3).await;
}

#[tokio::test]
async fn it_stops_when_a_part_of_the_service_has_panicked() {
    let pings = Pings::start();
    let rig = Rig::beating(Alerts::default(), &pings).await;
    pings.more(1).await;
    rig.store.set_panicking();
    // Nobody waits for ever for what will not come.
    let asked = {
        let service = rig.service.clone();
        tokio::spawn(async move { service.run("front", Ask::default()).await })
    };
    assert_eq!(rig.holds().await, ["the keeping of runs has ended: it has panicked"]);
    asked.abort();
}

#[tokio::test]
async fn it_stops_with_the_service() {
    let pings = Pings::start();
    let rig = Rig::beating(Alerts::default(), &pings).await;
    pings.more(1).await;
    soon(rig.service.shutdown()).await;
    pings.none_for(WINDOW).await;

    let rig = Rig::beating(Alerts::default(), &pings).await;
    pings.more(1).await;
    drop(rig);
    pings.none_for(WINDOW).await;
}

/// Steps that block all threads of the runtime stop the schedule, and nothing in the process could say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_stops_when_the_schedule_stands_still_because_steps_block_every_thread() {
    let pings = Pings::start();
    let (entered, inside) = mpsc::channel();
    let (release, held) = mpsc::channel();
    let held = Arc::new(Mutex::new(held));
    let canary = Canary::new("front").step("block", move || {
        let (entered, held) = (entered.clone(), Arc::clone(&held));
        async move {
            let _ = entered.send(());
            // The mistake that this is about.
            let _ = held.lock().map(|it| it.recv());
            Result::<()>::Ok(())
        }
    });
    let mut options = options(&Clock::manual(start_time()));
    options.alerts = beating(Alerts::default(), &pings);
    let service = start(canary, options, &Arc::new(Memory::default())).await;
    pings.more(3).await;
    let asked = {
        let service = service.clone();
        tokio::spawn(async move { service.run("front", Ask::default()).await })
    };
    // This thread is none of the runtime's workers.
    inside.recv_timeout(Duration::from_secs(30)).expect("the step begins");
    pings.none_for(WINDOW).await;
    release.send(()).expect("the step waits");
    assert!(soon(asked).await.unwrap().is_ok());
    pings.more(3).await;
}
