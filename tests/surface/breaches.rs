//! Every kind of answer that a document does not allow, and what is said of it.

use super::*;

fn shop() -> Value {
    json!({
        "openapi": "", "info": {"title": "shop", "version": "1"},
        "paths": {"/orders/{id}": {
            "get": {"operationId": "read-order", "responses": {
                "200": {"$ref": "#/components/responses/Order"},
                "404": {"description": "none"},
                "4XX": {"description": "refused", "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
            }},
            "head": {"responses": {"200": {"$ref": "#/components/responses/Order"}}},
            "delete": {"operationId": "drop-order", "responses": {"204": {"description": "gone"},
                "default": {"description": "else", "content": {"text/*": {}, "application/json": {}}}}},
        }},
        "components": {
            "responses": {"Order": {
                "description": "the order",
                "headers": {
                    "X-Total": {"required": true, "schema": {"type": "integer", "minimum": 0}},
                    "x-seen": {"$ref": "#/components/headers/Seen"},
                    "Content-Type": {"required": true, "schema": {"type": "integer"}},
                },
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
            }},
            "headers": {"Seen": {"schema": {"type": "array", "items": {"type": "boolean"}}}},
            "schemas": {
                "Problem": {"type": "object", "required": ["title"]},
                "Order": {
                    "type": "object",
                    "required": ["id", "lines"],
                    "additionalProperties": false,
                    "properties": {
                        "id": {"type": "string", "format": "uuid"},
                        "note": {"type": "string", "pattern": "^[a-z]*$", "maxLength": 5},
                        "state": {"type": "string", "enum": ["open", "paid"]},
                        "made": {"type": "string", "format": "date-time"},
                        "lines": {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": true,
                                  "items": {"$ref": "#/components/schemas/Line"}},
                        "pay": {"oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Cash"}]},
                    },
                },
                "Line": {"type": "object", "required": ["amount"],
                         "properties": {"amount": {"type": "integer", "minimum": 1, "multipleOf": 5}}},
                "Card": {"type": "object", "required": ["card"],
                         "properties": {"card": {"type": "object", "properties": {"month": {"type": "integer"}}}}},
                "Cash": {"type": "object", "required": ["cash"], "properties": {"cash": {"type": "boolean"}}},
            },
        },
    })
}

const ID: &str = "0a0b0c0d-0000-4000-8000-000000000001";
const ORDER: &str = "document: #/components/schemas/Order/properties";

