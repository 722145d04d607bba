//! The operations of the product under watch: which name belongs to a request's method and path.

use std::collections::HashMap;

/// One operation of the product's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name that canaries, reports and faults use, for example `create-key`.
    pub name: String,
    /// The method, in upper case.
    pub method: String,
    /// The path. Braces stand for any text that is not empty and holds no slash, be it a whole segment or a part of
    /// one: `/{team}/{ledger}/create-key`, `/reports/{year}-{month}.json`. Pairs of a query, as in `/keys?old=true`,
    /// have to be in the request.
    pub path: String,
}

/// All operations of one product, in the order of its documentation.
///
/// ```
/// use coalmine::operations::Operations;
///
/// let operations = Operations::new([
///     ("hello", "POST", "/hello"),
///     ("create-key", "POST", "/{team}/{ledger}/create-key"),
/// ]);
/// let found = operations.of("POST", "/acme/main/create-key?dry_run=1").expect("it is listed");
/// assert_eq!(found.name, "create-key");
/// assert_eq!(operations.of("POST", "/acme/main/create-key/"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    list: Vec<Operation>,
    /// All templates as a tree of their segments; the root is the first. Every request asks, so it does not try
    /// them one by one.
    nodes: Vec<Node>,
}

/// A place in the tree: what may follow, and which operations end here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    literal: HashMap<String, usize>,
    /// Those with more literal text first.
    mixed: Vec<(Vec<Part>, usize)>,
    any: Option<usize>,
    /// Those with more of a query first.
    ends: Vec<End>,
}

/// Where a template ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    method: String,
    query: Vec<String>,
    /// The number of the operation in the list.
    index: usize,
}

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Any,
}

impl Operations {
    /// The operations as `(name, method, path)`.
    pub fn new<N, M, P>(operations: impl IntoIterator<Item = (N, M, P)>) -> Self
    where
        N: Into<String>,
        M: Into<String>,
        P: Into<String>,
    {
        operations
            .into_iter()
            .map(|(name, method, path)| Operation {
                name: name.into(),
                method: method.into(),
                path: path.into(),
            })
            .collect()
    }

    /// Finds the operations also below these paths, such as `/api/v1`: a client may have its base address with such a
    /// path or without.
    ///
    /// ```
    /// # use coalmine::operations::Operations;
    /// let operations = Operations::new([("hello", "POST", "/hello")]).below(["/api/v1"]);
    /// assert!(operations.of("POST", "/hello").is_some());
    /// assert!(operations.of("POST", "/api/v1/hello").is_some());
    /// ```
    #[must_use]
    pub fn below<S: AsRef<str>>(mut self, base_paths: impl IntoIterator<Item = S>) -> Self {
        for base in base_paths {
            let base = base.as_ref().trim_end_matches('/');
            for index in 0..self.list.len() {
                let path = format!("{base}{}", self.list[index].path);
                self.plant(&path, index);
            }
        }
        self
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|operation| operation.name.as_str())
    }

    /// The operations, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.list.iter()
    }

    /// The operation of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Operation> {
        self.list.iter().find(|operation| operation.name == name)
    }

    /// The operation that a request is for. Slashes are not tidied up, because the product does not do so either. Of
    /// several templates that fit, the one that is literal further to the left is meant; of these the one that says
    /// more of the query; of equal ones the first.
    #[must_use]
    pub fn of(&self, method: &str, path: &str) -> Option<&Operation> {
        self.position(method, path).map(|index| &self.list[index])
    }

    /// As [`Self::of`]; the number of the operation in the order of [`Self::iter`].
    pub(crate) fn position(&self, method: &str, path: &str) -> Option<usize> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.find(self.nodes.first()?, (method, query), Some(path))
    }

    fn find(&self, node: &Node, asked: (&str, &str), rest: Option<&str>) -> Option<usize> {
        let Some(rest) = rest else {
            let (method, query) = asked;
            let is_meant = |end: &&End| {
                end.method == method && end.query.iter().all(|pair| query.split('&').any(|it| it == pair))
            };
            return node.ends.iter().find(is_meant).map(|end| end.index);
        };
        let (segment, rest) =
            rest.split_once('/').map_or((rest, None), |(segment, rest)| (segment, Some(rest)));
        let literal = node.literal.get(segment).copied();
        let mixed = node.mixed.iter().filter(|(parts, _)| fits(parts, segment)).map(|&(_, next)| next);
        let any = node.any.filter(|_| !segment.is_empty());
        literal.into_iter().chain(mixed).chain(any).find_map(|next| self.find(&self.nodes[next], asked, rest))
    }

    /// Adds a template to the tree, unless an equal one is there.
    fn plant(&mut self, path: &str, index: usize) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: Vec<String> =
            query.split('&').filter(|it| !it.is_empty()).map(ToOwned::to_owned).collect();
        let mut at = 0;
        for segment in path.split('/') {
            at = self.next(at, parts(segment));
        }
        let method = self.list[index].method.clone();
        let ends = &mut self.nodes[at].ends;
        if !ends.iter().any(|end| end.method == method && end.query == query) {
            ends.push(End { method, query, index });
            ends.sort_by_key(|end| std::cmp::Reverse(end.query.len()));
        }
    }

    /// The node that a segment leads to; it is made if it is not there.
    fn next(&mut self, at: usize, parts: Vec<Part>) -> usize {
        let new = self.nodes.len();
        let node = &mut self.nodes[at];
        let next = match parts.as_slice() {
            [] => *node.literal.entry(String::new()).or_insert(new),
            [Part::Text(text)] => *node.literal.entry(text.clone()).or_insert(new),
            [Part::Any] => *node.any.get_or_insert(new),
            _ => match node.mixed.iter().find(|(known, _)| *known == parts) {
                Some(&(_, next)) => next,
                None => {
                    node.mixed.push((parts, new));
                    node.mixed.sort_by_key(|(parts, _)| std::cmp::Reverse(literal_length(parts)));
                    new
                }
            },
        };
        if next == new {
            self.nodes.push(Node::default());
        }
        next
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        let mut all = Self { list: operations.into_iter().collect(), nodes: Vec::new() };
        for index in 0..all.list.len() {
            let path = all.list[index].path.clone();
            all.plant(&path, index);
        }
        all
    }
}

