//! The page of all incidents, and of one.

use coalmine::{
    alert::{Incident, drill::DrillState, log::LogEntry, post::NotifierHealth},
    pages::{
        Alerts, IncidentView, IncidentsView, OpenIncident, Overview, Pager, incident, incidents, overview,
    },
};

use super::{
    fixture::{SITE, now, overview_of},
    hostile::MARKUP,
    tags::{check, text},
    wrong::{acknowledged, ago, alerts, closed, health, log, pager, past, root, telling},
};

fn all(alerts: &Alerts, may_change: bool) -> String {
    let canaries = ["api".to_owned(), "billing".to_owned()];
    let page = incidents(
        &SITE,
        &IncidentsView {
            now: now(),
            alerts,
            canaries: &canaries,
            history: &past(),
            later: false,
            next: Some(ago(9000)),
            may_change,
        },
    );
    check(&page);
    page
}

fn one(it: Incident, log: &[LogEntry], may_change: bool) -> String {
    let open = OpenIncident { incident: it, tellings: vec![telling()] };
    let page = incident(&SITE, &IncidentView { now: now(), open: &open, log, alerts: &alerts(), may_change });
    check(&page);
    page
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\n\n{text}");
    }
}

#[test]
fn the_page_of_all_says_who_knows_what_is_held_and_what_has_been() {
    let page = all(&alerts(), true);
    says(
        &text(&page),
        &[
            "3 open incidents",
            "api::list_keys critical expected 201, got 500 (assertion)",
            "since 11:48 UTC (12 min) last green 11:43 UTC, 5 min before",
            "pagerduty not told since 11:59 UTC: no connection",
            "acknowledged by Kim at 11:55 UTC · pagerduty told at 11:50 UTC, and seen there",
            "held: maintenance window until 13:00 UTC: the floor is new",
            "billing maintenance window the floor is new until 13:00 UTC, for 1 h more · by Sam · s-1",
            "Pager: last proven page 3 min ago, next drill in 1 d",
            "7 succeeded, 0 failed",
            "well again after 11 min · told: pagerduty",
            "well again after 11 min · nobody was told: it closed before it could be told",
        ],
    );
    says(
        &page,
        &[
            r#"action="/incidents/i-other/acknowledge""#,
            r#"action="/incidents/i-7k2m9q4x/unacknowledge""#,
            r#"action="/silences""#,
            r#"action="/silences/s-1/lift""#,
            r#"action="/alerts/drill""#,
            r#"href="/incidents/i-closed""#,
        ],
    );
    let quiet = all(&Alerts { pager: pager(), ..Alerts::default() }, true);
    says(&text(&quiet), &["No open incidents", "Nothing is muted."]);
}

#[test]
fn the_page_of_one_says_what_is_wrong_and_what_has_happened() {
    let page = one(acknowledged(), &log(), true);
    says(
        &text(&page),
        &[
            "api::create_key critical",
            "create_key does what it says expected 201, got 500 assertion ask whoever has deployed last",
            "request POST https://api.shop.test/keys → 500 request id req-77 runbook https://wiki.shop.test/keys",
            "blocks list_keys, revoke_key",
            "cargo test --test canaries -- --exact api::create_key",
            "opened: failed in 2 of the last 3 runs: api-0, api-1",
            "pagerduty told: not taken in 85 ms: no connection",
            "pagerduty told, attempt 2: taken in 85 ms: 202 Event processed",
            "acknowledged by Kim",
        ],
    );
    says(
        &page,
        &[
            r#"href="https://wiki.shop.test/keys""#,
            r##"href="/runs/api-2#step-create_key""##,
            r#"value="api::create_key""#,
            r#"class="point failed""#,
            r#"class="stretch told""#,
        ],
    );
}

