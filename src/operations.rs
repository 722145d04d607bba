//! The operations of the product under watch: which name belongs to a request's method and path.

use std::collections::HashMap;

/// One operation of the product's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name that canaries, reports and faults use, for example `create-key`.
    pub name: String,
    /// The method, in upper case.
    pub method: String,
    /// The path; a segment in braces stands for any one segment that is not empty: `/{team}/{ledger}/create-key`.
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
    /// Where in `list` the operations with so many segments stand. Every request asks, so it does not search them all.
    by_length: HashMap<usize, Vec<usize>>,
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

    /// The operation that a request is for. Whatever follows a `?` is ignored; slashes are not tidied up, because
    /// the product does not do so either. Of several templates that fit, the one that is literal further to the
    /// left is meant; of equal ones the first.
    #[must_use]
    pub fn of(&self, method: &str, path: &str) -> Option<&Operation> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let candidates = self.by_length.get(&path.split('/').count())?;
        let mut best: Option<(Vec<bool>, &Operation)> = None;
        for operation in candidates.iter().map(|&index| &self.list[index]) {
            if operation.method != method {
                continue;
            }
            if let Some(literal) = literal_segments(&operation.path, path)
                && best.as_ref().is_none_or(|(known, _)| literal > *known)
            {
                best = Some((literal, operation));
            }
        }
        best.map(|(_, operation)| operation)
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        let list: Vec<_> = operations.into_iter().collect();
        let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, operation) in list.iter().enumerate() {
            by_length.entry(operation.path.split('/').count()).or_default().push(index);
        }
        Self { list, by_length }
    }
}

/// For each segment whether the template has it literally; nothing if the path does not fit the template.
fn literal_segments(template: &str, path: &str) -> Option<Vec<bool>> {
    template
        .split('/')
        .zip(path.split('/'))
        .map(|(expected, actual)| {
            let any = expected.starts_with('{') && expected.ends_with('}');
            (if any { !actual.is_empty() } else { expected == actual }).then_some(!any)
        })
        .collect()
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
}