/// A segment of a template in its pieces. A brace without its counterpart is text.
fn parts(segment: &str) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), segment);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Any);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

fn literal_length(parts: &[Part]) -> usize {
    parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum()
}

/// Whether a segment consists of these pieces, with something for every [`Part::Any`].
fn fits(parts: &[Part], segment: &str) -> bool {
    match parts {
        [] => segment.is_empty(),
        [Part::Text(text), rest @ ..] => {
            segment.strip_prefix(text.as_str()).is_some_and(|left| fits(rest, left))
        }
        [Part::Any] => !segment.is_empty(),
        [Part::Any, Part::Text(text)] => {
            segment.strip_suffix(text.as_str()).is_some_and(|left| !left.is_empty())
        }
        [Part::Any, rest @ ..] => {
            // The first place where the next text stands leaves the most for what follows.
            let Some(first) = segment.chars().next() else { return false };
            let left = &segment[first.len_utf8()..];
            match rest {
                [Part::Text(text), rest @ ..] => {
                    left.find(text.as_str()).is_some_and(|found| fits(rest, &left[found + text.len()..]))
                }
                _ => fits(rest, left),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(method: &str, path: &str) -> Option<String> {
        let operations = Operations::new([
            ("hello", "POST", "/hello"),
            ("any-root", "POST", "/{anything}"),
            ("call", "POST", "/{team}/{ledger}/{operation}"),
            ("create-key", "POST", "/{team}/{ledger}/create-key"),
            ("sign-up", "POST", "/dashboard/sign-up"),
            ("team-call", "POST", "/dashboard/{operation}"),
            ("reset", "POST", "/dashboard/{ledger}/reset"),
            ("read", "GET", "/dashboard/sign-up"),
            ("root", "GET", "/"),
        ]);
        operations.of(method, path).map(|operation| operation.name.clone())
    }

    #[test]
    fn a_request_finds_its_operation() {
        for (method, path, expected) in [
            ("POST", "/hello", Some("hello")),
            ("POST", "/hello?a=/b/c", Some("hello")),
            ("POST", "/bye", Some("any-root")),
            ("POST", "/acme/main/create-key", Some("create-key")),
            ("POST", "/acme/main/create-keys", Some("call")),
            ("POST", "/%7Bteam%7D/main/create-key", Some("create-key")),
            ("POST", "/dashboard/sign-up", Some("sign-up")),
            ("POST", "/dashboard/sign-in", Some("team-call")),
            ("POST", "/dashboard/main/reset", Some("reset")),
            ("POST", "/dashboard/main/create-key", Some("create-key")),
            ("GET", "/dashboard/sign-up", Some("read")),
            ("GET", "/", Some("root")),
            ("get", "/dashboard/sign-up", None),
            ("DELETE", "/hello", None),
            ("POST", "/hello/", None),
            ("POST", "//hello", None),
            ("POST", "/acme//create-key", None),
            ("POST", "/acme/main/create-key/", None),
            ("POST", "/", None),
            ("POST", "", None),
            ("POST", "hello", None),
        ] {
            assert_eq!(name_of(method, path).as_deref(), expected, "{method} {path}");
        }
    }

    #[test]
    fn equal_templates_mean_the_first() {
        let operations = Operations::new([("one", "GET", "/{a}"), ("two", "GET", "/{b}")]);
        assert_eq!(operations.of("GET", "/x").unwrap().name, "one");
        assert_eq!(operations.names().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(operations.get("two").unwrap().path, "/{b}");
        assert_eq!(operations.iter().count(), 2);
    }

    #[test]
    fn segments_can_be_templates_in_part() {
        let operations = Operations::new([
            ("any", "GET", "/{a}"),
            ("json", "GET", "/{a}.json"),
            ("tar", "GET", "/{a}.tar.json"),
            ("range", "GET", "/{from}..{to}"),
            ("call", "GET", "/v1/{name}:{verb}"),
            ("two", "GET", "/two/{a}{b}"),
            ("open", "GET", "/open/{a"),
        ]);
        for (path, expected) in [
            ("/x.json", Some("json")),
            ("/.json", Some("any")),
            ("/x.tar.json", Some("tar")),
            ("/.tar.json", Some("json")),
            ("/x.yaml", Some("any")),
            ("/1..2", Some("range")),
            ("/1...", Some("range")),
            ("/..2", Some("any")),
            ("/v1/a:b", Some("call")),
            ("/v1/a:b:c", Some("call")),
            ("/v1/:b", None),
            ("/v1/a:", None),
            ("/two/ab", Some("two")),
            ("/two/a", None),
            ("/two/öä", Some("two")),
            ("/open/{a", Some("open")),
            ("/open/x", None),
        ] {
            assert_eq!(operations.of("GET", path).map(|it| it.name.as_str()), expected, "{path}");
        }
    }

    #[test]
    fn a_template_may_demand_a_query() {
        let operations = Operations::new([
            ("read", "GET", "/keys"),
            ("old", "GET", "/keys?old=true"),
            ("old-page", "GET", "/keys?old=true&page"),
            ("beta", "POST", "/keys?beta=true"),
        ]);
        for (method, path, expected) in [
            ("GET", "/keys", Some("read")),
            ("GET", "/keys?old=false", Some("read")),
            ("GET", "/keys?a&old=true", Some("old")),
            ("GET", "/keys?page&old=true", Some("old-page")),
            ("POST", "/keys?beta=true", Some("beta")),
            ("POST", "/keys", None),
        ] {
            assert_eq!(operations.of(method, path).map(|it| it.name.as_str()), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_base_path_may_lead() {
        let operations = Operations::new([
            ("list", "GET", "/pets"),
            ("read", "GET", "/{kind}/{id}"),
            ("root", "GET", "/"),
        ])
        .below(["/api/v1", "/beta/"]);
        for (path, expected) in [
            ("/pets", Some("list")),
            ("/api/v1/pets", Some("list")),
            ("/beta/pets", Some("list")),
            // Literal beats template, wherever it begins.
            ("/beta/pets/1", Some("read")),
            ("/api/v1/pets/1", Some("read")),
            ("/api/v1", Some("read")),
            ("/api/v1/", Some("root")),
            ("/api/v2/pets", None),
        ] {
            assert_eq!(operations.of("GET", path).map(|it| it.name.as_str()), expected, "{path}");
        }
    }
}
