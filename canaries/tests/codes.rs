//! The list of all refusals and the document say the same.

use std::collections::BTreeSet;

use canaries::sequence::DOCUMENT;
use serde_json::Value;

/// Operation, status, code; and the code in whose `data.actions` it stands, if it does.
type Row = (String, String, String, Option<String>);

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn listed() -> BTreeSet<Row> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../sequence/codes.json")).unwrap();
    let count = rows.len();
    let row = |row: &Value| {
        let nested_in = row.get("nested_in").map(text);
        (text(&row["operation"]), text(&row["status"]), text(&row["code"]), nested_in)
    };
    let rows: BTreeSet<_> = rows.iter().map(row).collect();
    assert_eq!(rows.len(), count, "a row stands there twice");
    rows
}

/// What a value refers to, or itself.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => document.pointer(target.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

fn codes(schema: &Value) -> Vec<String> {
    let codes = schema.pointer("/properties/seq_code/enum").and_then(Value::as_array);
    codes.into_iter().flatten().map(text).collect()
}

fn documented() -> BTreeSet<Row> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let nested = codes(&document["components"]["schemas"]["ActionError"]);
    let mut rows = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        let operation = &item["post"];
        let name = text(&operation["operationId"]);
        for (status, answer) in operation["responses"].as_object().unwrap() {
            if status == "200" {
                continue;
            }
            let schema = resolved(&document, answer).pointer("/content/application~1json/schema").unwrap();
            let codes = codes(schema);
            assert!(!codes.is_empty(), "`{name}` {status} names no code");
            for code in codes {
                if code == "SEQ706" {
                    let row =
                        |nested: &String| (name.clone(), status.clone(), nested.clone(), Some(code.clone()));
                    rows.extend(nested.iter().map(row));
                }
                rows.insert((name.clone(), status.clone(), code, None));
            }
        }
    }
    rows
}

#[test]
fn every_refusal_of_the_list_is_in_the_document_and_the_other_way_round() {
    let (listed, documented) = (listed(), documented());
    let missing: Vec<_> = listed.difference(&documented).collect();
    assert!(missing.is_empty(), "not in the document: {missing:#?}");
    let unlisted: Vec<_> = documented.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in codes.json: {unlisted:#?}");
    assert!(listed.len() > 300);
}

/// Each code has its meaning beside it, and stands there for some operation.
#[test]
fn codes_have_meanings_and_uses() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let schema = &document["components"]["schemas"]["ErrorCode"];
    let known: BTreeSet<String> = schema["enum"].as_array().unwrap().iter().map(text).collect();
    let meant: BTreeSet<String> = schema["x-meanings"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(known, meant);
    let used: BTreeSet<String> = listed().into_iter().map(|(_, _, code, _)| code).collect();
    assert_eq!(known, used);
}
