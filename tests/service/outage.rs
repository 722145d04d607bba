//! PagerDuty is down for an hour of the clock, while two hundred canaries fail, and some of them recover.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use coalmine::{
    Canary, Clock, Failure, Secret, Suite,
    alert::{
        Page,
        notifier::{Action, Manner, Notifier, Outcome, Sending},
    },
    config::{AlertSettings, PagerDutySettings},
    http::Roots,
    service::{Alerts, Ask, Event, Service, ServiceOptions},
};
use jiff::{SignedDuration, Timestamp};
use sandbox::pagerduty::{Options, PagerDuty};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{Memory, options, soon};

const CANARIES: usize = 200;

/// The clock moves so far at a time.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// What PagerDuty takes from one key in a minute.
const MOST: usize = 120;

/// Whoever is told if PagerDuty is not.
struct Second {
    manner: Manner,
    clock: Clock,
    /// When each incident was told, and which way.
    told: Mutex<Vec<(Timestamp, Action, String)>>,
}

impl Second {
    fn new(clock: &Clock) -> Arc<Self> {
        let manner = Manner {
            name: "second".to_owned(),
            absorbs: false,
            acknowledges: false,
            refresh: None,
            burst: 1000,
            per_minute: 1000,
        };
        Arc::new(Self { manner, clock: clock.clone(), told: Mutex::default() })
    }
}

impl Notifier for Second {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, _: bool) -> Sending<'a, Outcome> {
        Box::pin(async move {
            self.told.lock().unwrap().push((self.clock.now(), action, page.incident.clone()));
            Outcome::Accepted { answer: "ok".to_owned() }
        })
    }
}

struct World {
    clock: Clock,
    pagerduty: PagerDuty,
    second: Arc<Second>,
    service: Service,
    red: Vec<Arc<AtomicBool>>,
    events: Receiver<Arc<Event>>,
    /// When PagerDuty was asked.
    asked: Vec<Timestamp>,
}

fn name(number: usize) -> String {
    format!("c{number:03}")
}

impl World {
    async fn start() -> Self {
        let sandbox_clock = sandbox::Clock::default();
        let clock = Clock::manual(sandbox_clock.now());
        let pagerduty = PagerDuty::start_with(sandbox_clock, Options::default()).unwrap();
        let second = Second::new(&clock);
        let at = pagerduty.service();
        let settings = AlertSettings {
            pagerduty: Some(PagerDutySettings {
                key: Secret::new(at.routing_key().to_owned()),
                events: at.root().to_owned(),
                token: Some(Secret::new(at.api_token().to_owned())),
                api: at.root().to_owned(),
                burst: PagerDutySettings::RATE.0,
                per_minute: PagerDutySettings::RATE.1,
            }),
            ..AlertSettings::default()
        };
        let notifiers = settings.notifiers(&Roots::Only(pagerduty.ca_pem().to_owned())).unwrap();
        let mut notifiers: Vec<Arc<dyn Notifier>> = notifiers.into_iter().map(Arc::from).collect();
        notifiers.push(second.clone());
        let alerts = Alerts {
            notifiers,
            notify: vec!["pagerduty".to_owned()],
            second: Some("second".to_owned()),
            ..Alerts::default()
        };
        let red: Vec<Arc<AtomicBool>> = (0..CANARIES).map(|_| Arc::default()).collect();
        let suite = red.iter().enumerate().fold(Suite::new("shop"), |suite, (number, red)| {
            let red = Arc::clone(red);
            let step = move || {
                let fails = red.load(Ordering::SeqCst);
                async move { if fails { Err(Failure::new("it is red")) } else { Ok(()) } }
            };
            suite.canary(Canary::new(&name(number)).step("look", step))
        });
        let plan = suite.plan().unwrap();
        let options = ServiceOptions { alerts, ..options(&clock) };
        let service = Service::start(plan, options, Arc::new(Memory::default())).await.unwrap();
        service.set_links(Arc::new(|path, _| format!("http://here{path}")));
        let events = service.events();
        Self { clock, pagerduty, second, service, red, events, asked: Vec::new() }
    }

    /// Runs these canaries twice: that decides.
    async fn decide(&mut self, canaries: std::ops::Range<usize>, red: bool) {
        for number in canaries {
            self.red[number].store(red, Ordering::SeqCst);
            for _ in 0..2 {
                let ask = Ask { fresh: true, ..Ask::default() };
                soon(self.service.run(&name(number), ask)).await.unwrap();
            }
        }
        self.settle().await;
    }

