//! Who is told of what comes of runs, through the service: once, with the right root, and whatever happens to the
//! notifier, the store, the clock and the process meanwhile.

use std::{sync::Arc, time::Duration};

use coalmine::{
    AlertPolicy, Clock, Suite,
    alert::{
        Scope, Silence, SilenceKind,
        notifier::{Action, Notifier as _},
    },
    service::{Ask, Event, Service},
};
use jiff::SignedDuration;
use tokio::sync::Semaphore;

use super::{
    Gate, Rig,
    memory::Memory,
    options,
    recorder::{Mood, Recorder, alerts},
    soon, start_time,
};

const LOOK: &str = "shop/here/front/look";

/// What an attempt came to.
#[derive(Debug, PartialEq)]
struct Told {
    action: Action,
    accepted: bool,
    answer: String,
}

impl Rig {
    async fn alerting(recorder: &Arc<Recorder>) -> Self {
        let (store, clock) = (Arc::new(Memory::default()), Clock::manual(start_time()));
        let mut rig = Self::alerting_on(store, clock, recorder).await;
        if recorder.manner().absorbs {
            // What may be open under the keys of the step, the canary and the drill is resolved. That is not urgent:
            // half of all requests are kept for what is, until time has brought more.
            for _ in 0..3 {
                rig.advance(1);
                rig.event(|it| matches!(it, Event::Told { incident: None, .. }).then_some(())).await;
                recorder.is_asked().await;
            }
        }
        rig
    }

    async fn alerting_on(store: Arc<Memory>, clock: Clock, recorder: &Arc<Recorder>) -> Self {
        let rig = Self::on(store, clock, Gate::open(), |it| it, |it| it.alerts = alerts([recorder])).await;
        rig.service.set_links(Arc::new(|path, _| format!("https://canaries.example{path}")));
        rig
    }

    /// Runs so many times, one after the other.
    async fn runs_and(&mut self, fails: bool, times: usize) {
        self.gate.fail(fails);
        for _ in 0..times {
            self.service.run("front", Ask::default()).await.unwrap();
            self.run_ended().await;
        }
    }

    /// The next attempt to tell of an incident that comes to its end.
    async fn told(&mut self) -> Told {
        self.event(|it| match it {
            Event::Told { incident: Some(_), action, accepted, answer, .. } => {
                Some(Told { action: *action, accepted: *accepted, answer: answer.clone() })
            }
            _ => None,
        })
        .await
    }

    async fn is_taken(&mut self, action: Action) {
        assert_eq!(self.told().await, Told { action, accepted: true, answer: "taken".into() });
    }

    /// Nothing is left to tell. What a run changes is decided before its end is told, so that this needs no waiting.
    fn is_settled(&self) -> bool {
        self.service.alerts().notifiers.iter().all(|it| it.waiting == 0)
    }

    fn open(&self) -> Vec<String> {
        self.service.alerts().open.into_iter().map(|it| it.id).collect()
    }

    /// Moves the clock until somebody is asked to tell something that cannot be told yet.
    async fn until_asked_again(&mut self, recorder: &Recorder) -> Told {
        // The longest pause between two attempts.
        self.advance(30);
        recorder.is_asked().await;
        self.told().await
    }
}

fn silence(scope: &str, minutes: i64) -> Silence {
    Silence {
        id: String::new(),
        kind: SilenceKind::Mute,
        scope: Scope::parse(scope).unwrap(),
        from: start_time(),
        until: start_time() + SignedDuration::from_mins(minutes),
        reason: "it is being painted".to_owned(),
        by: None,
    }
}

