//! The page of a canary, and that of the surface.

use coalmine::{
    Cause, Verdict,
    pages::{CanaryRow, CanaryView, OperationRow, RunsShown, StepRow, SurfaceView, canary, surface},
    store::{Pause, StepStatistics, Summary},
};
use jiff::{SignedDuration, civil::date};

use super::{
    fixture::{self, SITE, now, summary},
    tags::{Tag, check, text},
};

fn steps() -> Vec<StepRow> {
    let row = |step: &str, verdict, times: Option<f64>| StepRow {
        step: step.into(),
        promise: format!("{step} does what it says"),
        verdict,
        statistics: times.map(|p50_ms| StepStatistics {
            step: step.into(),
            runs: 288,
            failed: 4,
            p50_ms,
            p90_ms: p50_ms * 2.0,
            p99_ms: p50_ms * 4.0,
            max_ms: p50_ms * 9.0,
        }),
    };
    vec![
        row("sign_in", Some(Verdict::Passed), Some(15.0)),
        row("create_key", Some(Verdict::Failed), Some(0.0)),
        row("fixture workspace", None, None),
    ]
}

fn page(row: &CanaryRow, runs: RunsShown<'_>) -> String {
    let since = now() - SignedDuration::from_hours(30 * 24);
    let page = canary(&SITE, &CanaryView { now: now(), row, steps: &steps(), since, runs, alerts: None });
    check(&page);
    page
}

fn some() -> Vec<Summary> {
    vec![summary("api", 2, Verdict::Failed), summary("api", 7, Verdict::Passed)]
}

