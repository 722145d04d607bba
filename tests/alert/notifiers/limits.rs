//! Whatever a page holds, each payload stays within the limits of who is to take it, and says what is wrong.

use coalmine::{
    Secret,
    alert::notifier::{
        Action::{self, Acknowledge, Resolve, Trigger},
        alertmanager, mail, pagerduty, slack, webhook,
    },
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::*;

/// Holds every payload against every limit.
#[track_caller]
fn check(page: &Page) {
    for action in [Trigger, Acknowledge, Resolve] {
        for minimal in [false, true] {
            pagerduty_takes(page, action, minimal);
            slack_takes(&slack::message(page, action, minimal));
            alertmanager_takes(&alertmanager::alerts(page, action, minimal));
            let document = webhook::document(page, action, minimal);
            assert!(document.to_string().len() <= webhook::BODY_LIMIT);
            assert!(!document["title"].as_str().unwrap().trim().is_empty());
            assert!(reqwest::header::HeaderValue::from_str(&webhook::delivery(page, action)).is_ok());
            let text = mail::text(page, action, minimal);
            assert!(text.len() <= mail::BODY_LIMIT && !text.trim().is_empty());
        }
    }
}

fn pagerduty_takes(page: &Page, action: Action, minimal: bool) {
    let key = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    let event = pagerduty::event(page, action, minimal, &key);
    assert!(event.to_string().len() <= pagerduty::EVENT_LIMIT);
    assert!(event["dedup_key"].as_str().unwrap().len() <= pagerduty::KEY_LIMIT);
    if action != Trigger {
        return;
    }
    let payload = &event["payload"];
    for (name, limit) in [("summary", pagerduty::SUMMARY_LIMIT), ("source", 1024)] {
        let text = payload[name].as_str().unwrap();
        assert!(!text.trim().is_empty() && text.chars().count() <= limit, "{name}: {text}");
    }
    assert!(["critical", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
    for link in event["links"].as_array().into_iter().flatten() {
        assert!(link["href"].as_str().unwrap().starts_with("http"), "{link}");
    }
    if !minimal {
        assert!(payload["custom_details"].is_object());
    }
}

fn slack_takes(message: &Value) {
    assert!(!message["text"].as_str().unwrap().trim().is_empty());
    let blocks = message["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(blocks.len() <= slack::BLOCK_LIMIT, "{}", blocks.len());
    for block in blocks {
        let text = block["text"]["text"].as_str().unwrap();
        let length = text.encode_utf16().count();
        assert!((1..=slack::TEXT_LIMIT).contains(&length), "{length}");
        // Each `<` is one of ours, and each `&` an escape.
        assert!(text.matches('<').count() == text.matches("|open>").count(), "{text}");
        let escapes: usize = ["&amp;", "&lt;", "&gt;"].iter().map(|it| text.matches(it).count()).sum();
        assert_eq!(text.matches('&').count(), escapes, "{text}");
    }
}

fn alertmanager_takes(alerts: &Value) {
    let alert = &alerts[0];
    let labels = alert["labels"].as_object().unwrap();
    assert!(labels.contains_key("alertname"));
    assert!(labels.values().all(|it| it.as_str().is_some_and(|it| !it.is_empty() && !it.contains('\n'))));
    assert!(alert["annotations"].as_object().unwrap().values().all(|it| it.as_str().unwrap().len() < 20_000));
    let time = |name: &str| alert[name].as_str().map(|it| it.parse::<Timestamp>().unwrap());
    assert!(time("endsAt").is_none_or(|ends| ends >= time("startsAt").unwrap()));
}

#[test]
fn the_worst_that_a_product_can_say_fits() {
    check(&hostile());
    check(&over(Page { kind: Kind::Step, ..hostile() }));
    check(&many(300));
    let nothing = Page {
        suite: String::new(),
        target: String::new(),
        canary: String::new(),
        location: String::new(),
        roots: Vec::new(),
        run_link: None,
        incident_link: None,
        last_green: None,
        ..page()
    };
    check(&nothing);
}

#[test]
fn what_is_left_out_is_said() {
    let key = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    let event = pagerduty::event(&hostile(), Trigger, false, &key);
    let details = &event["payload"]["custom_details"];
    let steps = details["steps"].as_array().unwrap().len();
    assert_eq!(details["left out"], format!("{} more steps", 300 - steps));
    assert!(details["steps"][0]["found"].as_str().unwrap().contains("more characters)"));
    let summary = event["payload"]["summary"].as_str().unwrap();
    assert!(summary.ends_with(" more characters)"), "{summary}");
    let blocks = slack::message(&hostile(), Trigger, false).to_string();
    assert!(blocks.contains("… and 290 more steps have failed"), "{blocks}");
    assert_eq!(webhook::document(&many(301), Trigger, false)["failed_more"], 261);
}

/// Texts as products say them: short and long, with everything in them that has a meaning somewhere.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("&<>".to_owned()),
        Just("\"\\'`*_~|".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        Just("🐤".repeat(700)),
        Just("x".repeat(3_000)),
        Just("https://example.com/a?b=c&d=e|f>g".to_owned()),
    ];
    vec(piece, 0..4).prop_map(|it| it.concat())
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let texts = (text(), text(), text(), text(), text());
    (texts, proptest::option::of(text()), vec(text(), 0..3)).prop_map(|(texts, maybe, blocks)| {
        let (step, promise, message, run, trace) = texts;
        let (remedy, request, request_id, runbook) = (maybe.clone(), maybe.clone(), maybe.clone(), maybe);
        Evidence {
            step,
            promise,
            message,
            run,
            trace,
            remedy,
            request,
            request_id,
            runbook,
            blocks,
            ..evidence("")
        }
    })
}

fn any_page() -> impl Strategy<Value = Page> {
    let kinds = prop_oneof![
        Just(Kind::Step),
        Just(Kind::Canary),
        Just(Kind::Inconclusive),
        Just(Kind::Leftovers),
        Just(Kind::Missed),
        Just(Kind::Drill),
    ];
    let texts = (text(), text(), text(), text(), text(), text());
    let rest = (proptest::option::of(text()), any::<bool>(), any::<u32>());
    let roots = prop_oneof![vec(any_evidence(), 0..5), vec(any_evidence(), 1..2)];
    (kinds, texts, rest, roots).prop_map(|(kind, texts, (maybe, is_over, round), roots)| {
        let (incident, key, suite, location, target, canary) = texts;
        let (run_link, incident_link, instead) = (maybe.clone(), maybe.clone(), maybe);
        let page = Page {
            kind,
            incident,
            key,
            suite,
            location,
            target,
            canary,
            roots,
            round,
            run_link,
            incident_link,
            instead,
            ..page()
        };
        if is_over { over(acknowledged(page)) } else { page }
    })
}

#[test]
fn every_page_fits() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, cases: 40, ..Config::default() });
    runner
        .run(&any_page(), |page| {
            check(&page);
            Ok(())
        })
        .unwrap();
}
