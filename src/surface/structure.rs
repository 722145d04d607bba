//! Where in a document what may stand, so that each reference and each schema of it is found.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    DocumentError,
    expansion::Expansion,
    pointer::{child, decode, kind_of},
    schema::Edit,
};

/// The versions that differ in what we do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V3_0,
    V3_1,
}

/// What a value in the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    Components,
    PathItem,
    Operation,
    Parameter,
    Body,
    Response,
    Header,
    MediaType,
    Encoding,
    Callback,
    /// Nothing in it is of interest, but it can be a reference.
    Leaf,
    Schema,
}

/// How a member holds others.
#[derive(Clone, Copy)]
enum Shape {
    One,
    List,
    Map,
}

/// The methods that a path item may have, as its members' names.
pub(super) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "the document",
            Self::Components => "the components",
            Self::PathItem => "a path item",
            Self::Operation => "an operation",
            Self::Parameter => "a parameter",
            Self::Body => "a request body",
            Self::Response => "a response",
            Self::Header => "a header",
            Self::MediaType => "a media type",
            Self::Encoding => "an encoding",
            Self::Callback => "a callback",
            Self::Leaf => "an object",
            Self::Schema => "a schema",
        }
    }

    fn members(self) -> &'static [(&'static str, Shape, Kind)] {
        use Shape::{List, Map, One};
        match self {
            Self::Root => &[
                ("paths", Map, Self::PathItem),
                ("webhooks", Map, Self::PathItem),
                ("components", One, Self::Components),
            ],
            Self::Components => &[
                ("schemas", Map, Self::Schema),
                ("responses", Map, Self::Response),
                ("parameters", Map, Self::Parameter),
                ("examples", Map, Self::Leaf),
                ("requestBodies", Map, Self::Body),
                ("headers", Map, Self::Header),
                ("securitySchemes", Map, Self::Leaf),
                ("links", Map, Self::Leaf),
                ("callbacks", Map, Self::Callback),
                ("pathItems", Map, Self::PathItem),
            ],
            Self::PathItem => &[
                ("parameters", List, Self::Parameter),
                ("get", One, Self::Operation),
                ("put", One, Self::Operation),
                ("post", One, Self::Operation),
                ("delete", One, Self::Operation),
                ("options", One, Self::Operation),
                ("head", One, Self::Operation),
                ("patch", One, Self::Operation),
                ("trace", One, Self::Operation),
            ],
            Self::Operation => &[
                ("parameters", List, Self::Parameter),
                ("requestBody", One, Self::Body),
                ("responses", Map, Self::Response),
                ("callbacks", Map, Self::Callback),
            ],
            Self::Response => &[
                ("headers", Map, Self::Header),
                ("content", Map, Self::MediaType),
                ("links", Map, Self::Leaf),
            ],
            Self::Parameter | Self::Header => &[
                ("schema", One, Self::Schema),
                ("content", Map, Self::MediaType),
                ("examples", Map, Self::Leaf),
            ],
            Self::Body => &[("content", Map, Self::MediaType)],
            Self::MediaType => &[
                ("schema", One, Self::Schema),
                ("examples", Map, Self::Leaf),
                ("encoding", Map, Self::Encoding),
            ],
            Self::Encoding => &[("headers", Map, Self::Header)],
            Self::Callback | Self::Leaf | Self::Schema => &[],
        }
    }
}

/// One walk through a document. What it finds is in the fields afterwards.
pub(super) struct Walk<'d> {
    pub(super) document: &'d Value,
    pub(super) version: Version,
    /// Whether mistakes in schemas count: not in those that no answer has to follow.
    pub(super) strict: bool,
    /// Addresses of the values that were walked.
    pub(super) visited: HashSet<*const Value>,
    /// References that were met, to be followed later.
    pub(super) references: Vec<Reference<'d>>,
    /// Where the schemas with an `$id`, and those with an anchor within them, are.
    pub(super) names: HashMap<String, String>,
    /// What has to change in a schema before the validator understands it, by its pointer.
    pub(super) edits: HashMap<String, Edit>,
    pub(super) expansion: Expansion,
    /// Patterns that are known to be valid.
    pub(super) patterns: HashSet<&'d str>,
}

