//! Requests to a service with a large store: how many a second, and how long each takes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use coalmine::http::{Roots, client_config};
use reqwest::Client;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{Options, Outcome, fill, line, process::Half};

/// Connections of those who ask again as soon as they have their answer.
const CONNECTIONS: usize = 16;
/// Requests a second of those who ask whether they have their answer or not.
const RATE: u32 = 2_000;
/// How long everything is asked before it counts.
const WARM: Duration = Duration::from_secs(3);
const SECONDS: u64 = 15;

pub(crate) fn bench(options: &Options) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("runs.db");
    std::fs::copy(Runtime::new()?.block_on(fill::store(options.runs))?, &path)?;
    println!("\n{} runs in the store, a run ends each second; `ask` is a process of its own", options.runs);
    let mut service = Half::start(0, &["serve-store", &path.display().to_string()])?;
    let address = service.line()?;
    // So that both canaries have run.
    thread::sleep(Duration::from_secs(4));
    let before = service.usage()?;
    let seconds = options.seconds.min(SECONDS).to_string();
    let mut client = Half::start(1, &["ask", &address, &seconds])?;
    for told in client.rest()? {
        println!("{told}");
    }
    let after = service.usage()?;
    line("the service, of one processor", format!("{:.0} %", after.percent_since(&before)), "");
    line("the service, resident memory", format!("{:.1} MB", after.resident as f64 / 1e6), "");
    Ok(())
}

/// How long requests took.
#[derive(Default)]
struct Times {
    by_path: BTreeMap<usize, Vec<f64>>,
    bytes: usize,
    failed: usize,
}

impl Times {
    fn append(&mut self, other: Self) {
        for (path, mut times) in other.by_path {
            self.by_path.entry(path).or_default().append(&mut times);
        }
        self.bytes += other.bytes;
        self.failed += other.failed;
    }

    fn add(&mut self, path: usize, millis: f64, answer: Option<usize>) {
        self.by_path.entry(path).or_default().push(millis);
        self.bytes += answer.unwrap_or_default();
        self.failed += usize::from(answer.is_none());
    }

    fn tell(self, what: &str, paths: &[String], took: Duration) {
        let mut all: Vec<f64> = self.by_path.values().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        let rate = all.len() as f64 / took.as_secs_f64();
        let share = |times: &[f64], percent: usize| {
            times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
        };
        println!("\n{what}, {:.0?}", took);
        line("requests a second", format!("{rate:.0}"), "at least 2,000");
        line("requests, and those that failed", format!("{}, {}", all.len(), self.failed), "0 failed");
        line("half of them at most", format!("{:.2} ms", share(&all, 50)), "");
        line("99 of 100 at most", format!("{:.2} ms", share(&all, 99)), "< 25 ms");
        line("the worst", format!("{:.2} ms", share(&all, 100)), "");
        line("sent", format!("{:.1} MB/s", self.bytes as f64 / took.as_secs_f64() / 1e6), "");
        for (path, mut times) in self.by_path {
            times.sort_by(f64::total_cmp);
            let of =
                format!("{:.2} / {:.2} / {:.1} ms", share(&times, 50), share(&times, 99), share(&times, 100));
            println!("  {:<46} {of:>26}", paths[path]);
        }
    }
}

fn client() -> Outcome<Client> {
    let tls = client_config(&Roots::System)?;
    Ok(Client::builder().no_proxy().tls_backend_preconfigured(tls).http1_only().build()?)
}

/// Asks for one page; how many bytes it has.
pub(crate) fn once(address: &str, path: &str) -> Outcome<usize> {
    let client = client()?;
    let url = format!("http://{address}{path}");
    Ok(Runtime::new()?.block_on(async { client.get(url).send().await?.bytes().await })?.len())
}

/// The size of the answer, if it is one.
async fn get(client: &Client, url: &str) -> Option<usize> {
    let answer = client.get(url).send().await.ok()?.error_for_status().ok()?;
    Some(answer.bytes().await.ok()?.len())
}

/// The half that asks.
pub(crate) fn ask(address: &str, time: Duration) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let client = client()?;
        let paths = paths(&client, address).await?;
        let urls: Arc<[String]> = paths.iter().map(|it| format!("http://{address}{it}")).collect();
        closed(&client, &urls, WARM).await;
        let begun = Instant::now();
        let times = closed(&client, &urls, time).await;
        let what = format!("{CONNECTIONS} connections, each asks again at once");
        times.tell(&what, &paths, begun.elapsed());
        let begun = Instant::now();
        let times = open(&client, &urls, time).await;
        let what = format!("{RATE} requests a second, whether answered or not");
        times.tell(&what, &paths, begun.elapsed());
        Ok(())
    })
}

/// The pages and lists that somebody looks at, each as often as the others.
async fn paths(client: &Client, address: &str) -> Outcome<Vec<String>> {
    let runs = client.get(format!("http://{address}/api/v1/canaries/api/runs?limit=500")).send().await?;
    let runs: serde_json::Value = serde_json::from_slice(&runs.bytes().await?)?;
    let run = runs["runs"][400]["run"].as_str().ok_or("there are runs")?;
    let mut paths: Vec<String> = [
        "/",
        "/api/v1/canaries",
        "/api/v1/canaries/api",
        "/api/v1/runs",
        "/api/v1/runs?verdict=failed",
        "/api/v1/canaries/api/steps",
        "/api/v1/canaries/api/steps/step_50",
    ]
    .map(ToOwned::to_owned)
    .into();
    paths.push(format!("/api/v1/runs/{run}"));
    Ok(paths)
}

/// Whoever has an answer asks for the next.
async fn closed(client: &Client, urls: &Arc<[String]>, time: Duration) -> Times {
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + time;
    let mut asking = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, urls, next) = (client.clone(), Arc::clone(urls), Arc::clone(&next));
        asking.spawn(async move {
            let mut times = Times::default();
            while Instant::now() < until {
                let path = next.fetch_add(1, Ordering::Relaxed) % urls.len();
                let begun = Instant::now();
                let answer = get(&client, &urls[path]).await;
                times.add(path, begun.elapsed().as_secs_f64() * 1e3, answer);
            }
            times
        });
    }
    gathered(asking).await
}

/// Requests at their times; what one takes counts from the time at which it was to be sent.
async fn open(client: &Client, urls: &Arc<[String]>, time: Duration) -> Times {
    let begun = Instant::now();
    let count = u32::try_from(time.as_secs()).unwrap_or(u32::MAX).saturating_mul(RATE);
    let mut asking = JoinSet::new();
    for number in 0..count {
        let at = begun + number * (Duration::from_secs(1) / RATE);
        tokio::time::sleep_until(at.into()).await;
        let (client, urls) = (client.clone(), Arc::clone(urls));
        asking.spawn(async move {
            let path = number as usize % urls.len();
            let answer = get(&client, &urls[path]).await;
            let mut times = Times::default();
            times.add(path, at.elapsed().as_secs_f64() * 1e3, answer);
            times
        });
    }
    gathered(asking).await
}

async fn gathered(mut asking: JoinSet<Times>) -> Times {
    let mut all = Times::default();
    while let Some(times) = asking.join_next().await {
        // Asking does nothing that panics.
        all.append(times.unwrap_or_default());
    }
    all
}