#[test]
fn every_wrong_body_is_named_with_its_places() {
    let total = headers(&[("x-total", "3")]);
    for (form, surface) in each_form(&shop()) {
        let check = |body: &Value| {
            let answer = surface.check("GET", "/orders/7", 200, &total, body.to_string().as_bytes());
            answer.map_err(|breach| breach.to_string().replace("`read-order` answered 200: ", ""))
        };
        let line = json!([{"amount": 5}]);
        assert_eq!(check(&json!({"id": ID, "lines": line, "pay": {"cash": true}})), Ok(()), "{form}");
        for (body, expected) in [
            (json!([]), "the body: expected an object, got an empty array (document: #/components/schemas/Order/type)".to_owned()),
            (json!({"id": ID}), "the body: expected a member `lines`, got none (document: #/components/schemas/Order/required)".into()),
            (json!({"id": ID, "lines": line, "x": 1}),
             "`/x`: expected no such member, got 1 (document: #/components/schemas/Order/additionalProperties)".into()),
            (json!({"id": 7, "lines": line}), format!("`/id`: expected a string, got 7 ({ORDER}/id/type)")),
            (json!({"id": "7", "lines": line}), format!("`/id`: expected text of the format `uuid`, got \"7\" ({ORDER}/id/format)")),
            (json!({"id": ID, "lines": line, "made": "today"}),
             format!("`/made`: expected text of the format `date-time`, got \"today\" ({ORDER}/made/format)")),
            (json!({"id": ID, "lines": line, "note": "A"}),
             format!("`/note`: expected text that matches `^[a-z]*$`, got \"A\" ({ORDER}/note/pattern)")),
            (json!({"id": ID, "lines": line, "note": "abcdef"}),
             format!("`/note`: expected at most 5 characters, got \"abcdef\" ({ORDER}/note/maxLength)")),
            (json!({"id": ID, "lines": line, "state": "lost"}),
             format!("`/state`: expected one of \"open\", \"paid\", got \"lost\" ({ORDER}/state/enum)")),
            (json!({"id": ID, "lines": []}), format!("`/lines`: expected at least 1 elements, got an empty array ({ORDER}/lines/minItems)")),
            (json!({"id": ID, "lines": [{"amount": 5}, {"amount": 10}, {"amount": 15}]}),
             format!("`/lines`: expected at most 2 elements, got an array of 3 ({ORDER}/lines/maxItems)")),
            (json!({"id": ID, "lines": [{"amount": 5}, {"amount": 5}]}),
             format!("`/lines`: expected elements that all differ, got an array of 2 ({ORDER}/lines/uniqueItems)")),
            (json!({"id": ID, "lines": [{"amount": 5}, {"amount": "5"}]}),
             "`/lines/1/amount`: expected an integer, got \"5\" (document: #/components/schemas/Line/properties/amount/type)".into()),
            (json!({"id": ID, "lines": [{"amount": 0}]}),
             "`/lines/0/amount`: expected at least 1, got 0 (document: #/components/schemas/Line/properties/amount/minimum)".into()),
            (json!({"id": ID, "lines": [{"amount": 7}]}),
             "`/lines/0/amount`: expected a multiple of 5, got 7 (document: #/components/schemas/Line/properties/amount/multipleOf)".into()),
            // Of alternatives, the one that got furthest was meant.
            (json!({"id": ID, "lines": line, "pay": {"card": {"month": "May"}}}),
             "`/pay/card/month`: expected an integer, got \"May\" (document: #/components/schemas/Card/properties/card/properties/month/type)".into()),
            (json!({"id": ID, "lines": line, "pay": {}}),
             format!("`/pay`: expected what one of 2 schemas allows, got an empty object ({ORDER}/pay/oneOf)")),
            (json!({"id": ID, "lines": line, "pay": {"card": {}, "cash": true}}),
             format!("`/pay`: expected what exactly one of the schemas allows, got an object with `card`, `cash` ({ORDER}/pay/oneOf)")),
            (json!({"id": 7, "lines": 7}), format!("`/id`: expected a string, got 7, and 1 more ({ORDER}/id/type)")),
        ] {
            assert_eq!(check(&body), Err(expected), "{form} {body}");
        }
    }
}

