//! The base paths that a document's servers have.

use std::collections::BTreeSet;

use serde_json::Value;

use super::structure::METHODS;

/// How many base paths are kept: variables with many values multiply.
const MOST: usize = 32;

/// The paths in the addresses of all servers, wherever in the document they stand. A server without a path gives
/// none.
pub(super) fn base_paths(document: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    for item in document.get("paths").and_then(Value::as_object).into_iter().flat_map(|it| it.values()) {
        collect(item, &mut found);
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            collect(operation, &mut found);
        }
    }
    found.into_iter().take(MOST).collect()
}

fn collect(holder: &Value, found: &mut BTreeSet<String>) {
    for server in holder.get("servers").and_then(Value::as_array).into_iter().flatten() {
        let Some(url) = server.get("url").and_then(Value::as_str) else { continue };
        for url in filled_in(url, server.get("variables")) {
            let path = path_of(&url);
            if !path.is_empty() && !path.contains(['{', '}']) {
                found.insert(path.to_owned());
            }
        }
    }
}

/// The address with every combination of its variables' values.
fn filled_in(url: &str, variables: Option<&Value>) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    for (name, variable) in variables.and_then(Value::as_object).into_iter().flatten() {
        let name = format!("{{{name}}}");
        let options = variable.get("enum").and_then(Value::as_array).into_iter().flatten();
        let values: BTreeSet<_> = options.chain(variable.get("default")).filter_map(Value::as_str).collect();
        urls = urls
            .iter()
            .flat_map(|url| {
                let values = if url.contains(&name) { values.iter().copied().collect() } else { vec![""] };
                values.into_iter().map(|value| url.replace(&name, value)).collect::<Vec<_>>()
            })
            .take(MOST)
            .collect();
    }
    urls
}

/// `/v1` of `https://host/v1/?x`.
fn path_of(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let after_host = match url.split_once("//") {
        Some((_, rest)) => rest.find('/').map_or("", |index| &rest[index..]),
        None if url.starts_with('/') => url,
        // Relative to where the document came from, which nobody knows.
        None => "",
    };
    after_host.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_have_their_paths_in_all_forms() {
        let document = json!({
            "servers": [
                {"url": "https://a.example"},
                {"url": "https://{region}.example/{base}/",
                 "variables": {"region": {"default": "eu"}, "base": {"enum": ["v1", "v2"], "default": "v2"}}},
                {"url": "/rel"},
                {"url": "rel2"},
                {"url": "//host/x?y"},
                {"url": "https://host/{unknown}/x"},
            ],
            "paths": {
                "/a": {"servers": [{"url": "https://b.example/item"}],
                       "get": {"servers": [{"url": "https://c.example/operation"}]}},
            },
        });
        assert_eq!(base_paths(&document), ["/item", "/operation", "/rel", "/v1", "/v2", "/x"]);
        assert_eq!(base_paths(&json!({"servers": [{"url": "/"}]})), Vec::<String>::new());
    }
}
