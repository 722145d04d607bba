//! What is wrong with a schema, and what the two versions of OpenAPI say differently from JSON Schema 2020-12.
//!
//! Real documents mix the versions: `nullable` and flags as bounds stand in 3.1, arrays of types in 3.0. Each has one
//! possible meaning, so it gets that one in both.

use serde_json::{Map, Value, json};

use super::{
    DocumentError,
    pointer::child,
    structure::{Kind, Reference, Version, Walk, object, unlike},
};

/// What a keyword may hold.
#[derive(Clone, Copy)]
enum Form {
    /// A schema for the same value.
    Here,
    /// Several of them.
    AllHere,
    /// Members with schemas for the same value.
    MembersHere,
    /// A schema for something inside the value.
    Inside,
    AllInside,
    MembersInside,
    PatternsInside,
    Text,
    Pattern,
    Flag,
    Count,
    Number,
    NumberOrFlag,
    Positive,
    Names,
    List,
    Types,
}

fn form(keyword: &str) -> Option<Form> {
    Some(match keyword {
        "not" | "if" | "then" | "else" => Form::Here,
        "allOf" | "anyOf" | "oneOf" => Form::AllHere,
        "dependentSchemas" => Form::MembersHere,
        "items"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "unevaluatedItems"
        | "contains"
        | "propertyNames"
        | "contentSchema" => Form::Inside,
        "prefixItems" => Form::AllInside,
        "properties" | "$defs" | "definitions" => Form::MembersInside,
        "patternProperties" => Form::PatternsInside,
        "$ref" | "$id" | "$anchor" | "$dynamicAnchor" | "$schema" | "format" => Form::Text,
        "pattern" => Form::Pattern,
        "nullable" | "readOnly" | "writeOnly" | "uniqueItems" => Form::Flag,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minContains" | "maxContains" => Form::Count,
        "minimum" | "maximum" => Form::Number,
        "exclusiveMinimum" | "exclusiveMaximum" => Form::NumberOrFlag,
        "multipleOf" => Form::Positive,
        "required" => Form::Names,
        "enum" => Form::List,
        "type" => Form::Types,
        _ => return None,
    })
}

/// What names a schema, or depends on how it was reached.
const NAMING: [&str; 5] = ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$schema"];

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// Where the changed document keeps which members only requests must have.
pub(super) const ONLY_IN_REQUESTS: &str = "x-coalmine-only-in-requests";

/// What has to change in a schema.
#[derive(Debug, Default)]
pub(super) struct Edit {
    /// What its `$ref` means, as a pointer into the document.
    pub(super) reference: Option<String>,
    /// Beside `$ref` nothing counts, as in 3.0.
    only_reference: bool,
    /// `null` is allowed as well.
    nullable: bool,
    /// The bounds are flags that make `minimum` or `maximum` exclusive.
    flags: bool,
    /// What names the schema; all references are pointers afterwards.
    named: bool,
    /// Members that need not be in an answer because they are only for requests.
    write_only: Vec<String>,
}

impl Edit {
    /// Whether the schema gets a level more, so that what it says can apply to what is not null.
    pub(super) fn wraps(&self, node: &Value) -> bool {
        self.nullable
            && ["$ref", "allOf", "anyOf", "oneOf", "not", "if"].iter().any(|it| node.get(it).is_some())
    }