#[tokio::test]
async fn what_fails_is_told_once_and_its_end_once_and_nothing_else() {
    let recorder = Recorder::new("chat");
    let mut rig = Rig::alerting(&recorder).await;
    rig.runs_and(true, 1).await;
    assert!(rig.is_settled() && rig.open().is_empty(), "one failure is none");
    rig.runs_and(true, 1).await;
    rig.is_taken(Action::Trigger).await;
    let page = recorder.last();
    assert_eq!((page.canary.as_str(), page.target.as_str()), ("front", "memory:"));
    assert_eq!((page.roots.len(), page.roots[0].step.as_str()), (1, "look"));
    assert_eq!(page.roots[0].message, "it is broken");
    let runs = rig.store.all();
    assert_eq!(page.run_link, Some(format!("https://canaries.example/runs/{}", runs[1].run)));
    assert_eq!(page.incident_link, Some(format!("https://canaries.example/incidents/{}", page.incident)));

    rig.runs_and(true, 5).await;
    rig.runs_and(false, 1).await;
    assert!(rig.is_settled(), "nothing has changed");
    assert_eq!(rig.open(), [page.incident]);
    rig.runs_and(false, 1).await;
    rig.is_taken(Action::Resolve).await;
    rig.runs_and(false, 5).await;
    assert!(rig.is_settled() && rig.open().is_empty());
    assert_eq!(recorder.told(), [format!("trigger {LOOK}"), format!("resolve {LOOK}")]);
    let told = rig.happened().into_iter().filter(|it| *it == "told").count();
    assert_eq!(told, 0, "there was no further attempt");
}

#[tokio::test]
async fn who_takes_care_of_it_is_not_reminded_and_the_others_are() {
    let recorder = Recorder::pager();
    let mut rig = Rig::alerting(&recorder).await;
    rig.runs_and(true, 2).await;
    rig.is_taken(Action::Trigger).await;
    rig.advance(4 * 3600);
    rig.is_taken(Action::Trigger).await;
    assert!(!rig.service.acknowledge("i-nothing", "ann").await);
    let incident = rig.open().remove(0);
    assert!(rig.service.acknowledge(&incident, "ann").await);
    rig.is_taken(Action::Acknowledge).await;
    rig.advance(5 * 3600);
    rig.runs_and(false, 2).await;
    // What would have been told of it before would have been told before this.
    rig.is_taken(Action::Resolve).await;
    let expected = [
        format!("trigger {LOOK}"),
        format!("trigger {LOOK} 2"),
        format!("acknowledge {LOOK} 2"),
        format!("resolve {LOOK} 2"),
    ];
    assert_eq!(recorder.told(), expected);
    let story = rig.service.incident(&incident).await.unwrap().expect("it is history");
    assert!(story.incident.closed.is_some());
    assert_eq!(story.incident.acknowledged.unwrap().by, "ann");
}

#[tokio::test]
async fn a_silence_that_lasts_longer_leaves_nothing_to_tell_and_one_that_does_not_delays_it() {
    let recorder = Recorder::new("chat");
    let mut rig = Rig::alerting(&recorder).await;
    rig.service.silence(silence("front::look", 60)).await;
    rig.runs_and(true, 3).await;
    assert_eq!(rig.open().len(), 1, "it is known");
    rig.runs_and(false, 2).await;
    assert!(rig.open().is_empty() && rig.is_settled());
    assert!(recorder.told().is_empty());

    rig.advance(1800);
    rig.runs_and(true, 2).await;
    assert!(rig.is_settled());
    // At its end it is still down.
    rig.advance(1800);
    rig.is_taken(Action::Trigger).await;
    assert_eq!(recorder.told(), [format!("trigger {LOOK}")]);
    assert!(rig.service.alerts().silences.is_empty());
}

/// The store has what the process had at the moment of its end, and the notifier has never answered.
#[tokio::test]
async fn what_was_on_its_way_when_the_process_ended_is_sent_again() {
    let (killed, gate) = (Recorder::pager(), Arc::new(Semaphore::new(0)));
    let mut rig = Rig::alerting(&killed).await;
    killed.set(Mood::Waits(Arc::clone(&gate)));
    rig.runs_and(true, 2).await;
    killed.is_asked().await;
    let incident = rig.open();
    let Rig { store, clock, service, .. } = rig;

    let recorder = Recorder::pager();
    let mut rig = Rig::alerting_on(store, clock, &recorder).await;
    rig.is_taken(Action::Trigger).await;
    assert_eq!(rig.open(), incident, "it is the same incident");
    assert_eq!(recorder.last().incident, incident[0]);
    rig.runs_and(false, 2).await;
    rig.is_taken(Action::Resolve).await;
    assert_eq!(recorder.told(), [format!("trigger {LOOK}"), format!("resolve {LOOK}")]);
    drop(service);
}

