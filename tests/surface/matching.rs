//! Which operation a request is for, and what a document says of each.

use super::*;

fn document() -> Value {
    let ok = json!({"responses": {"200": {"description": ""}}});
    json!({
        "openapi": "3.1.0",
        "servers": [{"url": "https://{host}/{base}", "variables": {"host": {"default": "x"}, "base": {"default": "api/v2"}}}],
        "paths": {
            "/": {"get": ok},
            "/pets": {"get": ok, "post": ok, "parameters": []},
            "/pets/{id}": {"get": ok},
            "/pets/new": {"get": ok},
            "/pets/{id}.json": {"get": ok},
            "/{kind}/new": {"get": ok},
            "/beta?preview=true": {"get": ok},
            "/beta": {"get": ok},
            "/shared": {"$ref": "#/components/pathItems/Shared"},
            "/files/{from}-{to}": {"servers": [{"url": "/upload"}], "put": ok},
        },
        "components": {"pathItems": {"Shared": {"get": {"operationId": "shared", "responses": {"default": {}}}, "patch": ok}}},
    })
}

#[test]
fn a_request_finds_its_operation() {
    for (form, surface) in each_form(&document()) {
        for (method, path, expected) in [
            ("GET", "/", Some("GET /")),
            ("get", "/pets", Some("GET /pets")),
            ("Post", "/pets?x=/", Some("POST /pets")),
            ("GET", "/pets/7", Some("GET /pets/{id}")),
            ("GET", "/pets/new", Some("GET /pets/new")),
            ("GET", "/pets/7.json", Some("GET /pets/{id}.json")),
            ("GET", "/cats/new", Some("GET /{kind}/new")),
            ("GET", "/pets/7/", None),
            ("GET", "/pets/", None),
            ("GET", "/api/v2/pets/7", Some("GET /pets/{id}")),
            ("GET", "/api/v2/", Some("GET /")),
            ("GET", "/api/v2/pets/new", Some("GET /pets/new")),
            ("GET", "/api/v1/pets/7", None),
            ("GET", "/beta", Some("GET /beta")),
            ("GET", "/beta?preview=true&x", Some("GET /beta?preview=true")),
            ("GET", "/shared", Some("shared")),
            ("PATCH", "/shared", Some("PATCH /shared")),
            ("PUT", "/files/1-2", Some("PUT /files/{from}-{to}")),
            ("PUT", "/upload/files/1-2", Some("PUT /files/{from}-{to}")),
            ("PUT", "/files/12", None),
            ("DELETE", "/pets", None),
        ] {
            let found = surface.operation(method, path).map(|it| it.name.as_str());
            assert_eq!(found, expected, "{form} {method} {path}");
        }
        assert_eq!(surface.operations().iter().count(), 12);
        assert_eq!(surface.operations().get("shared").unwrap().path, "/shared");
    }
}

#[test]
fn what_answers_hold_is_listed() {
    let document = json!({
        "openapi": "3.0.0",
        "paths": {"/list": {"get": {"operationId": "list", "responses": {
            "default": {"description": ""},
            "200": {
                "description": "",
                "headers": {"X-Next": {"required": true}, "X-Maybe": {"schema": {}}},
                "content": {"text/csv": {}, "application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
            },
        }}}},
        "components": {"schemas": {
            "Page": {"required": ["items"], "properties": {
                "next": {"type": "object", "required": ["at"], "properties": {"at": {}}},
                "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
            }},
            "Item": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["name"], "properties": {"name": {}}}]},
            "Base": {"required": ["id", "secret"], "properties": {
                "id": {}, "secret": {"writeOnly": true}, "a/b": {},
                "parent": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Item"}]},
            }},
        }},
    });
    let documented = parse(&document).documented();
    assert_eq!(documented.len(), 1);
    assert_eq!(documented[0].operation, "list");
    let [ok, other] = documented[0].answers.as_slice() else { panic!("{documented:?}") };
    assert_eq!((ok.status.as_str(), other.status.as_str()), ("200", "default"));
    assert_eq!(ok.headers, ["X-Next"]);
    let fields: Vec<_> = ok.fields.iter().map(|it| (it.pointer.as_str(), it.required)).collect();
    let expected = [
        ("/items", true),
        ("/items/0/a~1b", false),
        ("/items/0/id", true),
        ("/items/0/name", true),
        ("/items/0/parent", false),
        ("/next", false),
        ("/next/at", false),
    ];
    assert_eq!(fields, expected);
    assert_eq!((other.headers.len(), other.fields.len()), (0, 0));
}