#[test]
fn who_has_only_a_link_changes_nothing() {
    let page = one(acknowledged(), &log(), false);
    assert!(!page.contains("<form"), "{page}");
    says(&page, &[r#"href="/login?next=/incidents/i-7k2m9q4x""#]);
    assert!(!all(&alerts(), false).contains("<form"));
}

#[test]
fn what_has_closed_says_why_and_takes_nothing() {
    let page = one(closed(), &log(), true);
    says(&text(&page), &["Closed", "well again, decided by run api-3"]);
    assert!(!page.contains("<form") && !page.contains("data-events"), "{page}");
    says(&text(&one(closed(), &[], true)), &["The history cannot be read at the moment."]);
}

#[test]
fn the_pager_is_judged_in_one_line() {
    let line = |pager: Pager| {
        let alerts = Some(Alerts { pager, ..Alerts::default() });
        let page = overview(&SITE, &Overview { alerts, ..overview_of(Vec::new()) });
        check(&page);
        text(&page)
    };
    let never = || Pager { drill: DrillState::default(), ..pager() };
    let failed = (ago(60), "pagerduty has not taken it".to_owned());
    for (pager, expected) in [
        (Pager::default(), "Nobody is told of what fails: set COALMINE_NOTIFY"),
        (never(), "Pager: never proven"),
        (Pager { drilled: false, ..never() }, "Pager: never proven: set COALMINE_PAGER_DRILL"),
        (Pager { provable: false, drilled: false, ..never() }, "whether pages arrive is not looked at"),
        (
            Pager { drill: DrillState { failed: Some(failed), ..DrillState::default() }, ..pager() },
            "The last drill of the pager failed at 11:59 UTC: pagerduty has not taken it",
        ),
        (
            Pager { blind: Some((ago(60), "401".into())), ..pager() },
            "Nobody can see whether pages arrive since 11:59 UTC: 401",
        ),
    ] {
        says(&line(pager), &[expected]);
    }
    let bad = NotifierHealth { failures: 4, last_error: Some((ago(7), "no connection".into())), ..health() };
    let waits = Pager { undelivered: Some((ago(400), 1)), notifiers: vec![bad], ..pager() };
    says(
        &line(waits),
        &[
            "1 page has not been delivered for 6 min: call somebody",
            "pagerduty, 4 failures in a row, last at 12:00 UTC: no connection",
        ],
    );
}

#[test]
fn hostile_incidents_stay_text() {
    let mut it = acknowledged();
    let mut evidence = root(MARKUP);
    for text in [&mut evidence.promise, &mut evidence.message, &mut evidence.run, &mut evidence.trace] {
        *text = MARKUP.into();
    }
    for text in [&mut evidence.remedy, &mut evidence.request, &mut evidence.request_id, &mut evidence.runbook]
    {
        *text = Some(MARKUP.into());
    }
    evidence.blocks = vec![MARKUP.into()];
    it.roots = vec![evidence, root("b")];
    for text in [&mut it.id, &mut it.key, &mut it.canary] {
        *text = MARKUP.into();
    }
    let log: Vec<LogEntry> = serde_json::from_value(serde_json::json!([
        { "incident": "i", "at": ago(600), "happened": "opened", "why": MARKUP },
        { "incident": "i", "at": ago(500), "happened": "not_told", "notifier": MARKUP, "why": MARKUP },
        { "incident": "i", "at": ago(400), "happened": "acknowledged", "by": MARKUP },
    ]))
    .expect("entries");
    let mut alerts = alerts();
    alerts.silences[0].reason = MARKUP.into();
    alerts.silences[0].by = Some(MARKUP.into());
    alerts.open[0].incident = it.clone();
    alerts.open[0].tellings[0].trouble = Some(MARKUP.into());
    for page in [one(it, &log, true), all(&alerts, true)] {
        let tags = check(&page);
        assert!(tags.iter().all(|it| it.name != "img"));
        assert_eq!(tags.iter().filter(|it| it.name == "script").count(), 1, "ours");
        assert!(text(&page).contains("<script>alert(1)</script>"), "it is still to be read");
        assert!(!page.contains(r#"href="&lt;"#) && !page.contains("href=\"javascript"), "no address");
    }
}
