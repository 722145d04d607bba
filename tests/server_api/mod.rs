//! What the service answers to programs. Our own canary watches it, as it would anybody's API: every answer is held
//! against the service's own document.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod alerts;
mod document;
mod metrics;
mod mistakes;
mod pager;
mod refusals;
mod site;
mod sites;
mod watched;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use coalmine::{
    Canary, Clock, Context, Failure, FromContext, Needs, Redactor, Resources, Result, RunRecord, Secret,
    Suite, Verdict,
    http::{Api, HttpPool, RequestBuilder, Roots, client_config},
    record::MailRecord,
    server::{Server, ServerOptions, api},
    service::{Answered, Ask, Service, ServiceOptions},
    store::{Retention, SqliteStore, Store},
    suite::{Limits, NoJournal, Run, RunOptions},
    surface::Surface,
};
use serde_json::Value;

const TOKEN: &str = "a-token-that-nobody-guesses";

/// A service with a store and a server of its own, on a port of its own. It watches a product that is healthy but for
/// one step.
struct Rig {
    service: Service,
    server: Arc<Server>,
    store: Arc<SqliteStore>,
}

/// A suite with everything that answers can be about: steps that pass, fail and are blocked, and operations.
fn suite() -> Suite {
    let good = Canary::new("front")
        .step("look", look)
        .covers("look-around")
        .promise("somebody can look")
        .step("pay", async || Ok::<_, Failure>(7_u32));
    let bad = Canary::new("back")
        .step("open", async || Err::<Open, _>(Failure::new("it is shut")))
        .covers("open-door")
        .step("enter", async |_: coalmine::Out<Open>| Ok::<_, Failure>(()));
    Suite::new("shop")
        .canary(good.every(Duration::from_secs(3600)))
        .canary(bad)
        .canary(Canary::new("never").step("wait", async || Ok::<_, Failure>(())))
        .operations(["look-around", "open-door"])
}

struct Open;

/// Sees what lies between a canary and its product.
async fn look(cx: Context) -> Result<()> {
    cx.saw_certificate("shop.test", "2026-02-01T00:00:00Z".parse()?);
    let (role, folder) = ("owner".to_owned(), "inbox".to_owned());
    cx.recorder().mail(MailRecord { role, folder, delivery_ms: 1_500.0, budget_ms: Some(2_000.0) });
    Ok(())
}

impl Rig {
    /// `front` has run twice, `back` once, and `never` never.
    async fn new() -> Self {
        let rig = Self::idle().await;
        for canary in ["front", "back", "front"] {
            rig.run(canary).await;
        }
        rig
    }

    async fn idle() -> Self {
        Self::of(suite(), |_| ()).await
    }

    /// Of another suite, and served otherwise.
    async fn of(suite: Suite, set: impl FnOnce(&mut ServerOptions)) -> Self {
        Self::with(suite, options(), set).await
    }

    /// With a pager that can be asked what it shows.
    async fn paged() -> Self {
        let alerts = coalmine::service::Alerts {
            notifiers: vec![Arc::new(pager::Pager::new())],
            notify: vec!["pager".to_owned()],
            ..coalmine::service::Alerts::default()
        };
        Self::with(suite(), ServiceOptions { alerts, ..options() }, |_| ()).await
    }

    /// With a pager, and with an incident of `back`.
    async fn wrong() -> Self {
        let rig = Self::paged().await;
        for _ in 0..2 {
            rig.run("back").await;
            rig.service.clock().advance(jiff::SignedDuration::from_mins(5));
        }
        rig
    }

    async fn with(suite: Suite, options: ServiceOptions, set: impl FnOnce(&mut ServerOptions)) -> Self {
        let store = Arc::new(SqliteStore::in_memory(Retention::default()).await.unwrap());
        let plan = suite.plan().unwrap_or_else(|error| panic!("{error}"));
        let kept = Arc::<SqliteStore>::clone(&store) as Arc<dyn Store>;
        let service = Service::start(plan, options, kept).await.unwrap();
        let mut options =
            ServerOptions { token: Some(Secret::new(TOKEN.to_owned())), ..ServerOptions::default() };
        set(&mut options);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Arc::new(Server::start(listener, service.clone(), options).unwrap());
        Self { service, server, store }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    async fn run(&self, canary: &str) -> String {
        match self.service.run(canary, Ask { fresh: true, ..Ask::default() }).await.unwrap() {
            Answered::Ended { summary, .. } => summary.run.clone(),
            Answered::Running { .. } => panic!("it was given a quarter of an hour"),
        }
    }
}

fn options() -> ServiceOptions {
    ServiceOptions {
        target: "memory:".to_owned(),
        resources: Resources::new(),
        redactor: Redactor::new(),
        journal: Arc::new(NoJournal),
        location: "here".to_owned(),
        // It stands still: nothing runs unless a test asks.
        clock: Clock::manual("2026-01-01T00:00:00Z".parse().unwrap()),
        every: None,
        jitter: Duration::ZERO,
        limits: Limits::default(),
        keep: Duration::from_secs(30),
        patience: Duration::from_secs(30),
        end: Duration::from_secs(60),
        traces: None,
        alerts: coalmine::service::Alerts::default(),
        anchors: Vec::new(),
    }
}

/// Where the service is, for those who watch it.
struct Address(SocketAddr);

/// The service as one step of the watching canary sees it.
struct Client(Api);

impl FromContext for Client {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Address>();
        needs.resource::<Surface>();
    }

    fn from_context(cx: &Context) -> Self {
        let address = cx.resource::<Address>().0;
        Self::at(cx, address)
    }
}

impl Client {
    /// A client of the service there.
    fn at(cx: &Context, address: SocketAddr) -> Self {
        let api = Api::new(cx, &cx.resource::<HttpPool>(), &format!("http://{address}"));
        Self(api.surface(cx.resource::<Surface>()))
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.0.request(method.parse().unwrap(), path).header("authorization", &format!("Bearer {TOKEN}"))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request("GET", path)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.request("POST", path)
    }

    /// The JSON of an answer with that status.
    async fn read(&self, path: &str, status: u16) -> Result<Value> {
        let answer = self.get(path).send().await?;
        answer.ensure_status(status)?;
        answer.json()
    }
}

fn document() -> Surface {
    Surface::parse(api::DOCUMENT).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a canary against the service.
async fn watch(rig: &Rig, suite: Suite) -> (coalmine::suite::Plan, RunRecord) {
    watch_with(suite, Resources::new().with(Address(rig.address()))).await
}

async fn watch_with(suite: Suite, resources: Resources) -> (coalmine::suite::Plan, RunRecord) {
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = client_config(&Roots::Only(certificate.cert.pem())).unwrap();
    let resources = resources.with(HttpPool::new(tls).unwrap()).with(document());
    let plan = suite.plan().unwrap_or_else(|error| panic!("{error}"));
    let run = Run::new(Arc::clone(&plan.canaries[0]), RunOptions::new("http:", resources));
    let record = run.finish().await;
    (plan, record)
}

/// Runs one step against the service, and demands that it passes.
async fn demand(rig: &Rig, canary: Canary) {
    let (_, record) = watch(rig, Suite::new("watch").canary(canary)).await;
    passed(&record);
}

#[track_caller]
fn passed(record: &RunRecord) {
    let bad = record.steps.iter().filter(|step| step.verdict != Verdict::Passed);
    let text = |step: &coalmine::record::StepRecord| {
        let failure = step.failure.as_ref().map(|it| it.text.as_str()).unwrap_or_default();
        format!("{} {}: {failure}", step.name, step.verdict)
    };
    let bad: Vec<_> = bad.map(text).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