#[test]
fn a_canary_shows_its_steps_and_runs() {
    let runs = some();
    let page =
        page(&fixture::canary("api", Verdict::Failed), RunsShown { runs: &runs, ..RunsShown::default() });
    let text = text(&page);
    for expected in [
        "api failed since 11:43 UTC (17 min); last passed 11:38 UTC",
        // What is wrong first; what never passed has no times.
        "create_key create_key does what it says failed 288 4 – – – – sign_in",
        "sign_in does what it says passed 288 4 15 ms 30 ms 60 ms 135 ms",
        "Uptime is passed / (passed + failed) runs",
        "failed 2026-01-31 11:58:07 UTC 1.2 s 60 steps passed · 1 failed · 12 blocked create_key expected success",
        "2026-01-11 200 88 0 69.44 %",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for link in [
        "/canaries/api/steps/create_key",
        "/canaries/api/steps/fixture%20workspace",
        "/runs/api-7",
        "/canaries/api?verdict=failed#runs",
        "/canaries/api?day=2026-01-11#runs",
    ] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(!text.contains("older"), "there is no other page");
    assert!(page.contains("<title>failed: api · shop</title>"));
    assert!(page.contains("data-events=\"/events\""), "it is live");
}

#[test]
fn a_part_of_the_runs_leads_to_the_others() {
    let runs = some();
    let shown = RunsShown {
        runs: &runs,
        verdict: Some(Verdict::Failed),
        day: Some(date(2026, 1, 31)),
        later: true,
        next: Some("Abc_-"),
    };
    let page = page(&fixture::canary("api", Verdict::Failed), shown);
    for link in [
        "/canaries/api?verdict=failed&amp;day=2026-01-31&amp;after=Abc_-#runs",
        "/canaries/api?verdict=failed&amp;day=2026-01-31#runs",
        "/canaries/api?verdict=failed#runs",
        "/canaries/api?day=2026-01-31#runs",
    ] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
    let none = self::page(
        &fixture::canary("api", Verdict::Passed),
        RunsShown { verdict: Some(Verdict::Skipped), ..RunsShown::default() },
    );
    assert!(text(&none).contains("There are none of these."));
}

#[test]
fn a_schedule_is_paused_and_resumed_by_a_form() {
    let mut row = fixture::canary("a b", Verdict::Passed);
    let form = |row: &CanaryRow| {
        let page = page(row, RunsShown::default());
        let tags = check(&page);
        let is_run = |it: &&Tag| it.get("action") == Some("/canaries/a%20b/run");
        assert_eq!(tags.iter().filter(is_run).count(), 1, "it can be run all the same");
        let forms: Vec<_> = tags.iter().filter(|it| it.name == "form" && !is_run(it)).collect();
        assert_eq!(forms.len(), 1);
        assert_eq!(forms[0].get("method"), Some("post"));
        assert!(
            tags.iter()
                .any(|it| it.get("name") == Some("next") && it.get("value") == Some("/canaries/a%20b"))
        );
        (
            forms[0].get("action").map(str::to_owned),
            tags.iter().any(|it| it.get("name") == Some("reason")),
            page,
        )
    };
    let (action, reason, _) = form(&row);
    assert_eq!((action.as_deref(), reason), (Some("/canaries/a%20b/pause"), true));

    let pause = Pause {
        since: now() - SignedDuration::from_mins(30),
        reason: "a new floor".into(),
        until: Some(now() + SignedDuration::from_hours(1)),
    };
    row.schedule.as_mut().unwrap().paused = Some(pause);
    let (action, reason, page) = form(&row);
    assert_eq!((action.as_deref(), reason), (Some("/canaries/a%20b/resume"), false));
    let text = text(&page);
    assert!(text.contains("since 11:30 UTC: a new floor, until 13:00 UTC"), "{text}");
    assert!(text.contains("a b passed paused"), "what is green may be old: {text}");
}

#[test]
fn what_has_no_schedule_cannot_be_paused() {
    let mut row = fixture::canary("api", Verdict::Passed);
    row.schedule.as_mut().unwrap().next = None;
    assert!(!page(&row, RunsShown::default()).contains("/pause"));
}

fn operation(name: &str, verdict: Option<Verdict>) -> OperationRow {
    OperationRow {
        operation: name.into(),
        prover: Some(("api".into(), name.replace('-', "_"))),
        verdict,
        answers: vec![(200, 3), (404, 1)],
        duration_ms: 40.0,
        ..OperationRow::default()
    }
}

#[test]
fn the_surface_says_what_is_wrong_first() {
    let runs = [("api".to_owned(), "r7".to_owned(), now())];
    let mut broken = operation("create-key", Some(Verdict::Failed));
    (broken.message, broken.cause) = (Some("expected success".into()), Some(Cause::Assertion));
    let operations = [
        operation("sign-in", Some(Verdict::Passed)),
        broken,
        operation("sign-out", None),
        OperationRow { prover: None, ..operation("lost", Some(Verdict::Failed)) },
    ];
    let page = surface(&SITE, &SurfaceView { now: now(), runs: &runs, operations: &operations });
    check(&page);
    let text = text(&page);
    assert!(text.contains("1 of 4 operations passed"), "{text}");
    assert!(
        text.contains(
            "create-key expected success (assertion) failed api:: create_key 200 × 3 404 × 1 in 40 ms"
        ),
        "{text}"
    );
    assert!(text.contains("sign-out not yet"), "{text}");
    assert!(text.contains("lost failed nobody"), "{text}");
    let places =
        ["create-key", "lost", "sign-out", "sign-in"].map(|it| text.find(&format!("{it} ")).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert!(page.contains("href=\"/canaries/api/steps/create_key\"") && page.contains("href=\"/runs/r7\""));
    assert!(page.contains("<title>failed: Surface · shop</title>"));

    let nothing = surface(&SITE, &SurfaceView { now: now(), runs: &[], operations: &[] });
    assert!(nothing.contains("<title>Surface · shop</title>"), "nothing is no pass");
    let young = [operation("sign-in", None)];
    let young = surface(&SITE, &SurfaceView { now: now(), runs: &[], operations: &young });
    assert!(self::text(&young).contains("1 operation, no run yet"), "{young}");
}

#[test]
fn hostile_texts_stay_text() {
    const MARKUP: &str = "\"><script>alert(1)</script>\u{202e}";
    let mut row = fixture::canary(MARKUP, Verdict::Failed);
    row.schedule.as_mut().unwrap().paused = Some(Pause { since: now(), reason: MARKUP.into(), until: None });
    let mut run = summary(MARKUP, 2, Verdict::Failed);
    (run.message, run.root) = (Some(MARKUP.into()), Some(MARKUP.into()));
    let page = page(&row, RunsShown { runs: &[run], next: Some("x"), ..RunsShown::default() });
    assert_eq!(page.matches("<script").count(), 1, "ours");
    let mut evil = operation(MARKUP, Some(Verdict::Failed));
    (evil.message, evil.also) = (Some(MARKUP.into()), vec![MARKUP.into()]);
    let page = surface(&SITE, &SurfaceView { now: now(), runs: &[], operations: &[evil] });
    check(&page);
    assert_eq!(page.matches("<script").count(), 1, "ours");
    assert!(!page.contains('\u{202e}'));
}
