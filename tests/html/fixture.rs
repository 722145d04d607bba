//! Runs and canaries to show, here and in `benches/pages.rs`.

use coalmine::{
    RunRecord, Verdict,
    pages::{CanaryRow, Overview, Tally},
    record::{AttemptRecord, Exchange, FailureRecord, StepKind, StepRecord},
    report::html::Site,
    store::{Counts, Day, Schedule, Summary, Totals, Trigger},
    verdict::Cause,
};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

pub(super) const SITE: Site<'static> = Site {
    suite: "shop",
    target: "https://api.shop.test",
    assets: coalmine::report::html::Assets::Linked,
    logout: None,
};

pub(super) fn now() -> Timestamp {
    "2026-01-31T12:00:07Z".parse().expect("a timestamp")
}

pub(super) fn record(steps: Vec<StepRecord>) -> RunRecord {
    RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: "api".into(),
        run: "r7".into(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        target: "https://api.shop.test".into(),
        location: "fra".into(),
        started: now(),
        duration_ms: 1500.0,
        verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
        filtered: false,
        steps,
        cleanup: Vec::new(),
        certificates: Vec::new(),
    }
}

pub(super) fn step(name: &str, verdict: Verdict) -> StepRecord {
    StepRecord {
        name: name.into(),
        promise: format!("{name} does what it says"),
        verdict,
        started_ms: 10.0,
        duration_ms: 120.0,
        ..StepRecord::default()
    }
}

/// A step that failed at its only exchange.
pub(super) fn failed(name: &str, exchange: Exchange) -> StepRecord {
    let failure = Box::new(FailureRecord {
        message: "expected 200, got 500".into(),
        causes: vec!["the disk is full".into()],
        cause: Cause::Assertion,
        remedy: Some("make room".into()),
        exchange: Some(0),
        text: "expected 200, got 500".into(),
    });
    StepRecord {
        failure: Some(failure.clone()),
        attempts: vec![attempt(Some(failure), vec![exchange])],
        ..step(name, Verdict::Failed)
    }
}

pub(super) fn passed(name: &str, exchanges: Vec<Exchange>) -> StepRecord {
    StepRecord { attempts: vec![attempt(None, exchanges)], ..step(name, Verdict::Passed) }
}

pub(super) fn blocked(name: &str, root: &str) -> StepRecord {
    StepRecord { root: Some(root.into()), needs: vec![root.into()], ..step(name, Verdict::Blocked) }
}

pub(super) fn fixture(mut step: StepRecord) -> StepRecord {
    step.kind = StepKind::Fixture;
    step
}

pub(super) fn attempt(failure: Option<Box<FailureRecord>>, exchanges: Vec<Exchange>) -> AttemptRecord {
    AttemptRecord {
        number: 1,
        started_ms: 10.0,
        duration_ms: 120.0,
        verdict: failure.as_ref().map_or(Verdict::Passed, |it| it.cause.verdict()),
        failure,
        exchanges,
        notes: Vec::new(),
        mails: Vec::new(),
    }
}

pub(super) fn exchange(status: u16, answer: &str) -> Exchange {
    Exchange {
        operation: Some("buy".into()),
        method: "POST".into(),
        url: "https://api.shop.test/v1/buy".into(),
        request_headers: vec![
            ("content-type".into(), "application/json".into()),
            ("authorization".into(), "[redacted]".into()),
        ],
        request_body: Some(r#"{"item":"seed","count":2}"#.into()),
        status: Some(status),
        response_headers: vec![("content-type".into(), "application/json".into())],
        response_body: Some(answer.into()),
        request_id: Some("q-1".into()),
        started_ms: 12.0,
        duration_ms: 80.0,
        ..Exchange::default()
    }
}

/// A run of a canary so many minutes ago.
pub(super) fn summary(canary: &str, minutes: i64, verdict: Verdict) -> Summary {
    let is_bad = matches!(verdict, Verdict::Failed | Verdict::Inconclusive);
    Summary {
        run: format!("{canary}-{minutes}"),
        canary: canary.into(),
        verdict,
        trigger: Trigger::Schedule,
        started: now() - SignedDuration::from_mins(minutes),
        duration_ms: 1234.0,
        target: "https://api.shop.test".into(),
        location: "fra".into(),
        filtered: false,
        counts: Counts {
            passed: 60,
            failed: u32::from(verdict == Verdict::Failed),
            inconclusive: u32::from(verdict == Verdict::Inconclusive),
            blocked: if is_bad { 12 } else { 0 },
            ..Counts::default()
        },
        root: is_bad.then(|| "create_key".into()),
        cause: is_bad.then_some(Cause::Assertion),
        message: is_bad.then(|| "expected success, got 500 internal error".into()),
    }
}

pub(super) fn day(canary: &str, age: i64, passed: u64, failed: u64, inconclusive: u64) -> Day {
    let today = now().to_zoned(TimeZone::UTC).date();
    Day { canary: canary.into(), day: today.saturating_sub(age.days()), passed, failed, inconclusive }
}

/// A canary that has run every five minutes for two months.
pub(super) fn canary(name: &str, last: Verdict) -> CanaryRow {
    let verdict = |index: i64| match index {
        0..4 => last,
        11 => Verdict::Inconclusive,
        17 | 18 => Verdict::Failed,
        _ => Verdict::Passed,
    };
    let mut runs: Vec<_> = (0..40).map(|it| summary(name, it * 5 + 2, verdict(it))).collect();
    runs[7].counts.flaky = 1;
    let days = (0..62).map(|age| match age {
        0 => day(name, age, 140, 4, 1),
        20 => day(name, age, 200, 88, 0),
        33 => day(name, age, 0, 288, 0),
        40 => day(name, age, 0, 0, 12),
        41 | 42 => day(name, age, 0, 0, 0),
        _ => day(name, age, 288, 0, u64::from(age % 17 == 3)),
    });
    CanaryRow {
        canary: name.into(),
        rhythm: Some("every 5 min".into()),
        last_24_h: Tally { passed: 283, failed: 4, inconclusive: 1 },
        days: days.collect(),
        totals: Totals {
            canary: name.into(),
            last: runs.first().cloned(),
            last_passed: runs.iter().find(|it| it.verdict == Verdict::Passed).map(|it| it.started),
            ..Totals::default()
        },
        schedule: Some(Schedule {
            canary: name.into(),
            next: Some(now() + SignedDuration::from_secs(170)),
            paused: None,
            skipped: 0,
            missed: 0,
        }),
        running: None,
        runs,
    }
}

pub(super) fn overview_of(canaries: Vec<CanaryRow>) -> Overview {
    Overview { now: now(), canaries, alerts: None }
}
