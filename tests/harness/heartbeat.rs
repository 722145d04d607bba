//! A service that is killed gives no sign of life any more: the one thing that nothing inside it could see to.

use std::{
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use coalmine::{
    Canary, Failure, Redactor, Resources, Secret, Suite,
    alert::heartbeat::Heartbeat,
    config::{Environment, HeartbeatSettings, Start},
    http::Roots,
    service::{Service, ServiceOptions},
    store::{Retention, SqliteStore},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Case, pings::Pings};

/// The suite that is served here.
pub(crate) const SUITE: &str = "beating";

const EVERY: Duration = Duration::from_millis(10);

/// Fifty times the interval.
const WINDOW: Duration = Duration::from_millis(500);

pub(crate) const CASES: &[Case] = &[("it_ends_with_a_kill", it_ends_with_a_kill)];

/// The program that is killed: a service by the library, because settings allow no such haste.
pub(crate) fn program() -> ExitCode {
    let environment = Environment::of_process();
    let value = |name: &str| environment.get(name).expect("the trial sets it").to_owned();
    let canary = Canary::new("front")
        .every(Duration::from_millis(50))
        .step("look", async || Err::<(), _>(Failure::new("it is broken")));
    let plan = Suite::new("shop").canary(canary).plan().unwrap_or_else(|error| panic!("{error}"));
    let start = Start {
        target: "a fixture".to_owned(),
        resources: Resources::new(),
        redactor: Redactor::new(),
        lasting: false,
        world: None,
        alerts: None,
        keep: Box::new(()),
    };
    let settings = HeartbeatSettings { url: Secret::new(value("FIXTURE_HEARTBEAT")), every: EVERY };
    Runtime::new().unwrap().block_on(async {
        let store = SqliteStore::open(value("FIXTURE_STORE"), Retention::default()).await.unwrap();
        let mut options = ServiceOptions::new(&start);
        options.alerts.heartbeat = Some(Arc::new(Heartbeat::new(&settings, &Roots::System).unwrap()));
        let _service = Service::start(plan, options, Arc::new(store)).await.unwrap();
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

/// Killed also if the trial ends before.
struct Killed(Child);

impl Killed {
    fn start(folder: &Path, pings: &Pings) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env("FIXTURE_SUITE", SUITE)
            .env("FIXTURE_HEARTBEAT", pings.url())
            .env("FIXTURE_STORE", folder.join("runs.db"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// In a way that it cannot notice. It is gone afterwards.
    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

fn it_ends_with_a_kill() {
    let (pings, folder) = (Pings::start(), TempDir::new().unwrap());
    let mut service = Killed::start(folder.path(), &pings);
    Runtime::new().unwrap().block_on(async {
        pings.more(5).await;
        service.kill();
        pings.none_for(WINDOW).await;
    });
}
