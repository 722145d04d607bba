//! The overview, and the small pages.

use coalmine::{
    Verdict,
    pages::{Alerts, CanaryRow, Login, Message, Overview, Running, Tally, login, message, overview},
    store::Pause,
};
use jiff::SignedDuration;

use super::{
    fixture::{SITE, canary, day, now, overview_of, summary},
    tags::{check, text},
    wrong::alerts,
};

fn page(canaries: Vec<CanaryRow>) -> String {
    let page = overview(&SITE, &overview_of(canaries));
    check(&page);
    page
}

fn tally(passed: u64, failed: u64, inconclusive: u64) -> Tally {
    Tally { passed, failed, inconclusive }
}

#[test]
fn uptime_is_of_the_runs_that_could_tell() {
    for (tally, expected) in [
        (tally(0, 0, 0), "no runs"),
        (tally(0, 0, 3), "no verdict"),
        (tally(5, 0, 0), "100 %"),
        (tally(5, 0, 100), "100 %"),
        (tally(0, 4, 0), "0.00 %"),
        (tally(3, 1, 9), "75.00 %"),
        // Rounded up it would hide a failure.
        (tally(999_999, 1, 0), "99.99 %"),
    ] {
        assert_eq!(tally.text(), expected, "{tally:?}");
    }
    assert_eq!(tally(0, 0, 0).uptime(), None);
}

#[test]
fn days_and_runs_are_counted() {
    let days = [day("a", 0, 1, 0, 0), day("a", 6, 2, 1, 0), day("a", 7, 4, 0, 1), day("a", -1, 100, 0, 0)];
    assert_eq!(Tally::of_days(&days, now(), 7), tally(3, 1, 0), "today and the six days before");
    assert_eq!(Tally::of_days(&days, now(), 90), tally(7, 1, 1));
    let mut runs: Vec<_> = [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Skipped]
        .into_iter()
        .zip([1, 2, 3, 4])
        .map(|(verdict, minutes)| summary("a", minutes, verdict))
        .collect();
    runs.push(summary("a", 61, Verdict::Failed));
    let mut filtered = summary("a", 5, Verdict::Failed);
    filtered.filtered = true;
    runs.push(filtered);
    let since = now() - SignedDuration::from_hours(1);
    assert_eq!(Tally::of_runs(&runs, since), tally(1, 1, 1));
}

#[test]
fn a_red_row_says_what_is_wrong_and_since_when() {
    let page = page(vec![canary("api", Verdict::Failed), canary("web", Verdict::Passed)]);
    let text = text(&page);
    assert!(page.contains("<title>failed: 1 of 2 canaries failed · shop</title>"));
    assert!(text.contains("api failed since 11:43 UTC (17 min); last passed 11:38 UTC"), "{text}");
    assert!(
        text.contains("create_key expected success, got 500 internal error (assertion) · blocks 12 steps"),
        "{text}"
    );
    assert!(page.contains("href=\"/runs/api-2#step-create_key\""), "a link to the place");
    assert!(text.contains("web passed since"), "{text}");
    assert!(text.contains("next run in 2 min, every 5 min"), "{text}");
    assert!(text.contains("98.60 %") && text.contains("1 inconclusive"), "{text}");
    assert!(text.contains("Uptime is passed / (passed + failed) runs"), "the definition is on the page");
}

#[test]
fn each_run_is_a_mark_with_its_words() {
    let page = page(vec![canary("api", Verdict::Failed)]);
    let tags = check(&page);
    let marks: Vec<_> =
        tags.iter().filter(|it| it.get("class").is_some_and(|it| it.starts_with("mark "))).collect();
    assert_eq!(marks.len(), 30, "so many are shown");
    for shape in ["#shape-failed", "#shape-passed", "#shape-inconclusive", "#shape-flaky"] {
        assert!(tags.iter().any(|it| it.name == "use" && it.get("href") == Some(shape)), "{shape}");
    }
    assert!(page.contains("<title>2026-01-31 11:58:07 UTC: failed, create_key, 1.2 s</title>"), "{page}");
    assert!(page.contains("2026-01-11: 200 passed, 88 failed, 0 inconclusive, 69.44 %"), "{page}");
    assert!(page.contains("Last 90 days: 3 days with failures, 30 days without runs"), "{page}");
}

#[test]
fn a_canary_that_never_ran_is_not_green() {
    let never = CanaryRow { canary: "new".into(), ..CanaryRow::default() };
    let page = page(vec![never]);
    let text = text(&page);
    assert!(text.contains("Nothing has run yet"), "{text}");
    assert!(text.contains("new no runs yet"), "{text}");
    assert_eq!(text.matches("no runs").count() - text.matches("no runs yet").count(), 3, "no 100 %: {text}");
    assert!(!text.contains("100 %"));
}

