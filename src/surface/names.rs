//! Which members a JSON text has, by pointer, with no regard for their values.

use std::{collections::HashMap, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::pointer::child;
use crate::record::KEPT_BODY;

/// The members that bodies had.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// By pointer, which goes through the first element of each array as those of
    /// [`Field`](super::Field) do. The value says whether it ever was something but `null`.
    found: HashMap<String, bool>,
    /// Whether a body was longer than what is kept of it, so that it may have had more.
    pub(super) cut: bool,
}

impl Names {
    /// Adds those of a body. Text that is no JSON has none; of one that was cut, those before the cut count.
    pub(super) fn add(&mut self, body: &str) {
        let mut found = HashMap::new();
        let mut reader = serde_json::Deserializer::from_str(body);
        let read =
            Value { names: &mut found, pointer: "" }.deserialize(&mut reader).and_then(|()| reader.end());
        let cut = read.is_err() && body.len() >= KEPT_BODY;
        if read.is_ok() || cut {
            for (pointer, something) in found {
                *self.found.entry(pointer).or_default() |= something;
            }
        }
        self.cut |= cut;
    }

    /// Whether there was such a member; if so, whether it ever was something but `null`.
    pub(super) fn get(&self, pointer: &str) -> Option<bool> {
        self.found.get(pointer).copied()
    }
}

/// One value, which is noted with all its members.
struct Value<'n> {
    names: &'n mut HashMap<String, bool>,
    pointer: &'n str,
}

impl Value<'_> {
    fn note(&mut self, something: bool) {
        *self.names.entry(self.pointer.to_owned()).or_default() |= something;
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.note(false);
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.note(true);
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.note(true);
        Ok(())
    }

    fn visit_u64<E>(mut self, _: u64) -> Result<(), E> {
        self.note(true);
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.note(true);
        Ok(())
    }

    fn visit_str<E>(mut self, _: &str) -> Result<(), E> {
        self.note(true);
        Ok(())
    }

    // What holds others is noted first: the text may end within it.
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut reader: A) -> Result<(), A::Error> {
        self.note(true);
        let pointer = child(self.pointer, "0");
        while reader.next_element_seed(Value { names: &mut *self.names, pointer: &pointer })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut reader: A) -> Result<(), A::Error> {
        self.note(true);
        while let Some(name) = reader.next_key::<String>()? {
            let pointer = child(self.pointer, &name);
            reader.next_value_seed(Value { names: &mut *self.names, pointer: &pointer })?;
        }
        Ok(())
    }
}
