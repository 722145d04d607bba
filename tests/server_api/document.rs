//! The document is one, says enough of every operation, and notices what changes.

use super::*;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use serde_json::json;

#[test]
fn the_document_is_right() {
    let surface = document();
    surface.compile().unwrap();
    let names: Vec<_> = surface.operations().names().collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len(), "each has a name of its own");
    for (method, path, name) in [
        ("GET", "/api/v1/canaries/front/steps/look", "read-step"),
        ("GET", "/run", "run-all-by-get"),
        ("POST", "/run/front", "run-one"),
        ("GET", "/metrics", "read-metrics"),
    ] {
        assert_eq!(surface.operation(method, path).unwrap().name, name);
    }
}

#[test]
fn every_cause_is_in_the_document() {
    let document: Value = serde_json::from_str(api::DOCUMENT).unwrap();
    let named = document["components"]["schemas"]["Cause"]["enum"].clone();
    let all: Vec<_> = coalmine::Cause::ALL.iter().map(|it| it.as_str()).collect();
    assert_eq!(named, json!(all));
}

/// Every object of an answer's JSON, member by member: one that is missing, renamed or of another type is noticed.
#[tokio::test]
async fn a_member_that_is_missing_renamed_or_mistyped_is_noticed() {
    let rig = Rig::new().await;
    let surface = document();
    let run = format!("/api/v1/runs/{}", rig.run("back").await);
    for path in [
        "/api/v1/canaries",
        "/api/v1/canaries/back",
        "/api/v1/canaries/back/steps",
        "/api/v1/canaries/back/steps/open",
        "/api/v1/runs",
        &run,
        "/api/v1/surface",
        "/api/v1/alerts",
    ] {
        let answer = read(&rig, path).await;
        let check = |body: &Value| surface.check("GET", path, 200, &headers(), body.to_string().as_bytes());
        check(&answer).unwrap_or_else(|breach| panic!("{breach}"));
        for place in members(&answer, "") {
            let (parent, name) = place.rsplit_once('/').unwrap();
            // Statuses are the names there.
            if parent.ends_with("/answers") {
                continue;
            }
            let object = |body: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                change(body.pointer_mut(parent).unwrap().as_object_mut().unwrap());
            };
            // Records leave out what is empty.
            if !place.starts_with("/record/steps/") {
                let mut missing = answer.clone();
                object(&mut missing, &|it| drop(it.remove(name)));
                assert!(check(&missing).is_err(), "{path}: {place} is missing");
            }
            let mut more = answer.clone();
            object(&mut more, &|it| drop(it.insert(format!("{name}_"), Value::Null)));
            assert!(check(&more).is_err(), "{path}: {place} has another name");
            let mut mistyped = answer.clone();
            object(&mut mistyped, &|it| drop(it.insert(name.to_owned(), json!([[true]]))));
            assert!(check(&mistyped).is_err(), "{path}: {place} has another type");
        }
    }
}

fn headers() -> HeaderMap {
    let pairs = [("cache-control", "no-store"), ("coalmine-verdict", "none")];
    let mut headers: HeaderMap = (pairs.into_iter())
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    headers
}

async fn read(rig: &Rig, path: &str) -> Value {
    let text = super::metrics::text(rig, path).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// Pointers to all members of all objects.
fn members(value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let place = format!("{place}/{name}");
                found.extend(members(value, &place));
                found.push(place);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                found.extend(members(value, &format!("{place}/{number}")));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
    found
}
