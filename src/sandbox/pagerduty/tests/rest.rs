//! What the REST API shows, and what a person does with it.

use super::*;

/// The field `name` of every item of the list `list`.
#[track_caller]
fn column(body: &Value, list: &str, name: &str) -> Vec<Value> {
    body[list].as_array().unwrap_or_else(|| panic!("{body}")).iter().map(|item| item[name].clone()).collect()
}

#[tokio::test]
async fn who_may_ask() {
    let pager = Pager::start();
    let token = pager.service().api_token().to_owned();
    let table = [
        (Some(format!("Token token={token}")), 200),
        (Some(format!("Bearer {token}")), 200),
        (Some(format!("token token={token}")), 401),
        (Some(format!("Token token=\"{token}\"")), 401),
        (Some(format!("Token {token}")), 401),
        (Some(token.clone()), 401),
        (Some("Token token=".to_owned()), 401),
        (Some(format!("Token token={token}x")), 401),
        (Some(format!("Token token={}", pager.service().routing_key())), 401),
        (None, 401),
    ];
    for path in ["/incidents", "/services", "/oncalls", "/maintenance_windows"] {
        for (header, status) in &table {
            let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
            let answer = pager.send(Method::GET, path, &headers, "").await.unwrap();
            let body = answer.is(*status);
            if *status == 401 {
                assert_eq!(body, json!({"error": {"message": "Authentication failed", "code": 2006}}));
            }
        }
    }
}

#[tokio::test]
async fn an_incident_as_it_is_shown() {
    let pager = Pager::start();
    let mut trigger = pager.trigger("suite/step");
    trigger["links"] = json!([{"href": "https://status.test/1", "text": "record"}]);
    pager.event(&trigger).await.is(202);
    let listed = pager.get("/incidents?incident_key=suite/step").await.is(200);
    let incident = listed["incidents"][0].clone();
    let id = incident["id"].as_str().unwrap();
    let known = pager.service().incidents().remove(0);
    assert_eq!(id, known.id);
    let expected = json!({
        "type": "incident",
        "summary": "[#1] suite/step is broken",
        "incident_number": 1,
        "title": "suite/step is broken",
        "status": "triggered",
        "incident_key": "suite/step",
        "urgency": "high",
        "created_at": known.created_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "resolved_at": null,
        "html_url": format!("{}/incidents/{id}", pager.service().root()),
        "alert_counts": {"all": 1, "triggered": 1, "resolved": 0},
        "acknowledgements": [],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&incident[name], value, "{name}");
    }
    assert_eq!(incident["service"]["type"], "service_reference");
    assert_eq!(incident["assignments"][0]["assignee"]["summary"], pager.service().email());
    assert_eq!(incident["last_status_change_by"]["type"], "events_api_v2_inbound_integration_reference");
    assert_eq!(pager.get(&format!("/incidents/{id}")).await.is(200)["incident"], incident);

    let alerts = pager.get(&format!("/incidents/{id}/alerts")).await.is(200);
    let alert = &alerts["alerts"][0];
    assert_eq!(alert["alert_key"], "suite/step");
    assert_eq!((&alert["status"], &alert["severity"]), (&json!("triggered"), &json!("critical")));
    assert_eq!(alert["body"]["details"], json!({"step": "suite/step"}));
    assert_eq!(alert["body"]["contexts"], trigger["links"]);
    assert_eq!(alert["incident"]["id"], id);

    // An alert is not acknowledged, only its incident.
    pager.event(&pager.event_of("acknowledge", "suite/step")).await.is(202);
    let incident = pager.get(&format!("/incidents/{id}")).await.is(200)["incident"].clone();
    assert_eq!(incident["status"], "acknowledged");
    assert_eq!(incident["acknowledgements"].as_array().unwrap().len(), 1);
    let alerts = pager.get(&format!("/incidents/{id}/alerts")).await.is(200);
    assert_eq!(alerts["alerts"][0]["status"], "triggered");

    pager.advance(14_400);
    let incident = pager.get(&format!("/incidents/{id}")).await.is(200)["incident"].clone();
    assert_eq!((&incident["status"], &incident["assignments"]), (&json!("resolved"), &json!([])));
    assert!(incident["resolved_at"].is_string());
    assert_eq!(incident["last_status_change_by"]["type"], "service_reference");
    for path in ["/incidents/Q0000000000002", "/incidents/Q0000000000002/alerts", "/incidents/1", "/x"] {
        let body = pager.get(path).await.is(404);
        assert_eq!(body, json!({"error": {"message": "Not Found", "code": 2100}}), "{path}");
    }
}

