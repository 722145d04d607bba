//! What of a document some exchanges have shown.

use coalmine::{
    Verdict,
    record::{Exchange, KEPT_BODY},
    report::coverage::{Seen, coverage as table, coverage_json},
    surface::{Coverage, Missing, Tally, coverage},
};

use super::*;

fn pets() -> Surface {
    let schemas = json!({
        "Pet": {"properties": {"id": {"type": "integer"}, "born": {"type": ["string", "null"]}, "gone": {"type": "null"},
            "tags": {"type": "array", "items": {"properties": {"name": {}, "at": {"properties": {"x": {}}}}}},
            "never": false}},
        "New": {"required": ["name", "secret"], "properties": {"name": {}, "secret": {"writeOnly": true},
            "id": {"readOnly": true}}},
        "Error": {"properties": {"code": {}}},
    });
    let body = |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    parse(&json!({
        "openapi": "3.1.0",
        "paths": {
            "/pets": {"post": {"operationId": "add", "requestBody": {"required": true, "content": body("New")}, "responses": {
                "200": {"content": body("Pet")}, "4XX": {"content": body("Error")},
                "500": {"content": body("Error"), "x-coalmine-unprovoked": "only when it is broken"}}}},
            "/pets/{id}": {"delete": {"operationId": "drop", "responses": {"200": {"content": body("Pet")}}}},
        },
        "components": {"schemas": schemas},
    }))
}

fn exchange(operation: &str, request: Option<&str>, status: u16, response: &str) -> Exchange {
    Exchange {
        operation: Some(operation.into()),
        method: "POST".into(),
        url: "https://shop/pets?token=s3cr3t-s3cr3t".into(),
        request_body: request.map(ToOwned::to_owned),
        status: Some(status),
        response_body: Some(response.to_owned()),
        ..Exchange::default()
    }
}

/// A hole in short.
type Short<'h> = (Missing, &'h str, Option<&'h str>, Option<&'h str>, bool, usize);

fn holes(coverage: &Coverage) -> Vec<Short<'_>> {
    let holes = coverage.holes.iter();
    let row = holes.map(|it| {
        let (status, field) = (it.status.as_deref(), it.field.as_deref());
        (it.kind, it.operation.as_str(), status, field, it.only_null, it.fields)
    });
    row.collect()
}

#[test]
fn what_requests_hold_is_listed() {
    let documented = pets().documented();
    let request = documented[0].request.as_ref().unwrap();
    assert!(request.required);
    let fields: Vec<_> = request.fields.iter().map(|it| (it.pointer.as_str(), it.required)).collect();
    assert_eq!(fields, [("/name", true), ("/secret", true)], "`readOnly` members are not sent");
    assert_eq!(documented[1].request, None);
    let unprovoked: Vec<_> = documented[0].answers.iter().map(|it| it.unprovoked.as_deref()).collect();
    assert_eq!(unprovoked, [None, Some("only when it is broken"), None]);
}

#[test]
fn nothing_seen_is_one_hole_for_each_operation() {
    let coverage = coverage(&pets(), []);
    assert_eq!(coverage.operations, Tally { seen: 0, of: 2 });
    assert_eq!(coverage.statuses, Tally { seen: 0, of: 3 }, "without the unprovoked one");
    assert_eq!(coverage.request_fields, Tally { seen: 0, of: 2 });
    // id, born, gone, tags, tags/0/name, tags/0/at, tags/0/at/x twice, and one code.
    assert_eq!(coverage.response_fields, Tally { seen: 0, of: 15 });
    let expected = [
        (Missing::Operation, "add", None, None, false, 10),
        (Missing::Operation, "drop", None, None, false, 7),
    ];
    assert_eq!(holes(&coverage), expected);
}

