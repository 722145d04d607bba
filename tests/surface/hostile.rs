//! Documents that mean harm, or are merely enormous: an answer or a mistake comes soon, and nothing falls over.

use std::{fmt::Write as _, sync::Arc, thread};

use super::*;

fn mistake(text: &str) -> String {
    Surface::parse(text).map(|_| "none".to_owned()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn what_nests_without_end_is_refused() {
    let deep = |open: &str, close: &str, times| format!("{}1{}", open.repeat(times), close.repeat(times));
    let nested = "nested more than 100 levels deep";
    for text in
        [deep("{\"a\":", "}", 200), deep("{\"a\":", "}", 100_000), format!("a: {}", deep("[", "]", 110_000))]
    {
        let said = mistake(&text);
        assert!(said.contains(nested) || said.contains("limit") || said.contains("depth"), "{said}");
    }
    let block: String = (0..5_000).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    assert!(mistake(&block).starts_with("line "), "{}", mistake(&block));
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let before = level - 1;
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![format!("*a{before}"); 10].join(", "));
    }
    assert!(mistake(&text).starts_with("line "), "{}", mistake(&text));
    assert!(mistake("a: &a [*a]").starts_with("line 1, column 8: "), "{}", mistake("a: &a [*a]"));
}

#[test]
fn schemas_that_multiply_are_refused_or_soon_checked() {
    let reference = |level: usize| json!({"$ref": format!("#/components/schemas/A{level}")});
    let start = json!({"$ref": "#/components/schemas/A0"});
    let levels = |count: usize, make: &dyn Fn(usize) -> Value| -> Value {
        let mut all: serde_json::Map<_, _> =
            (0..count).map(|level| (format!("A{level}"), make(level + 1))).collect();
        all.insert(format!("A{count}"), json!({"type": "integer"}));
        Value::Object(all)
    };
    let forks = levels(25, &|next| json!({"allOf": [reference(next), reference(next)]}));
    let said_of = |components| mistake(&answering("3.1.0", &start, &components).to_string());
    assert!(said_of(forks).ends_with("unfolds to more than 100000 others at the same value"));
    let chain = levels(1_000, &|next| reference(next));
    assert!(said_of(chain).ends_with("leads through more than 64 others at the same value"));

    // One level of an answer for each: as many ways, but no answer takes them all.
    let tree = levels(60, &|next| json!({"properties": {"l": reference(next), "r": reference(next)}}));
    let surface = parse(&answering("3.1.0", &start, &tree));
    assert_eq!(said(&surface, &json!({"l": {"r": {"l": 1}}})), None);
    assert_eq!(surface.documented().len(), 1);
    let long = levels(20_000, &|next| json!({"properties": {"n": reference(next)}}));
    let surface = parse(&answering("3.1.0", &start, &long));
    assert_eq!(said(&surface, &json!({"n": {"n": 1}})), None);
}

#[test]
fn ten_thousand_paths_are_read_and_found() {
    let mut paths = serde_json::Map::new();
    for number in 0..10_000 {
        let ok = json!({"get": {"operationId": format!("op-{number}"), "responses": {"200": {"description": ""}}}});
        paths.insert(format!("/a/{{x}}/b-{number}/{{y}}"), ok);
    }
    let surface = parse(&json!({"openapi": "3.0.0", "paths": paths, "servers": [{"url": "/v1"}]}));
    for number in [0, 1, 9_999] {
        let found = surface.operation("GET", &format!("/v1/a/1/b-{number}/2"));
        assert_eq!(found.unwrap().name, format!("op-{number}"));
    }
    assert_eq!(surface.operation("GET", "/a/1/b-10000/2"), None);
    assert_eq!(surface.operation("GET", &"/".repeat(100_000)), None);
}

#[test]
fn paths_full_of_templates_are_matched_in_no_time() {
    let template = format!("/{}", "{a}-{b}-".repeat(40).replace("{a}", "{}").replace("{b}", "{}"));
    let mut number = 0;
    let template: String = template
        .split("{}")
        .map(|text| {
            number += 1;
            format!("{text}{{n{number}}}")
        })
        .collect();
    let surface = parse(&json!({"openapi": "3.1.0", "paths": {(template): {"get": {}}}}));
    assert_eq!(surface.operation("GET", &format!("/{}", "-".repeat(10_000))).map(|_| ()), Some(()));
    assert_eq!(surface.operation("GET", &format!("/{}", "a".repeat(10_000))), None);
}

#[test]
fn hostile_answers_are_told_in_a_sentence() {
    let surface = parse(&answering("3.1.0", &json!({"type": "object"}), &json!({})));
    let check =
        |body: &[u8]| surface.check("GET", "/thing", 200, &headers(&[]), body).unwrap_err().to_string();
    for body in [&b"[".repeat(1_000_000)[..], b"\xff\xfe", &b"9".repeat(1_000_000), b"nul"] {
        let said = check(body);
        assert!(said.starts_with("`read` answered 200: ") && said.len() < 400, "{said}");
    }
}

#[test]
fn many_threads_share_one_compilation() {
    let components = json!({"A": {"type": "object", "required": ["a"]}});
    let mut document = answering("3.1.0", &json!({"$ref": "#/components/schemas/A"}), &components);
    document["paths"]["/other"] = document["paths"]["/thing"].clone();
    document["paths"]["/other"]["get"]["operationId"] = "other".into();
    let surface = Arc::new(parse(&document));
    assert_eq!(surface.compiled(), 0);
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let surface = Arc::clone(&surface);
            thread::spawn(move || {
                let path = if number % 2 == 0 { "/thing" } else { "/other" };
                let check = |body: &[u8]| surface.check("GET", path, 200, &headers(&[]), body).is_ok();
                (0..200).all(|_| check(b"{\"a\": 1}") && !check(b"{}"))
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(surface.compiled(), 1);
}
