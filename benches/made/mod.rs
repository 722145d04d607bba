//! Runs as a service makes them, for the benchmarks: two canaries, of 100 and 70 steps; of 1,000 runs 20 fail and 5
//! cannot tell.

use std::sync::Arc;

use coalmine::{
    RunRecord, Verdict,
    record::{AttemptRecord, Exchange, FailureRecord, StepRecord},
    store::{Finished, Trigger},
    verdict::Cause,
};
use jiff::Timestamp;

/// The run of that number: every sixth is the smaller canary's.
pub(crate) fn run(number: u32) -> Finished {
    let verdict = verdict(number);
    if number % 6 == 5 {
        made(format!("b{number}"), "onboarding", number, 70, verdict)
    } else {
        made(format!("a{number}"), "api", number, 100, verdict)
    }
}

/// How the run of that number ends.
fn verdict(number: u32) -> Verdict {
    match number % 1_000 {
        0..20 => Verdict::Failed,
        20..25 => Verdict::Inconclusive,
        _ => Verdict::Passed,
    }
}

/// A run with as many steps, one every fifty seconds.
pub(crate) fn made(id: String, canary: &str, number: u32, steps: u32, verdict: Verdict) -> Finished {
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
