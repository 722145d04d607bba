//! Documents and answers, through the library's public face.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod breaches;
mod coverage;
mod difference;
mod documents;
mod generated;
mod hook;
mod hostile;
mod matching;
mod mistakes;
mod translated;

use coalmine::surface::Surface;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// The versions that a test with a version-free document is made with.
const VERSIONS: [&str; 2] = ["3.0.3", "3.1.0"];

/// A document with these paths and components, in every version, as JSON and as YAML.
fn each_form(document: &Value) -> impl Iterator<Item = (String, Surface)> {
    let forms = VERSIONS.into_iter().flat_map(|version| [(version, false), (version, true)]);
    forms.map(|(version, yaml)| {
        let mut document = document.clone();
        document["openapi"] = version.into();
        let text = serde_json::to_string_pretty(&document).unwrap();
        // All JSON is YAML as well; a comment keeps it from being taken for JSON.
        let text = if yaml { format!("# YAML\n{text}") } else { text };
        let form = format!("{version} {}", if yaml { "YAML" } else { "JSON" });
        (form, Surface::parse(&text).unwrap_or_else(|error| panic!("{error}")))
    })
}

/// A document of one operation, `GET /thing`, named `read`, whose answer 200 is JSON of this schema.
fn answering(version: &str, schema: &Value, components: &Value) -> Value {
    json!({
        "openapi": version,
        "info": {"title": "test", "version": "1"},
        "paths": {"/thing": {"get": {"operationId": "read", "responses": {"200": {
            "description": "it",
            "content": {"application/json": {"schema": schema}},
        }}}}},
        "components": {"schemas": components},
    })
}

fn parse(document: &Value) -> Surface {
    Surface::parse(&document.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said of `GET /thing` with this JSON body; nothing if it is right.
fn said(surface: &Surface, body: &Value) -> Option<String> {
    let answer = surface.check("GET", "/thing", 200, &headers(&[]), body.to_string().as_bytes());
    answer.err().map(|breach| breach.to_string())
}

/// JSON, and these.
fn headers(others: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in others {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}
