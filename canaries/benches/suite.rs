//! How long real requests take: the whole suite against a sandbox, and plain steps of one request each.
//!
//! `cargo bench --bench suite`. Everything runs on loopback, in this process.

mod chain;

use std::{
    collections::BTreeMap,
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use canaries::{
    suite,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{
    Canary, Context, Out, Resources, Suite, Verdict,
    http::{Api, HttpPool, Roots, client_config},
    record::Exchange,
    suite::{Plan, Run, RunOptions},
};

/// Runs that are measured, after one that is not.
const RUNS: usize = 25;

/// Runs beside their longest chain of requests.
const CHAIN_RUNS: usize = 10;

/// How long the product takes for an answer.
const ANSWER: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    // Started by `cargo test` with other arguments, it has nothing to check.
    if !std::env::args().any(|it| it == "--bench") {
        return Ok(());
    }
    let world = SandboxWorld::start(WorldOptions::default())?;
    let start = world.access().connect("sandbox", false)?;
    let plan = suite().plan()?;
    println!("{:45} {:>5} {:>10} {:>10} {:>10}  goal", "what", "n", "median", "worst", "requests");
    report("whole suite, sandbox in the process", &plan, &start.resources, "5 s")?;

    let address = product()?;
    let pool = HttpPool::new(client_config(&Roots::Only(world.sandbox().ca_pem().to_owned()))?)
        .map_err(|failure| failure.to_string())?;
    let resources = Resources::new().with(pool).with(Product(format!("http://{address}")));
    report("200 steps at once, one request of 50 ms each", &parallel(200)?, &resources, "0.10 s")?;
    report("chain of 50 steps, one request of 50 ms each", &chain()?, &resources, "2.5 s + 5 %")?;
    longest_chains(&plan)?;
    println!("peak resident memory of this process: {} MiB", peak_mebibytes());
    Ok(())
}

/// Each canary against a sandbox that takes its time, beside its longest chain of requests at that time each.
fn longest_chains(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut ratios: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut chains = BTreeMap::new();
    for _ in 0..CHAIN_RUNS {
        let world = SandboxWorld::start(WorldOptions { latency: ANSWER, ..Default::default() })?;
        let start = world.access().connect("sandbox", false)?;
        for canary in &plan.canaries {
            let run = Run::new(Arc::clone(canary), RunOptions::new("bench", start.resources.clone()));
            let record = runtime.block_on(async {
                run.start();
                run.finish().await
            });
            if record.verdict != Verdict::Passed {
                return Err(format!("{} {}", record.canary, record.verdict).into());
            }
            let chain = chain::longest(&record, one_after_the_other);
            ratios
                .entry(record.canary.clone())
                .or_default()
                .push(record.duration_ms / (chain.total * ANSWER.as_secs_f64() * 1e3));
            chains.insert(record.canary, chain);
        }
    }
    for (canary, mut ratios) in ratios {
        ratios.sort_unstable_by(f64::total_cmp);
        let (best, median, worst) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        let chain = &chains[&canary];
        println!(
            "{canary}: {} requests of 50 ms, one after the other: {}",
            chain.total,
            chain.steps.join(" > ")
        );
        println!(
            "  {CHAIN_RUNS} runs, of that time: best {best:.3}, median {median:.3}, worst {worst:.3}; goal 1.1"
        );
    }
    Ok(())
}

/// How many of these requests waited for the one before; a step may also make some at once.
fn one_after_the_other(exchanges: &[Exchange]) -> f64 {
    let end = |it: &Exchange| it.started_ms + it.duration_ms;
    let mut by_end: Vec<_> = exchanges.iter().collect();
    by_end.sort_by(|one, other| end(one).total_cmp(&end(other)));
    let (mut count, mut last) = (0.0, f64::NEG_INFINITY);
    for exchange in by_end {
        if exchange.started_ms >= last {
            (count, last) = (count + 1.0, end(exchange));
        }
    }
    count
}

fn report(what: &str, plan: &Plan, resources: &Resources, goal: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut times = Vec::new();
    let mut requests = 0;
    for _ in 0..=RUNS {
        let started = Instant::now();
        let runs: Vec<_> = plan
            .canaries
            .iter()
            .map(|canary| Run::new(Arc::clone(canary), RunOptions::new("bench", resources.clone())))
            .collect();
        let records = runtime.block_on(async {
            runs.iter().for_each(Run::start);
            let mut records = Vec::new();
            for run in &runs {
                records.push(run.finish().await);
            }
            records
        });
        times.push(started.elapsed());
        if let Some(bad) = records.iter().find(|record| record.verdict != Verdict::Passed) {
            return Err(format!("{what}: {} {}", bad.canary, bad.verdict).into());
        }
        let steps = records.iter().flat_map(|record| &record.steps);
        requests = steps.flat_map(|step| &step.attempts).map(|attempt| attempt.exchanges.len()).sum();
    }
    times.remove(0);
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    println!("{what:45} {RUNS:>5} {:>10} {:>10} {requests:>10}  {goal}", millis(median), millis(worst));
    Ok(())
}

/// Where the answers come from.
struct Product(String);

/// What one step of a chain hands to the next.
struct Link;

async fn ask(cx: Context) -> coalmine::Result<Link> {
    let api = Api::new(&cx, &cx.resource::<HttpPool>(), &cx.resource::<Product>().0);
    api.get("/").send().await?.ensure_status(200)?;
    Ok(Link)
}

async fn ask_after(cx: Context, _before: Out<Link>) -> coalmine::Result<Link> {
    ask(cx).await
}

fn parallel(steps: usize) -> Result<Plan, Box<dyn Error>> {
    let mut canary = Canary::new("parallel");
    for step in 0..steps {
        canary = canary.step(&format!("step_{step}"), ask);
    }
    Ok(Suite::new("bench").canary(canary).plan()?)
}

fn chain() -> Result<Plan, Box<dyn Error>> {
    let mut canary = Canary::new("chain").step("step_0", ask);
    for step in 1..50 {
        canary = canary.step(&format!("step_{step}"), ask_after).pick::<Link>(&format!("step_{}", step - 1));
    }
    Ok(Suite::new("bench").canary(canary).plan()?)
}

/// An HTTP server on a thread of its own that takes its time.
fn product() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let answer = axum::routing::get(|| async {
                tokio::time::sleep(ANSWER).await;
                "ok"
            });
            let router = axum::Router::new().route("/", answer);
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        })
    });
    Ok(address)
}

fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok()).unwrap_or_default() / 1024
}