#[test]
fn each_hole_is_named_with_what_is_in_it() {
    let answer = r#"{"id": 1, "born": null, "gone": null, "tags": [{}, {"name": 1}]}"#;
    let exchanges = [
        exchange("add", Some(r#"{"name": null, "stray": 1}"#), 200, answer),
        exchange("add", Some("{\"secret\": 1"), 200, "{\"tags\": [{\"at\": 1}]"),
        exchange("add", None, 500, "{}"),
    ];
    let surface = pets();
    let coverage = coverage(&surface, &exchanges);
    let expected = [
        (Missing::RequestField, "add", None, Some("/name"), true, 0),
        (Missing::RequestField, "add", None, Some("/secret"), false, 0),
        (Missing::ResponseField, "add", Some("200"), Some("/born"), true, 0),
        (Missing::ResponseField, "add", Some("200"), Some("/tags/0/at"), false, 1),
        (Missing::Status, "add", Some("4XX"), None, false, 1),
        (Missing::Operation, "drop", None, None, false, 7),
    ];
    assert_eq!(holes(&coverage), expected, "text that is no JSON has no members");
    assert_eq!(coverage.response_fields, Tally { seen: 4, of: 15 });
    assert_eq!((coverage.unprovoked.len(), coverage.unprovoked[0].seen), (1, 1));

    let text = table(&coverage);
    for line in [
        "  1 of 2   operations       50 %\n",
        "  4 of 15  response fields  26.6 %\n",
        "\nnot covered:\n",
        "  add   request  /name       only ever null\n",
        "  add   200      /tags/0/at  never seen, with 1 field\n",
        "  add   4XX                  never seen, with 1 field\n",
        "  drop                       never exercised, with 7 fields\n",
        "  500  of 1 operation, yet seen once  only when it is broken\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let seen = Seen { suite: "shop", target: "https://shop", verdict: Verdict::Passed };
    let value: Value = serde_json::from_str(&coverage_json(seen, &coverage).unwrap()).unwrap();
    assert_eq!((&value["version"], &value["verdict"]), (&json!(1), &json!("passed")));
    let hole = json!({"kind": "response_field", "operation": "add", "status": "200", "field": "/tags/0/at", "fields": 1});
    assert_eq!(value["coverage"]["holes"][3], hole);
    assert_eq!(value["coverage"]["statuses"], json!({"seen": 1, "of": 3}));
}

#[test]
fn what_breaks_the_document_or_is_not_in_it_shows_nothing() {
    let surface = pets();
    let broken = Exchange { breach: Some("no".into()), ..exchange("drop", None, 200, r#"{"id": 1}"#) };
    let unanswered = Exchange { status: None, ..exchange("drop", None, 200, "") };
    let stray = Exchange { operation: None, ..exchange("", None, 200, r#"{"id": 1}"#) };
    let unknown = exchange("no-such-thing", None, 200, "{}");
    let coverage = coverage(&surface, [&broken, &unanswered, &stray, &unknown]);
    assert_eq!((coverage.breaches, coverage.operations.seen, coverage.response_fields.seen), (1, 0, 0));
    let unmatched: Vec<_> = coverage.unmatched.iter().map(|it| (it.url.as_str(), it.requests)).collect();
    assert_eq!(unmatched, [("https://shop/pets", 2)], "without the query");
    assert!(table(&coverage).contains("  POST  https://shop/pets  2 times\n"));
}

#[test]
fn what_may_be_in_the_rest_of_a_long_body_is_no_hole() {
    let long =
        format!(r#"{{"id": 1, "tags": [{{"name": "{}", "at": 1}}], "born": "x"}}"#, "a".repeat(KEPT_BODY));
    let coverage = coverage(&pets(), [&exchange("drop", None, 200, &long[..KEPT_BODY])]);
    let of_drop = |hole: &&coalmine::surface::Hole| hole.operation == "drop";
    assert_eq!(coverage.holes.iter().filter(of_drop).count(), 0);
    let unknown: Vec<_> = coverage.unknown.iter().filter_map(|it| it.field.as_deref()).collect();
    assert_eq!(
        unknown,
        ["/born", "/gone", "/tags/0/at", "/tags/0/name"],
        "what stood before the cut was seen"
    );
    assert!(table(&coverage).contains("only the first 64 KiB are kept"));
}

#[test]
fn a_status_without_a_reason_is_a_mistake() {
    for (mark, found) in [(json!(true), "a boolean"), (json!(" "), "no text")] {
        let document = json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {
            "500": {"x-coalmine-unprovoked": mark}}}}}});
        let error = Surface::parse(&document.to_string()).unwrap_err().to_string();
        let place = "#/paths/~1a/get/responses/500/x-coalmine-unprovoked";
        let expected = format!("{place}: expected the reason why no client can bring it about, got {found}");
        assert_eq!(error, expected);
    }
}
