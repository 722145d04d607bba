//! What the versions say differently from JSON Schema, and from one another.

use super::*;

/// Demands that bodies are right or wrong in these versions.
fn judge(versions: &[&str], schema: &Value, components: &Value, right: &[Value], wrong: &[Value]) {
    for version in versions {
        let surface = parse(&answering(version, schema, components));
        for body in right {
            assert_eq!(said(&surface, body), None, "{version} {schema} {body}");
        }
        for body in wrong {
            assert!(said(&surface, body).is_some(), "{version} {schema} {body}");
        }
    }
}

#[test]
fn null_is_allowed_where_the_document_means_it() {
    let components =
        json!({"A": {"type": "object", "required": ["a"]}, "N": {"type": "string", "nullable": true}});
    let a = "#/components/schemas/A";
    let object = json!({"a": 1});
    for schema in [
        json!({"nullable": true, "type": "object", "required": ["a"]}),
        json!({"nullable": true, "allOf": [{"$ref": a}]}),
        json!({"nullable": true, "type": "object", "allOf": [{"$ref": a}]}),
        json!({"nullable": true, "oneOf": [{"$ref": a}, {"type": "integer"}]}),
        json!({"nullable": true, "anyOf": [{"$ref": a}]}),
        json!({"nullable": true, "$ref": a}),
    ] {
        judge(&VERSIONS, &schema, &components, &[json!(null), object.clone()], &[json!({}), json!("x")]);
    }
    judge(
        &VERSIONS,
        &json!({"type": "string", "nullable": true, "enum": ["x"]}),
        &json!({}),
        &[json!(null), json!("x")],
        &[json!("y")],
    );
    judge(
        &VERSIONS,
        &json!({"type": "string", "nullable": false}),
        &json!({}),
        &[json!("x")],
        &[json!(null)],
    );
    judge(
        &VERSIONS,
        &json!({"items": {"$ref": "#/components/schemas/N"}}),
        &components,
        &[json!([null, "x"])],
        &[json!([1])],
    );
    judge(&["3.1.0"], &json!({"type": ["string", "null"]}), &json!({}), &[json!(null)], &[json!(1)]);
}

#[test]
fn places_below_what_may_be_null_are_those_of_the_document() {
    let schema = json!({"nullable": true, "allOf": [{"properties": {"then": {"properties": {"then": {"type": "integer"}}}}}]});
    let surface = parse(&answering("3.0.0", &schema, &json!({})));
    let place = "#/paths/~1thing/get/responses/200/content/application~1json/schema";
    assert_eq!(
        said(&surface, &json!({"then": {"then": "x"}})).unwrap(),
        format!(
            "`read` answered 200: `/then/then`: expected an integer, got \"x\" \
                 (document: {place}/allOf/0/properties/then/properties/then/type)"
        )
    );
    // A pointer into it still leads to where it did.
    let components = json!({
        "A": {"nullable": true, "anyOf": [{"properties": {"x": {"nullable": true, "allOf": [{"type": "integer"}]}}}]},
        "B": {"$ref": "#/components/schemas/A/anyOf/0/properties/x/allOf/0"},
    });
    let surface = parse(&answering("3.0.0", &json!({"$ref": "#/components/schemas/B"}), &components));
    assert_eq!(
        said(&surface, &json!("x")).unwrap(),
        "`read` answered 200: the body: expected an integer, got \"x\" \
         (document: #/components/schemas/A/anyOf/0/properties/x/allOf/0/type)"
    );
    // The alternative beside `null` is the one that was meant.
    let schema = json!({"oneOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]});
    let said = said(&parse(&answering("3.1.0", &schema, &json!({}))), &json!({})).unwrap();
    assert_eq!(
        said,
        format!(
            "`read` answered 200: the body: expected a member `a`, got none (document: {place}/oneOf/1/required)"
        )
    );
}

#[test]
fn bounds_can_be_flags() {
    let flags = json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false});
    judge(&VERSIONS, &flags, &json!({}), &[json!(2), json!(5)], &[json!(1), json!(6)]);
    let alone = json!({"exclusiveMinimum": true});
    judge(&VERSIONS, &alone, &json!({}), &[json!(-1)], &[]);
    judge(&VERSIONS, &json!({"exclusiveMinimum": 1}), &json!({}), &[json!(2)], &[json!(1)]);
}

#[test]
fn what_stands_beside_a_reference_counts_from_3_1_on() {
    let components = json!({"A": {"type": "object"}});
    let schema = json!({"$ref": "#/components/schemas/A", "required": ["a"], "description": "x"});
    judge(&["3.0.3"], &schema, &components, &[json!({})], &[json!(1)]);
    judge(&["3.1.0"], &schema, &components, &[json!({"a": 1})], &[json!({}), json!(1)]);
}

#[test]
fn members_for_requests_only_need_not_be_in_an_answer() {
    let components = json!({
        "Secret": {"type": "string", "writeOnly": true},
        "User": {"required": ["id", "password", "pin"], "properties": {
            "id": {"readOnly": true, "type": "integer"},
            "password": {"writeOnly": true, "type": "string"},
            "pin": {"$ref": "#/components/schemas/Secret"},
        }},
        "Strict": {"allOf": [{"properties": {"key": {"writeOnly": true}}}, {"required": ["key", "id"]}]},
    });
    for name in ["User", "Strict"] {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        judge(&VERSIONS, &schema, &components, &[json!({"id": 1})], &[json!({})]);
    }
    let user = json!({"$ref": "#/components/schemas/User"});
    judge(
        &VERSIONS,
        &user,
        &components,
        &[json!({"id": 1, "password": "x"})],
        &[json!({"id": 1, "password": 7})],
    );
}

