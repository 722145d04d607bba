//! What is refused, with the literal complaint.

use super::*;
use crate::pagerduty::UnknownKey;

/// An event that `spoil` has made wrong in one way.
fn spoilt(event: &Value, spoil: impl FnOnce(&mut Value)) -> Value {
    let mut event = event.clone();
    spoil(&mut event);
    event
}

#[tokio::test]
async fn every_complaint() {
    const SEVERITY: &str = "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')";
    const ACTION: &str =
        "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')";
    const SUMMARY: &str = "'summary' is too long (maiximum is 1024 characters)";
    let pager = Pager::start();
    let null = Value::Null;
    // The place in a good trigger, what is there instead, and the complaints.
    let table: &[(&str, Value, &[&str])] = &[
        ("/routing_key", null.clone(), &["'routing_key' is missing or blank"]),
        ("/routing_key", json!("  "), &["'routing_key' is missing or blank"]),
        ("/routing_key", json!(7), &["'routing_key' is not a string"]),
        (
            "/routing_key",
            json!("R".repeat(31)),
            &["Length of 'routing_key' is incorrect (should be 32 characters)"],
        ),
        (
            "/routing_key",
            json!("R".repeat(33)),
            &["Length of 'routing_key' is incorrect (should be 32 characters)"],
        ),
        (
            "/routing_key",
            json!("-".repeat(32)),
            &["'routing_key' cannot contain non-alphanumeric characters."],
        ),
        (
            "/routing_key",
            json!("not a key"),
            &[
                "Length of 'routing_key' is incorrect (should be 32 characters)",
                "'routing_key' cannot contain non-alphanumeric characters.",
            ],
        ),
        ("/event_action", null.clone(), &["'event_action' is missing or blank"]),
        ("/event_action", json!("Trigger"), &[ACTION]),
        ("/dedup_key", json!("k".repeat(256)), &["'dedup_key' is too long (maiximum is 255 characters)"]),
        ("/dedup_key", json!(1), &["'dedup_key' is not a string"]),
        ("/payload", null.clone(), &["'payload' is missing or blank"]),
        ("/payload", json!("text"), &["'payload' is not an object"]),
        (
            "/payload",
            json!({}),
            &[
                "'payload.summary' is missing or blank",
                "'payload.source' is missing or blank",
                "'payload.severity' is missing or blank",
            ],
        ),
        ("/payload/summary", json!(""), &["'payload.summary' is missing or blank"]),
        ("/payload/summary", json!("\n\t "), &["'payload.summary' is missing or blank"]),
        ("/payload/summary", json!("ä".repeat(1025)), &[SUMMARY]),
        ("/payload/source", null.clone(), &["'payload.source' is missing or blank"]),
        ("/payload/severity", null.clone(), &["'payload.severity' is missing or blank"]),
        ("/payload/severity", json!("Critical"), &[SEVERITY]),
        ("/payload/severity", json!("fatal"), &[SEVERITY]),
        ("/payload/timestamp", json!("yesterday"), &["'payload.timestamp' is invalid"]),
        ("/payload/component", json!([]), &["'payload.component' is not a string"]),
        ("/payload/group", json!({}), &["'payload.group' is not a string"]),
        ("/payload/class", json!(true), &["'payload.class' is not a string"]),
        ("/payload/custom_details", json!("text"), &["'payload.custom_details' is not an object"]),
        ("/links", json!({}), &["'links' is not an array"]),
        ("/links", json!(["https://a.test"]), &["'links[0]' is not an object"]),
        ("/links", json!([{"href": "a"}, {"text": "b"}]), &["'links[1].href' is missing or blank"]),
        ("/images", json!([{"alt": "b"}]), &["'images[0].src' is missing or blank"]),
        ("/images", json!([{"src": "http://a.test"}]), &["'images[0].src' is invalid (must be https)"]),
        ("/client", json!(1), &["'client' is not a string"]),
    ];
    let good = pager.trigger("k");
    for (place, instead, complaints) in table {
        let event = spoilt(&good, |event| {
            let (parent, name) = place.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[name] = instead.clone();
        });
        let body = pager.event(&event).await.is(400);
        let expected = json!({
            "status": "invalid event", "message": "Event object is invalid", "errors": complaints,
        });
        assert_eq!(body, expected, "{place} {instead}");
    }
    assert!(pager.service().incidents().is_empty());
    let counts = pager.service().events();
    assert_eq!((counts.received, counts.refused), (table.len() as u64, table.len() as u64));
}

