//! What all of the product's requests and answers have in common: JSON objects in, JSON objects or refusals out.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::codes::{self, Code};

/// The largest body, in bytes \[C, 14 row 34\].
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// The deepest nesting of a body \[C, 14 row 34\].
const DEEPEST: usize = 64;

/// The text of a successful answer. Text and not a `Value`, because sums may be wider than a `Value` holds \[C, 7\],
/// and because an idempotency key brings the same text again.
pub(crate) type Reply = Arc<str>;

/// Writes `answer` down.
pub(crate) fn reply(answer: &impl Serialize) -> Reply {
    serde_json::to_string(answer).expect("answers have text keys and finite numbers").into()
}

/// The answer where nothing is to be told \[T for one operation, S\].
pub(crate) fn ok() -> Reply {
    reply(&json!({"message": "ok"}))
}

/// A refusal, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Refusal {
    #[serde(flatten)]
    pub(crate) code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    pub(crate) retriable: bool,
    #[serde(skip_serializing_if = "Map::is_empty")]
    data: Map<String, Value>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        let detail = code.detail.map(ToOwned::to_owned);
        Refusal { code, detail, retriable: code.retriable, data: Map::new() }
    }
}

impl Refusal {
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Refusal {
        self.detail = Some(detail.into());
        self
    }

    /// Names the one field that is wrong: a string, not a list \[T, 4\].
    pub(crate) fn field(self, name: &str) -> Refusal {
        self.data("error_fields", name)
    }

    /// The same under the general code, if it is for a missing field: what a fault does.
    pub(crate) fn vague(self) -> Refusal {
        if self.code == codes::MISSING { Refusal { code: codes::MALFORMED, ..self } } else { self }
    }

    pub(crate) fn data(mut self, name: &str, value: impl Into<Value>) -> Refusal {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}

impl Code {
    /// A refusal with specifics.
    pub(crate) fn because(self, detail: impl Into<String>) -> Refusal {
        Refusal::from(self).detail(detail)
    }
}

/// The fields of a request. `null` means absent and unknown fields are ignored \[T, 7\].
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body. Nothing at all and `null` stand for `{}` \[T for `null`, C, 7\].
    pub(crate) fn parse(body: &[u8]) -> Result<Fields, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields::default());
        }
        let value: Value =
            serde_json::from_slice(body).map_err(|error| codes::MALFORMED.because(error.to_string()))?;
        if deeper_than(&value, DEEPEST) {
            return Err(codes::MALFORMED.because(format!("nested deeper than {DEEPEST} levels")));
        }
        match value {
            Value::Null => Ok(Fields::default()),
            Value::Object(fields) => Ok(Fields(fields)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(codes::MALFORMED.because("the body must be an object"))
            }
        }
    }

    pub(crate) fn from_object(fields: Map<String, Value>) -> Fields {
        Fields(fields)
    }

    /// The names of all fields, also of those that are `null`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The field, unless it is absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// An optional text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    /// A text that must be there; the empty one counts as missing.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) | None => Err(missing(&[name])),
        }
    }

    /// An optional object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(wrong_type(name, "an object")),
        }
    }

    /// An optional list.
    pub(crate) fn list(&self, name: &str) -> Result<&[Value], Refusal> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(wrong_type(name, "an array")),
        }
    }
}

/// The refusal of a field that has the wrong type.
pub(crate) fn wrong_type(name: &str, expected: &str) -> Refusal {
    codes::MALFORMED.because(format!("`{name}` must be {expected}")).field(name)
}

/// The refusal of a request without `names`.
pub(crate) fn missing(names: &[&str]) -> Refusal {
    codes::MISSING
        .because(format!("`{}` is missing", names.join("`, `")))
        .data("missing_fields", names.to_vec())
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| deeper_than(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| deeper_than(field, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        for good in ["", " \n", "null", "{}", r#"{"a":null,"b":1}"#] {
            assert!(Fields::parse(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in ["[]", "1", "\"a\"", "{", "{} {}", "\u{0}"] {
            let refusal = Fields::parse(bad.as_bytes()).expect_err(bad);
            assert_eq!(refusal.code, codes::MALFORMED, "{bad}");
        }
    }

    #[test]
    fn nesting() {
        let nested =
            |levels: usize| format!(r#"{{"tags":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Fields::parse(nested(64).as_bytes()).is_ok());
        assert!(Fields::parse(nested(65).as_bytes()).is_err());
        assert!(Fields::parse(nested(200).as_bytes()).is_err());
    }

    #[test]
    fn a_refusal_shows_only_what_it_has() {
        let text = |refusal: Refusal| serde_json::to_string(&refusal).unwrap();
        assert_eq!(
            text(codes::NO_ACTIONS.into()),
            r#"{"seq_code":"SEQ707","message":"Transaction has no actions","retriable":false}"#
        );
        assert_eq!(
            text(missing(&["id"])),
            r#"{"seq_code":"SEQ008","message":"Missing or invalid field","detail":"`id` is missing","retriable":false,"data":{"missing_fields":["id"]}}"#
        );
    }
}
