//! What the store costs: time and room per run, and how long each question takes over many of them.
//!
//! `cargo bench -p coalmine --bench store [-- RUNS]`, 100,000 if nothing is said. Two canaries, of 100 and 70 steps,
//! every one and five minutes; of 1,000 runs 20 fail and 5 cannot tell.

use std::{
    error::Error,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use coalmine::{
    RunRecord, Verdict,
    record::{AttemptRecord, Exchange, FailureRecord, StepRecord},
    store::{Filter, Finished, Retention, SqliteStore, Store, Trigger},
    verdict::Cause,
};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

/// How often each question is asked.
const TIMES: usize = 25;
/// How many runs are handed over at once.
const AT_ONCE: u32 = 32;
/// One sweep after so many runs, as a service does that sweeps now and then.
const SWEEP: u32 = 2_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, and wants nothing of it.
    if !arguments.iter().any(|it| it == "--bench") {
        return Ok(());
    }
    let runs = arguments.iter().find_map(|it| it.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(bench(runs))
}

async fn bench(runs: u32) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("runs.db");
    let keep = Retention { size: u64::MAX, ..Retention::default() };
    let store = Arc::new(SqliteStore::open(&path, keep).await?);
    fill(&store, runs).await?;
    size(&store, &path, runs).await?;
    read(&store, runs).await?;
    small(&store).await?;
    store.close().await;
    let begun = Instant::now();
    let store = SqliteStore::open(&path, keep).await?;
    black_box(store.totals().await?);
    println!("{:<44} {:>10.1?}", "open, and all totals", begun.elapsed());
    let begun = Instant::now();
    store.backup(&folder.path().join("backup.db")).await?;
    println!("{:<44} {:>10.1?}", "backup", begun.elapsed());
    Ok(())
}

async fn fill(store: &Arc<SqliteStore>, runs: u32) -> Outcome<()> {
    let (begun, cpu) = (Instant::now(), processor()?);
    let (mut making, mut sweeping) = (Duration::ZERO, Vec::new());
    for from in (0..runs).step_by(AT_ONCE as usize) {
        let begun = Instant::now();
        let group: Vec<_> = (from..runs.min(from + AT_ONCE)).map(run).collect();
        making += begun.elapsed();
        let mut adding = JoinSet::new();
        for run in group {
            let store = store.clone();
            adding.spawn(async move { store.add(&run).await });
        }
        while let Some(added) = adding.join_next().await {
            added??;
        }
        if from % SWEEP < AT_ONCE {
            let begun = Instant::now();
            store.sweep(run(from).record.started).await?;
            sweeping.push(begun.elapsed());
        }
    }
    sweeping.sort();
    let (all, cpu) = (begun.elapsed() - making, processor()? - cpu);
    println!("{:<44} {all:>10.1?} {:>10.1?} each", format!("{runs} runs added, sweeps included"), all / runs);
    println!("{:<44} {cpu:>10.1?} {:>10.1?} each", "processor time, with making them", cpu / runs);
    let worst = sweeping.last().copied().unwrap_or_default();
    println!("{:<44} {:>10.1?} {worst:>10.1?} worst", "one sweep", sweeping[sweeping.len() / 2]);
    store.sweep(run(runs).record.started).await?;
    Ok(())
}

async fn size(store: &SqliteStore, path: &Path, runs: u32) -> Outcome<()> {
    let bytes = store.size().await? as f64;
    let each = bytes / f64::from(runs);
    println!("{:<44} {:>7.1} MB {each:>7.0} B each", "file", bytes / 1e6);
    println!("{:<44} {:>7.2} MB", "a day: 1,728 runs", each * 1_728.0 / 1e6);
    let full = store.run(&run(0).record.run).await?.is_some_and(|it| it.full);
    println!("{:<44} {:>10}", "the first run is kept in full", full);
    assert!(path.exists());
    Ok(())
}

async fn read(store: &SqliteStore, runs: u32) -> Outcome<()> {
    let newest = run(runs - 1).record.started;
    let since = |days: i64| newest - SignedDuration::from_hours(24 * days);
    let page = Filter { limit: 50, ..Filter::default() };
    let failed = Filter { verdict: Some(Verdict::Failed), ..page.clone() };
    let of_one = Filter { canary: Some("onboarding".into()), verdict: Some(Verdict::Failed), ..page.clone() };
    let middle = run(runs / 2).record.run.clone();
    let bad = store.runs(&failed).await?.items.last().ok_or("some fail")?.run.clone();

    ask("a page of 50 runs", || store.runs(&page)).await?;
    ask("a page of 50 failed runs", || store.runs(&failed)).await?;
    ask("a page of 50 failed runs of one canary", || store.runs(&of_one)).await?;
    ask("one run, timings only", || store.run(&middle)).await?;
    ask("one failed run in full", || store.run(&bad)).await?;
    ask("the last run that passed", || store.last_passed("api", newest)).await?;
    ask("all steps, 1 day", || store.steps("api", since(1))).await?;
    ask("all steps, 7 days", || store.steps("api", since(7))).await?;
    ask("all steps, all runs of the canary", || store.steps("api", Timestamp::MIN)).await?;
    ask("one step, 100 runs", || store.step("api", "step_50", 100)).await?;
    ask("one step, 10,000 runs", || store.step("api", "step_50", 10_000)).await?;
    ask("days", || store.days(Timestamp::MIN)).await?;
    ask("totals", || store.totals()).await?;
    Ok(())
}