#[test]
fn every_other_wrong_part_is_named_with_its_places() {
    let order = json!({"id": ID, "lines": [{"amount": 5}]}).to_string();
    let json = |others| headers(others);
    let of_type = |value| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
    let total = || json(&[("x-total", "3")]);
    let place = "(document: #/components/responses/Order";
    for (form, surface) in each_form(&shop()) {
        for (method, status, headers, body, expected) in [
            ("GET", 200, total(), order.as_str(), None),
            ("get", 200, total(), &order, None),
            ("GET", 302, total(), "", Some("`read-order` answered 302: expected status 200, 404 or 4XX, got 302 (document: #/paths/~1orders~1{id}/get/responses)".to_owned())),
            ("GET", 404, HeaderMap::new(), "anything", None),
            ("GET", 403, of_type("application/problem+json; charset=utf-8"), r#"{"title": 1}"#, None),
            ("GET", 403, of_type("application/problem+json"), "{}",
             Some("`read-order` answered 403: the body: expected a member `title`, got none (document: #/components/schemas/Problem/required)".into())),
            ("GET", 403, of_type("text/html"), "<html>",
             Some("`read-order` answered 403: expected content type application/problem+json, got text/html (document: #/paths/~1orders~1{id}/get/responses/4XX/content)".into())),
            ("GET", 200, json(&[]), &order, Some(format!("`read-order` answered 200: header `X-Total`: expected the header, got none {place}/headers/X-Total)"))),
            ("GET", 200, json(&[("x-total", "many")]), &order,
             Some(format!("`read-order` answered 200: header `X-Total`: expected an integer, got \"many\" {place}/headers/X-Total/schema/type)"))),
            ("GET", 200, json(&[("x-total", "-1")]), &order,
             Some(format!("`read-order` answered 200: header `X-Total`: expected at least 0, got -1 {place}/headers/X-Total/schema/minimum)"))),
            ("GET", 200, json(&[("x-total", "1"), ("x-seen", "true, false")]), &order, None),
            ("GET", 200, json(&[("x-total", "1"), ("x-seen", "true,maybe")]), &order,
             Some("`read-order` answered 200: header `x-seen`: expected a boolean, got \"maybe\" (document: #/components/headers/Seen/schema/items/type)".into())),
            ("GET", 200, total(), "", Some(format!("`read-order` answered 200: expected JSON, got an empty body {place}/content)"))),
            ("GET", 200, total(), "{\"id\"", Some(format!("`read-order` answered 200: expected JSON (EOF while parsing an object at line 1 column 5), got \"{{\\\"id\\\"\" {place}/content)"))),
            ("GET", 200, HeaderMap::from_iter([(HeaderName::from_static("x-total"), HeaderValue::from_static("1"))]), "",
             Some(format!("`read-order` answered 200: expected a body of the type application/json, got none {place}/content)"))),
            ("GET", 200, HeaderMap::from_iter([(HeaderName::from_static("x-total"), HeaderValue::from_static("1"))]), "{}",
             Some(format!("`read-order` answered 200: expected content type application/json, got none {place}/content)"))),
            // No body comes with these.
            ("HEAD", 200, total(), "", None),
            ("HEAD", 200, json(&[]), "", Some(format!("`HEAD /orders/{{id}}` answered 200: header `X-Total`: expected the header, got none {place}/headers/X-Total)"))),
            ("DELETE", 204, HeaderMap::new(), "", None),
            ("DELETE", 500, of_type("text/plain"), "sorry", None),
            ("DELETE", 500, json(&[]), "not even JSON, but no schema says so", None),
            ("DELETE", 500, HeaderMap::new(), "", None),
            ("DELETE", 500, of_type("image/png"), "x",
             Some("`drop-order` answered 500: expected content type application/json or text/*, got image/png (document: #/paths/~1orders~1{id}/delete/responses/default/content)".into())),
            // Nobody said anything of this one.
            ("PATCH", 500, HeaderMap::new(), "x", None),
        ] {
            let said = surface.check(method, "/orders/7", status, &headers, body.as_bytes());
            assert_eq!(said.err().map(|it| it.to_string()), expected, "{form} {method} {status}");
        }
    }
}

#[test]
fn what_was_found_is_short_but_whole_underneath() {
    let surface = parse(&answering("3.1.0", &json!({"type": "integer"}), &json!({})));
    let secret = format!("{}correct-horse-battery", "x".repeat(70));
    let breach = surface.check("GET", "/thing", 200, &headers(&[]), json!(secret).to_string().as_bytes());
    let breach = *breach.unwrap_err();
    assert_eq!(breach.found, format!("\"{secret}\""));
    assert!(breach.to_string().contains("xcorrect-h…"), "{breach}");
    let redactor = coalmine::Redactor::new();
    redactor.learn("correct-horse-battery");
    let breach = breach.clean(&redactor).to_string();
    assert!(!breach.contains("correct"), "{breach}");
}

#[test]
fn a_compressed_body_is_not_read() {
    let surface = parse(&answering("3.1.0", &json!({"type": "integer"}), &json!({})));
    let packed = headers(&[("content-encoding", "gzip")]);
    assert_eq!(surface.check("GET", "/thing", 200, &packed, b"\x1f\x8b"), Ok(()));
}
