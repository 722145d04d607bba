//! What another document has otherwise.

use coalmine::surface::{Change, Part, Way, difference};

use super::*;

fn document(paths: Value) -> Surface {
    parse(&json!({"openapi": "3.0.3", "paths": paths}))
}

fn body(schema: Value) -> Value {
    json!({"content": {"application/json": {"schema": schema}}})
}

/// Something that answers 200 with this.
fn answers(schema: Value) -> Value {
    let mut answer = body(schema);
    answer["description"] = "".into();
    json!({"/things": {"get": {"responses": {"200": answer}}}})
}

fn short(change: &Change) -> (Way, Part, String) {
    let parts =
        [Some(&change.operation), change.status.as_ref(), change.field.as_ref(), change.name.as_ref()];
    (change.way, change.part, parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn expect(own: Value, other: Value, expected: &[(Way, Part, &str)]) {
    let (own, other) = (document(own), document(other));
    let found: Vec<_> = difference(&own, &other).iter().map(short).collect();
    let expected: Vec<_> =
        expected.iter().map(|(way, part, text)| (*way, *part, (*text).to_owned())).collect();
    assert_eq!(found, expected);
    assert_eq!(difference(&own, &own), []);
    assert_eq!(difference(&other, &other), []);
    // The other way round, as much is otherwise.
    assert_eq!(difference(&other, &own).len(), found.len());
}

#[test]
fn operations_are_the_same_by_method_and_path() {
    let operation = |id: &str| json!({"operationId": id, "responses": {"200": {"description": ""}}});
    let unnamed = json!({"responses": {"200": {"description": ""}}});
    expect(
        json!({"/a/{x}": {"get": operation("read"), "put": unnamed}, "/b": {"get": operation("b")}, "/c?x=1&y=2": {"get": unnamed}}),
        json!({"/a/{y}": {"get": operation("show"), "put": unnamed, "post": operation("add")}, "/b/": {"get": operation("b")},
            "/c?y=2&x=1": {"get": unnamed}}),
        &[
            (Way::Renamed, Part::Operation, "read show"),
            (Way::Gone, Part::Operation, "b"),
            (Way::New, Part::Operation, "add"),
            (Way::New, Part::Operation, "b"),
        ],
    );
}

#[test]
fn of_what_is_new_or_gone_its_parts_are_not_listed() {
    let inner = json!({"properties": {"x": {}, "y": {"type": "array", "items": {"properties": {"z": {}}}}}});
    expect(
        answers(json!({"properties": {"old": inner, "same": {"properties": {"a": {}}}}})),
        answers(json!({"properties": {"new": inner, "same": {"properties": {"b": {}}}}})),
        &[
            (Way::Gone, Part::ResponseField, "GET /things 200 /old"),
            (Way::Gone, Part::ResponseField, "GET /things 200 /same/a"),
            (Way::New, Part::ResponseField, "GET /things 200 /new"),
            (Way::New, Part::ResponseField, "GET /things 200 /same/b"),
        ],
    );
}

#[test]
fn what_becomes_required_is_told_once() {
    let thing = |required: Value| json!({"required": required, "properties": {"a": {"required": ["x"], "properties": {"x": {}}}, "b": {}}});
    expect(
        answers(thing(json!(["a"]))),
        answers(thing(json!(["b"]))),
        &[
            (Way::Optional, Part::ResponseField, "GET /things 200 /a"),
            (Way::Required, Part::ResponseField, "GET /things 200 /b"),
        ],
    );
}

#[test]
fn requests_are_compared_as_well() {
    let sent = |body: Option<Value>| {
        let mut operation = json!({"operationId": "add", "responses": {"200": {"description": ""}}});
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        json!({"/things": {"post": operation}})
    };
    let secret = |required: Value| json!({"required": required, "properties": {"secret": {"writeOnly": true}, "id": {"readOnly": true}}});
    let mut demanded = body(secret(json!(["secret", "id"])));
    demanded["required"] = true.into();
    expect(
        sent(Some(body(secret(json!([]))))),
        sent(Some(demanded.clone())),
        &[(Way::Required, Part::Request, "add"), (Way::Required, Part::RequestField, "add /secret")],
    );
    expect(sent(None), sent(Some(demanded)), &[(Way::New, Part::Request, "add")]);
}
