//! What another document has otherwise: so that an operation without a canary is noticed the day it ships.
//!
//! Operations are the same if method and path are, whatever the names of the path's parameters. Compared are
//! operations, statuses, and the fields of JSON bodies with whether they are required. Of something that is new or
//! gone as a whole, its parts are not listed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Documented, DocumentedRequest, Field, Surface, responses::nameless};
use crate::operations::Operation;

/// One thing that two documents have otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happened.
    #[serde(rename = "change")]
    pub way: Way,
    /// To what.
    pub part: Part,
    /// The operation, as the first document names it; one that is new, as the other does.
    pub operation: String,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Which of its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// JSON pointer to the field, as in [`Field::pointer`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The new name, of what was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What happened to something between two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Only the other document has it.
    New,
    /// Only the first document has it.
    Gone,
    /// It has another name.
    Renamed,
    /// It need not have been there, and now must.
    Required,
    /// It had to be there, and now need not.
    Optional,
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// An operation.
    Operation,
    /// A status that it answers with.
    Status,
    /// The body of its requests.
    Request,
    /// A field of its requests.
    RequestField,
    /// A field of its answers.
    ResponseField,
}

/// What `other` has otherwise than `own`, in the order of `own`; operations that are new come last.
///
/// ```
/// use coalmine::surface::{Part, Surface, Way, difference};
///
/// let own = Surface::parse(r#"{"openapi": "3.1.0", "paths": {"/pets/{id}": {"get": {}}}}"#)?;
/// let live = Surface::parse(r#"{"openapi": "3.1.0", "paths": {"/pets/{pet}": {"get": {}, "delete": {}}}}"#)?;
/// let changes = difference(&own, &live);
/// assert_eq!(changes.len(), 1);
/// assert_eq!((changes[0].way, changes[0].part), (Way::New, Part::Operation));
/// assert_eq!(changes[0].operation, "DELETE /pets/{pet}");
/// # Ok::<(), coalmine::surface::DocumentError>(())
/// ```
#[must_use]
pub fn difference(own: &Surface, other: &Surface) -> Vec<Change> {
    let mut rest: BTreeMap<_, _> = other
        .operations
        .iter()
        .zip(other.documented())
        .enumerate()
        .map(|(n, it)| (key(it.0), (n, it)))
        .collect();
    let mut changes = Vec::new();
    for (operation, documented) in own.operations.iter().zip(own.documented()) {
        let mut list = List { operation, changes: &mut changes };
        let Some((_, (theirs, other))) = rest.remove(&key(operation)) else {
            list.add(Way::Gone, Part::Operation, None, None);
            continue;
        };
        if is_renamed(operation, theirs) {
            list.add(Way::Renamed, Part::Operation, None, None).name = Some(theirs.name.clone());
        }
        list.requests(documented.request.as_ref(), other.request.as_ref());
        list.answers(&documented, &other);
    }
    let mut new: Vec<_> = rest.into_values().collect();
    new.sort_by_key(|(number, _)| *number);
    for (_, (operation, _)) in new {
        List { operation, changes: &mut changes }.add(Way::New, Part::Operation, None, None);
    }
    changes
}

/// What makes an operation the same in two documents. A path's query may stand in any order.
fn key(operation: &Operation) -> (String, String) {
    let path = nameless(&operation.path);
    let path = match path.split_once('?') {
        None => path,
        Some((path, query)) => {
            let mut pairs: Vec<_> = query.split('&').collect();
            pairs.sort_unstable();
            format!("{path}?{}", pairs.join("&"))
        }
    };
    (operation.method.clone(), path)
}

/// Operations without an `operationId` are named by their paths, and there the parameters' names do not count.
fn is_renamed(own: &Operation, other: &Operation) -> bool {
    let unnamed = |it: &Operation| it.name == format!("{} {}", it.method, it.path);
    own.name != other.name && !(unnamed(own) && unnamed(other))
}

/// The changes of one operation.
struct List<'l> {
    operation: &'l Operation,
    changes: &'l mut Vec<Change>,
}

impl List<'_> {
    fn add(&mut self, way: Way, part: Part, status: Option<&str>, field: Option<&str>) -> &mut Change {
        let Operation { name, method, path } = self.operation;
        self.changes.push(Change {
            way,
            part,
            operation: name.clone(),
            method: method.clone(),
            path: path.clone(),
            status: status.map(ToOwned::to_owned),
            field: field.map(ToOwned::to_owned),
            name: None,
        });
        let last = self.changes.len() - 1;
        &mut self.changes[last]
    }

    fn requests(&mut self, own: Option<&DocumentedRequest>, other: Option<&DocumentedRequest>) {
        let (own, other) = match (own, other) {
            (None, None) => return,
            (None, Some(_)) => {
                self.add(Way::New, Part::Request, None, None);
                return;
            }
            (Some(_), None) => {
                self.add(Way::Gone, Part::Request, None, None);
                return;
            }
            (Some(own), Some(other)) => (own, other),
        };
        self.requirement(own.required, other.required, Part::Request, None, None);
        self.fields(&own.fields, &other.fields, Part::RequestField, None);
    }

    fn answers(&mut self, own: &Documented, other: &Documented) {
        for answer in &own.answers {
            let status = Some(answer.status.as_str());
            match other.answers.iter().find(|it| it.status == answer.status) {
                None => {
                    self.add(Way::Gone, Part::Status, status, None);
                }
                Some(other) => self.fields(&answer.fields, &other.fields, Part::ResponseField, status),
            }
        }
        for answer in other.answers.iter().filter(|it| own.answers.iter().all(|own| own.status != it.status))
        {
            self.add(Way::New, Part::Status, Some(&answer.status), None);
        }
    }

    fn fields(&mut self, own: &[Field], other: &[Field], part: Part, status: Option<&str>) {
        let by_pointer = |all: &[Field]| -> BTreeMap<String, bool> {
            all.iter().map(|field| (field.pointer.clone(), field.required)).collect()
        };
        let (own, other) = (by_pointer(own), by_pointer(other));
        for (pointer, required) in &own {
            match other.get(pointer) {
                // What is in a field that need not be there need not be there either.
                Some(_) if has_above(pointer, |above| own.get(above) != other.get(above)) => (),
                Some(now) => self.requirement(*required, *now, part, status, Some(pointer)),
                None if has_above(pointer, |above| own.contains_key(above) && !other.contains_key(above)) => {
                }
                None => {
                    self.add(Way::Gone, part, status, Some(pointer));
                }
            }
        }
        for pointer in other.keys().filter(|it| !own.contains_key(*it)) {
            if !has_above(pointer, |above| other.contains_key(above) && !own.contains_key(above)) {
                self.add(Way::New, part, status, Some(pointer));
            }
        }
    }

    fn requirement(&mut self, own: bool, other: bool, part: Part, status: Option<&str>, field: Option<&str>) {
        if own != other {
            self.add(if other { Way::Required } else { Way::Optional }, part, status, field);
        }
    }
}

/// Whether this holds for a field that the field is in.
fn has_above(pointer: &str, holds: impl Fn(&str) -> bool) -> bool {
    super::pointer::ancestors(pointer).any(holds)
}