#[tokio::test]
async fn filters() {
    let pager = Pager::with(Options { auto_resolve_timeout: None, ..Options::default() });
    let day = 86_400;
    // One a day, the first 40 days ago.
    for (key, days) in [("old", 38), ("resolved", 1), ("acknowledged", 1), ("triggered", 0)] {
        let mut trigger = pager.trigger(key);
        if key == "triggered" {
            trigger["payload"]["severity"] = "info".into();
        }
        pager.event(&trigger).await.is(202);
        pager.advance(days * day);
    }
    pager.service().resolve("resolved");
    pager.service().acknowledge("acknowledged");
    let now = pager.service().clock().now();
    let ago = |days: i64| (now - SignedDuration::from_secs(days * day + 60)).to_string();
    let since = |days| format!("since={}", ago(days));
    let table: &[(&str, &[&str])] = &[
        // A month is all that there is without asking for more.
        ("", &["resolved", "acknowledged", "triggered"]),
        ("date_range=all", &["old", "resolved", "acknowledged", "triggered"]),
        (&since(50), &["old", "resolved", "acknowledged", "triggered"]),
        (&since(1), &["acknowledged", "triggered"]),
        (&format!("since={}&until={}", ago(41), ago(39)), &["old"]),
        ("statuses[]=triggered", &["triggered"]),
        ("statuses[]=triggered&statuses[]=acknowledged", &["acknowledged", "triggered"]),
        ("statuses%5B%5D=resolved", &["resolved"]),
        ("statuses[]=triggered&date_range=all", &["old", "triggered"]),
        ("incident_key=acknowledged", &["acknowledged"]),
        ("incident_key=nothing", &[]),
        ("urgencies[]=low", &["triggered"]),
        ("service_ids[]=PSANDBOX", &["resolved", "acknowledged", "triggered"]),
        ("service_ids[]=POTHERS", &[]),
        ("sort_by=created_at:desc", &["triggered", "acknowledged", "resolved"]),
        ("sort_by=incident_number:asc", &["resolved", "acknowledged", "triggered"]),
        ("sort_by=resolved_at:desc", &["resolved", "acknowledged", "triggered"]),
        ("something_new=1", &["resolved", "acknowledged", "triggered"]),
    ];
    for (query, expected) in table {
        let body = pager.get(&format!("/incidents?{query}")).await.is(200);
        assert_eq!(column(&body, "incidents", "incident_key"), *expected, "{query}");
    }
    for wrong in [
        "statuses[]=open".to_owned(),
        "sort_by=title".to_owned(),
        "since=yesterday".to_owned(),
        since(190),
        format!("until={}&since={}", ago(2), ago(1)),
    ] {
        let body = pager.get(&format!("/incidents?{wrong}")).await.is(400);
        assert_eq!(body["error"]["code"], 2001, "{wrong}");
        assert!(body["error"]["errors"][0].is_string(), "{wrong}");
    }
}

#[tokio::test]
async fn pages() {
    let pager = Pager::with(Options { events_per_minute: u32::MAX, ..Options::default() });
    for number in 0..103 {
        pager.event(&pager.trigger(&number.to_string())).await.is(202);
    }
    // What is asked for, and what comes: limit, offset, how many, whether there is more, total.
    let null = Value::Null;
    let table = [
        ("", 25, 0, 25, true, null.clone()),
        ("total=true", 25, 0, 25, true, json!(103)),
        ("total=false", 25, 0, 25, true, null.clone()),
        ("limit=100", 100, 0, 100, true, null.clone()),
        ("limit=100&offset=100", 100, 100, 3, false, null.clone()),
        ("limit=3&offset=100", 3, 100, 3, false, null.clone()),
        ("limit=2&offset=100", 2, 100, 2, true, null.clone()),
        ("offset=103", 25, 103, 0, false, null.clone()),
        // Nobody gets more than a hundred, and the answer says so.
        ("limit=500", 100, 0, 100, true, null.clone()),
        ("limit=100&offset=9900", 100, 9900, 0, false, null),
    ];
    for (query, limit, offset, count, more, total) in table {
        let mut body = pager.get(&format!("/incidents?{query}")).await.is(200);
        let numbers = column(&body, "incidents", "incident_number");
        let expected: Vec<Value> = (offset + 1..=offset + count).map(Value::from).collect();
        assert_eq!(numbers, expected, "{query}");
        body.as_object_mut().unwrap().remove("incidents");
        assert_eq!(body, json!({"limit": limit, "offset": offset, "more": more, "total": total}), "{query}");
    }
    for wrong in ["limit=100&offset=9901", "offset=10000", "limit=x", "offset=-1"] {
        let body = pager.get(&format!("/incidents?{wrong}")).await.is(400);
        assert_eq!(body["error"]["code"], 2001, "{wrong}");
    }
}