/// A `$ref` as it stands in the document.
pub(super) struct Reference<'d> {
    /// Pointer to the object that it stands in.
    pub(super) from: String,
    /// That object.
    pub(super) node: &'d Value,
    pub(super) text: &'d str,
    /// Pointer to the schema that `#` means here: the next one with an `$id`, or the document.
    pub(super) resource: String,
    pub(super) kind: Kind,
}

impl<'d> Walk<'d> {
    pub(super) fn new(document: &'d Value, version: Version) -> Self {
        Self {
            document,
            version,
            strict: true,
            visited: HashSet::new(),
            references: Vec::new(),
            names: HashMap::new(),
            edits: HashMap::new(),
            expansion: Expansion::default(),
            patterns: HashSet::new(),
        }
    }

    /// Walks the whole document and follows all references: first what answers have to follow, then the rest. In the
    /// rest, as real documents are, only references are judged.
    pub(super) fn whole(&mut self) -> Result<(), DocumentError> {
        if let Some(components) = self.document.get("components") {
            self.name(components, &mut vec!["components"], "");
        }
        let paths = self.document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten().filter(|(path, _)| !path.starts_with("x-")) {
            self.answers(item, &child("/paths", path))?;
        }
        self.follow_all()?;
        self.expansion.check()?;
        self.strict = false;
        self.value(self.document, "", Kind::Root)?;
        self.follow_all()
    }

    /// Notes the names of all schemas among the components: references to them may come before they do.
    fn name(&mut self, value: &'d Value, path: &mut Vec<&'d str>, resource: &str) {
        let Value::Object(members) = value else { return };
        let named = |keyword| members.get(keyword).and_then(Value::as_str);
        let here =
            |path: &[&str]| path.iter().fold(String::new(), |pointer, segment| child(&pointer, segment));
        let own = named("$id").map(|id| (id.trim_end_matches('#').to_owned(), here(path)));
        let resource = own.as_ref().map_or(resource, |(_, pointer)| pointer);
        for anchor in [named("$anchor"), named("$dynamicAnchor")].into_iter().flatten() {
            self.names.insert(format!("{resource}#{anchor}"), here(path));
        }
        for (name, value) in members {
            path.push(name);
            self.name(value, path, resource);
            path.pop();
        }
        self.names.extend(own);
    }

    fn answers(&mut self, item: &'d Value, pointer: &str) -> Result<(), DocumentError> {
        let resolved = resolve(self.document, item, pointer);
        for (item, pointer) in [(item, pointer.to_owned())].into_iter().chain(resolved) {
            for method in METHODS {
                let Some(responses) = item.get(method).and_then(|it| it.get("responses")) else { continue };
                let pointer = child(&child(&pointer, method), "responses");
                self.map(object(responses, &pointer, "the responses")?, &pointer, Kind::Response, true)?;
            }
        }
        Ok(())
    }

    /// What is found behind a reference may hold further ones.
    fn follow_all(&mut self) -> Result<(), DocumentError> {
        while !self.references.is_empty() {
            for reference in std::mem::take(&mut self.references) {
                self.follow(&reference)?;
            }
        }
        Ok(())
    }