    /// Waits until everything has been done that is to be done by now.
    async fn settle(&mut self) {
        soon(async {
            loop {
                let alerts = self.service.alerts();
                let now = self.clock.now();
                if alerts.on_their_way == 0 && alerts.next.is_none_or(|next| next > now) {
                    return;
                }
                self.count();
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.count();
    }

    /// Takes note of what was asked.
    fn count(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(event) => {
                    if let Event::Told { notifier, .. } = &*event
                        && notifier == "pagerduty"
                    {
                        self.asked.push(self.clock.now());
                    }
                }
                Err(TryRecvError::Empty) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn pass(&mut self, time: SignedDuration) {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            self.clock.advance(STEP);
            self.pagerduty.service().clock().advance(STEP);
            self.settle().await;
        }
    }

    fn ours(&self) -> BTreeSet<String> {
        self.service.alerts().open.into_iter().map(|it| it.key).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_pagerduty() {
    let mut world = World::start().await;
    world.decide(0..CANARIES, false).await;
    // At a start, what may be open is resolved unseen where nobody could look; here somebody could.
    let begun = world.asked.len();
    world.pagerduty.service().switch("pagerduty_down", true).unwrap();

    let opened = world.clock.now();
    world.decide(0..CANARIES, true).await;
    assert_eq!(world.ours().len(), CANARIES);
    // Forty are well again before anybody is told, forty after the second has been.
    world.pass(SignedDuration::from_mins(4)).await;
    assert_eq!(*world.second.told.lock().unwrap(), []);
    world.decide(0..40, false).await;
    world.pass(SignedDuration::from_mins(20)).await;
    world.decide(40..80, false).await;
    world.pass(SignedDuration::from_mins(36)).await;
    assert_eq!(world.pagerduty.service().events().accepted, 0);

    // The second has been told of each that lasted, once, after five minutes.
    let told = world.second.told.lock().unwrap().clone();
    let mut times: BTreeMap<&str, Vec<Action>> = BTreeMap::new();
    for (at, action, incident) in &told {
        times.entry(incident).or_default().push(*action);
        let waited = at.duration_since(opened);
        let five = SignedDuration::from_mins(5);
        assert!(*action != Action::Trigger || (waited >= five && waited <= five + STEP), "{waited:?}");
    }
    assert_eq!(times.len(), 160);
    let (over, open): (Vec<_>, Vec<_>) = times.values().partition(|it| it.len() == 2);
    assert!(over.iter().all(|it| **it == [Action::Trigger, Action::Resolve]));
    assert!(open.iter().all(|it| **it == [Action::Trigger]));
    assert_eq!((over.len(), open.len()), (40, 120));

    world.pagerduty.service().switch("pagerduty_down", false).unwrap();
    let mut minutes = 0;
    while world.pagerduty.service().open() != world.ours() {
        assert!(minutes < 10, "{} of {}", world.pagerduty.service().open().len(), world.ours().len());
        world.pass(SignedDuration::from_mins(1)).await;
        minutes += 1;
    }
    assert_eq!(world.ours().len(), 120);
    let counts = world.pagerduty.service().events();
    assert_eq!((counts.rate_limited, counts.opened), (0, 120), "{counts:?}");

    // And back: all are well, here and there.
    world.decide(80..CANARIES, false).await;
    world.pass(SignedDuration::from_mins(5)).await;
    assert_eq!((world.ours().len(), world.pagerduty.service().open().len()), (0, 0));
    let counts = world.pagerduty.service().events();
    assert_eq!((counts.rate_limited, counts.opened), (0, 120), "{counts:?}");

    let minute = SignedDuration::from_mins(1);
    let asked = &world.asked[begun..];
    let busiest = (0..asked.len())
        .map(|at| asked[at..].iter().take_while(|it| it.duration_since(asked[at]) < minute).count())
        .max()
        .unwrap_or_default();
    println!(
        "an hour without PagerDuty: {} requests, at most {busiest} in a minute; {minutes} min until 120 pages were there",
        asked.len()
    );
    assert!(busiest <= MOST, "{busiest} in a minute");
    let waited = world.service.shutdown().await;
    assert_eq!(waited.not_kept, 0);
}
