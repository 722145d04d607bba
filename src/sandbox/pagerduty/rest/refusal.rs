//! The one shape of the REST API's refusals.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error answer: status, and the API's own code \[V\].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: u16,
    message: &'static str,
    errors: Vec<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: u16, message: &'static str) -> Refusal {
        Refusal { status, code, message, errors: Vec::new() }
    }

    /// A parameter or a body that makes no sense.
    pub(super) fn invalid(error: impl Into<String>) -> Refusal {
        let errors = vec![error.into()];
        Refusal { errors, ..Refusal::new(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided") }
    }

    /// `From` does not name a user \[M\].
    pub(super) fn no_requester() -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, 1008, "Requester User Not Found")
    }

    pub(super) fn unauthorized() -> Refusal {
        Refusal::new(StatusCode::UNAUTHORIZED, 2006, "Authentication failed")
    }

    pub(super) fn not_found() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, 2100, "Not Found")
    }

    pub(super) fn rate_limited() -> Refusal {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, 2020, "Rate Limit Exceeded")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal { status, code, message, errors } = self;
        let mut error = json!({"message": message, "code": code});
        if !errors.is_empty() {
            error["errors"] = json!(errors);
        }
        (status, Json(json!({ "error": error }))).into_response()
    }
}
