//! `fields`: the part of an answer that the caller wants to see, as in `messages(id,labelIds),nextPageToken` \[V\].

use serde_json::{Map, Value};

use super::call::{Refusal, Reply};

/// What is wanted of an object: names, and what of each; all of it if that is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(Vec<(String, Fields)>);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Fields, Refusal> {
        let mut rest = text;
        match Fields::list(&mut rest, 0) {
            Some(fields) if rest.is_empty() => Ok(fields),
            _ => Err(Refusal::invalid_argument(format!("Invalid field selection {text}"))),
        }
    }

    /// The wanted part of an answer.
    pub(super) fn of(&self, reply: Reply) -> Reply {
        match serde_json::from_slice(&reply.body) {
            Ok(body) => Reply { body: Reply::json(&self.pick(body)).body, ..reply },
            // No content is no JSON either.
            Err(_) => reply,
        }
    }

    fn pick(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.pick(item)).collect(),
            Value::Object(object) => {
                let mut picked = Map::new();
                for (name, value) in object {
                    if let Some(fields) = self.below(&name) {
                        picked.insert(name, fields.pick(value));
                    }
                }
                picked.into()
            }
            plain => plain,
        }
    }

    /// What is wanted of the field `name`, which may be named more than once; `None` if it is not wanted.
    fn below(&self, name: &str) -> Option<Fields> {
        let named: Vec<_> = self.0.iter().filter(|(wanted, _)| wanted == name || wanted == "*").collect();
        if named.iter().any(|(_, below)| below.0.is_empty()) {
            return Some(Fields::default());
        }
        let below: Vec<_> = named.into_iter().flat_map(|(_, below)| below.0.clone()).collect();
        (!below.is_empty()).then_some(Fields(below))
    }

    /// `a,b/c,d(e,f)`, to the end or a closing bracket.
    fn list(rest: &mut &str, depth: usize) -> Option<Fields> {
        let mut fields = Vec::new();
        loop {
            fields.push(Fields::field(rest, depth)?);
            match rest.strip_prefix(',') {
                Some(after) => *rest = after,
                None => return Some(Fields(fields)),
            }
        }
    }

    fn field(rest: &mut &str, depth: usize) -> Option<(String, Fields)> {
        let end = rest.find(['/', '(', ')', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        // Deeper than any answer.
        if name.is_empty() || depth > 32 {
            return None;
        }
        let below = if let Some(after) = rest.strip_prefix('/') {
            *rest = after;
            Fields(vec![Fields::field(rest, depth + 1)?])
        } else if let Some(after) = rest.strip_prefix('(') {
            *rest = after;
            let below = Fields::list(rest, depth + 1)?;
            *rest = rest.strip_prefix(')')?;
            below
        } else {
            Fields::default()
        };
        Some((name.trim().to_owned(), below))
    }
}
