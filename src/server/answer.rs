//! The forms of answers: what the caller can read, errors in one form, and what stands on every answer.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::State;
use crate::{
    pages::{Message, message},
    report::html::{Assets, Site, security_policy},
    verdict::Verdict,
};

/// The verdict of what the answer is about; `none` if that is no run. An answer without it is not the service's.
pub(super) const VERDICT: HeaderName = HeaderName::from_static("coalmine-verdict");

/// What a caller can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Json,
    Xml,
    Html,
}

impl Wanted {
    /// What is wanted most, of what there is; JSON if nothing is said.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut best = (0.0, Self::Json);
        let texts = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
        for range in texts.flat_map(|it| it.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let wanted = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/json" | "*/*" | "application/*" => Self::Json,
                "application/xml" | "text/xml" => Self::Xml,
                "text/html" | "text/*" => Self::Html,
                _ => continue,
            };
            let quality = parts.find_map(|it| it.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f64>);
            let quality = quality.unwrap_or(0.0);
            if quality > best.0 {
                best = (quality, wanted);
            }
        }
        best.1
    }
}

/// An answer with a text of this type.
pub(super) fn text(status: StatusCode, kind: &'static str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(super) fn html(status: StatusCode, page: impl Into<Body>) -> Response {
    text(status, "text/html; charset=utf-8", page)
}

pub(super) fn json_text(status: StatusCode, body: impl Into<Body>) -> Response {
    text(status, "application/json", body)
}

/// Goes on elsewhere, with GET.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

pub(super) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

pub(super) fn with_verdict(mut response: Response, verdict: Verdict) -> Response {
    response.headers_mut().insert(VERDICT, HeaderValue::from_static(verdict.as_str()));
    response
}

/// Why there is no answer.
pub(super) fn problem(state: &State, wanted: Wanted, status: StatusCode, why: &str) -> Response {
    if wanted != Wanted::Html {
        let mut body = json!({ "error": why, "status": status.as_u16() }).to_string();
        body.push('\n');
        return json_text(status, body);
    }
    let title = status.canonical_reason().unwrap_or("This did not work");
    let said = match status {
        StatusCode::NOT_FOUND if why.is_empty() => Message::NOT_FOUND,
        StatusCode::INTERNAL_SERVER_ERROR => Message::ERROR,
        _ => Message { title, text: why, verdict: None, links: &[], live: false },
    };
    // Who sees it may not be logged in, and need not know what is watched.
    let site = Site { suite: &state.service.plan().suite, ..Site::default() };
    html(status, message(&site, &said))
}

/// What stands on every answer, unless its handler says otherwise.
pub(super) fn dress(response: &mut Response) {
    let headers = response.headers_mut();
    let is_html = headers
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|it| it.starts_with("text/html"));
    let mut say = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    if is_html {
        say(header::CONTENT_SECURITY_POLICY, &security_policy(Assets::Linked));
    } else {
        say(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    }
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::X_FRAME_OPTIONS, "DENY");
    // With `no-referrer`, browsers send `Origin: null` along with our own forms, as with those of strangers.
    say(header::REFERRER_POLICY, "same-origin");
    say(header::CACHE_CONTROL, "no-store");
    say(VERDICT, "none");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_wanted_most_is_given() {
        for (accept, wanted) in [
            (None, Wanted::Json),
            (Some("*/*"), Wanted::Json),
            (Some("application/xml"), Wanted::Xml),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Wanted::Html),
            (Some("text/html;q=0.1, application/json"), Wanted::Json),
            (Some("text/html;q=x"), Wanted::Json),
            (Some("image/png"), Wanted::Json),
            (Some("TEXT/HTML"), Wanted::Html),
        ] {
            let headers = accept.into_iter().map(|it| (header::ACCEPT, it.parse().unwrap())).collect();
            assert_eq!(Wanted::of(&headers), wanted, "{accept:?}");
        }
    }
}
