//! A run takes as long as its longest chain of requests, not as long as their sum.
//!
//! Held against what these requests took in the same run, so that a slow machine, on which everything is slower, is no
//! failure of ours. How both compare with the time that the product was told to take is measured by
//! `cargo bench -p canaries --bench suite`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../benches/chain.rs"]
mod chain;

use std::{collections::HashMap, time::Duration};

use canaries::{
    suite,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{
    RunRecord, Verdict,
    record::Exchange,
    suite::{Run, RunOptions},
};

/// What is added to every answer of the product, so that requests are what a run consists of.
const LATENCY: Duration = Duration::from_millis(50);

/// How much longer than the requests of its longest chain a run may take.
const ALLOWED: f64 = 1.1;

/// How often it is tried at most, until it was seen once: a machine that does something else as well, or whose host does,
/// only ever makes it longer.
const TRIES: usize = 10;

#[test]
fn a_run_takes_as_long_as_its_longest_chain_of_requests() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut best: HashMap<String, f64> = HashMap::new();
    let mut figures = String::new();
    for _ in 0..TRIES {
        let world = SandboxWorld::start(WorldOptions { latency: LATENCY, ..Default::default() }).unwrap();
        for record in runtime.block_on(both_canaries(&world)) {
            assert_eq!(record.verdict, Verdict::Passed, "{record:#?}");
            let chain = chain::longest(&record, waited);
            let ratio = record.duration_ms / chain.total;
            figures += &format!(
                "{}: {:.0} ms, {ratio:.3} of {:.0} ms that requests took: {}\n",
                record.canary,
                record.duration_ms,
                chain.total,
                chain.steps.join(" > ")
            );
            // Otherwise the record counts steps to the chain that did not wait for each other.
            assert!(ratio >= 1.0, "faster than its requests were:\n{figures}");
            let best = best.entry(record.canary).or_insert(f64::INFINITY);
            *best = best.min(ratio);
        }
        if best.len() == 2 && best.values().all(|it| *it <= ALLOWED) {
            break;
        }
    }
    println!("{figures}");
    assert!(best.values().all(|it| *it <= ALLOWED), "expected at most {ALLOWED}:\n{figures}");
}

/// For how long at least one of these requests was on its way, in milliseconds.
fn waited(exchanges: &[Exchange]) -> f64 {
    let mut by_start: Vec<_> =
        exchanges.iter().map(|it| (it.started_ms, it.started_ms + it.duration_ms)).collect();
    by_start.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut total, mut until) = (0.0, f64::NEG_INFINITY);
    for (start, end) in by_start {
        total += (end - start.max(until)).max(0.0);
        until = until.max(end);
    }
    total
}

async fn both_canaries(world: &SandboxWorld) -> Vec<RunRecord> {
    let start = world.access().connect("sandbox of the test", false).unwrap();
    let plan = suite().plan().unwrap();
    let runs: Vec<_> = plan
        .canaries
        .iter()
        .map(|canary| Run::new(canary.clone(), RunOptions::new(&start.target, start.resources.clone())))
        .collect();
    runs.iter().for_each(Run::start);
    let mut records = Vec::new();
    // In tasks of their own, so that neither clean-up waits for the other run.
    let ends: Vec<_> = runs.into_iter().map(|run| tokio::spawn(async move { run.finish().await })).collect();
    for end in ends {
        records.push(end.await.unwrap());
    }
    records
}