    /// Walks a value that is no schema, and all below it.
    fn value(&mut self, node: &'d Value, pointer: &str, kind: Kind) -> Result<(), DocumentError> {
        if kind == Kind::Schema {
            return self.schema(node, pointer, "");
        }
        if !self.visited.insert(std::ptr::from_ref(node)) {
            return Ok(());
        }
        let object = object(node, pointer, kind.name())?;
        if let Some(reference) = object.get("$ref") {
            let at = child(pointer, "$ref");
            let text = reference.as_str().ok_or_else(|| unlike(&at, "a reference as text", reference))?;
            let resource = String::new();
            self.references.push(Reference { from: pointer.to_owned(), node, text, resource, kind });
            // Beside a reference only a path item may say more.
            if kind != Kind::PathItem {
                return Ok(());
            }
        }
        if kind == Kind::Callback {
            return self.map(object, pointer, Kind::PathItem, true);
        }
        for &(name, shape, inner) in kind.members() {
            let Some(value) = object.get(name) else { continue };
            let pointer = child(pointer, name);
            match shape {
                Shape::One => self.value(value, &pointer, inner)?,
                Shape::Map => {
                    let extensible = name == "paths" || name == "responses" && kind == Kind::Operation;
                    self.map(self::object(value, &pointer, "an object")?, &pointer, inner, extensible)?;
                }
                Shape::List => {
                    let list = value.as_array().ok_or_else(|| unlike(&pointer, "an array", value))?;
                    for (index, value) in list.iter().enumerate() {
                        self.value(value, &child(&pointer, &index.to_string()), inner)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Walks all members; where a document may be extended, those whose name says so are somebody else's.
    fn map(
        &mut self,
        members: &'d Map<String, Value>,
        pointer: &str,
        kind: Kind,
        extensible: bool,
    ) -> Result<(), DocumentError> {
        for (name, value) in members.iter().filter(|(name, _)| !(extensible && name.starts_with("x-"))) {
            self.value(value, &child(pointer, name), kind)?;
        }
        Ok(())
    }

    /// Finds what a reference means, and walks it.
    fn follow(&mut self, reference: &Reference<'d>) -> Result<(), DocumentError> {
        let Reference { from, node, text, resource, kind } = reference;
        let (target, value) = self.target(from, text, resource)?;
        if *kind == Kind::Schema {
            self.expansion.add(node, from, value, &target);
            self.edits.entry(from.clone()).or_default().reference = Some(target.clone());
            return self.schema(value, &target, "");
        }
        // A chain that comes back to where it began would have no end for those who follow it later.
        resolve(self.document, value, &target)
            .ok_or_else(|| DocumentError::at(&child(from, "$ref"), "the reference leads back to itself"))?;
        self.value(value, &target, *kind)
    }

    /// The pointer that a reference means, with the value there.
    fn target(&self, from: &str, text: &str, resource: &str) -> Result<(String, &'d Value), DocumentError> {
        let error = |message: String| DocumentError::at(&child(from, "$ref"), message);
        let missing = || error(format!("`{text}` leads nowhere"));
        let (base, fragment) = text.split_once('#').unwrap_or((text, ""));
        let root = match base {
            "" => resource,
            id => self.names.get(id).ok_or_else(|| {
                error(format!("`{text}` is outside of the document; bundle it into one file"))
            })?,
        };
        let fragment = decode(fragment).ok_or_else(missing)?;
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            // Authors who give a schema an `$id` go on writing pointers from the document's beginning.
            let own = format!("{root}{fragment}");
            if base.is_empty() && self.document.pointer(&own).is_none() { fragment } else { own }
        } else {
            self.names.get(&format!("{root}#{fragment}")).ok_or_else(missing)?.clone()
        };
        let value = self.document.pointer(&target).ok_or_else(missing)?;
        Ok((target, value))
    }
}

/// Follows references between values that are no schemas, until there is none. `None` if there is no end.
pub(super) fn resolve<'d>(
    document: &'d Value,
    mut node: &'d Value,
    pointer: &str,
) -> Option<(&'d Value, String)> {
    let mut pointer = pointer.to_owned();
    let mut seen = HashSet::new();
    while let Some(text) = node.get("$ref").and_then(Value::as_str) {
        if !seen.insert(text) {
            return None;
        }
        pointer = decode(text.strip_prefix('#')?)?;
        node = document.pointer(&pointer)?;
    }
    Some((node, pointer))
}

/// The object at a place where nothing else may be.
pub(super) fn object<'d>(
    value: &'d Value,
    pointer: &str,
    what: &str,
) -> Result<&'d Map<String, Value>, DocumentError> {
    value.as_object().ok_or_else(|| unlike(pointer, what, value))
}

pub(super) fn unlike(pointer: &str, expected: &str, found: &Value) -> DocumentError {
    DocumentError::at(pointer, format_args!("expected {expected}, got {}", kind_of(found)))
}
