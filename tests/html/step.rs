//! The page of a step.

use coalmine::{
    Cause, Verdict,
    pages::{StepFailure, StepView, step},
    store::{StepPoint, StepStatistics},
};
use jiff::SignedDuration;

use super::{
    fixture::{SITE, now},
    tags::{check, text},
};

pub(super) fn points(count: i32) -> Vec<StepPoint> {
    let point = |it: i32| StepPoint {
        run: format!("r{it}"),
        started: now() - SignedDuration::from_mins(i64::from(it) * 5),
        verdict: if it % 40 == 7 { Verdict::Failed } else { Verdict::Passed },
        flaky: it % 50 == 9,
        duration_ms: 100.0 + f64::from(it * 37 % 60),
    };
    (0..count).map(point).collect()
}

fn statistics(name: &str) -> StepStatistics {
    StepStatistics {
        step: name.into(),
        runs: 288,
        failed: 7,
        p50_ms: 123.0,
        p90_ms: 150.0,
        p99_ms: 158.0,
        max_ms: 159.0,
    }
}

fn page(points: &[StepPoint], failures: &[StepFailure]) -> String {
    let view = StepView {
        now: now(),
        canary: "api",
        step: "create_key",
        promise: "a key can be created",
        covers: &["create-key".into()],
        runbook: Some("https://wiki.test/keys"),
        place: "api/mod.rs:36",
        points,
        statistics: &[statistics("sign_in"), statistics("create_key")],
        since: now() - SignedDuration::from_hours(24),
        failures,
    };
    let page = step(&SITE, &view);
    check(&page);
    page
}

#[test]
fn latency_failures_and_numbers() {
    let failure = StepFailure {
        run: "r7".into(),
        started: now() - SignedDuration::from_mins(35),
        verdict: Verdict::Failed,
        cause: Some(Cause::Timeout),
        message: Some("no answer within 5 s".into()),
    };
    let page = page(&points(100), &[failure]);
    let text = text(&page);
    for expected in [
        "a key can be created",
        "p50 123 ms",
        "p90 150 ms",
        "p99 158 ms",
        "slowest 159 ms",
        "failed 2026-01-31 11:25:07 UTC (timeout) no answer within 5 s",
        "All 2 steps of api",
        "did not pass",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(page.contains("href=\"/runs/r7#step-create_key\""));
    assert!(page.contains("href=\"/canaries/api/steps/sign_in\""));
    assert_eq!(page.matches("class=\"dot ").count(), 100);
    assert_eq!(page.matches("class=\"dot failed\"").count(), 3);
    assert_eq!(page.matches("class=\"percentile ").count(), 3);
    assert!(page.contains("<title>passed: api::create_key · shop</title>"));
}

#[test]
fn few_runs_are_drawn_too() {
    assert!(text(&page(&[], &[])).contains("There are no runs to draw."));
    for count in [1, 2, 3] {
        assert!(!page(&points(count), &[]).contains("NaN"));
    }
}

#[test]
fn one_slow_run_does_not_hide_the_others() {
    let mut points = points(30);
    points[3].duration_ms = 60_000.0;
    assert!(text(&page(&points, &[])).contains("each line is ten times the one below"));
}