    /// Changes the schema, which afterwards says in JSON Schema 2020-12 what it said before.
    pub(super) fn apply(&self, node: &mut Value) {
        let wraps = self.wraps(node);
        let Some(schema) = node.as_object_mut() else { return };
        if let Some(target) = &self.reference {
            if self.only_reference {
                schema.clear();
            }
            schema.insert("$ref".into(), format!("#{}", super::pointer::encode(target)).into());
        }
        if self.named {
            for keyword in NAMING {
                schema.remove(keyword);
            }
        }
        if self.flags {
            for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
                let Some(&Value::Bool(on)) = schema.get(flag) else { continue };
                schema.remove(flag);
                if let Some(limit) = on.then(|| schema.remove(bound)).flatten() {
                    schema.insert(flag.into(), limit);
                }
            }
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            let only_in_requests: Vec<Value> =
                required.extract_if(.., |name| self.write_only.iter().any(|it| name == it)).collect();
            if !only_in_requests.is_empty() {
                schema.insert(ONLY_IN_REQUESTS.into(), only_in_requests.into());
            }
        }
        if self.nullable {
            schema.remove("nullable");
            if wraps {
                *node = json!({"if": {"not": {"type": "null"}}, "then": node.take()});
            } else {
                allow_null(schema);
            }
        }
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    match schema.get_mut("type") {
        Some(Value::Array(types)) if !types.iter().any(|it| it == "null") => types.push("null".into()),
        Some(Value::String(one)) if one != "null" => {
            let both = json!([one, "null"]);
            schema.insert("type".into(), both);
        }
        _ => (),
    }
    if let Some(Value::Array(options)) = schema.get_mut("enum")
        && !options.contains(&Value::Null)
    {
        options.push(Value::Null);
    }
}

