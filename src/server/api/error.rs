//! What is wrong with what was asked of the API, with a remedy each time.

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::super::problem::Problem;
use crate::{service::Refusal, store::StoreError};

/// What is wrong, and what to do about it, as `application/problem+json`: with `code`, `detail` and `remedy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    remedy: String,
}

impl ApiError {
    /// An error of that status. The code is for programs and never changes; the rest is for people.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { status, code, message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, remedy)
    }

    pub(super) fn not_found(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, remedy)
    }

    /// All of these routes are for reading.
    pub(super) fn method_not_allowed(method: &Method, path: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("`{path}` does not take {method}"),
            "use GET: this part of the service is for reading only",
        )
    }

    /// There is no canary of that name.
    pub(super) fn unknown_canary(name: &str, known: &[&str]) -> Self {
        let nearest = crate::nearest(name, known.iter().copied()).map(ToOwned::to_owned);
        let remedy = format!("take one of: {}", known.join(", "));
        Self::not_found(Refusal::UnknownCanary { name: name.to_owned(), nearest }.to_string(), remedy)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let (message, remedy) =
            text.split_once("\n  remedy: ").unwrap_or((&text, "look at the service's log"));
        match error {
            StoreError::BadCursor => {
                Self::new(StatusCode::BAD_REQUEST, "bad_cursor", format!("`after`: {message}"), remedy)
            }
            StoreError::Locked { .. } | StoreError::Newer { .. } | StoreError::Broken { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", message, remedy)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, message, remedy } = &self;
        let mut answer = Problem::new(*status, message).with(code, remedy).answer(*status);
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}
