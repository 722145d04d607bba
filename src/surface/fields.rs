//! What the document says that requests and answers hold, for those who count what was seen or take something away.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    pointer::{child, decode},
    responses::{Request, Response, is_json},
    schema::ONLY_IN_REQUESTS,
    validator::{Schemas, types},
};

/// How deep fields are listed.
const DEPTH: usize = 12;

/// How many fields of one body are listed.
const FIELDS: usize = 2_000;

/// How far references and parts are followed at one value.
const FAR: usize = 32;

/// One operation with its documented request and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// The operation's name.
    pub operation: String,
    /// What a request may have as its body.
    pub request: Option<DocumentedRequest>,
    /// Its answers, exact statuses first.
    pub answers: Vec<DocumentedAnswer>,
}

/// The documented body of an operation's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedRequest {
    /// Whether a request must have one.
    pub required: bool,
    /// The members that a JSON body may have, by pointer; not those that are `readOnly`.
    pub fields: Vec<Field>,
}

/// One documented answer of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedAnswer {
    /// `200`, `4XX` or `default`.
    pub status: String,
    /// Why no client can bring such an answer about, if that is so: what the document has as
    /// `x-coalmine-unprovoked`.
    pub unprovoked: Option<String>,
    /// The headers that every such answer has.
    pub headers: Vec<String>,
    /// The members that a JSON body may have, by pointer; not those that are `writeOnly`.
    pub fields: Vec<Field>,
}

/// A member of a documented request or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer into a body. It goes through the first element of each array: `/items/0/id`.
    pub pointer: String,
    /// Whether every such body has it that has what it is in, up to arrays, which may be empty.
    pub required: bool,
    /// Whether it can be nothing but `null`.
    pub only_null: bool,
}

/// The fields of an answer's first JSON body.
pub(super) fn of_answer(response: &Response, schemas: &Schemas) -> Vec<Field> {
    let json = response.content.iter().find(|(name, _)| is_json(name));
    let Some(place) = json.and_then(|(_, schema)| *schema) else { return Vec::new() };
    fields(schemas, schemas.schema(place).0, Body::Answer)
}

/// The fields of a request's first JSON body.
pub(super) fn of_request(request: &Request, schemas: &Schemas) -> Vec<Field> {
    let Some(pointer) = &request.schema else { return Vec::new() };
    let schema = schemas.document().pointer(&schemas.inner(pointer)).unwrap_or(&Value::Null);
    fields(schemas, schema, Body::Request)
}

fn fields(schemas: &Schemas, schema: &Value, body: Body) -> Vec<Field> {
    let document = schemas.document();
    let mut fields = Fields { document, body, found: BTreeMap::new(), path: Vec::new() };
    fields.value(schema, "", true, 0);
    let field = |(pointer, Found { required, only_null })| {
        let only_null = only_null.unwrap_or_default();
        Field { pointer, required, only_null }
    };
    fields.found.into_iter().map(field).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Request,
    Answer,
}

/// What was found of a field, by all schemas that name it.
#[derive(Clone, Copy)]
struct Found {
    required: bool,
    /// Nothing if they only demand it.
    only_null: Option<bool>,
}

struct Fields<'d> {
    document: &'d Value,
    body: Body,
    found: BTreeMap<String, Found>,
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
        let (also, left_out) = match self.body {
            Body::Request => (Some(ONLY_IN_REQUESTS), "readOnly"),
            Body::Answer => (None, "writeOnly"),
        };
        let members = schema.get("properties").and_then(Value::as_object);
        // `false` allows no value: so the member is forbidden.
        let elsewhere = |member: &Value| {
            member.get(left_out) == Some(&Value::Bool(true)) || *member == Value::Bool(false)
        };
        let names = |keyword| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let demanded = names("required").chain(also.into_iter().flat_map(names)).filter_map(Value::as_str);
        let demanded: Vec<&str> =
            demanded.filter(|name| !members.and_then(|all| all.get(*name)).is_some_and(elsewhere)).collect();
        for name in &demanded {
            // Another part of the schema may say more of it.
            self.note(child(pointer, name), Found { required, only_null: None });
        }
        for (name, member) in members.into_iter().flatten().filter(|(_, member)| !elsewhere(member)) {
            let pointer = child(pointer, name);
            let required = required && demanded.contains(&name.as_str());
            let only_null = Some(types(self.document, member) == ["null"]);
            self.note(pointer.clone(), Found { required, only_null });
            self.value(member, &pointer, required, 0);
        }
    }

    fn note(&mut self, pointer: String, Found { required, only_null }: Found) {
        if self.found.len() < FIELDS {
            let known = self.found.entry(pointer).or_insert(Found { required, only_null });
            known.required |= required;
            let both = known.only_null.zip(only_null).map(|(known, new)| known && new);
            known.only_null = both.or(known.only_null).or(only_null);
        }
    }
}
