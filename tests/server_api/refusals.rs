//! Every way to be turned away, tried on every operation. An answer that the document does not have for it fails the
//! step; one that it has and that nobody gets is a hole in the coverage.

use super::{sites::Sites, *};

/// A path of the operation.
fn path(template: &str, name: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push_str(name);
        rest = after.split_once('}').unwrap().1;
    }
    path + rest
}

/// Asked of a service at which nobody may run anything, log in or listen, and of one for which no body comes in time:
/// nothing runs, and nothing goes on without end.
pub(super) async fn refusals(sites: Sites) -> Result<()> {
    let site = sites.at("strict");
    let surface = document();
    for operation in surface.operations().iter() {
        let (method, template) = (operation.method.as_str(), operation.path.as_str());
        let known = path(template, "front");
        let with_token = |path: &str| site.request(method, path);
        let anonymous = || site.0.request(method.parse().unwrap(), &known);
        // A form with all fields that any of them takes.
        let form = || {
            let request = with_token(&known).header("content-type", "application/x-www-form-urlencoded");
            if method == "POST" { request.body("csrf=x&password=x&reason=x") } else { request }
        };
        for request in [
            anonymous(),
            anonymous().header("accept", "text/html"),
            form(),
            form().header("accept", "text/html"),
            form().header("origin", "http://evil.example"),
            with_token(&known).header("host", "evil.example"),
            with_token(&format!("{known}?{}", "a".repeat(3_000))),
            with_token(&format!("{known}?unknown=1")),
            with_token(&path(template, "%00")),
            with_token(&path(template, "nobody")),
        ] {
            request.send().await?;
        }
        // Announced, and never sent.
        for length in ["10", "100000"] {
            let request = sites.at("impatient").request(method, &known);
            request.header("content-length", length).send().await?;
        }
    }
    Ok(())
}

/// What the document does not have is answered with 405 and the methods that there are, or with 404; both as problems.
async fn elsewhere(client: Client) -> Result<()> {
    let surface = document();
    let mut methods: std::collections::BTreeMap<String, Vec<&str>> = std::collections::BTreeMap::new();
    for operation in surface.operations().iter() {
        methods.entry(path(&operation.path, "front")).or_default().push(&operation.method);
    }
    for (path, known) in &methods {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"].iter().filter(|it| !known.contains(it)) {
            let answer = client.request(method, path).send().await?;
            answer.ensure_status(405)?;
            let allowed = answer.header("allow").unwrap_or_default();
            let mut allowed: Vec<_> = allowed.split(',').map(str::trim).filter(|it| *it != "HEAD").collect();
            allowed.sort_unstable();
            assert_eq!((&allowed, path), (known, path));
            assert_eq!(answer.json::<Value>()?["code"], "method_not_allowed");
        }
    }
    for path in ["/nothing", "/api", "/api/v2/runs", "/api/v1/runs/", "/runs", "/run/front/x", "/canaries"] {
        assert_eq!(client.read(path, 404).await?["code"], "not_found", "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_in_the_document_is_not_there() {
    let rig = Rig::idle().await;
    demand(&rig, Canary::new("elsewhere").step("elsewhere", elsewhere)).await;
}
