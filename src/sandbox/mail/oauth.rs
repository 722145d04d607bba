//! Google's OAuth: the page where a user consents, and the token endpoint, which gives an access token for a refresh
//! token, for the code of a consent, or for the signed word of a service account.

mod assertion;
mod consent;
mod tokens;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

pub use self::assertion::service_account;
pub(super) use self::{
    consent::consent,
    tokens::{Rules, Tokens},
};
use super::Google;
use crate::random;

/// Reading, not more.
pub(super) const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// The scopes that a mailbox can be asked for.
const SCOPES: [&str; 8] = [
    READONLY,
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/gmail.metadata",
    "https://www.googleapis.com/auth/gmail.insert",
    "https://www.googleapis.com/auth/gmail.labels",
    "https://www.googleapis.com/auth/gmail.send",
    "https://www.googleapis.com/auth/gmail.compose",
    "https://mail.google.com/",
];

/// The fields of a form.
type Fields = HashMap<String, String>;

/// Why there is no access token: status, `error` and `error_description` of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    fn bad(error: &'static str, description: impl Into<String>) -> Refusal {
        Refusal(StatusCode::BAD_REQUEST, error, description.into())
    }

    fn unauthorized(error: &'static str, description: &str) -> Refusal {
        Refusal(StatusCode::UNAUTHORIZED, error, description.to_owned())
    }

    fn invalid_grant(description: &str) -> Refusal {
        Refusal::bad("invalid_grant", description)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, error, description) = self;
        (status, Json(json!({ "error": error, "error_description": description }))).into_response()
    }
}

/// A field that must be there; an empty one is as good as none.
fn field<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, Refusal> {
    let value = fields.get(name).filter(|value| !value.is_empty());
    let missing = || Refusal::bad("invalid_request", format!("Missing required parameter: {name}"));
    value.map(String::as_str).ok_or_else(missing)
}

/// The scopes in a text that has spaces between them.
fn scopes(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// `N` random bytes in the alphabet of Google's secrets.
pub(super) fn secret<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<N>())
}

/// `POST /token`.
pub(super) async fn token(
    State(google): State<Arc<Google>>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    // A body that is no form has none of the fields.
    let form = form.map(|Form(form)| form).unwrap_or_default();
    match google.tokens.exchange(&form) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