#[tokio::test]
async fn a_page_does_not_wait_for_a_store_in_trouble() {
    let recorder = Recorder::new("chat");
    let mut rig = Rig::alerting(&recorder).await;
    rig.store.set_broken(true);
    rig.runs_and(true, 2).await;
    rig.is_taken(Action::Trigger).await;
    let incident = rig.open();
    rig.store.set_broken(false);
    rig.advance(60);
    rig.event(|it| matches!(it, Event::StoreWell).then_some(())).await;
    soon(rig.service.shutdown()).await;

    // Everything is there: nobody is told twice, and the end is told.
    let Rig { store, clock, .. } = rig;
    assert_eq!(store.all().len(), 2);
    let mut rig = Rig::alerting_on(store, clock, &recorder).await;
    assert_eq!(rig.open(), incident);
    assert!(rig.is_settled());
    rig.runs_and(false, 2).await;
    rig.is_taken(Action::Resolve).await;
    assert_eq!(recorder.told(), [format!("trigger {LOOK}"), format!("resolve {LOOK}")]);
}

#[tokio::test]
async fn a_page_does_not_wait_long_for_a_store_that_does_not_answer() {
    let recorder = Recorder::new("chat");
    let short = Duration::from_millis(20);
    let mut rig = Rig::with(
        Gate::open(),
        |it| it,
        |it| {
            it.keep = short;
            it.alerts = alerts([&recorder]);
        },
    )
    .await;
    rig.service.set_links(Arc::new(|path, _| path.to_owned()));
    let held = rig.store.hold();
    rig.runs_and(true, 2).await;
    rig.is_taken(Action::Trigger).await;
    held.add_permits(2);
    rig.event(|it| matches!(it, Event::StoreWell).then_some(())).await;
}

#[tokio::test]
async fn a_service_that_stops_tells_what_its_last_run_has_decided() {
    // Without a server there are no links, and nobody waits for them when the end is near.
    let recorder = Recorder::new("chat");
    let mut rig = Rig::with(Gate::open(), |it| it, |it| it.alerts = alerts([&recorder])).await;
    rig.runs_and(true, 1).await;
    rig.gate.leave.forget_permits(1_000_000);
    rig.gate.entered.forget_permits(10);
    let asked = {
        let service = rig.service.clone();
        tokio::spawn(async move { service.run("front", Ask::default()).await })
    };
    rig.gate.somebody().await;
    let stopped = {
        let service = rig.service.clone();
        tokio::spawn(async move { service.shutdown().await })
    };
    while !rig.service.snapshot().closing {
        tokio::task::yield_now().await;
    }
    rig.gate.let_one_through();
    assert!(soon(asked).await.unwrap().is_ok());
    soon(stopped).await.unwrap();
    assert_eq!(recorder.told(), [format!("trigger {LOOK}")]);
}

#[tokio::test]
async fn a_service_that_stops_does_not_wait_for_a_notifier_that_is_away() {
    let recorder = Recorder::new("chat");
    recorder.set(Mood::Away);
    let mut rig = Rig::alerting(&recorder).await;
    rig.runs_and(true, 2).await;
    rig.told().await;
    soon(rig.service.shutdown()).await;
    recorder.set(Mood::Takes);
    // The next one does.
    let Rig { store, clock, .. } = rig;
    let mut rig = Rig::alerting_on(store, clock, &recorder).await;
    rig.is_taken(Action::Trigger).await;
}

#[tokio::test]
async fn a_notifier_that_panics_or_is_away_is_asked_again() {
    let recorder = Recorder::pager();
    let mut rig = Rig::alerting(&recorder).await;
    recorder.set(Mood::Panics);
    rig.runs_and(true, 2).await;
    let failed = |answer: &str| Told { action: Action::Trigger, accepted: false, answer: answer.into() };
    assert_eq!(rig.told().await, failed("the notifier panicked"));
    recorder.set(Mood::Away);
    assert_eq!(rig.until_asked_again(&recorder).await, failed("nobody is there"));
    recorder.set(Mood::Takes);
    rig.advance(30);
    rig.is_taken(Action::Trigger).await;
    assert_eq!(recorder.told(), [format!("trigger {LOOK}")]);
    assert_eq!(rig.service.alerts().attempts[2], 2);
}

