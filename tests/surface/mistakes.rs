//! Every mistake in a document, and what is said of it.

use super::*;

fn mistake(text: &str) -> String {
    Surface::parse(text).map(|_| "none".to_owned()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn text_that_cannot_be_read_is_named_with_line_and_column() {
    for (text, expected) in [
        ("", "#: expected an object, got null"),
        ("[]", "#: expected an object, got an array"),
        ("{\"openapi\": \"3.1.0\",\n}", "line 2, column 1: trailing comma"),
        ("{} x", "line 1, column 4: trailing characters"),
        ("{\"a\": 1, \"a\": 2}", "line 1, column 12: `a` stands there twice"),
        ("a: 1\nb: [", "line 2, column 4: unclosed bracket '['"),
        ("a: 1\na: 2", "line 2, column 1: duplicate mapping key: a"),
        ("200: 1\n'200': 2", "line 1, column 1: `200` stands there twice"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a:\n\t- b", "line 2, column 2: tabs disallowed within this context (block indentation)"),
        ("a: .nan", "line 1, column 4: non-finite float `.nan` rejected by the configured policy"),
    ] {
        assert_eq!(mistake(text), expected, "{text}");
    }
}

#[test]
fn a_document_of_another_kind_is_named() {
    for (document, expected) in [
        (json!({}), "#: this is no OpenAPI document: it lacks `openapi`"),
        (json!({"swagger": "2.0"}), "#/swagger: Swagger 2 is not supported; convert it to OpenAPI 3"),
        (json!({"openapi": 3.1, "paths": {}}), "#/openapi: expected text such as \"3.0.3\", got 3.1"),
        (
            json!({"openapi": "3.2.0", "paths": {}}),
            "#/openapi: version 3.2.0 is not supported; 3.0 and 3.1 are",
        ),
        (json!({"openapi": "3"}), "#/openapi: version 3 is not supported; 3.0 and 3.1 are"),
        (json!({"openapi": "3.0.0", "components": {}}), "#: the document has no `paths`"),
        (json!({"openapi": "3.1.0"}), "#: the document has no `paths`"),
        (json!({"openapi": "3.1.0", "components": {}}), "none"),
        (json!({"openapi": "3.0.4", "paths": {}}), "none"),
    ] {
        assert_eq!(mistake(&document.to_string()), expected, "{document}");
    }
}

#[test]
fn mistakes_in_paths_and_operations_are_named_with_their_place() {
    let get = |operation: Value| json!({"get": operation});
    let fine = json!({"responses": {"200": {"description": ""}}});
    let named = json!({"operationId": "a", "responses": {"200": {"description": ""}}});
    for (paths, expected) in [
        (json!({"a": {}}), "#/paths/a: a path begins with a slash"),
        (json!({"/a#b": {}}), "#/paths/~1a#b: a path has no fragment: requests do not have one either"),
        (json!({"/{a": {}}), "#/paths/~1{a: a brace lacks its counterpart in the same segment"),
        (json!({"/a}/{b}": {}}), "#/paths/~1a}~1{b}: a brace lacks its counterpart in the same segment"),
        (json!({"/{a/b}": {}}), "#/paths/~1{a~1b}: a brace lacks its counterpart in the same segment"),
        (json!({"/{}": {}}), "#/paths/~1{}: the braces hold no name"),
        (json!({"/{a{b}}": {}}), "#/paths/~1{a{b}}: the braces hold no name"),
        (json!({"/a": []}), "#/paths/~1a: expected a path item, got an array"),
        (json!([]), "#/paths: expected an object, got an array"),
        (
            json!({"/{a}": get(fine.clone()), "/{b}": get(fine.clone())}),
            "#/paths/~1{b}/get: the same method and path stand at #/paths/~1{a}/get",
        ),
        (
            json!({"/a": get(named.clone()), "/b": get(named.clone())}),
            "#/paths/~1b/get/operationId: another operation, #/paths/~1a/get, is named `a` as well",
        ),
        (json!({"/a": get(json!({}))}), "#/paths/~1a/get: the operation has no `responses`"),
        (
            json!({"/a": get(json!({"responses": {}}))}),
            "#/paths/~1a/get/responses: the operation has no response",
        ),
        (
            json!({"/a": get(json!({"responses": []}))}),
            "#/paths/~1a/get/responses: expected the responses, got an array",
        ),
        (
            json!({"/a": get(json!({"responses": {"2": {}}}))}),
            "#/paths/~1a/get/responses/2: `2` is no status; there are `200`, `4XX` and `default`",
        ),
        (
            json!({"/a": get(json!({"responses": {"200": 1}}))}),
            "#/paths/~1a/get/responses/200: expected a response, got a number",
        ),
        (
            json!({"/a": get(json!({"responses": {"200": {"headers": {"X": {"required": "yes"}}}}}))}),
            "#/paths/~1a/get/responses/200/headers/X/required: expected a boolean, got a string",
        ),
        (json!({"/a": {"parameters": {}}}), "#/paths/~1a/parameters: expected an array, got an object"),
        // Not ours to judge.
        (
            json!({"x-a": 1, "/a": {"get": fine, "x-b": 2}, "/b": get(json!({"responses": {"x-c": 3, "default": {}}}))}),
            "none",
        ),
    ] {
        let document = json!({"openapi": "3.0.3", "paths": paths});
        assert_eq!(mistake(&document.to_string()), expected, "{paths}");
    }
    let silent = json!({"openapi": "3.1.0", "paths": {"/a": {"get": {}}, "/b": {"get": {"responses": {}}}}});
    assert_eq!(mistake(&silent.to_string()), "none");
}

#[test]
fn a_reference_that_leads_nowhere_is_found_wherever_it_stands() {
    let reference = json!({"$ref": "#/components/none"});
    let place = |operation: Value| json!({"/a": {"get": operation}});
    let ok = json!({"200": {"description": ""}});
    for (paths, at) in [
        (json!({"/a": reference}), "/paths/~1a"),
        (json!({"/a": {"parameters": [reference]}}), "/paths/~1a/parameters/0"),
        (place(json!({"responses": ok, "parameters": [reference]})), "/paths/~1a/get/parameters/0"),
        (place(json!({"responses": ok, "requestBody": reference})), "/paths/~1a/get/requestBody"),
        (
            place(
                json!({"responses": ok, "requestBody": {"content": {"a/b": {"schema": {"items": reference}}}}}),
            ),
            "/paths/~1a/get/requestBody/content/a~1b/schema/items",
        ),
        (
            place(
                json!({"responses": ok, "callbacks": {"c": {"{$url}": {"post": {"responses": {"200": reference}}}}}}),
            ),
            "/paths/~1a/get/callbacks/c/{$url}/post/responses/200",
        ),
        (place(json!({"responses": {"200": reference}})), "/paths/~1a/get/responses/200"),
        (
            place(json!({"responses": {"200": {"headers": {"x-h": reference}}}})),
            "/paths/~1a/get/responses/200/headers/x-h",
        ),
        (
            place(json!({"responses": {"200": {"headers": {"h": {"schema": reference}}}}})),
            "/paths/~1a/get/responses/200/headers/h/schema",
        ),
        (
            place(json!({"responses": {"200": {"content": {"a/b": {"examples": {"e": reference}}}}}})),
            "/paths/~1a/get/responses/200/content/a~1b/examples/e",
        ),
        (
            place(json!({"responses": {"200": {"content": {"a/b": {"schema": {"allOf": [reference]}}}}}})),
            "/paths/~1a/get/responses/200/content/a~1b/schema/allOf/0",
        ),
    ] {
        for version in VERSIONS {
            let document = json!({"openapi": version, "paths": paths, "components": {}});
            let expected = format!("#{at}/$ref: `#/components/none` leads nowhere");
            assert_eq!(mistake(&document.to_string()), expected, "{paths}");
        }
    }
    for (target, expected) in [
        ("other.yaml#/a", "`other.yaml#/a` is outside of the document; bundle it into one file"),
        ("https://x/y.json", "`https://x/y.json` is outside of the document; bundle it into one file"),
        ("#name", "`#name` leads nowhere"),
        ("#/components/%FF", "`#/components/%FF` leads nowhere"),
    ] {
        let document = answering("3.1.0", &json!({"$ref": target}), &json!({}));
        let place = "#/paths/~1thing/get/responses/200/content/application~1json/schema/$ref";
        assert_eq!(mistake(&document.to_string()), format!("{place}: {expected}"));
    }
    let circle = json!({"openapi": "3.0.0", "paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/a"}}}}},
        "components": {"responses": {"a": {"$ref": "#/components/responses/b"}, "b": {"$ref": "#/components/responses/a"}}}});
    assert_eq!(
        mistake(&circle.to_string()),
        "#/paths/~1a/get/responses/200/$ref: the reference leads back to itself"
    );
}

