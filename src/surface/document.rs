//! From text to a JSON value, with the place of what cannot be read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{DocumentError, DocumentPlace, pointer::kind_of};

/// How deep values may nest, so that nothing that walks the document has to fear for its stack.
const DEPTH: usize = 100;

/// How many values a YAML document may hold, with what its aliases repeat. The largest public ones that we know have
/// 200,000.
const VALUES: usize = 2_000_000;

/// Reads JSON if the text begins as an object, else YAML.
pub(super) fn read(text: &str) -> Result<Value, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = if text.trim_start().starts_with('{') { json(text) } else { yaml(text) }?;
    if value.is_object() {
        return Ok(value);
    }
    Err(DocumentError::at("", format_args!("expected an object, got {}", kind_of(&value))))
}

fn json(text: &str) -> Result<Value, DocumentError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)).map_err(
        |error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            DocumentError { place: DocumentPlace::Text { line: line as u64, column: column as u64 }, message }
        },
    )
}

fn yaml(text: &str) -> Result<Value, DocumentError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: VALUES,
            max_events: 3 * VALUES,
            max_depth: DEPTH + 2,
            max_documents: 1,
        },
        // `no` is text, as in YAML 1.2.
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| {
        Strict { depth: 0 }.deserialize(reader)
    })
    .map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |it| (it.line(), it.column()));
        let message = error.without_snippet().to_string();
        // The place stands in front or behind, in one of two forms.
        let place = format!("line {line} column {column}");
        let message =
            message.trim_start_matches("error: ").trim_start_matches(&place).trim_start_matches(": ");
        // What follows is advice to the reader's caller.
        let message = message.split(" at line ").next().unwrap_or_default();
        let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or_default().to_owned();
        DocumentError { place: DocumentPlace::Text { line, column }, message }
    })
}

/// Reads any value, but no object with two members of one name: which of them counts, nobody knows.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH {
            return Err(E::custom(format_args!("nested more than {DEPTH} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that JSON does not have"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut reader: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut elements = Vec::new();
        while let Some(element) = reader.next_element_seed(inside)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut reader: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut members = Map::new();
        while let Some(name) = reader.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` stands there twice")));
            }
            let value = reader.next_value_seed(inside)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
