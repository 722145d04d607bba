//! What PagerDuty shows of its incidents, by its REST API.

use coalmine::{
    alert::notifier::{Notifier, RemoteIncident, RemoteStatus},
    http::Roots,
};
use serde_json::{Value, json};

use super::{
    receiver::{Receiver, Say},
    *,
};

fn pagerduty(receiver: &Receiver) -> Box<dyn Notifier> {
    let settings = settings(&[
        ("COALMINE_PAGERDUTY_KEY", "0123456789abcdef0123456789abcdef"),
        ("COALMINE_PAGERDUTY_TOKEN", "rest-token"),
        ("COALMINE_PAGERDUTY_EVENTS", "http://127.0.0.1:1"),
        ("COALMINE_PAGERDUTY_API", &receiver.address),
    ]);
    settings.notifiers(&Roots::Only(String::new())).unwrap().remove(0)
}

fn incident(id: &str, key: &str, status: &str) -> Value {
    json!({
        "id": id, "incident_number": 7, "title": "x", "incident_key": key, "status": status, "urgency": "high",
        "created_at": "2026-11-30T03:14:00Z",
        "resolved_at": (status == "resolved").then_some("2026-11-30T03:30:00Z"),
        "last_status_change_at": "2026-11-30T03:30:00Z",
        "last_status_change_by": {"id": "P1", "type": "user_reference", "summary": "Ada"},
        "html_url": format!("https://example.pagerduty.com/incidents/{id}"),
    })
}

fn leaf(incidents: &[Value], more: bool) -> Say {
    let leaf = json!({"incidents": incidents, "limit": 100, "offset": 0, "more": more, "total": null});
    Say::status(200, &leaf.to_string())
}

#[tokio::test]
async fn all_that_is_open_is_found_to_the_last_leaf() {
    let ours = "sequence/fra/";
    let full: Vec<_> = (0..100).map(|it| incident(&format!("Q{it}"), "theirs", "triggered")).collect();
    let mut nameless = incident("Q101", "", "triggered");
    nameless["incident_key"] = Value::Null;
    let rest = [incident("Q100", "sequence/fra/api", "acknowledged"), nameless];
    let receiver = Receiver::start([leaf(&full, true), leaf(&rest, false)]).await;
    let notifier = pagerduty(&receiver);
    let found = notifier.remote().unwrap().open(ours).await.unwrap();
    let expected = RemoteIncident {
        id: "Q100".to_owned(),
        key: "sequence/fra/api".to_owned(),
        status: RemoteStatus::Acknowledged,
        created: at("03:14:00"),
        resolved: None,
        by: Some("Ada".to_owned()),
        url: Some("https://example.pagerduty.com/incidents/Q100".to_owned()),
    };
    assert_eq!(found, [expected]);

    let asked = receiver.asked();
    let path = "/incidents?statuses%5B%5D=triggered&statuses%5B%5D=acknowledged&limit=100";
    assert_eq!(asked[0].line, format!("GET {path}&offset=0&date_range=all HTTP/1.1"));
    assert_eq!(asked[1].line, format!("GET {path}&offset=100&date_range=all HTTP/1.1"));
    assert_eq!(asked[0].header("authorization"), Some("Token token=rest-token"));
    assert_eq!(asked[0].header("accept"), Some("application/vnd.pagerduty+json;version=2"));
}

#[tokio::test]
async fn what_became_of_a_key_is_told_newest_first() {
    let key = "sequence/fra/api/list_keys";
    let mut by_machine = incident("Q2", key, "resolved");
    by_machine["created_at"] = "2026-11-30T03:20:00Z".into();
    by_machine["last_status_change_by"]["type"] = "service_reference".into();
    let mut before = incident("Q0", key, "resolved");
    before["created_at"] = "2026-11-29T00:00:00Z".into();
    before["resolved_at"] = "2026-11-29T01:00:00Z".into();
    let mut absorbing = incident("Q3", key, "triggered");
    absorbing["created_at"] = "2026-11-29T00:00:00Z".into();
    let all = [incident("Q1", key, "resolved"), before, absorbing, by_machine];
    let receiver = Receiver::start([leaf(&all, false)]).await;
    let notifier = pagerduty(&receiver);
    // A third of a second after the time that it tells in whole seconds.
    let since = "2026-11-30T03:14:00.3Z".parse().unwrap();
    let found = notifier.remote().unwrap().of_key(key, since).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|it| (it.id.as_str(), it.status, it.by.as_deref(), it.resolved.is_some())).collect();
    let expected = [
        ("Q2", RemoteStatus::Resolved, None, true),
        ("Q1", RemoteStatus::Resolved, Some("Ada"), true),
        ("Q3", RemoteStatus::Triggered, None, false),
    ];
    assert_eq!(found, expected);
    let line = &receiver.asked()[0].line;
    for part in
        ["incident_key=sequence%2Ffra%2Fapi%2Flist_keys&", "statuses%5B%5D=resolved", "date_range=all"]
    {
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn what_it_refuses_is_said() {
    let says = [
        Say::status(401, r#"{"error":{"message":"Authentication failed","code":2006}}"#),
        Say::status(429, ""),
        Say::status(200, "[]"),
        Say::status(200, "<html>"),
        Say::Cut,
    ];
    let receiver = Receiver::start(says).await;
    let notifier = pagerduty(&receiver);
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(notifier.remote().unwrap().open("").await.unwrap_err());
    }
    assert_eq!(found[0], "401 Unauthorized: Authentication failed");
    assert_eq!(found[1], "429 Too Many Requests");
    assert!(found[2].starts_with("the answer is no list of incidents: "), "{}", found[2]);
    assert!(found[3].starts_with("the answer is no JSON: "), "{}", found[3]);
    assert!(found[4].starts_with("error sending request"), "{}", found[4]);
}
