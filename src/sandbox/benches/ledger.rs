//! How fast the ledger is, as its clients see it: over TLS and HTTP on loopback.
//!
//! `cargo bench -p sandbox`. Times in a ledger rise strictly, by a millisecond at least, and an answer waits until its
//! millisecond is over; the sandbox's own clock is pushed ahead here, so that this limit of one transaction per
//! millisecond and ledger is not what is measured.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use reqwest::Client;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// How many transactions the ledger holds in the end.
const TRANSACTIONS: usize = 100_000;

/// Runs of each query that are measured, after one that is not.
const RUNS: usize = 25;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    // Started by `cargo test` with other arguments, it has nothing to check.
    if !std::env::args().any(|it| it == "--bench") {
        return Ok(());
    }
    let sandbox = Sandbox::start(Options { ledger: Some("bench".to_owned()), ..Options::default() })?;
    let ledger = Ledger::of(Arc::new(sandbox))?;
    tokio::runtime::Runtime::new()?.block_on(measure(&ledger))
}

async fn measure(ledger: &Ledger) -> Outcome<()> {
    ledger.call("create-key", &json!({ "id": "key" })).await?;
    for (operation, ids) in [("create-flavor", "flavor"), ("create-account", "account")] {
        for number in 0..10 {
            let body =
                json!({ "id": format!("{ids}-{number}"), "key_ids": ["key"], "tags": { "of": number % 3 } });
            ledger.call(operation, &body).await?;
        }
    }

    println!("{:50} {:>9} {:>12}", "transactions of one action", "clients", "per second");
    let done = Arc::new(AtomicUsize::new(0));
    for (clients, share) in [(1, 10), (2, 10), (8, 10), (16, 70)] {
        let until = done.load(Ordering::Relaxed) + TRANSACTIONS * share / 100;
        let before = done.load(Ordering::Relaxed);
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let (ledger, done) = (ledger.clone(), Arc::clone(&done));
            tasks.spawn(async move {
                loop {
                    let number = done.fetch_add(1, Ordering::Relaxed);
                    if number >= until {
                        done.fetch_sub(1, Ordering::Relaxed);
                        return Ok::<_, Box<dyn Error + Send + Sync>>(());
                    }
                    ledger.issue(number).await?;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let made = done.load(Ordering::Relaxed) - before;
        let rate = made as f64 / started.elapsed().as_secs_f64();
        println!("{:50} {clients:>9} {rate:>12.0}", format!("{made} of them"));
    }

    println!(
        "\n{:50} {:>3} {:>10} {:>10}",
        format!("with {TRANSACTIONS} transactions"),
        "n",
        "median",
        "worst"
    );
    let sums = |path: &str| json!({ "group_by": [path] });
    for (what, operation, body) in [
        ("list-transactions: first page of 100", "list-transactions", json!({ "page_size": 100 })),
        ("list-transactions: first page of 1000", "list-transactions", json!({ "page_size": 1000 })),
        (
            "list-actions: filter that 1 in 10 match",
            "list-actions",
            json!({ "filter": "flavor_id = 'flavor-3'" }),
        ),
        (
            "list-actions: filter that nothing matches",
            "list-actions",
            json!({ "filter": "flavor_id = 'none'" }),
        ),
        ("list-tokens: first page", "list-tokens", json!({})),
        ("sum-actions: everything", "sum-actions", json!({})),
        ("sum-actions: by flavor", "sum-actions", sums("flavor_id")),
        (
            "sum-actions: by a tag, filtered",
            "sum-actions",
            json!({ "group_by": ["snapshot.flavor_tags.of"], "filter": "type = 'issue'" }),
        ),
        ("sum-tokens: everything", "sum-tokens", json!({})),
        ("sum-tokens: by account", "sum-tokens", sums("account_id")),
    ] {
        let mut times = Vec::new();
        for _ in 0..=RUNS {
            let started = Instant::now();
            ledger.call(operation, &body).await?;
            times.push(started.elapsed());
        }
        times.remove(0);
        times.sort_unstable();
        let millis = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        println!("{what:50} {RUNS:>3} {:>10} {:>10}", millis(times[RUNS / 2]), millis(times[RUNS - 1]));
    }
    let pages = Instant::now();
    let mut seen = 0;
    let mut query = json!({ "page_size": 1000 });
    loop {
        let page = ledger.call("list-transactions", &query).await?;
        seen += page["items"].as_array().map_or(0, Vec::len);
        if page["last_page"] == true {
            break;
        }
        query = json!({ "cursor": page["cursor"] });
    }
    println!("list-transactions: all {seen} in pages of 1000: {:.2} s", pages.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    println!("peak resident memory of this process: {}", peak.trim());
    Ok(())
}

#[derive(Clone)]
struct Ledger {
    sandbox: Arc<Sandbox>,
    client: Client,
}

impl Ledger {
    fn of(sandbox: Arc<Sandbox>) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(sandbox.ca_pem().as_bytes())?)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?;
        Ok(Self { sandbox, client })
    }

    async fn issue(&self, number: usize) -> Outcome<()> {
        let (flavor, account) = (number % 10, number / 10 % 10);
        let action = json!({ "type": "issue", "flavor_id": format!("flavor-{flavor}"), "amount": 1 + number % 7,
            "destination_account_id": format!("account-{account}"), "token_tags": { "batch": number % 50 } });
        self.sandbox.clock().advance(SignedDuration::from_millis(1));
        self.call("transact", &json!({ "actions": [action] })).await.map(drop)
    }

    async fn call(&self, operation: &str, body: &Value) -> Outcome<Value> {
        let address = format!("https://{}/{}/bench/{operation}", self.sandbox.address(), self.sandbox.team());
        let request =
            self.client.post(address).header("credential", self.sandbox.credential()).body(body.to_string());
        let answer = request.header("content-type", "application/json").send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("{operation}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}
