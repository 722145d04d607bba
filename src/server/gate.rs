//! What every request goes through before a handler sees it: its path, whose name it calls, from which page it comes,
//! who asks, how often, and how much it brings along.

use std::sync::atomic::Ordering;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State as From},
    http::{HeaderMap, Method, StatusCode, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    State,
    answer::{Wanted, dress, problem, see_other, set},
    connection::Caller,
    key::Purpose,
    login::{LOGIN, has_session},
};

/// How somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Everybody is, on loopback, or to this path.
    Free,
    /// With the token.
    Token,
    /// With the cookie of somebody who has logged in.
    Cookie,
    /// With a link to this page only.
    Link,
}

pub(super) async fn gate(From(state): From<State>, request: Request, next: Next) -> Response {
    let wanted = Wanted::of(request.headers());
    let mut response = match checked(&state, wanted, request).await {
        Ok(request) => {
            state.requests.fetch_add(1, Ordering::SeqCst);
            // In a task of its own, so that a handler that panics takes nobody along.
            let work = AbortOnDropHandle::new(tokio::spawn(next.run(request)));
            work.await.unwrap_or_else(|_| {
                problem(
                    &state,
                    wanted,
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the service has a problem of its own",
                )
            })
        }
        Err(refusal) => *refusal,
    };
    dress(&mut response);
    response
}

async fn checked(state: &State, wanted: Wanted, request: Request) -> Result<Request, Box<Response>> {
    let refuse = |status, why: &str| Box::new(problem(state, wanted, status, why));
    let limits = &state.options.limits;
    let uri = request.uri();
    let path = uri.path().to_owned();
    if uri.path_and_query().map_or(0, |it| it.as_str().len()) > limits.path {
        return Err(refuse(StatusCode::URI_TOO_LONG, "the path is too long"));
    }
    if !is_plain(&path) {
        return Err(refuse(StatusCode::BAD_REQUEST, "the path has parts that lead elsewhere"));
    }
    let caller = request.extensions().get::<Caller>().copied();
    let host = host(&request).filter(|host| may_be_called(state, caller, host));
    let Some(host) = host else {
        let why = "the service is not known by this name; --host NAME adds one";
        return Err(refuse(StatusCode::MISDIRECTED_REQUEST, why));
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) || is_run(&path);
    if changes && is_foreign(request.headers(), &host) {
        return Err(refuse(StatusCode::FORBIDDEN, "the request comes from a page of somebody else"));
    }

    let entry = match entry(state, &request, &path) {
        Some(entry) => entry,
        None if wanted == Wanted::Html && request.method() == Method::GET => {
            let from = uri.path_and_query().map_or("/", |it| it.as_str());
            return Err(Box::new(see_other(&format!("{LOGIN}?next={}", encoded(from)))));
        }
        None => {
            let why = "expected the header `Authorization: Bearer TOKEN` with the service's token; people log in at \
                       /login";
            let mut response = refuse(StatusCode::UNAUTHORIZED, why);
            set(&mut response, header::WWW_AUTHENTICATE, "Bearer realm=\"coalmine\"");
            return Err(response);
        }
    };
    // A browser sends the cookie by itself, so it has to say from where, too. All do.
    let posts = changes && request.method() != Method::GET;
    if entry == Entry::Cookie && posts && !says_origin(request.headers()) {
        let why = "expected an `Origin` of this service with a cookie; programs send the token instead";
        return Err(refuse(StatusCode::FORBIDDEN, why));
    }
    if is_run(&path)
        && let Err(wait) = state.rates.run()
    {
        let seconds = wait.as_secs() + 1;
        let why = format!("runs are asked for too often; ask again in {seconds} s");
        let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, &why);
        set(&mut response, header::RETRY_AFTER, &seconds.to_string());
        return Err(response);
    }

    let (mut parts, body) = request.into_parts();
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let too_large =
        || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("expected at most {} bytes", limits.body));
    if announced.is_some_and(|it: u64| it > limits.body as u64) {
        return Err(too_large());
    }
    let Ok(read) = tokio::time::timeout(limits.body_time, to_bytes(body, limits.body)).await else {
        return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long"));
    };
    let body = read.map_err(|_| too_large())?;
    parts.extensions.insert(entry);
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Whether asking for the path makes runs.
fn is_run(path: &str) -> bool {
    let by_form = || path.strip_prefix("/canaries/")?.strip_suffix("/run").filter(|it| !it.contains('/'));
    path == "/run" || path.starts_with("/run/") || by_form().is_some()
}