#[tokio::test]
async fn what_is_just_within_the_rules_is_taken() {
    let pager = Pager::start();
    let table: &[(&str, Value)] = &[
        ("/dedup_key", json!("ä".repeat(255))),
        // Characters are counted, not bytes.
        ("/payload/summary", json!("ä".repeat(1024))),
        ("/payload/timestamp", json!("2026-03-01T12:00:00Z")),
        ("/payload/timestamp", json!("2026-03-01T12:00:00.123+0000")),
        ("/payload/timestamp", json!("2026-03-01T12:00:00-08:00")),
        ("/payload/timestamp", json!("2026-03-01T12:00:00")),
        ("/payload/custom_details", Value::Null),
        ("/payload/component", json!("")),
        ("/links", json!([{"href": "https://a.test", "text": "a"}])),
        ("/images", json!([{"src": "https://a.test/a.png"}])),
        ("/client_url", json!("https://a.test")),
        ("/something_new", json!({})),
    ];
    let good = pager.trigger("k");
    for (place, instead) in table {
        let event = spoilt(&good, |event| {
            let (parent, name) = place.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[name] = instead.clone();
        });
        let answer = pager.event(&event).await;
        assert_eq!(answer.status, 202, "{place} {instead}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_answer_to_an_incident_needs_its_key_and_no_payload() {
    let pager = Pager::start();
    for action in ["acknowledge", "resolve"] {
        for key in [Value::Null, json!("")] {
            let event = spoilt(&pager.event_of(action, ""), |event| event["dedup_key"] = key);
            let body = pager.event(&event).await.is(400);
            assert_eq!(body["errors"], json!(["'dedup_key' is missing or blank"]), "{action}");
        }
        // Whatever the payload is, nobody looks at it.
        let event = spoilt(&pager.event_of(action, "k"), |event| event["payload"] = json!({"severity": 1}));
        pager.event(&event).await.is(202);
    }
}

#[tokio::test]
async fn what_cannot_be_read() {
    let pager = Pager::start();
    for path in ["/v2/enqueue", "/v2/change/enqueue"] {
        for body in ["", "{", "[]", "null", "\"trigger\"", "event_action=trigger", "{\"a\":\"\u{0}\"}"] {
            let answer = pager.send(Method::POST, path, &[], body).await.unwrap();
            let expected = json!({
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            });
            assert_eq!(answer.is(400), expected, "{body}");
        }
    }
    let not_text = pager.send(Method::POST, "/v2/enqueue", &[], vec![b'{', b'"', 0xff, b'"', b'}']).await;
    assert_eq!(not_text.unwrap().is(400)["status"], "Unrecognized object");
}

#[tokio::test]
async fn an_event_has_at_most_512_kb() {
    let pager = Pager::start();
    let good = pager.trigger("k");
    let room =
        512 * 1024 - spoilt(&good, |it| it["payload"]["custom_details"] = json!({"t": ""})).to_string().len();
    for (length, status) in [(room, 202), (room + 1, 400), (4 * 1024 * 1024, 400)] {
        let event = spoilt(&good, |it| it["payload"]["custom_details"] = json!({"t": "x".repeat(length)}));
        let answer = pager.event(&event).await;
        assert_eq!(answer.status.as_u16(), status, "{length}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_key_that_is_nobodys() {
    for (unknown_key, status) in [(UnknownKey::Accepted, 202), (UnknownKey::Refused, 400)] {
        let pager = Pager::with(Options { unknown_key, ..Options::default() });
        let event = spoilt(&pager.trigger("k"), |it| it["routing_key"] = "0".repeat(32).into());
        let body = pager.event(&event).await.is(status);
        if status == 202 {
            assert_eq!(body["dedup_key"], "k");
        }
        assert!(pager.service().incidents().is_empty());
        let change = json!({"routing_key": "0".repeat(32), "payload": {"summary": "s"}});
        let answer = pager.send(Method::POST, "/v2/change/enqueue", &[], change.to_string()).await;
        answer.unwrap().is(status);
        assert_eq!(pager.service().events().changes, 0);
    }
}

#[tokio::test]
async fn change_events() {
    let pager = Pager::start();
    let key = pager.service().routing_key();
    let send = async |payload: Value| {
        let event = json!({"routing_key": key, "payload": payload});
        pager.send(Method::POST, "/v2/change/enqueue", &[], event.to_string()).await.unwrap()
    };
    let taken = json!({"status": "success", "message": "Change event processed"});
    assert_eq!(send(json!({"summary": "deployed"})).await.is(202), taken);
    let full = json!({
        "summary": "deployed", "source": "ci", "timestamp": "2026-03-01T12:00:00Z", "custom_details": {"by": "me"},
    });
    assert_eq!(send(full).await.is(202), taken);
    for (payload, complaint) in [
        (Value::Null, "'payload' is missing or blank"),
        (json!([]), "'payload' is not an object"),
        (json!({}), "'payload.summary' is missing or blank"),
        (json!({"summary": "x".repeat(1025)}), "'summary' is too long (maiximum is 1024 characters)"),
        (json!({"summary": "s", "timestamp": "now"}), "'payload.timestamp' is invalid"),
    ] {
        assert_eq!(send(payload).await.is(400)["errors"], json!([complaint]));
    }
    let counts = pager.service().events();
    assert_eq!((counts.changes, counts.received, counts.opened), (2, 0, 0));
}

#[tokio::test]
async fn events_can_only_be_posted() {
    let pager = Pager::start();
    for method in [Method::GET, Method::PUT] {
        pager.send(method, "/v2/enqueue", &[], "").await.unwrap().is(404);
    }
}
