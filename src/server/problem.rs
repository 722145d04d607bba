//! The one form of everything that programs are told instead of an answer: `application/problem+json` by RFC 9457.
//!
//! `type` is left out, which means that the status says what kind of problem it is; what programs need beyond that is
//! in `code`. Members that the RFC does not know are allowed by it (section 3.2).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

/// The type of its body (RFC 9457, section 6.1).
const TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What is wrong, and what to do about it.
#[derive(Serialize)]
pub(super) struct Problem<'p> {
    /// What the status is called.
    title: &'static str,
    status: u16,
    /// For programs; never changes.
    code: &'p str,
    /// For people: what was expected, and what was found.
    detail: &'p str,
    /// For people, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'p str>,
}

impl<'p> Problem<'p> {
    /// A problem that its status names well enough.
    pub(super) fn new(status: StatusCode, detail: &'p str) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { title, status: status.as_u16(), code: code(status), detail, remedy: None }
    }

    /// One that needs a code of its own, or that somebody can do something about.
    pub(super) fn with(self, code: &'p str, remedy: &'p str) -> Self {
        Self { code, remedy: Some(remedy), ..self }
    }

    /// The answer.
    pub(super) fn answer(&self, status: StatusCode) -> Response {
        // Plain data has a JSON form.
        let mut body = serde_json::to_string(self).unwrap_or_default();
        body.push('\n');
        let mut answer = Response::new(body.into());
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, TYPE);
        answer
    }
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::REQUEST_TIMEOUT => "request_timeout",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::URI_TOO_LONG => "too_long",
        StatusCode::MISDIRECTED_REQUEST => "misdirected",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "internal",
    }
}
