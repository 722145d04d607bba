//! Every payload as a whole, written by hand.

use coalmine::{
    Secret,
    alert::notifier::{
        Action::{self, Acknowledge, Resolve, Trigger},
        alertmanager, pagerduty, slack, webhook,
    },
};
use serde_json::{Value, json};

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn event(page: &Page, action: Action, minimal: bool) -> Value {
    pagerduty::event(page, action, minimal, &Secret::new(KEY.to_owned()))
}

#[test]
fn pagerduty_is_told_everything() {
    let expected = json!({
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "sequence/fra/api/list_keys",
        "client": "coalmine",
        "client_url": "https://canaries.example.com/runs/9q4x?until=1&signature=a",
        "links": [
            {"href": "https://canaries.example.com/runs/9q4x?until=1&signature=a", "text": "the run"},
            {"href": "https://canaries.example.com/incidents/i-7k2m9q4x", "text": "the incident"},
            {"href": "https://wiki.example.com/keys", "text": "the runbook"},
        ],
        "payload": {
            "summary": "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com",
            "source": "https://api.example.com",
            "severity": "critical",
            "timestamp": "2026-11-30T03:12:00Z",
            "component": "api::list_keys",
            "group": "sequence",
            "class": "assertion",
            "custom_details": {
                "step": "api::list_keys",
                "promise": "every key is listed once",
                "found": "expected 200, got 500",
                "cause": "assertion",
                "target": "sequence at https://api.example.com",
                "seen from": "fra",
                "since": "2026-11-30 03:12:00 UTC",
                "last green run": "2b7n at 2026-11-30 03:10:00 UTC, 2 min before",
                "blocks": "rename_key, drop_key",
                "request": "POST https://api.example.com/list-keys -> 500",
                "request id": "r-81",
                "seen in run": "9q4x at 2026-11-30 03:14:00 UTC",
                "trace id": "4bf92f3577b34da6a3ce929d0e0e4736",
                "run": "https://canaries.example.com/runs/9q4x?until=1&signature=a",
                "incident": "https://canaries.example.com/incidents/i-7k2m9q4x",
                "repeat it with": "cargo test --test canaries -- --exact api::list_keys",
                "runbook": "https://wiki.example.com/keys",
            },
        },
    });
    assert_eq!(event(&page(), Trigger, false), expected);
}

#[test]
fn pagerduty_is_told_little_if_need_be() {
    let expected = json!({
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "sequence/fra/api/list_keys",
        "payload": {
            "summary": "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com",
            "source": "https://api.example.com",
            "severity": "critical",
        },
    });
    assert_eq!(event(&page(), Trigger, true), expected);
    for (action, page) in [(Acknowledge, acknowledged(page())), (Resolve, over(page()))] {
        let expected = json!({
            "routing_key": KEY,
            "event_action": action.as_str(),
            "dedup_key": "sequence/fra/api/list_keys",
        });
        assert_eq!(event(&page, action, false), expected);
    }
}

