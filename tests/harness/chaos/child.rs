//! The service of the chaos trial, in a process that is killed: a hundred canaries, each with one step that fails while
//! a file of its name exists. Its clock is told to jump on standard input; incidents are told of on standard output.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use coalmine::{
    AlertPolicy, Canary, Clock, Failure, Suite,
    alert::notifier::Notifier,
    config::{Environment, OwnSettings, Settings},
    http::Roots,
    service::{Alerts, Event, Service, ServiceOptions},
    store::{Retention, SqliteStore, Store},
    suite::Plan,
};
use jiff::SignedDuration;
use tokio::sync::broadcast::error::RecvError;

use super::{CANARIES, name, red, reminder};

/// How often each canary runs.
const OFTEN: Duration = Duration::from_millis(50);

pub(crate) fn program() -> ExitCode {
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let own = OwnSettings::read(&mut settings);
    let roots = settings.roots("COALMINE_CA");
    settings.finish().unwrap();
    let folder = PathBuf::from(environment.get("CHAOS_FOLDER").unwrap());
    let notifiers = own.alerts.notifiers(&roots.unwrap_or(Roots::System)).unwrap();
    let alerts = Alerts {
        notifiers: notifiers.into_iter().map(Arc::<dyn Notifier>::from).collect(),
        notify: own.alerts.notify.clone(),
        ..Alerts::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(serve(plan(&folder), alerts, &folder));
    ExitCode::SUCCESS
}

fn plan(folder: &Path) -> Plan {
    let suite = Suite::new("chaos").policy("default", AlertPolicy::default().remind(reminder()));
    let suite = (0..CANARIES).fold(suite, |suite, number| {
        let file = red(folder, number);
        let step = move || {
            let fails = file.exists();
            async move { if fails { Err(Failure::new("it is red")) } else { Ok(()) } }
        };
        suite.canary(Canary::new(&name(number)).every(OFTEN).step("look", step))
    });
    suite.plan().unwrap()
}

async fn serve(plan: Plan, alerts: Alerts, folder: &Path) {
    let clock = Clock::shifted();
    let options = ServiceOptions {
        clock: clock.clone(),
        jitter: Duration::ZERO,
        alerts,
        ..ServiceOptions::watching("memory:")
    };
    // The process before this one may still hold the lock for a moment.
    let store = Arc::new(SqliteStore::open(folder.join("runs.db"), Retention::default()).await.unwrap());
    let service = Service::start(plan, options, store as Arc<dyn Store>).await.unwrap();
    service.set_links(Arc::new(|path, _| format!("http://127.0.0.1{path}")));
    let mut events = service.events();
    say("ready");
    let (over, ended) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let jump = line.strip_prefix("jump ").and_then(|it| it.parse().ok()).unwrap();
            clock.advance(SignedDuration::from_millis(jump));
        }
        // Whoever has started this is gone.
        let _ = over.send(());
    });
    tokio::spawn(async move {
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        loop {
            match events.recv().await {
                Ok(event) => {
                    let Event::IncidentChanged(incident) = &*event else { continue };
                    let closed = incident.closed.is_some();
                    if known.insert(incident.id.clone(), closed) != Some(closed) {
                        say(&format!(
                            "{} {} {}",
                            if closed { "close" } else { "open" },
                            incident.id,
                            incident.key
                        ));
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    let _ = ended.await;
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