#[tokio::test]
async fn a_person_answers() {
    let pager = Pager::start();
    for key in ["a", "b"] {
        pager.event(&pager.trigger(key)).await.is(202);
    }
    let ids: Vec<_> = pager.service().incidents().into_iter().map(|incident| incident.id).collect();
    let path = format!("/incidents/{}", ids[0]);
    let me = Some(pager.service().email());
    let to = |status: &str| json!({"incident": {"type": "incident_reference", "status": status}});

    // Somebody must say who they are.
    for from in [None, Some("nobody@sandbox.test")] {
        let body = pager.put(&path, from, to("acknowledged")).await.is(400);
        assert_eq!(body, json!({"error": {"message": "Requester User Not Found", "code": 1008}}));
    }
    for wrong in [
        json!({}),
        to("triggered"),
        json!({"incident": {"status": "resolved"}}),
        json!({"incident": {"type": "incident"}}),
    ] {
        assert_eq!(pager.put(&path, me, wrong).await.is(400)["error"]["code"], 2001);
    }
    let other = pager.put("/incidents/Q0000000000009", me, to("resolved")).await;
    assert_eq!(other.is(404)["error"]["code"], 2100);
    assert!(pager.service().incidents().iter().all(|incident| incident.status == Status::Triggered));

    let body = pager.put(&path, me, to("acknowledged")).await.is(200);
    assert_eq!(body["incident"]["status"], "acknowledged");
    assert_eq!(body["incident"]["last_status_change_by"]["type"], "user_reference");

    let both = json!({"incidents": ids.iter().map(|id| json!({
        "id": id, "type": "incident_reference", "status": "resolved",
    })).collect::<Vec<_>>()});
    let body = pager.put("/incidents", me, both).await.is(200);
    assert_eq!(column(&body, "incidents", "status"), ["resolved", "resolved"]);
    for incident in pager.service().incidents() {
        assert_eq!(incident.resolved_by, Some(Agent::Person));
    }
    let body = pager.put(&path, me, to("acknowledged")).await.is(400);
    assert_eq!(body["error"]["errors"], json!(["Incident Already Resolved"]));
    pager.put("/incidents", me, json!({"incidents": "all"})).await.is(400);
}

#[tokio::test]
async fn the_service_and_who_is_on_call() {
    let pager = Pager::with(Options { acknowledgement_timeout: None, ..Options::default() });
    let listed = pager.get("/services").await.is(200);
    let service = listed["services"][0].clone();
    let id = service["id"].as_str().unwrap();
    assert_eq!(pager.get(&format!("/services/{id}")).await.is(200)["service"], service);
    assert_eq!(service["auto_resolve_timeout"], 14_400);
    assert_eq!(service["acknowledgement_timeout"], Value::Null);
    assert!(service["integrations"][0].get("integration_key").is_none());
    let full = pager.get("/services?include[]=integrations").await.is(200);
    let integration = &full["services"][0]["integrations"][0];
    assert_eq!(integration["integration_key"], pager.service().routing_key());
    pager.get("/services/POTHERS").await.is(404);

    let status = async || pager.get("/services").await.is(200)["services"][0]["status"].clone();
    assert_eq!(status().await, "active");
    for key in ["a", "b"] {
        pager.event(&pager.trigger(key)).await.is(202);
    }
    pager.service().acknowledge("a");
    assert_eq!(status().await, "critical");
    pager.service().acknowledge("b");
    assert_eq!(status().await, "warning");

    let on_call = pager.get("/oncalls").await.is(200);
    let entry = &on_call["oncalls"][0];
    assert_eq!((&entry["escalation_level"], &entry["schedule"]), (&json!(1), &Value::Null));
    assert_eq!(entry["user"]["summary"], pager.service().email());
    assert_eq!((&on_call["more"], &on_call["limit"]), (&json!(false), &json!(25)));
    let count = async |query: &str| {
        pager.get(&format!("/oncalls?{query}")).await.is(200)["oncalls"].as_array().unwrap().len()
    };
    let own = |name: &str| entry[name]["id"].as_str().unwrap().to_owned();
    assert_eq!(count(&format!("user_ids[]={}", own("user"))).await, 1);
    assert_eq!(count(&format!("escalation_policy_ids[]={}", own("escalation_policy"))).await, 1);
    for other in ["user_ids[]=POTHERS", "escalation_policy_ids[]=POTHERS", "schedule_ids[]=POTHERS"] {
        assert_eq!(count(other).await, 0, "{other}");
    }
    let windows = pager.get("/maintenance_windows").await.is(200);
    assert_eq!(windows["maintenance_windows"], json!([]));
}