#[test]
fn pagerduty_is_told_of_many_steps_in_one_page() {
    let page = Page { instead: Some("slack has not taken it".into()), ..acknowledged(many(2)) };
    let payload = &event(&page, Trigger, false)["payload"];
    assert_eq!(payload["component"], "api");
    assert_eq!(payload["class"], "canary");
    let details = &payload["custom_details"];
    assert_eq!(details["instead"], "slack has not taken it");
    assert_eq!(details["acknowledged by"], "Ada, at 2026-11-30 03:20:00 UTC");
    assert_eq!(details["steps"][1]["step"], "api::step_2");
    assert_eq!(details["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn pagerduty_is_told_how_loud_it_is() {
    let severity = |page: &Page| event(page, Trigger, true)["payload"]["severity"].clone();
    assert_eq!(severity(&Page { severity: Severity::Warning, ..page() }), "warning");
    assert_eq!(severity(&Page { kind: Kind::Missed, ..page() }), "warning");
    assert_eq!(severity(&Page { kind: Kind::Drill, ..page() }), "info");
}

#[test]
fn a_key_that_is_too_long_keeps_its_start_and_stays_its_own() {
    let long = format!("sequence/fra/api/{}", "ö".repeat(300));
    let key = pagerduty::dedup_key(&long);
    assert!(key.len() <= pagerduty::KEY_LIMIT && key.starts_with("sequence/fra/api/ööö"), "{key}");
    assert_ne!(key, pagerduty::dedup_key(&format!("{long}ö")));
    assert_eq!(pagerduty::dedup_key("sequence/fra/api"), "sequence/fra/api");
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

#[test]
fn slack_shows_it_in_blocks() {
    let title =
        "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com";
    let evidence = "*step*  api::list_keys\n*promise*  every key is listed once\n*found*  expected 200, got 500\n\
                    *cause*  assertion\n*request*  POST https://api.example.com/list-keys -&gt; 500\n\
                    *request id*  r-81\n*blocks*  rename_key, drop_key\n\
                    *seen in run*  9q4x at 2026-11-30 03:14:00 UTC\n\
                    *trace id*  4bf92f3577b34da6a3ce929d0e0e4736\n\
                    *repeat it with*  cargo test --test canaries -- --exact api::list_keys\n\
                    *runbook*  <https://wiki.example.com/keys|open>";
    let about = "*target*  sequence at https://api.example.com\n*seen from*  fra\n*since*  2026-11-30 03:12:00 UTC\n\
                 *last green run*  2b7n at 2026-11-30 03:10:00 UTC, 2 min before\n\
                 *run*  <https://canaries.example.com/runs/9q4x?until=1&amp;signature=a|open>\n\
                 *incident*  <https://canaries.example.com/incidents/i-7k2m9q4x|open>";
    let expected = json!({
        "text": title,
        "blocks": [section(&format!(":rotating_light: *{title}*")), section(evidence), section(about)],
    });
    assert_eq!(slack::message(&page(), Trigger, false), expected);
    assert_eq!(slack::message(&page(), Trigger, true), json!({"text": title}));
}

#[test]
fn slack_is_told_the_end_in_a_message_of_its_own() {
    let title = "resolved: api::list_keys failed — sequence at https://api.example.com: all well again after 12 min, \
                 2 passes in a row";
    let links = "*run*  <https://canaries.example.com/runs/9q4x?until=1&amp;signature=a|open>\n\
                 *incident*  <https://canaries.example.com/incidents/i-7k2m9q4x|open>";
    let expected = json!({
        "text": title,
        "blocks": [section(&format!(":white_check_mark: *{title}*")), section(links)],
    });
    assert_eq!(slack::message(&over(page()), Resolve, false), expected);
}

#[test]
fn slack_reads_no_command_out_of_what_a_product_says() {
    let mut page = page();
    page.roots[0].message = "<!channel> & <https://evil.example.com|click>".to_owned();
    let text = slack::message(&page, Trigger, false).to_string();
    assert!(text.contains("&lt;!channel&gt; &amp; &lt;https://evil.example.com|click&gt;"), "{text}");
    assert!(!text.contains("<!channel>") && !text.contains("<https://evil"), "{text}");
}

#[test]
fn alertmanager_has_labels_that_stay() {
    let expected = json!([{
        "labels": {
            "alertname": "CanaryStepFailed",
            "suite": "sequence",
            "canary": "api",
            "step": "list_keys",
            "location": "fra",
            "severity": "critical",
            "key": "sequence/fra/api/list_keys",
        },
        "annotations": {
            "summary": "api::list_keys failed (assertion): expected 200, got 500 — sequence at https://api.example.com",
            "description": "step: api::list_keys\npromise: every key is listed once\nfound: expected 200, got 500\n\
                            cause: assertion\nrequest: POST https://api.example.com/list-keys -> 500\n\
                            request id: r-81\nblocks: rename_key, drop_key\n\
                            seen in run: 9q4x at 2026-11-30 03:14:00 UTC\n\
                            trace id: 4bf92f3577b34da6a3ce929d0e0e4736\n\
                            repeat it with: cargo test --test canaries -- --exact api::list_keys\n\
                            runbook: https://wiki.example.com/keys",
            "runbook_url": "https://wiki.example.com/keys",
            "target": "sequence at https://api.example.com",
            "seen_from": "fra",
            "since": "2026-11-30 03:12:00 UTC",
            "last_green_run": "2b7n at 2026-11-30 03:10:00 UTC, 2 min before",
            "run": "https://canaries.example.com/runs/9q4x?until=1&signature=a",
            "incident": "https://canaries.example.com/incidents/i-7k2m9q4x",
        },
        "startsAt": "2026-11-30T03:12:00Z",
        "generatorURL": "https://canaries.example.com/incidents/i-7k2m9q4x",
    }]);
    assert_eq!(alertmanager::alerts(&page(), Trigger, false), expected);

    let end = alertmanager::alerts(&over(page()), Resolve, true);
    assert_eq!(end[0]["labels"], expected[0]["labels"], "the end is that of the same alert");
    assert_eq!(end[0]["endsAt"], "2026-11-30T03:24:30Z");
    assert_eq!(end[0]["annotations"].as_object().unwrap().len(), 1);
    let whole = alertmanager::alerts(&many(2), Trigger, false);
    assert_eq!(whole[0]["labels"]["alertname"], "CanaryFailed");
    assert_eq!(whole[0]["labels"].get("step"), None);
}

#[test]
fn the_webhook_has_a_document_of_our_own() {
    let found = webhook::document(&page(), Trigger, false);
    // The document as docs/webhook.md shows it.
    let docs = include_str!("../../../docs/webhook.md");
    let example = docs.split("```json\n").nth(1).and_then(|it| it.split("```").next()).unwrap();
    assert_eq!(found, serde_json::from_str::<Value>(example).unwrap());

    let end = webhook::document(&over(acknowledged(page())), Resolve, false);
    assert_eq!(end["action"], "resolve");
    assert_eq!(end["delivery"], "i-7k2m9q4x/1/resolve");
    assert_eq!(end["incident"]["closed"], json!({"at": "2026-11-30T03:24:30Z", "why": "green"}));
    assert_eq!(end["incident"]["acknowledged"], json!({"at": "2026-11-30T03:20:00Z", "by": "Ada"}));
    let minimal = webhook::document(&page(), Trigger, true);
    assert_eq!(minimal["failed"], json!([]));
    assert_eq!(minimal["failed_more"], 1);
    assert_eq!(minimal["title"], found["title"]);
}

#[test]
fn what_is_posted_to_the_webhook_is_signed() {
    let secret = Secret::new("It's a Secret to Everybody".to_owned());
    let at = Timestamp::from_second(1_790_000_000).unwrap();
    // Made with `printf '1790000000.Hello, World!' | openssl dgst -sha256 -hmac …`.
    assert_eq!(
        webhook::signature(&secret, at, b"Hello, World!"),
        "t=1790000000,v1=e45eef3357b6405ff129013ebd8233f9fe445b8d041acfc3c7230303a87cd245"
    );
}
