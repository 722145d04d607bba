//! What an answer has that the document does not allow.

use std::fmt;

use serde_json::Value;

use crate::{record::cut, redact::Redactor};

/// How much of what was found a sentence shows, in bytes.
const SHOWN: usize = 80;

/// One answer that the document does not allow: where, what was expected, what was found.
///
/// Its text is one sentence. `found` is whole, so that secrets can be removed from it before it is cut.
///
/// ```
/// use coalmine::surface::Surface;
/// use reqwest::header::HeaderMap;
///
/// let surface = Surface::parse(r#"{"openapi": "3.1.0", "paths": {"/pets": {"get": {
///     "operationId": "list-pets", "responses": {"200": {"content": {}}}}}}}"#)?;
/// let breach = surface.check("GET", "/pets", 500, &HeaderMap::new(), b"").unwrap_err();
/// assert_eq!(
///     breach.to_string(),
///     "`list-pets` answered 500: expected status 200, got 500 (document: #/paths/~1pets/get/responses)"
/// );
/// # Ok::<(), coalmine::surface::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The operation.
    pub operation: String,
    /// The answer's status.
    pub status: u16,
    /// Where in the answer.
    pub place: AnswerPlace,
    /// JSON pointer to what the document says of it.
    pub document: String,
    /// What the document allows, in words.
    pub expected: String,
    /// What the answer has instead.
    pub found: String,
    /// How many further places of the body break the same schema.
    pub more: usize,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerPlace {
    /// The document has no such status.
    Status,
    /// This header is missing, or its value is wrong.
    Header(String),
    /// The body has another type than the document has for this status.
    ContentType,
    /// The body is missing, or not what its type says.
    Body,
    /// JSON pointer to a value in the body.
    Value(String),
}

impl Breach {
    /// Removes every secret from what came out of the answer.
    #[must_use]
    pub fn clean(mut self, redactor: &Redactor) -> Self {
        let Self { operation: _, status: _, place, document: _, expected, found, more: _ } = &mut self;
        *found = redactor.clean(found).into_owned();
        // It may name members that were too many.
        *expected = redactor.clean(expected).into_owned();
        if let AnswerPlace::Value(pointer) = place {
            *pointer = redactor.clean(pointer).into_owned();
        }
        self
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, status, place, document, expected, found, more } = self;
        write!(f, "`{operation}` answered {status}: ")?;
        match place {
            AnswerPlace::Status => f.write_str("expected status ")?,
            AnswerPlace::Header(name) => write!(f, "header `{name}`: expected ")?,
            AnswerPlace::ContentType => f.write_str("expected content type ")?,
            AnswerPlace::Body => f.write_str("expected ")?,
            AnswerPlace::Value(pointer) if pointer.is_empty() => f.write_str("the body: expected ")?,
            AnswerPlace::Value(pointer) => write!(f, "`{pointer}`: expected ")?,
        }
        write!(f, "{expected}, got {}", shown(found))?;
        if *more > 0 {
            write!(f, ", and {more} more")?;
        }
        write!(f, " (document: #{document})")
    }
}

fn shown(text: &str) -> String {
    let kept = cut(text, SHOWN);
    if kept.len() < text.len() { format!("{kept}…") } else { kept.to_owned() }
}

/// A value in words: small ones as they are, of others how much there is.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Array(elements) if elements.is_empty() => "an empty array".into(),
        Value::Array(elements) => format!("an array of {}", elements.len()),
        Value::Object(members) if members.is_empty() => "an empty object".into(),
        Value::Object(members) => {
            let names: Vec<_> = members.keys().take(4).map(|name| format!("`{name}`")).collect();
            let rest = if members.len() > names.len() { ", …" } else { "" };
            format!("an object with {}{rest}", names.join(", "))
        }
        scalar => scalar.to_string(),
    }
}
