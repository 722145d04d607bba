//! Traces, from a run against a product over HTTP to a receiver that reads them.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod delivery;
mod receiver;
mod tree;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use coalmine::{
    Canary, Cleanup, Context, Failure, FromContext, Needs, Out, Resources, Result, RunRecord, Suite, Undo,
    http::{Api, HttpPool, Roots, client_config},
    operations::Operations,
    suite::{Run, RunOptions},
};
use serde::{Deserialize, Serialize};

/// What no sink may ever show.
const MARKER: &str = "correct-horse-battery";

/// A product that remembers what was asked of it: method and path without query, and `traceparent`.
#[derive(Clone, Default)]
struct Product {
    asked: Arc<Mutex<Vec<(String, String)>>>,
    confirmations: Arc<AtomicUsize>,
}

impl Product {
    async fn start(&self) -> String {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

async fn answer(State(product): State<Product>, request: Request) -> (StatusCode, &'static str) {
    let what = format!("{} {}", request.method(), request.uri().path());
    let parent = request.headers()["traceparent"].to_str().unwrap().to_owned();
    let status = match what.as_str() {
        "POST /users" => StatusCode::CREATED,
        "POST /confirm" if product.confirmations.fetch_add(1, Ordering::SeqCst) == 0 => {
            StatusCode::BAD_GATEWAY
        }
        "GET /nobody" => StatusCode::NOT_FOUND,
        "GET /secret" => StatusCode::FORBIDDEN,
        _ => StatusCode::OK,
    };
    product.asked.lock().unwrap().push((what, parent));
    (status, "hello")
}

struct Address(String);

/// The product as one step sees it.
struct Client(Api);

impl FromContext for Client {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Address>();
    }

    fn from_context(cx: &Context) -> Self {
        let operations =
            Operations::new([("create-user", "POST", "/users"), ("confirm", "POST", "/confirm")]);
        let api = Api::new(cx, &cx.resource::<HttpPool>(), &cx.resource::<Address>().0);
        Self(api.operations(Arc::new(operations)))
    }
}

#[derive(Serialize, Deserialize)]
struct DeleteUser;

impl Undo for DeleteUser {
    const KIND: &'static str = "user";

    fn name(&self) -> String {
        "owner".to_owned()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        Client::from_context(cx).0.request("DELETE".parse()?, "/users/owner").send().await?.ensure_status(200)
    }
}

struct User;
struct Secrets;

async fn sign_up(client: Client, cleanup: Cleanup) -> Result<User> {
    cleanup.intend(DeleteUser)?;
    client.0.post("/users").send().await?.ensure_status(201)?;
    Ok(User)
}

async fn confirm(client: Client, _: Out<User>) -> Result<()> {
    client.0.post("/confirm").send().await?.ensure_status(200)
}

async fn find_nobody(client: Client, _: Out<User>) -> Result<()> {
    client.0.get("/nobody").send().await?.ensure_status(404)
}

async fn read_secrets(client: Client, _: Out<User>) -> Result<Secrets> {
    client.0.context().redactor().learn(MARKER);
    client.0.get("/").send().await?.ensure_status(200)?;
    let answer = client.0.get(&format!("/secret?key={MARKER}")).header("x-key", MARKER).send().await?;
    answer
        .ensure_status(200)
        .map_err(|it| Failure { message: format!("{} with {MARKER}", it.message), ..it })?;
    Ok(Secrets)
}

async fn use_secrets(_: Out<Secrets>) -> Result<()> {
    Ok(())
}

fn canary() -> Canary {
    Canary::new("front")
        .step("sign_up", sign_up)
        .step("confirm", confirm)
        .retry(1)
        .step("find_nobody", find_nobody)
        .step("read_secrets", read_secrets)
        .step("use_secrets", use_secrets)
        .step("wait", async || Ok::<_, Failure>(()))
        .ignore("not on Sundays")
}

async fn run(product: &Product) -> RunRecord {
    let plan = Suite::new("shop").canary(canary()).plan().unwrap_or_else(|error| panic!("{error}"));
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = client_config(&Roots::Only(certificate.cert.pem())).unwrap();
    let resources = Resources::new().with(HttpPool::new(tls).unwrap()).with(Address(product.start().await));
    Run::new(Arc::clone(&plan.canaries[0]), RunOptions::new("http:", resources)).finish().await
}
