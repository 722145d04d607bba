//! How long it takes from the end of the run that decides until PagerDuty has taken the page.
//!
//! `cargo bench -p coalmine --bench alerts [-- INCIDENTS]`, 500 if nothing is said. Twenty canaries run five times a
//! second, each red for a second and green for a second, so that pages open and close all the time; PagerDuty is the
//! sandbox's, over TLS, and the store a file. The figures are those that the store keeps.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use coalmine::{
    Canary, Failure, Secret, Suite,
    alert::{
        Incident,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::{Action, Notifier},
    },
    config::{AlertSettings, PagerDutySettings},
    http::Roots,
    service::{Alerts, Service, ServiceOptions},
    store::{IncidentFilter, Retention, SqliteStore, Store},
};
use jiff::SignedDuration;
use sandbox::pagerduty::{Options, PagerDuty};

const CANARIES: usize = 20;
const EVERY: Duration = Duration::from_millis(200);
/// How long a canary is red, and how long green.
const PHASE: Duration = Duration::from_secs(1);
/// The goal for 99 of 100.
const GOAL: f64 = 1000.0;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, and wants nothing of it.
    if !arguments.iter().any(|it| it == "--bench") {
        return Ok(());
    }
    let incidents = arguments.iter().find_map(|it| it.parse().ok()).unwrap_or(500);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(bench(incidents))
}

async fn bench(incidents: u64) -> Outcome<()> {
    let pagerduty = PagerDuty::start(Options { events_per_minute: u32::MAX, ..Options::default() })?;
    let at = pagerduty.service();
    let settings = AlertSettings {
        pagerduty: Some(PagerDutySettings {
            key: Secret::new(at.routing_key().to_owned()),
            events: at.root().to_owned(),
            token: Some(Secret::new(at.api_token().to_owned())),
            api: at.root().to_owned(),
            burst: 1000,
            per_minute: 60_000,
        }),
        ..AlertSettings::default()
    };
    let notifiers = settings.notifiers(&Roots::Only(pagerduty.ca_pem().to_owned()))?;
    let red: Vec<Arc<AtomicBool>> = (0..CANARIES).map(|_| Arc::default()).collect();
    let suite = red.iter().enumerate().fold(Suite::new("bench"), |suite, (number, red)| {
        let red = Arc::clone(red);
        let step = move || {
            let fails = red.load(Ordering::Relaxed);
            async move { if fails { Err(Failure::new("it is red")) } else { Ok(()) } }
        };
        suite.canary(Canary::new(&format!("c{number}")).every(EVERY).step("look", step))
    });
    let options = ServiceOptions {
        jitter: Duration::ZERO,
        alerts: Alerts {
            notifiers: notifiers.into_iter().map(Arc::<dyn Notifier>::from).collect(),
            notify: vec!["pagerduty".to_owned()],
            ..Alerts::default()
        },
        ..ServiceOptions::watching("memory:")
    };
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("runs.db"), Retention::default()).await?);
    let plan = suite.plan().map_err(|error| error.to_string())?;
    let service = Service::start(plan, options, Arc::<SqliteStore>::clone(&store) as Arc<dyn Store>).await?;
    service.set_links(Arc::new(|path, _| format!("http://here{path}")));
    let mut turn = 0;
    while at.events().opened < incidents {
        // A tenth of them turns at a time.
        for (number, red) in red.iter().enumerate().filter(|(number, _)| number % 10 == turn % 10) {
            red.store((turn / 10 + number) % 2 == 0, Ordering::Relaxed);
        }
        turn += 1;
        tokio::time::sleep(PHASE / 10).await;
    }
    service.shutdown().await;
    report(&*store).await?;
    store.close().await;
    Ok(())
}

async fn report(store: &dyn Store) -> Outcome<()> {
    let filter = IncidentFilter { limit: usize::MAX, ..IncidentFilter::default() };
    let (mut pages, mut resolves) = (Vec::new(), Vec::new());
    for row in store.incidents(&filter).await? {
        let Some((row, log)) = store.incident(&row.id).await? else { continue };
        let incident: Incident = serde_json::from_str(&row.body)?;
        let runs = [incident.run.as_deref(), incident.closed.as_ref().and_then(|it| it.run.as_deref())];
        for entry in log {
            let LogEntry { at, what, .. } = serde_json::from_str(&entry)?;
            let Happened::Sent { action, outcome: OutcomeWord::Accepted, .. } = what else { continue };
            let (run, times) = match action {
                Action::Trigger => (runs[0], &mut pages),
                Action::Resolve => (runs[1], &mut resolves),
                Action::Acknowledge => continue,
            };
            let Some(run) = run else { continue };
            let Some(run) = store.run(run).await?.map(|it| it.summary) else { continue };
            let lasted = SignedDuration::try_from(Duration::from_secs_f64(run.duration_ms / 1e3))?;
            times.push(at.duration_since(run.started + lasted).as_secs_f64() * 1e3);
        }
    }
    println!("{CANARIES} canaries every {EVERY:?}; goal: 99 of 100 pages within {GOAL:.0} ms");
    for (what, times) in [("end of the deciding run to 202, pages", pages), ("the same, resolves", resolves)]
    {
        println!("{what:<44} {}", figures(times));
    }
    Ok(())
}

fn figures(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place among a few hundred"
    )]
    let at = |share: f64| {
        let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default()
    };
    format!("n = {}, median {:.1} ms, p99 {:.1} ms, worst {:.1} ms", times.len(), at(0.5), at(0.99), at(1.0))
}