/// Runs of one step, a hundred a second for five seconds, as they come.
async fn small(store: &Arc<SqliteStore>) -> Outcome<()> {
    const RATE: u32 = 100;
    const SECONDS: u32 = 5;
    let cpu = processor()?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut adding = JoinSet::new();
    for number in 0..RATE * SECONDS {
        ticks.tick().await;
        let store = store.clone();
        let run = made(format!("small{number}"), "small", number, 1, Verdict::Passed);
        adding.spawn(async move {
            let begun = Instant::now();
            store.add(&run).await.map(|()| begun.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(time) = adding.join_next().await {
        times.push(time??);
    }
    times.sort();
    let busy = (processor()? - cpu).as_secs_f64() / f64::from(SECONDS) * 100.0;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{:<44} {median:>10.1?} {worst:>10.1?} worst, {busy:.0} % of a processor",
        "add, 100 a second, one step"
    );
    Ok(())
}

async fn ask<'a, T, E: Error + 'static>(
    name: &str,
    what: impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>,
) -> Outcome<()> {
    black_box(what().await?);
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        black_box(what().await?);
        times.push(begun.elapsed());
    }
    times.sort();
    println!("{name:<44} {:>10.1?} {:>10.1?} worst", times[TIMES / 2], times[TIMES - 1]);
    Ok(())
}

/// The run of that number: every sixth is the smaller canary's.
fn run(number: u32) -> Finished {
    let verdict = match number % 1_000 {
        0..20 => Verdict::Failed,
        20..25 => Verdict::Inconclusive,
        _ => Verdict::Passed,
    };
    if number % 6 == 5 {
        made(format!("b{number}"), "onboarding", number, 70, verdict)
    } else {
        made(format!("a{number}"), "api", number, 100, verdict)
    }
}

fn made(id: String, canary: &str, number: u32, steps: u32, verdict: Verdict) -> Finished {
    let mut random = fastrand::Rng::with_seed(number.into());
    let wrong = random.u32(0..steps);
    let steps = (0..steps)
        .map(|index| {
            let verdict = if index == wrong { verdict } else { Verdict::Passed };
            step(&format!("step_{index}"), verdict, &mut random)
        })
        .collect();
    let record = RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: canary.into(),
        run: id,
        trace: format!("{:032x}", random.u128(..)),
        target: "https://shop.test".into(),
        location: "home".into(),
        started: Timestamp::from_second(1_767_225_600 + i64::from(number) * 50).unwrap_or_default(),
        duration_ms: random.f64() * 10_000.0,
        verdict,
        filtered: false,
        steps,
        cleanup: Vec::new(),
        certificates: Vec::new(),
    };
    Finished { record: Arc::new(record), trigger: Trigger::Schedule }
}

/// With one exchange, a third of the size of a real one: making them is not to take most of the time.
fn step(name: &str, verdict: Verdict, random: &mut fastrand::Rng) -> StepRecord {
    let micros = |random: &mut fastrand::Rng, most: u64| random.u64(500..most) as f64 / 1e3;
    let (started_ms, duration_ms) = (micros(random, 8_000_000), micros(random, 200_000));
    let failure = (verdict != Verdict::Passed).then(|| {
        let cause = if verdict == Verdict::Failed { Cause::Assertion } else { Cause::Prober };
        let message = "expected 200, got 503".to_owned();
        Box::new(FailureRecord {
            text: message.clone(),
            message,
            causes: Vec::new(),
            cause,
            remedy: None,
            exchange: Some(0),
        })
    });
    let id = format!("{:016x}", random.u64(..));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let exchange = Exchange {
        operation: Some(name.into()),
        method: "POST".into(),
        url: format!("https://shop.test/v1/{name}/{id}"),
        request_headers: vec![header("content-type", "application/json"), header("traceparent", &id)],
        request_body: Some(format!(r#"{{"id":"{id}","amount":{},"unit":"gold"}}"#, random.u32(..))),
        status: Some(200),
        response_headers: vec![header("content-type", "application/json"), header("x-request-id", &id)],
        response_body: Some(
            format!(r#"{{"items":[{{"id":"{id}","state":"open"}}],"next":null}}"#).repeat(20),
        ),
        request_id: Some(id),
        started_ms,
        duration_ms,
        ..Exchange::default()
    };
    StepRecord {
        name: name.into(),
        promise: format!("{name} does what it says"),
        place: "canaries/api/mod.rs:1".into(),
        verdict,
        started_ms,
        duration_ms,
        failure: failure.clone(),
        attempts: vec![AttemptRecord {
            number: 1,
            started_ms: started_ms + 0.003,
            duration_ms: duration_ms - 0.006,
            verdict,
            failure,
            exchanges: vec![exchange],
            notes: Vec::new(),
            mails: Vec::new(),
        }],
        ..StepRecord::default()
    }
}

/// Processor time of this process so far.
fn processor() -> Outcome<Duration> {
    let status = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = status.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| -> Outcome<u64> { Ok(fields.get(index).ok_or("a field")?.parse()?) };
    // In hundredths of a second, on every Linux.
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
