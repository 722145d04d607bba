//! The server over real connections: what it lets in, what it says, what it bears. Steps wait at gates, and nothing here
//! sleeps or has a fixed port.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod access;
mod events;
mod pages;
mod run;
mod wire;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use coalmine::{
    Canary, Cause, Context, Failure, Result, Secret, Suite,
    http::{Roots, client_config},
    server::{Server, ServerOptions},
    service::{Service, ServiceOptions},
    store::{Retention, SqliteStore, Store},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

const TOKEN: &str = "a-token-that-nobody-guesses";

/// A server in front of canaries that all run only when they are asked: `front` waits at a gate, and the others end as
/// their names say.
struct Rig {
    server: Server,
    service: Service,
    gate: Gate,
    client: Client,
    _folder: TempDir,
}

/// Where the step of `front` waits.
#[derive(Clone)]
struct Gate {
    entered: Arc<Semaphore>,
    leave: Arc<Semaphore>,
    runs: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        let shut = || Arc::new(Semaphore::new(0));
        Self { entered: shut(), leave: shut(), runs: Arc::default() }
    }

    async fn pass(self) -> Result<()> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.entered.add_permits(1);
        self.leave.acquire().await?.forget();
        Ok(())
    }
}

fn suite(gate: &Gate) -> Suite {
    let gate = gate.clone();
    Suite::new("shop")
        .canary(Canary::new("front").step("look", move || gate.clone().pass()))
        .canary(Canary::new("passed").step("pass", || async { Result::<()>::Ok(()) }).promise("it passes"))
        .canary(Canary::new("failed").step("fail", || async { Err::<(), _>(Failure::new("it is broken")) }))
        .canary(
            Canary::new("inconclusive").step("wonder", || async {
                Err::<(), _>(Failure::of(Cause::MailProvider, "nobody can tell"))
            }),
        )
        .canary(Canary::new("skipped").step("wait", || async { Result::<()>::Ok(()) }).ignore("not today"))
        .canary(
            Canary::new("flaky")
                .step("try_again", |context: Context| async move {
                    if context.attempt() == 1 { Err(Failure::new("not yet")) } else { Ok(()) }
                })
                .retry(1),
        )
}

impl Rig {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with_token() -> Self {
        Self::with(|options| options.token = Some(Secret::new(TOKEN.to_owned()))).await
    }

    async fn with(set: impl FnOnce(&mut ServerOptions)) -> Self {
        let gate = Gate::new();
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("s.db"), Retention::default()).await.unwrap();
        Self::on(Arc::new(store), folder, gate, set).await
    }

    async fn on(
        store: Arc<dyn Store>,
        folder: TempDir,
        gate: Gate,
        set: impl FnOnce(&mut ServerOptions),
    ) -> Self {
        let options = ServiceOptions {
            jitter: Duration::ZERO,
            keep: Duration::from_secs(30),
            patience: Duration::from_secs(30),
            end: Duration::from_secs(60),
            ..ServiceOptions::watching("memory:")
        };
        let plan = suite(&gate).plan().unwrap_or_else(|error| panic!("{error}"));
        let service = Service::start(plan, options, store).await.unwrap();
        let mut options = ServerOptions::default();
        set(&mut options);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::start(listener, service.clone(), options).unwrap();
        let tls = client_config(&Roots::System).unwrap();
        let client = Client::builder().redirect(Policy::none()).no_proxy().tls_backend_preconfigured(tls);
        let client = client.build().unwrap();
        Self { server, service, gate, client, _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// Waits until the step of `front` stands at its gate.
    async fn somebody(&self) {
        soon(self.gate.entered.acquire()).await.unwrap().forget();
    }

    fn let_one_through(&self) {
        self.gate.leave.add_permits(1);
    }

    fn runs(&self) -> usize {
        self.gate.runs.load(Ordering::SeqCst)
    }
}

async fn send(request: RequestBuilder) -> Response {
    soon(request.send()).await.unwrap()
}

async fn status(request: RequestBuilder) -> u16 {
    send(request).await.status().as_u16()
}

/// Which verdict an answer has.
fn verdict(response: &Response) -> &str {
    response.headers()["coalmine-verdict"].to_str().unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

async fn text(response: Response) -> String {
    soon(response.text()).await.unwrap()
}

#[track_caller]
fn expect(response: &Response, status: StatusCode, says: &str) {
    assert_eq!((response.status(), verdict(response)), (status, says));
}

impl Rig {
    /// Waits until so many requests were let in and have got as far as they can. All is on one thread.
    async fn asked(&self, requests: u64) {
        soon(async {
            while self.server.requests() < requests {
                tokio::task::yield_now().await;
            }
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Waits, but not for ever: a test that would hang fails instead.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("this ends at once unless something hangs")
}