#[test]
fn mistakes_in_schemas_are_named_with_their_place() {
    for (schema, expected) in [
        (json!(7), ": expected a schema, got a number"),
        (json!({"type": "text"}), "/type: \"text\" is no type"),
        (json!({"type": ["string", "nil"]}), "/type: \"nil\" is no type"),
        (json!({"properties": []}), "/properties: expected an object with schemas, got an array"),
        (json!({"properties": {"a": 1}}), "/properties/a: expected a schema, got a number"),
        (json!({"items": []}), "/items: expected a schema, got an array"),
        (json!({"allOf": {}}), "/allOf: expected an array of schemas, got an object"),
        (json!({"oneOf": []}), "/oneOf: expected at least one schema, got none"),
        (json!({"required": true}), "/required: expected an array of names, got a boolean"),
        (json!({"enum": "a"}), "/enum: expected an array, got a string"),
        (json!({"pattern": "("}), "/pattern: `(` is no regular expression"),
        (json!({"patternProperties": {"[": {}}}), "/patternProperties/[: `[` is no regular expression"),
        (json!({"minLength": -1}), "/minLength: expected a count, got -1"),
        (json!({"maxItems": 1.5}), "/maxItems: expected a count, got 1.5"),
        (json!({"minimum": "1"}), "/minimum: expected a number, got a string"),
        (json!({"exclusiveMaximum": "1"}), "/exclusiveMaximum: expected a number, got a string"),
        (json!({"multipleOf": 0}), "/multipleOf: expected more than 0, got 0"),
        (json!({"nullable": "yes"}), "/nullable: expected a boolean, got a string"),
        (json!({"format": 1}), "/format: expected a string, got a number"),
        (json!({"$ref": 1}), "/$ref: expected a string, got a number"),
    ] {
        let document = answering("3.1.0", &schema, &json!({}));
        let place = "#/paths/~1thing/get/responses/200/content/application~1json/schema";
        assert_eq!(mistake(&document.to_string()), format!("{place}{expected}"));
        // Where no answer has to follow it, it does no harm.
        let elsewhere = answering("3.1.0", &json!({}), &json!({"Unused": schema}));
        if schema.get("$ref").is_none() {
            assert_eq!(mistake(&elsewhere.to_string()), "none", "{schema}");
        }
    }
}

#[test]
fn a_schema_that_leads_back_to_itself_at_the_same_value_is_a_mistake() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    for components in [
        json!({"A": reference("A")}),
        json!({"A": reference("B"), "B": reference("A")}),
        json!({"A": {"allOf": [reference("B")]}, "B": {"anyOf": [{"type": "null"}, reference("A")]}}),
        json!({"A": {"not": reference("A")}}),
        json!({"A": {"if": true, "then": reference("A")}}),
    ] {
        let document = answering("3.1.0", &reference("A"), &components);
        let said = mistake(&document.to_string());
        assert!(said.ends_with("the schema leads back to itself at the same value"), "{said}");
        assert!(said.starts_with("#/components/schemas/A: "), "{said}");
    }
}