impl<'d> Walk<'d> {
    /// Walks a schema and all below it. `resource` is the pointer to what `#` means in it.
    pub(super) fn schema(
        &mut self,
        node: &'d Value,
        pointer: &str,
        resource: &str,
    ) -> Result<(), DocumentError> {
        if !self.visited.insert(std::ptr::from_ref(node)) || node.is_boolean() {
            return Ok(());
        }
        let schema = match object(node, pointer, "a schema") {
            Ok(schema) => schema,
            Err(error) => return if self.strict { Err(error) } else { Ok(()) },
        };
        // The schema above may have said what this one must not demand.
        let mut edit = self.edits.remove(pointer).unwrap_or_default();
        let resource = match schema.get("$id") {
            Some(Value::String(id)) => {
                self.names.insert(id.trim_end_matches('#').to_owned(), pointer.to_owned());
                pointer
            }
            _ => resource,
        };
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(Value::String(anchor)) = schema.get(keyword) {
                self.names.insert(format!("{resource}#{anchor}"), pointer.to_owned());
            }
        }
        edit.named = NAMING.iter().any(|it| schema.contains_key(*it));
        edit.nullable = schema.get("nullable") == Some(&Value::Bool(true));
        edit.flags = ["exclusiveMinimum", "exclusiveMaximum"]
            .iter()
            .any(|it| schema.get(*it).is_some_and(Value::is_boolean));
        if let Some(Value::String(text)) = schema.get("$ref") {
            edit.only_reference = self.version == Version::V3_0;
            let (from, resource) = (pointer.to_owned(), resource.to_owned());
            self.references.push(Reference { from, node, text, resource, kind: Kind::Schema });
        }
        if !edit.only_reference {
            self.collect_write_only(schema, 0, &mut edit.write_only);
            self.tell_parts(schema, pointer, &edit.write_only);
            for (keyword, value) in schema {
                if let Some(form) = form(keyword) {
                    let walked =
                        self.keyword(form, value, &child(pointer, keyword), (node, pointer, resource));
                    if self.strict {
                        walked?;
                    }
                }
            }
        }
        if edit.named || edit.nullable || edit.flags || edit.only_reference || !edit.write_only.is_empty() {
            self.edits.insert(pointer.to_owned(), edit);
        }
        Ok(())
    }

    /// Demands that a keyword's value is one, and walks the schemas in it.
    fn keyword(
        &mut self,
        form: Form,
        value: &'d Value,
        at: &str,
        (node, pointer, resource): (&'d Value, &str, &str),
    ) -> Result<(), DocumentError> {
        let expect = |right: bool, what: &str| if right { Ok(()) } else { Err(unlike(at, what, value)) };
        let mut here = Vec::new();
        match form {
            Form::Here | Form::Inside => here.push((at.to_owned(), value)),
            Form::AllHere | Form::AllInside => {
                let list = value.as_array().ok_or_else(|| unlike(at, "an array of schemas", value))?;
                if list.is_empty() {
                    return Err(DocumentError::at(at, "expected at least one schema, got none"));
                }
                here.extend(list.iter().enumerate().map(|(index, it)| (child(at, &index.to_string()), it)));
            }
            Form::MembersHere | Form::MembersInside | Form::PatternsInside => {
                let members = object(value, at, "an object with schemas")?;
                if matches!(form, Form::PatternsInside) {
                    members.keys().try_for_each(|pattern| self.pattern(pattern, &child(at, pattern)))?;
                }
                here.extend(members.iter().map(|(name, it)| (child(at, name), it)));
            }
            Form::Text => expect(value.is_string(), "a string")?,
            Form::Flag => expect(value.is_boolean(), "a boolean")?,
            Form::Number => expect(value.is_number(), "a number")?,
            Form::NumberOrFlag => expect(value.is_number() || value.is_boolean(), "a number")?,
            Form::List => expect(value.is_array(), "an array")?,
            Form::Count => {
                if !value.as_f64().is_some_and(|it| it >= 0.0 && it.fract() == 0.0) {
                    return Err(DocumentError::at(at, format_args!("expected a count, got {value}")));
                }
            }
            Form::Positive => {
                if !value.as_f64().is_some_and(|it| it > 0.0) {
                    return Err(DocumentError::at(at, format_args!("expected more than 0, got {value}")));
                }
            }
            Form::Names => {
                let right = value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
                expect(right, "an array of names")?;
            }
            Form::Types => {
                let types = match value {
                    Value::Array(types) => types.as_slice(),
                    one => std::slice::from_ref(one),
                };
                if let Some(wrong) = types.iter().find(|it| !TYPES.iter().any(|known| it == known)) {
                    return Err(DocumentError::at(at, format_args!("{wrong} is no type")));
                }
            }
            Form::Pattern => {
                expect(value.is_string(), "a string")?;
                self.pattern(value.as_str().unwrap_or_default(), at)?;
            }
        }
        let same_value = matches!(form, Form::Here | Form::AllHere | Form::MembersHere);
        for (at, schema) in here {
            if same_value {
                self.expansion.add(node, pointer, schema, &at);
            }
            self.schema(schema, &at, resource)?;
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &'d str, at: &str) -> Result<(), DocumentError> {
        if self.patterns.insert(pattern)
            && super::validator::options().build(&json!({"pattern": pattern})).is_err()
        {
            return Err(DocumentError::at(at, format_args!("`{pattern}` is no regular expression")));
        }
        Ok(())
    }

    /// One part of an `allOf` may demand what another declares to be only for requests.
    fn tell_parts(&mut self, schema: &'d Map<String, Value>, pointer: &str, write_only: &[String]) {
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for (index, _) in parts.enumerate().filter(|(_, part)| part.get("required").is_some()) {
            let part = child(&child(pointer, "allOf"), &index.to_string());
            self.edits.entry(part).or_default().write_only.extend_from_slice(write_only);
        }
    }

    /// The members that are only for requests.
    fn collect_write_only(&self, schema: &'d Map<String, Value>, depth: usize, found: &mut Vec<String>) {
        const FAR: usize = 8;
        if let Some(Value::Object(properties)) = schema.get("properties") {
            found.extend(
                properties.iter().filter(|(_, it)| self.is_write_only(it, 0)).map(|(name, _)| name.clone()),
            );
        }
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for part in parts.filter(|_| depth < FAR).filter_map(|part| self.plain_target(part).as_object()) {
            self.collect_write_only(part, depth + 1, found);
        }
    }

    fn is_write_only(&self, schema: &'d Value, depth: usize) -> bool {
        const FAR: usize = 8;
        let schema = self.plain_target(schema);
        schema.get("writeOnly") == Some(&Value::Bool(true))
            || depth < FAR
                && schema
                    .get("allOf")
                    .and_then(Value::as_array)
                    .is_some_and(|parts| parts.iter().any(|part| self.is_write_only(part, depth + 1)))
    }

    /// What a schema that is nothing but a pointer means; else itself.
    fn plain_target(&self, schema: &'d Value) -> &'d Value {
        super::structure::resolve(self.document, schema, "").map_or(schema, |(target, _)| target)
    }
}
