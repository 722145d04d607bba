//! The store on real files: what is kept, what is counted, what survives.
#![cfg(test)]
#![cfg(feature = "server")]

mod alerts;
mod copy;
mod crash;
mod files;
mod model;
mod old;
mod runs;
mod sweep;

use std::{path::Path, sync::Arc};

use coalmine::{
    RunRecord, Verdict,
    record::{AttemptRecord, Exchange, FailureRecord, StepRecord},
    store::{Finished, Retention, SqliteStore, Trigger},
    verdict::Cause,
};
use jiff::Timestamp;

/// Nothing goes by age or size, and two passed runs are kept in full.
fn keeping_two() -> Retention {
    Retention { passed_in_full: 2, ..Retention::default() }
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, keeping_two()).await.unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

/// A run of `api` that began at that second, with these steps.
fn run(id: &str, second: i64, steps: Vec<StepRecord>) -> Finished {
    let record = RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: "api".into(),
        run: id.into(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        target: "https://shop.test".into(),
        location: "home".into(),
        started: time(second),
        duration_ms: 1_500.25,
        verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
        filtered: false,
        steps,
        cleanup: Vec::new(),
        certificates: Vec::new(),
    };
    Finished { record: Arc::new(record), trigger: Trigger::Schedule }
}

fn change(run: Finished, how: impl FnOnce(&mut RunRecord)) -> Finished {
    let mut record = Arc::unwrap_or_clone(run.record);
    how(&mut record);
    Finished { record: Arc::new(record), ..run }
}

/// A run of one step.
fn single(id: &str, second: i64, verdict: Verdict) -> Finished {
    run(id, second, vec![step("buy", verdict, 12.5)])
}

fn step(name: &str, verdict: Verdict, duration_ms: f64) -> StepRecord {
    let cause = match verdict {
        Verdict::Failed => Some(Cause::Assertion),
        Verdict::Inconclusive => Some(Cause::Prober),
        Verdict::Passed | Verdict::Blocked | Verdict::Skipped => None,
    };
    let failure = cause.map(|cause| {
        Box::new(FailureRecord {
            message: format!("{name} is wrong"),
            causes: Vec::new(),
            cause,
            remedy: None,
            exchange: Some(0),
            text: format!("{name} is wrong"),
        })
    });
    let attempt = AttemptRecord {
        number: 1,
        started_ms: 3.25,
        duration_ms,
        verdict,
        failure: failure.clone(),
        exchanges: vec![Exchange {
            method: "GET".into(),
            url: format!("https://shop.test/{name}"),
            status: Some(200),
            ..Exchange::default()
        }],
        notes: vec!["seen".into()],
        mails: Vec::new(),
    };
    StepRecord {
        name: name.into(),
        promise: format!("{name} works"),
        verdict,
        failure,
        started_ms: 3.125,
        duration_ms,
        attempts: if verdict == Verdict::Skipped { Vec::new() } else { vec![attempt] },
        ..StepRecord::default()
    }
}