#[tokio::test]
async fn a_clock_that_jumps_back_delays_no_page() {
    let recorder = Recorder::new("chat");
    recorder.set(Mood::Away);
    let mut rig = Rig::alerting(&recorder).await;
    rig.runs_and(true, 2).await;
    assert!(!rig.told().await.accepted);
    rig.advance(-3600);
    // By this the desk knows what time it is.
    rig.runs_and(true, 1).await;
    recorder.set(Mood::Takes);
    rig.advance(30);
    rig.is_taken(Action::Trigger).await;
    // The reminder comes as late as ever, and not an hour later.
    rig.advance(4 * 3600);
    rig.is_taken(Action::Trigger).await;
    assert_eq!(recorder.told(), [format!("trigger {LOOK}"), format!("trigger {LOOK} 2")]);
}

#[tokio::test]
async fn the_second_is_told_what_the_first_does_not_take() {
    let (first, second) = (Recorder::new("pager"), Recorder::new("chat"));
    first.set(Mood::Away);
    let mut rig = Rig::with(Gate::open(), |it| it, |it| it.alerts = alerts([&first, &second])).await;
    rig.service.set_links(Arc::new(|path, _| path.to_owned()));
    rig.runs_and(true, 2).await;
    assert!(!rig.told().await.accepted);
    assert!(rig.service.alerts().undelivered.is_some());
    rig.advance(300);
    while second.told().is_empty() {
        rig.told().await;
    }
    let instead = second.last().instead.expect("it says why it comes this way");
    assert!(instead.starts_with("pager has not taken it for 5 minutes: nobody is there"), "{instead}");
    assert_eq!(rig.service.alerts().undelivered, None, "somebody knows");
}

/// More than may be on their way at once, at a notifier that answers none of them for a while.
#[tokio::test]
async fn a_crowd_of_pages_is_told_whole() {
    const CANARIES: usize = 100;
    let (recorder, held) = (Recorder::new("chat"), Arc::new(Semaphore::new(0)));
    recorder.set(Mood::Waits(Arc::clone(&held)));
    let gate = Gate::open();
    gate.fail(true);
    let first = AlertPolicy::default().open(1, 1);
    let suite = (0..CANARIES).fold(Suite::new("shop"), |suite, number| {
        suite.canary(gate.canary(&format!("canary-{number}")).alert(first.clone()))
    });
    let mut options = options(&Clock::manual(start_time()));
    options.alerts = alerts([&recorder]);
    let service = Service::start(suite.plan().unwrap(), options, Arc::new(Memory::default())).await.unwrap();
    service.set_links(Arc::new(|path, _| path.to_owned()));
    for number in 0..CANARIES {
        service.run(&format!("canary-{number}"), Ask::default()).await.unwrap();
    }
    recorder.is_asked().await;
    held.add_permits(CANARIES);
    soon(service.shutdown()).await;
    assert_eq!(recorder.told().len(), CANARIES);
}

#[tokio::test]
async fn a_service_that_is_dropped_leaves_nothing_running() {
    let (recorder, held) = (Recorder::pager(), Arc::new(Semaphore::new(0)));
    let mut rig = Rig::alerting(&recorder).await;
    recorder.set(Mood::Waits(Arc::clone(&held)));
    rig.runs_and(true, 2).await;
    let Rig { service, .. } = rig;
    drop(service);
    held.close();
    soon(async {
        while Arc::strong_count(&recorder) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_does_not_read_events_keeps_no_page_back() {
    let recorder = Recorder::new("chat");
    let mut rig = Rig::alerting(&recorder).await;
    let mut slow = rig.service.events();
    for _ in 0..1500 {
        rig.service.run("front", Ask::default()).await.unwrap();
        rig.happened();
    }
    rig.runs_and(true, 2).await;
    rig.is_taken(Action::Trigger).await;
    let lagged = slow.try_recv().unwrap_err();
    assert!(matches!(lagged, tokio::sync::broadcast::error::TryRecvError::Lagged(_)), "{lagged}");
}

/// For months there may be incidents and nobody who is told of them.
#[tokio::test]
async fn without_notifiers_incidents_open_and_close_all_the_same() {
    let mut rig = Rig::idle(Gate::open()).await;
    for _ in 0..3 {
        rig.runs_and(true, 2).await;
        assert_eq!(rig.open().len(), 1);
        rig.runs_and(false, 2).await;
        assert!(rig.open().is_empty());
    }
    let filter = coalmine::store::IncidentFilter { limit: 10, ..Default::default() };
    assert_eq!(rig.service.incidents(&filter).await.unwrap().len(), 3);
}