/// Whether each part of the path is a name, also when it is decoded.
fn is_plain(path: &str) -> bool {
    let Some(parts) = path.strip_prefix('/') else { return path == "*" };
    let mut parts = parts.split('/').peekable();
    while let Some(part) = parts.next() {
        let name = decoded(part);
        let odd = name.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'/' | b'\\'));
        let empty = name.is_empty() && parts.peek().is_some();
        if odd || empty || name == b"." || name == b".." {
            return false;
        }
    }
    true
}

/// The bytes that a part of a path stands for.
fn decoded(part: &str) -> Vec<u8> {
    let bytes = part.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = part.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// As a value of a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// The one host that the request names.
fn host(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host: Authority = host.to_str().ok()?.parse().ok()?;
    let other = request.uri().authority().is_some_and(|it| it != &host);
    (!other && !host.as_str().contains('@')).then_some(host)
}

/// A page of somebody else can make its own name point here; it cannot make the browser leave that name out.
fn may_be_called(state: &State, caller: Option<Caller>, host: &Authority) -> bool {
    let name = host.as_str();
    let own = caller.is_some_and(|Caller { local, .. }| {
        let port = local.port();
        let with_port = host.port_u16().unwrap_or(80) == port;
        let loopback =
            ["localhost", "127.0.0.1", "[::1]"].iter().any(|it| host.host().eq_ignore_ascii_case(it));
        let address = match local.ip().to_canonical() {
            std::net::IpAddr::V4(it) => it.to_string(),
            std::net::IpAddr::V6(it) => format!("[{it}]"),
        };
        with_port && (loopback || host.host().eq_ignore_ascii_case(&address))
    });
    let given = |known: &String| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host.host());
    own || state.options.hosts.iter().any(given)
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // What is no text is nothing that we would let pass.
    headers.get(name).map(|it| it.to_str().unwrap_or("?"))
}

fn says_origin(headers: &HeaderMap) -> bool {
    headers.contains_key("origin") || headers.contains_key("sec-fetch-site")
}

/// Whether a browser says that the request comes from a page that is not ours.
fn is_foreign(headers: &HeaderMap, host: &Authority) -> bool {
    let site = header_text(headers, "sec-fetch-site");
    let origin = header_text(headers, "origin");
    let same = |origin: &str| {
        let of = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        of.is_some_and(|it| it.eq_ignore_ascii_case(host.as_str()))
    };
    site.is_some_and(|it| !matches!(it, "same-origin" | "none")) || origin.is_some_and(|it| !same(it))
}

fn entry(state: &State, request: &Request, path: &str) -> Option<Entry> {
    let Some(key) = &state.key else { return Some(Entry::Free) };
    if let Some(given) = header_text(request.headers(), "authorization") {
        let token = given.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        if token.is_some_and(|(_, token)| key.is_token(token.trim())) {
            return Some(Entry::Token);
        }
    } else if has_session(state, key, request.headers()) {
        return Some(Entry::Cookie);
    }
    if matches!(path, "/healthz" | "/readyz" | LOGIN) || path.starts_with("/assets/") {
        return Some(Entry::Free);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
    let (until, signature) = (value("until")?, value("sig")?);
    let now = state.service.clock().now();
    let shared = path.starts_with("/runs/") || path.starts_with("/incidents/");
    (reads && shared && key.holds(Purpose::Link, path, until, signature, now)).then_some(Entry::Link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_pass() {
        for path in
            ["/", "/run", "/runs/k3", "/runs/", "/canaries/a/steps/fixture%20workspace", "/a%zz", "/a.b"]
        {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "//",
            "//run",
            "/a//b",
            "/..",
            "/../etc",
            "/a/./b",
            "/%2e%2e/a",
            "/a/%2E",
            "/a%2fb",
            "/a%5cb",
            "/a%00",
            "/a%0d%0a",
            "",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn what_makes_runs_is_known_by_its_path() {
        for path in ["/run", "/run/", "/run/api", "/canaries/api/run"] {
            assert!(is_run(path), "{path}");
        }
        for path in
            ["/", "/runs/api", "/running", "/canaries/run", "/canaries/api/steps/run", "/canaries/api"]
        {
            assert!(!is_run(path), "{path}");
        }
    }

    #[test]
    fn pages_of_others_are_foreign() {
        let host: Authority = "127.0.0.1:8077".parse().unwrap();
        for (headers, foreign) in [
            (&[][..], false),
            (&[("origin", "http://127.0.0.1:8077")], false),
            (&[("origin", "https://127.0.0.1:8077")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8077")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("origin", "null")], true),
            (&[("origin", "http://127.0.0.1:8078")], true),
            (&[("origin", "http://evil.example")], true),
            (&[("origin", "http://127.0.0.1:8077.evil.example")], true),
        ] {
            let map = headers
                .iter()
                .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(is_foreign(&map, &host), foreign, "{headers:?}");
        }
    }
}
