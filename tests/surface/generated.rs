//! Answers made wrong by a rule, in place of by hand: each way of being wrong is noticed where it is.

use proptest::prelude::*;

use super::*;

fn sample() -> (Value, Value) {
    let document = json!({
        "type": "object", "required": ["id", "amount", "open", "tags", "owner", "lines"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string"}, "amount": {"type": "integer"}, "open": {"type": "boolean"},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
            "owner": {"$ref": "#/components/schemas/Owner"},
            "lines": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Line"}]}},
        },
    });
    let answer = json!({
        "id": "a", "amount": 1, "open": true, "tags": {"k": "v"},
        "owner": {"name": "b", "address": {"city": "c", "zip": 1}},
        "lines": [{"what": "d", "price": {"amount": 1, "unit": "e"}}],
    });
    (document, answer)
}

fn components() -> Value {
    let closed = |properties: Value| {
        let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
    };
    json!({
        "Owner": closed(json!({"name": {"type": "string"}, "address": {"$ref": "#/components/schemas/Address"}})),
        "Address": closed(json!({"city": {"type": "string"}, "zip": {"type": "integer"}})),
        "Line": closed(json!({"what": {"type": "string"}, "price": {"$ref": "#/components/schemas/Price"}})),
        "Price": closed(json!({"amount": {"type": "integer"}, "unit": {"type": "string"}})),
    })
}

fn split(pointer: &str) -> (&str, &str) {
    pointer.rsplit_once('/').unwrap()
}

#[test]
fn each_required_field_is_missed_and_each_wrong_one_noticed() {
    let (schema, answer) = sample();
    for version in VERSIONS {
        let surface = parse(&answering(version, &schema, &components()));
        assert_eq!(said(&surface, &answer), None);
        let fields = surface.documented()[0].answers[0].fields.clone();
        assert_eq!(fields.len(), 14);
        for field in fields.iter().filter(|it| answer.pointer(&it.pointer).is_some()) {
            let (above, name) = split(&field.pointer);
            let mut without = answer.clone();
            let removed = without.pointer_mut(above).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            let expected = format!("expected a member `{name}`, got none");
            let heard = said(&surface, &without).unwrap_or_else(|| panic!("{} is not missed", field.pointer));
            assert!(heard.contains(&expected), "{heard}");

            let mut renamed = without.clone();
            renamed.pointer_mut(above).unwrap()[format!("{name}_")] = removed.clone();
            assert!(said(&surface, &renamed).is_some(), "{} renamed", field.pointer);

            for other in [json!(null), json!(1.5), json!("x"), json!(true), json!([]), json!({})] {
                let alike = std::mem::discriminant(&other) == std::mem::discriminant(&removed)
                    && !other.is_object()
                    && other != json!(1.5);
                if alike || field.pointer == "/tags" && other.is_object() {
                    continue;
                }
                let mut mistyped = answer.clone();
                *mistyped.pointer_mut(&field.pointer).unwrap() = other.clone();
                let heard =
                    said(&surface, &mistyped).unwrap_or_else(|| panic!("{} as {other}", field.pointer));
                assert!(heard.contains(&format!("`{}`: expected ", field.pointer)), "{heard}");
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z~/#$%{}]{0,6}".prop_map(Value::from),
        Just(json!("#/components/schemas/A")),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let names = prop::sample::select(vec![
            "$ref",
            "type",
            "properties",
            "items",
            "allOf",
            "oneOf",
            "nullable",
            "required",
            "enum",
            "minimum",
            "if",
            "exclusiveMinimum",
            "writeOnly",
            "$id",
            "$anchor",
            "pattern",
            "format",
            "not",
            "a",
            "then",
            "$defs",
            "get",
            "responses",
            "200",
            "content",
            "application/json",
            "schema",
            "headers",
            "parameters",
            "default",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..5).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_and_no_answer_makes_it_panic(schema in any_json(), a in any_json(), body in any_json()) {
        for version in VERSIONS {
            if let Ok(surface) = Surface::parse(&answering(version, &schema, &json!({"A": a})).to_string()) {
                prop_assert_eq!(surface.compile(), Ok(()), "{} {}", schema, a);
                let _ = said(&surface, &body);
                prop_assert_eq!(surface.documented().len(), 1);
            }
        }
    }

    #[test]
    fn no_path_item_makes_it_panic(item in any_json(), components in any_json()) {
        let document = json!({"openapi": "3.1.0", "paths": {"/thing": item}, "components": components});
        if let Ok(surface) = Surface::parse(&document.to_string()) {
            let _ = said(&surface, &json!({}));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ \\-a-z:{}\\[\\]\"'&*\\n#|>!%,0-9]{0,60}") {
        let _ = Surface::parse(&text);
    }
}
