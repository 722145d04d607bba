//! One answer against what the document says of it.

use jsonschema::ValidationError;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::{
    breach::{AnswerPlace, Breach},
    pointer::child,
    responses::{Header, Response, Responses, essence, is_json},
    validator::{Schemas, types},
    violation::violation,
};

/// An answer, and what it is held against.
pub(super) struct Check<'c> {
    pub(super) operation: &'c str,
    pub(super) method: &'c str,
    pub(super) schemas: &'c Schemas,
    pub(super) status: u16,
    pub(super) headers: &'c HeaderMap,
    pub(super) body: &'c [u8],
}

impl Check<'_> {
    /// Everything that the document says of such an answer, in the order in which a reader meets it.
    pub(super) fn against(&self, responses: &Responses) -> Result<(), Box<Breach>> {
        let Some(response) = responses.of(self.status) else {
            if responses.list.is_empty() {
                return Ok(());
            }
            let found = self.status.to_string();
            return Err(self.breach(AnswerPlace::Status, &responses.pointer, responses.statuses(), found));
        };
        response.headers.iter().try_for_each(|header| self.header(header))?;
        self.content(response)
    }

    fn header(&self, header: &Header) -> Result<(), Box<Breach>> {
        let place = || AnswerPlace::Header(header.name.clone());
        let mut values = self.headers.get_all(&header.name).iter().peekable();
        if values.peek().is_none() {
            return match header.required {
                true => Err(self.breach(place(), &header.pointer, "the header".into(), "none".into())),
                false => Ok(()),
            };
        }
        let Some(schema) = header.schema else { return Ok(()) };
        let text: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let text = text.join(", ");
        let value = if header.json {
            match serde_json::from_str(&text) {
                Ok(value) => value,
                Err(_) => return Err(self.breach(place(), &header.pointer, "JSON".into(), quoted(&text))),
            }
        } else {
            let (schema, _) = self.schemas.schema(schema);
            match value_of(&text, self.schemas.document(), schema) {
                Some(value) => value,
                None => return Ok(()),
            }
        };
        self.value(schema, &value, |_| place())
    }

    fn content(&self, response: &Response) -> Result<(), Box<Breach>> {
        let bodyless = self.method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304);
        if response.content.is_empty() || bodyless {
            return Ok(());
        }
        let pointer = child(&response.pointer, "content");
        let documented =
            || response.content.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" or ");
        let Some(content_type) = self.headers.get(CONTENT_TYPE) else {
            if !self.body.is_empty() {
                let breach = self.breach(AnswerPlace::ContentType, &pointer, documented(), "none".into());
                return Err(breach);
            }
            if response.content.iter().all(|(_, schema)| schema.is_none()) {
                return Ok(());
            }
            let expected = format!("a body of the type {}", documented());
            return Err(self.breach(AnswerPlace::Body, &pointer, expected, "none".into()));
        };
        let found = essence(&String::from_utf8_lossy(content_type.as_bytes()));
        let Some((_, schema)) = response.content.iter().find(|(name, _)| covers(name, &found)) else {
            return Err(self.breach(AnswerPlace::ContentType, &pointer, documented(), found));
        };
        let plain = self.headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
        let Some(schema) = schema.filter(|_| plain && is_json(&found)) else { return Ok(()) };
        let value: Value = serde_json::from_slice(self.body).map_err(|error| {
            if self.body.is_empty() {
                return self.breach(AnswerPlace::Body, &pointer, "JSON".into(), "an empty body".into());
            }
            let found = quoted(&String::from_utf8_lossy(self.body));
            self.breach(AnswerPlace::Body, &pointer, format!("JSON ({error})"), found)
        })?;
        self.value(schema, &value, AnswerPlace::Value)
    }

    fn value(
        &self,
        schema: usize,
        value: &Value,
        place: impl Fn(String) -> AnswerPlace,
    ) -> Result<(), Box<Breach>> {
        let validator = self.schemas.validator(schema).map_err(|error| {
            let (_, pointer) = self.schemas.schema(schema);
            let written = self.schemas.written(pointer);
            self.breach(place(String::new()), &written, "a schema that can be used".into(), error.to_string())
        })?;
        if validator.is_valid(value) {
            return Ok(());
        }
        let errors: Vec<ValidationError<'_>> = validator.iter_errors(value).collect();
        let Some(first) = errors.first().map(violation) else { return Ok(()) };
        let schema = self.schemas.written(&first.schema);
        let mut breach = self.breach(place(first.place), &schema, first.expected, first.found);
        breach.more = errors.len() - 1;
        Err(breach)
    }

    fn breach(&self, place: AnswerPlace, document: &str, expected: String, found: String) -> Box<Breach> {
        Box::new(Breach {
            operation: self.operation.to_owned(),
            status: self.status,
            place,
            document: document.to_owned(),
            expected,
            found,
            more: 0,
        })
    }
}

/// Whether a documented media type, perhaps `image/*`, covers one that was found.
fn covers(documented: &str, found: &str) -> bool {
    match documented.split_once('/') {
        Some(("*", "*")) => true,
        Some((family, "*")) => found.split_once('/').is_some_and(|(found, _)| found == family),
        _ => documented == found,
    }
}

/// What a header's text stands for, by what its schema demands. `None` for objects: how they are written depends on
/// more than the document's readers agree on.
fn value_of(text: &str, document: &Value, schema: &Value) -> Option<Value> {
    let types = types(document, schema);
    let scalar = |text: &str, types: &[&str]| {
        let json = serde_json::from_str::<Value>(text).ok();
        json.filter(|json| match json {
            Value::Number(_) => types.contains(&"number") || types.contains(&"integer"),
            Value::Bool(_) => types.contains(&"boolean"),
            Value::Null => types.contains(&"null"),
            Value::String(_) | Value::Array(_) | Value::Object(_) => false,
        })
        .unwrap_or_else(|| Value::String(text.to_owned()))
    };
    if types.contains(&"object") {
        return None;
    }
    if types.contains(&"array") {
        let items = schema.get("items").unwrap_or(&Value::Null);
        let items = self::types(document, items);
        return Some(text.split(',').map(|element| scalar(element.trim(), &items)).collect());
    }
    Some(scalar(text.trim(), &types))
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