#[test]
fn the_plan_says_why_nothing_runs() {
    let mut paused = canary("paused", Verdict::Passed);
    let schedule = paused.schedule.as_mut().unwrap();
    schedule.paused = Some(Pause {
        since: now() - SignedDuration::from_mins(30),
        reason: "the shop is being rebuilt".into(),
        until: None,
    });
    (schedule.skipped, schedule.missed) = (3, 1);
    let mut busy = canary("busy", Verdict::Inconclusive);
    busy.running = Some(Running { run: Some("r9".into()), since: now() - SignedDuration::from_secs(12) });
    let mut late = canary("late", Verdict::Passed);
    late.schedule.as_mut().unwrap().next = Some(now() - SignedDuration::from_mins(9));
    let mut request = canary("request", Verdict::Passed);
    request.schedule.as_mut().unwrap().next = None;
    let page = page(vec![paused, busy, late, request]);
    let text = text(&page);
    for expected in [
        "paused since 11:30 UTC: the shop is being rebuilt",
        "3 times still busy, 1 time missed",
        "running for 12 s",
        "late by 9 min",
        "only on request",
        "1 of 4 canaries could not tell",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(page.contains("href=\"#canary-busy\""), "a way to the one that is not green");
}

#[test]
fn filtered_runs_do_not_speak_for_a_canary() {
    let mut row = canary("api", Verdict::Passed);
    let mut filtered = summary("api", 1, Verdict::Failed);
    filtered.filtered = true;
    row.runs.insert(0, filtered);
    let text = text(&page(vec![row]));
    assert!(text.contains("The canary passed"), "{text}");
    assert!(text.contains("some steps only, not counted"), "{text}");
}

#[test]
fn incidents_are_shown_where_somebody_watches() {
    let of = |alerts| {
        let page = overview(&SITE, &Overview { alerts, ..overview_of(vec![canary("api", Verdict::Failed)]) });
        check(&page);
        text(&page)
    };
    assert!(!of(None).contains("incident"));
    assert!(of(Some(Alerts::default())).contains("No open incidents"));
    let text = of(Some(alerts()));
    assert!(text.contains("3 open incidents"), "{text}");
    let line = "critical api::create_key failed (assertion): expected 201, got 500 since 11:48 UTC (12 min) · \
                acknowledged by Kim at 11:55 UTC · pagerduty told at 11:50 UTC, and seen there";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("1 silence holds"), "{text}");
}

#[test]
fn fifty_canaries_stay_a_page() {
    let page = page((0..50).map(|it| canary(&format!("canary_{it}"), Verdict::Passed)).collect());
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    assert!(page.contains("data-events=\"/events\""), "it is live");
}

#[test]
fn hostile_names_stay_text() {
    const MARKUP: &str = "\"><script>alert(1)</script>";
    let mut row = canary(MARKUP, Verdict::Failed);
    row.rhythm = Some(MARKUP.into());
    row.runs[0].message = Some(MARKUP.into());
    row.runs[0].root = Some(MARKUP.into());
    row.schedule.as_mut().unwrap().paused = Some(Pause { since: now(), reason: MARKUP.into(), until: None });
    let page = page(vec![row]);
    assert_eq!(page.matches("<script").count(), 1, "ours");
}

#[test]
fn small_pages() {
    for it in [Message::NOT_FOUND, Message::ERROR] {
        let page = message(&SITE, &it);
        check(&page);
        assert!(text(&page).contains(it.title) && page.contains("href=\"/\""));
    }
    let form =
        Login { action: "/login", csrf: "c1", next: Some("/runs/r1"), problem: Some("That is not it.") };
    let page = login(&SITE, &form);
    let tags = check(&page);
    let form = tags.iter().find(|it| it.name == "form").unwrap();
    assert_eq!((form.get("method"), form.get("action")), (Some("post"), Some("/login")));
    assert!(tags.iter().any(|it| it.get("name") == Some("csrf") && it.get("value") == Some("c1")));
    assert!(tags.iter().any(|it| it.get("type") == Some("password")));
    assert!(text(&page).contains("That is not it."));
    assert!(!page.contains("api.shop.test"), "who is not logged in need not know what is watched");
}

#[test]
fn a_thousand_canaries_fit_on_a_page() {
    let canaries = (0..1_000).map(|number| {
        let name = format!("canary-{number}");
        let mut row = canary(&name, Verdict::Passed);
        row.runs.clear();
        row.runs.extend((1..=100).map(|minutes| summary(&name, minutes, Verdict::Passed)));
        row.days = vec![day(&name, 0, 10, 0, 0)];
        row
    });
    let page = page(canaries.collect());
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(!page.contains("<form"), "what may be done is on the canary's own page");
    assert!(text(&page).contains("since at least 10:20 UTC"), "all known runs are looked at, and few shown");
}
