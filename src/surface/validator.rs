//! The schemas of a document as validators, each compiled when it is first needed and then kept.

use std::{
    collections::{HashMap, HashSet},
    sync::OnceLock,
};

use jsonschema::{Draft, Registry, ValidationOptions, Validator};
use serde_json::{Value, json};

use super::{
    DocumentError,
    pointer::{ancestors, decode, encode},
    schema::Edit,
};

/// Under which the document is known to the validator.
const DOCUMENT: &str = "coalmine:document";

/// Formats that answers must have. Clients that are generated from the document read these values into types of their
/// own, so a wrong one breaks them. The others are read as text, and real documents use them loosely.
const FORMATS: [&str; 6] = ["date-time", "date", "uuid", "ipv4", "ipv6", "email"];

/// Formats that the validator would check as well.
const LOOSE_FORMATS: [&str; 13] = [
    "duration",
    "hostname",
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
];

pub(super) fn options<'i>() -> ValidationOptions<'i> {
    debug_assert!(FORMATS.iter().all(|it| !LOOSE_FORMATS.contains(it)));
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    LOOSE_FORMATS.into_iter().fold(options, |options, format| options.with_format(format, |_: &str| true))
}

/// The schemas of a document.
#[derive(Debug)]
pub(super) struct Schemas {
    /// The document, with its schemas changed to JSON Schema 2020-12.
    document: Value,
    /// Pointers to the schemas that have a level more there than in the document as it was written.
    wrapped: HashSet<String>,
    /// Which slot belongs to each of the schemas that answers have to follow.
    places: Vec<usize>,
    /// Written once each, by whoever checks such an answer first.
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    pointer: String,
    validator: OnceLock<Result<Validator, DocumentError>>,
}

impl Schemas {
    /// Changes the document as the edits say, which are by pointer; `places` are the schemas that answers have to
    /// follow, as pointers too.
    pub(super) fn new(mut document: Value, mut edits: HashMap<String, Edit>, places: &[String]) -> Self {
        let wraps = |(pointer, edit): &(&String, &Edit)| {
            document.pointer(pointer).is_some_and(|node| edit.wraps(node))
        };
        let wrapped: HashSet<String> =
            edits.iter().filter(wraps).map(|(pointer, _)| pointer.clone()).collect();
        let mut this = Self { document: Value::Null, wrapped, places: Vec::new(), slots: Vec::new() };
        for edit in edits.values_mut() {
            if let Some(target) = &mut edit.reference {
                *target = this.inner(target);
            }
        }
        // What is deeper comes first: a level more above it would move it.
        let mut edits: Vec<_> = edits.into_iter().collect();
        edits.sort_by_key(|(pointer, _)| std::cmp::Reverse(pointer.len()));
        for (pointer, edit) in edits {
            if let Some(node) = document.pointer_mut(&pointer) {
                edit.apply(node);
            }
        }
        this.document = document;
        let mut known = HashMap::new();
        for pointer in places {
            let pointer = this.end_of(this.inner(pointer));
            let slot = *known.entry(pointer).or_insert_with_key(|pointer| {
                this.slots.push(Slot { pointer: pointer.clone(), validator: OnceLock::new() });
                this.slots.len() - 1
            });
            this.places.push(slot);
        }
        this
    }

    /// The document, with its schemas changed.
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    /// Where a place of the document as it was written is now.
    pub(super) fn inner(&self, written: &str) -> String {
        let mut inner = String::with_capacity(written.len());
        let mut done = 0;
        for above in ancestors(written) {
            inner.push_str(&written[done..above.len()]);
            done = above.len();
            if self.wrapped.contains(above) {
                inner.push_str("/then");
            }
        }
        inner.push_str(&written[done..]);
        inner
    }

    /// Where a place is in the document as it was written.
    pub(super) fn written(&self, inner: &str) -> String {
        let mut written = String::with_capacity(inner.len());
        let mut left_out = false;
        for segment in inner.split('/').skip(1) {
            left_out = !left_out && segment == "then" && self.wrapped.contains(&written);
            if !left_out {
                written.push('/');
                written.push_str(segment);
            }
        }
        written
    }

    /// Where a schema is that is nothing but a reference; else itself. So answers that name the same schema share
    /// its validator.
    fn end_of(&self, pointer: String) -> String {
        const FAR: usize = 16;
        let mut pointer = pointer;
        for _ in 0..FAR {
            let Some(Value::Object(schema)) = self.document.pointer(&pointer) else { break };
            let (1, Some(target)) = (schema.len(), schema.get("$ref").and_then(Value::as_str)) else { break };
            let Some(target) = target.strip_prefix('#').and_then(decode) else { break };
            pointer = target;
        }
        pointer
    }

    /// The schema behind a number, as it is in [`Self::document`], with its pointer there.
    pub(super) fn schema(&self, place: usize) -> (&Value, &str) {
        let pointer = &self.slots[self.places[place]].pointer;
        (self.document.pointer(pointer).unwrap_or(&Value::Null), pointer)
    }

    /// The validator behind a number.
    pub(super) fn validator(&self, place: usize) -> Result<&Validator, DocumentError> {
        let Slot { pointer, validator } = &self.slots[self.places[place]];
        validator.get_or_init(|| self.compile(pointer)).as_ref().map_err(Clone::clone)
    }

    /// Compiles what has not been compiled.
    pub(super) fn compile_all(&self) -> Result<(), DocumentError> {
        (0..self.places.len()).try_for_each(|place| self.validator(place).map(|_| ()))
    }

    /// How many schemas have a validator by now.
    pub(super) fn compiled(&self) -> usize {
        self.slots.iter().filter(|slot| slot.validator.get().is_some()).count()
    }

    fn compile(&self, pointer: &str) -> Result<Validator, DocumentError> {
        let error = |error: &dyn std::fmt::Display, at: &str| {
            DocumentError::at(at, format_args!("the schema cannot be used: {error}"))
        };
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(DOCUMENT, &self.document)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|it| error(&it, pointer))?;
        options()
            .with_registry(&registry)
            .build(&json!({"$ref": format!("{DOCUMENT}#{}", encode(pointer))}))
            .map_err(|it| error(&it, &self.written(it.schema_path().as_str())))
    }
}

/// The type names that a schema allows, its references followed. Empty if it does not say.
pub(super) fn types<'d>(document: &'d Value, schema: &'d Value) -> Vec<&'d str> {
    let mut schema = schema;
    for _ in 0..16 {
        match schema.get("type") {
            Some(Value::String(one)) => return vec![one],
            Some(Value::Array(several)) => return several.iter().filter_map(Value::as_str).collect(),
            _ => (),
        }
        let next = match (schema.get("$ref").and_then(Value::as_str), schema.get("then")) {
            (Some(target), _) => {
                target.strip_prefix('#').and_then(decode).and_then(|pointer| document.pointer(&pointer))
            }
            (None, then) => then,
        };
        let Some(next) = next else { break };
        schema = next;
    }
    Vec::new()
}