#[test]
fn formats_that_clients_read_are_demanded() {
    for (format, right, wrong) in [
        ("date-time", "2026-01-31T12:00:00Z", "2026-01-31 12:00"),
        ("date", "2026-01-31", "31.1.2026"),
        ("uuid", "0a0b0c0d-0000-4000-8000-000000000001", "7"),
        ("ipv4", "127.0.0.1", "localhost"),
        ("ipv6", "::1", "127.0.0.1"),
        ("email", "a@b.example", "a"),
    ] {
        judge(&VERSIONS, &json!({"format": format}), &json!({}), &[json!(right), json!(1)], &[json!(wrong)]);
    }
    for format in ["uri", "uri-reference", "hostname", "time", "regex", "int32", "binary", "own"] {
        judge(&VERSIONS, &json!({"format": format}), &json!({}), &[json!("::[("), json!(1)], &[]);
    }
}

#[test]
fn integers_keep_their_digits() {
    let at_most = |limit: Value| json!({"type": "integer", "maximum": limit});
    let largest = i64::MAX;
    judge(&VERSIONS, &at_most(json!(largest)), &json!({}), &[json!(largest)], &[json!(largest as u64 + 1)]);
    judge(&VERSIONS, &at_most(json!(largest - 1)), &json!({}), &[json!(largest - 1)], &[json!(largest)]);
    judge(&VERSIONS, &at_most(json!(u64::MAX)), &json!({}), &[json!(u64::MAX)], &[]);
    judge(&VERSIONS, &json!({"enum": [largest]}), &json!({}), &[json!(largest)], &[json!(largest - 1)]);
    judge(&["3.1.0"], &json!({"const": u64::MAX}), &json!({}), &[json!(u64::MAX)], &[json!(u64::MAX - 1)]);
    judge(&VERSIONS, &json!({"minimum": i64::MIN}), &json!({}), &[json!(i64::MIN)], &[]);
    // Beyond 64 bits: still an integer, and told as it was read.
    let surface = parse(&answering("3.1.0", &at_most(json!(u64::MAX)), &json!({})));
    let check = |body: &str| surface.check("GET", "/thing", 200, &headers(&[]), body.as_bytes());
    assert!(
        check("36893488147419103232")
            .unwrap_err()
            .to_string()
            .contains("expected at most 18446744073709551615")
    );
    let surface = parse(&answering("3.1.0", &json!({"type": "integer"}), &json!({})));
    assert_eq!(surface.check("GET", "/thing", 200, &headers(&[]), b"36893488147419103232"), Ok(()));
    let found =
        |body: &str| surface.check("GET", "/thing", 200, &headers(&[]), body.as_bytes()).unwrap_err().found;
    assert_eq!(found("{\"a\": 9223372036854775807}"), "an object with `a`");
    assert_eq!(found("1.5"), "1.5");
}

#[test]
fn names_of_schemas_are_references_targets() {
    let components = json!({
        "A": {"$id": "https://x.example/a", "$defs": {"b": {"type": "integer", "$anchor": "bee"}}, "type": "array", "items": {"$ref": "#bee"},
              "prefixItems": [{"$ref": "#/$defs/b"}, {"$ref": "#/components/schemas/S"}]},
        "S": {"$anchor": "text", "type": "string", "$schema": "https://spec.openapis.org/oas/3.1/dialect/base"},
    });
    for reference in ["https://x.example/a", "#/components/schemas/A"] {
        let schema = json!({"$ref": reference});
        judge(
            &["3.1.0"],
            &schema,
            &components,
            &[json!([1, "x", 2])],
            &[json!(["x"]), json!([1, 2]), json!([1, "x", "y"])],
        );
    }
    judge(&["3.1.0"], &json!({"$ref": "https://x.example/a#bee"}), &components, &[json!(1)], &[json!("x")]);
    judge(&["3.1.0"], &json!({"$ref": "#text"}), &components, &[json!("x")], &[json!(1)]);
    // What a dynamic reference demands is not checked.
    let open = json!({"type": "array", "items": {"$dynamicRef": "#x"}, "$defs": {"x": {"$dynamicAnchor": "x", "not": {}}}});
    judge(&["3.1.0"], &open, &json!({}), &[json!([1])], &[json!(1)]);
}

#[test]
fn what_says_nothing_about_values_is_ignored() {
    let schema = json!({
        "type": "object", "discriminator": {"propertyName": "kind"}, "example": 1, "examples": [2], "default": 3,
        "xml": {}, "externalDocs": {}, "deprecated": true, "x-own": {"$ref": "nowhere"}, "$recursiveRef": "#",
    });
    judge(&VERSIONS, &schema, &json!({}), &[json!({})], &[json!(1)]);
}

#[test]
fn schemas_that_contain_themselves_follow_an_answer_down() {
    let node = json!({"type": "object", "required": ["v"], "properties": {
        "v": {"type": "integer"}, "next": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Node"}]},
        "all": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}});
    for version in VERSIONS {
        let surface =
            parse(&answering(version, &json!({"$ref": "#/components/schemas/Node"}), &json!({"Node": node})));
        let mut body = json!({"v": 1, "next": null, "all": []});
        for _ in 0..110 {
            body = json!({"v": 1, "next": body});
        }
        assert_eq!(said(&surface, &body), None);
        *body.pointer_mut(&"/next".repeat(100)).unwrap() = json!({"all": [{"v": "x"}], "v": 1});
        let place = format!("`{}/all/0/v`: expected an integer, got \"x\"", "/next".repeat(100));
        assert!(said(&surface, &body).unwrap().contains(&place));
    }
}
