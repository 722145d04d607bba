//! What the document says that answers hold, for those who count what was seen or take something away.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    pointer::{child, decode},
    responses::Response,
    validator::Schemas,
};

/// How deep fields are listed.
const DEPTH: usize = 12;

/// How many fields of one answer are listed.
const FIELDS: usize = 2_000;

/// How far references and parts are followed at one value.
const FAR: usize = 32;

/// One operation with its documented answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// The operation's name.
    pub operation: String,
    /// Its answers, exact statuses first.
    pub answers: Vec<DocumentedAnswer>,
}

/// One documented answer of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedAnswer {
    /// `200`, `4XX` or `default`.
    pub status: String,
    /// The headers that every such answer has.
    pub headers: Vec<String>,
    /// The members that a JSON body may have, by pointer.
    pub fields: Vec<Field>,
}

/// A member of a documented answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer into an answer. It goes through the first element of each array: `/items/0/id`.
    pub pointer: String,
    /// Whether every such answer has it that has what it is in, up to arrays, which may be empty.
    pub required: bool,
}

/// The fields of an answer's first JSON body.
pub(super) fn fields(response: &Response, schemas: &Schemas) -> Vec<Field> {
    let json = response.content.iter().find(|(name, _)| super::responses::is_json(name));
    let Some(place) = json.and_then(|(_, schema)| *schema) else { return Vec::new() };
    let mut fields = Fields { document: schemas.document(), found: BTreeMap::new(), path: Vec::new() };
    fields.value(schemas.schema(place).0, "", true, 0);
    let required = |(pointer, required)| Field { pointer, required };
    fields.found.into_iter().map(required).collect()
}

struct Fields<'d> {
    document: &'d Value,
    found: BTreeMap<String, bool>,
    /// The schemas on the way here: one that comes again has been listed above.
    path: Vec<*const Value>,
}

impl<'d> Fields<'d> {
    fn value(&mut self, schema: &'d Value, pointer: &str, required: bool, far: usize) {
        let address = std::ptr::from_ref(schema);
        let deep = pointer.matches('/').count() > DEPTH || self.found.len() >= FIELDS;
        if deep || far > FAR || self.path.contains(&address) {
            return;
        }
        self.path.push(address);
        if let Some(target) = schema.get("$ref").and_then(Value::as_str)
            && let Some(target) = target.strip_prefix('#').and_then(decode)
            && let Some(target) = self.document.pointer(&target)
        {
            self.value(target, pointer, required, far + 1);
        }
        for (keyword, always) in [("allOf", true), ("anyOf", false), ("oneOf", false)] {
            let parts = schema.get(keyword).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let others = parts.iter().filter(|part| part.get("type").is_none_or(|it| it != "null")).count();
            for part in parts {
                self.value(part, pointer, required && (always || others == 1), far + 1);
            }
        }
        if let Some(then) = schema.get("then") {
            self.value(then, pointer, required, far + 1);
        }
        self.members(schema, pointer, required);
        if let Some(items) = schema.get("items") {
            self.value(items, &child(pointer, "0"), required, 0);
        }
        self.path.pop();
    }

    fn members(&mut self, schema: &'d Value, pointer: &str, required: bool) {
        let demanded = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for name in demanded.iter().filter_map(Value::as_str) {
            self.note(child(pointer, name), required);
        }
        for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if member.get("writeOnly") == Some(&Value::Bool(true)) {
                continue;
            }
            let pointer = child(pointer, name);
            let demanded = demanded.iter().any(|it| it == name);
            self.note(pointer.clone(), required && demanded);
            self.value(member, &pointer, required && demanded, 0);
        }
    }

    fn note(&mut self, pointer: String, required: bool) {
        if self.found.len() < FIELDS {
            *self.found.entry(pointer).or_default() |= required;
        }
    }
}
