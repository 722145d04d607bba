//! The operations of a document with their requests, and the answers that it allows them.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    DocumentError,
    pointer::{child, decode, kind_of},
    structure::{METHODS, Version, object, resolve},
};
use crate::operations::{Operation, Operations};

/// The member of a response that says why no client can bring it about.
const UNPROVOKED: &str = "x-coalmine-unprovoked";

/// What an operation may be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) required: bool,
    /// Pointer to the schema of its first JSON body, in the document as it was written.
    pub(super) schema: Option<String>,
}

/// All operations, and in their order what each is sent and answers.
pub(super) struct Read {
    pub(super) operations: Operations,
    pub(super) requests: Vec<Option<Request>>,
    pub(super) responses: Vec<Responses>,
}

/// One operation's answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Responses {
    /// Pointer to them in the document.
    pub(super) pointer: String,
    /// By status, exact ones first, then ranges, then the default.
    pub(super) list: Vec<(Status, Arc<Response>)>,
}

/// Which statuses an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Exact(u16),
    /// Its hundreds.
    Range(u16),
    Default,
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            b"default" => Some(Self::Default),
            [hundreds @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => {
                Some(Self::Range(u16::from(hundreds - b'0')))
            }
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(Self::Exact),
            _ => None,
        }
    }

    fn holds(self, status: u16) -> bool {
        match self {
            Self::Exact(exact) => exact == status,
            Self::Range(hundreds) => hundreds == status / 100,
            Self::Default => true,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(exact) => write!(f, "{exact}"),
            Self::Range(hundreds) => write!(f, "{hundreds}XX"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct Response {
    /// Pointer to it in the document, its references followed.
    pub(super) pointer: String,
    pub(super) headers: Vec<Header>,
    /// By media type, in lower case and without parameters; the most precise first.
    pub(super) content: Vec<(String, Option<usize>)>,
    /// Why no client can bring it about.
    pub(super) unprovoked: Option<String>,
}

/// A header of an answer.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) pointer: String,
    pub(super) required: bool,
    /// The number of its schema's validator.
    pub(super) schema: Option<usize>,
    /// Whether its value is JSON text.
    pub(super) json: bool,
}

impl Responses {
    pub(super) fn of(&self, status: u16) -> Option<&Response> {
        self.position(status).map(|index| self.list[index].1.as_ref())
    }

    /// The number of the response in the list.
    pub(super) fn position(&self, status: u16) -> Option<usize> {
        self.list.iter().position(|(known, _)| known.holds(status))
    }

    /// `200, 4XX or default`.
    pub(super) fn statuses(&self) -> String {
        let all: Vec<_> = self.list.iter().map(|(status, _)| status.to_string()).collect();
        match all.as_slice() {
            [] => "none".into(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

/// Reads all operations. `written` is the document as it was written; its references have been followed before.
pub(super) struct Reader<'d> {
    written: &'d Value,
    version: Version,
    /// Pointers to the schemas that answers have to follow. Answers hold their numbers.
    pub(super) schemas: Vec<String>,
    /// Answers that were read, by pointer: many operations share one.
    known: HashMap<String, Arc<Response>>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(written: &'d Value, version: Version) -> Self {
        Self { written, version, schemas: Vec::new(), known: HashMap::new() }
    }

    pub(super) fn operations(&mut self) -> Result<Read, DocumentError> {
        let mut list = Vec::<Operation>::new();
        let (mut requests, mut responses) = (Vec::new(), Vec::new());
        let (mut places, mut names) = (HashMap::new(), HashMap::new());
        let written = self.written;
        for (path, item) in written.get("paths").and_then(Value::as_object).into_iter().flatten() {
            if path.starts_with("x-") {
                continue;
            }
            let pointer = child("/paths", path);
            if let Some(problem) = problem_of(path) {
                return Err(DocumentError::at(&pointer, problem));
            }
            for method in METHODS {
                let Some((operation, at)) = self.operation(item, &pointer, method) else { continue };
                if let Some(first) = places.insert((method, nameless(path)), at.clone()) {
                    let message = format!("the same method and path stand at #{first}");
                    return Err(DocumentError::at(&at, message));
                }
                let id = operation.get("operationId").and_then(Value::as_str).filter(|id| !id.is_empty());
                let method = method.to_uppercase();
                let unnamed = format!("{method} {path}");
                // Two paths may refer to one path item; its operation is named after the first.
                let id = id.filter(|id| names.get(*id) != Some(&at));
                let name = id.map_or(unnamed, ToOwned::to_owned);
                if let Some(first) = names.insert(name.clone(), at.clone()) {
                    let message = format!("another operation, #{first}, is named `{name}` as well");
                    return Err(DocumentError::at(&child(&at, "operationId"), message));
                }
                requests.push(self.request(operation, &at)?);
                responses.push(self.responses(operation, &at)?);
                list.push(Operation { name, method, path: path.clone() });
            }
        }
        Ok(Read { operations: list.into_iter().collect(), requests, responses })
    }

    /// What is sent is not checked, so mistakes in it do not count; only its references have been judged.
    fn request(&self, operation: &'d Value, at: &str) -> Result<Option<Request>, DocumentError> {
        let Some(body) = operation.get("requestBody") else { return Ok(None) };
        let (body, pointer) = self.end_of(body, &child(at, "requestBody"))?;
        let content = body.get("content").and_then(Value::as_object);
        let json = content.into_iter().flatten().find(|(name, _)| is_json(&essence(name)));
        let schema = json
            .filter(|(_, media)| media.get("schema").is_some())
            .map(|(name, _)| child(&child(&child(&pointer, "content"), name), "schema"));
        let required = body.get("required") == Some(&Value::Bool(true));
        Ok(Some(Request { required, schema }))
    }

    /// An operation of a path item, or of what that refers to, with its pointer.
    fn operation(&self, item: &'d Value, pointer: &str, method: &str) -> Option<(&'d Value, String)> {
        const FAR: usize = 16;
        let (mut item, mut pointer) = (item, pointer.to_owned());
        for _ in 0..FAR {
            if let Some(operation) = item.get(method) {
                return Some((operation, child(&pointer, method)));
            }
            pointer = decode(item.get("$ref")?.as_str()?.strip_prefix('#')?)?;
            item = self.written.pointer(&pointer)?;
        }
        None
    }

    fn responses(&mut self, operation: &'d Value, at: &str) -> Result<Responses, DocumentError> {
        let pointer = child(at, "responses");
        let Some(all) = operation.get("responses") else {
            // From 3.1 on an operation need not say what it answers.
            return match self.version {
                Version::V3_0 => Err(DocumentError::at(at, "the operation has no `responses`")),
                Version::V3_1 => Ok(Responses::default()),
            };
        };
        let mut list = Vec::new();
        for (status, response) in object(all, &pointer, "the responses")? {
            if status.starts_with("x-") {
                continue;
            }
            let at = child(&pointer, status);
            let Some(status) = Status::parse(status) else {
                let message = format!("`{status}` is no status; there are `200`, `4XX` and `default`");
                return Err(DocumentError::at(&at, message));
            };
            list.push((status, self.response(response, &at)?));
        }
        if list.is_empty() && self.version == Version::V3_0 {
            return Err(DocumentError::at(&pointer, "the operation has no response"));
        }
        list.sort_by_key(|(status, _)| *status);
        Ok(Responses { pointer, list })
    }

    fn response(&mut self, response: &'d Value, at: &str) -> Result<Arc<Response>, DocumentError> {
        let (response, pointer) = self.end_of(response, at)?;
        if let Some(known) = self.known.get(&pointer) {
            return Ok(Arc::clone(known));
        }
        let mut headers = Vec::new();
        for (name, header) in response.get("headers").and_then(Value::as_object).into_iter().flatten() {
            // The specification: a description of this one is ignored.
            if !name.eq_ignore_ascii_case("content-type") {
                headers.push(self.header(name, header, &child(&child(&pointer, "headers"), name))?);
            }
        }
        let mut content = Vec::new();
        let at = child(&pointer, "content");
        for (name, media) in response.get("content").and_then(Value::as_object).into_iter().flatten() {
            let schema = media.get("schema").map(|_| self.schema(child(&child(&at, name), "schema")));
            content.push((essence(name), schema));
        }
        content.sort_by_key(|(name, _)| name.matches('*').count());
        let unprovoked = match response.get(UNPROVOKED) {
            None => None,
            Some(Value::String(reason)) if !reason.trim().is_empty() => Some(reason.clone()),
            Some(other) => {
                let found = if other.is_string() { "no text" } else { kind_of(other) };
                let message = format!("expected the reason why no client can bring it about, got {found}");
                return Err(DocumentError::at(&child(&pointer, UNPROVOKED), message));
            }
        };
        let response = Arc::new(Response { pointer: pointer.clone(), headers, content, unprovoked });
        self.known.insert(pointer, Arc::clone(&response));
        Ok(response)
    }

    fn header(&mut self, name: &str, header: &'d Value, at: &str) -> Result<Header, DocumentError> {
        let (header, pointer) = self.end_of(header, at)?;
        let required = match header.get("required") {
            None => false,
            Some(Value::Bool(required)) => *required,
            Some(other) => {
                let message = format!("expected a boolean, got {}", kind_of(other));
                return Err(DocumentError::at(&child(&pointer, "required"), message));
            }
        };
        let content = header.get("content").and_then(Value::as_object).and_then(|all| all.iter().next());
        let schema = match content {
            Some((name, media)) => media
                .get("schema")
                .filter(|_| is_json(&essence(name)))
                .map(|_| child(&child(&child(&pointer, "content"), name), "schema")),
            None => header.get("schema").map(|_| child(&pointer, "schema")),
        };
        let schema = schema.map(|at| self.schema(at));
        Ok(Header { name: name.to_owned(), pointer, required, schema, json: content.is_some() })
    }

    fn schema(&mut self, pointer: String) -> usize {
        self.schemas.push(pointer);
        self.schemas.len() - 1
    }

    fn end_of(&self, value: &'d Value, at: &str) -> Result<(&'d Value, String), DocumentError> {
        resolve(self.written, value, at).ok_or_else(|| DocumentError::at(at, "the reference leads nowhere"))
    }
}

/// A media type in lower case, without its parameters.
pub(super) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a body of this type is one JSON value.
pub(super) fn is_json(essence: &str) -> bool {
    matches!(essence, "application/json" | "text/json") || essence.ends_with("+json")
}

/// What is wrong with a path.
fn problem_of(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("a path begins with a slash");
    }
    if path.contains('#') {
        return Some("a path has no fragment: requests do not have one either");
    }
    for segment in path.split('/') {
        let mut rest = segment;
        while let Some(index) = rest.find(['{', '}']) {
            let inside = rest[index..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
            match inside {
                None => return Some("a brace lacks its counterpart in the same segment"),
                Some((name, _)) if name.is_empty() || name.contains('{') => {
                    return Some("the braces hold no name");
                }
                Some((_, after)) => rest = after,
            }
        }
    }
    None
}

/// The path without the names in its braces, which make no difference.
pub(super) fn nameless(path: &str) -> String {
    let mut nameless = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        inside = inside && letter != '}';
        if !inside {
            nameless.push(letter);
        }
        inside = inside || letter == '{';
    }
    nameless
}
