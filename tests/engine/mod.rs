//! The engine through its public face. Nothing here sleeps, and nothing depends on how long things take: steps wait
//! for one another by channels and barriers, and a limit that is to be met is set short.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod cancel;
mod cleanup;
mod limit;
mod order;
mod record;
mod sharing;
mod verdict;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use coalmine::{
    Canary, Resources, Result, RunRecord, Suite, Verdict,
    suite::{CanaryPlan, Limits, Run, RunOptions},
};

/// A fact that a step establishes. The number keeps apart the facts of one test.
struct Fact<const N: usize>;

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn add(&self, event: impl Into<String>) {
        self.0.lock().unwrap().push(event.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Adds an event when it is dropped.
    fn at_drop(&self, event: &'static str) -> AtDrop {
        AtDrop(self.clone(), event)
    }
}

struct AtDrop(Events, &'static str);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

fn plan(canary: Canary) -> Arc<CanaryPlan> {
    let plan = Suite::new("suite").canary(canary).plan().unwrap_or_else(|error| panic!("{error}"));
    Arc::clone(&plan.canaries[0])
}

fn canary() -> Canary {
    Canary::new("canary")
}

fn options() -> RunOptions {
    RunOptions::new("memory:", Resources::new())
}

fn limits(set: impl FnOnce(&mut Limits)) -> RunOptions {
    let mut options = options();
    set(&mut options.limits);
    options
}

fn new_run(canary: Canary, options: RunOptions) -> Arc<Run> {
    Run::new(plan(canary), options)
}

/// Runs everything with the usual options.
async fn run(canary: Canary) -> RunRecord {
    let run = new_run(canary, options());
    soon(run.finish()).await
}

/// Waits, but not for ever: a test that would hang fails instead.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("this ends at once unless something hangs")
}

/// Lets everything else that can go on go on, many times over.
async fn let_others_run() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn pass() -> Result<()> {
    Ok(())
}

fn verdicts(record: &RunRecord) -> Vec<(&str, Verdict)> {
    record.steps.iter().map(|it| (it.name.as_str(), it.verdict)).collect()
}

fn index(plan: &CanaryPlan, step: &str) -> usize {
    plan.cases().find(|(_, name)| *name == step).map(|(index, _)| index).unwrap()
}
