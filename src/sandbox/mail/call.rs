//! One authorised call of the Gmail API, and the one shape of its refusals.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, RequestPartsExt as _,
    extract::{FromRequestParts, Path, Query},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Google;

/// A call whose token is good and whose user is the mailbox's own; gives its parameters.
pub(super) struct Call {
    path: HashMap<String, String>,
    query: Vec<(String, String)>,
}

impl Call {
    /// A parameter of the path; the route names it.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A message id of the path.
    pub(super) fn id(&self, name: &str) -> Result<u64, Refusal> {
        let id = self.path(name);
        // Not even the form of an id is another error than an id of no mail [V].
        let digits = (1..=16).contains(&id.len()) && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        let id = digits.then(|| u64::from_str_radix(id, 16).ok()).flatten();
        id.ok_or_else(|| Refusal::invalid_argument("Invalid id value"))
    }

    /// The last value of a query parameter; an empty one is as good as none.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter that may be repeated.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A query parameter that is a switch, off if absent.
    pub(super) fn switch(&self, name: &str) -> Result<bool, Refusal> {
        match self.one(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(Refusal::invalid_argument(format!("Invalid value at '{name}' (TYPE_BOOL), \"{other}\"")))
            }
        }
    }

    /// `maxResults`: 100 if absent, never more than 500 [V].
    pub(super) fn page_size(&self) -> Result<usize, Refusal> {
        let Some(text) = self.one("maxResults") else { return Ok(100) };
        let size: u32 = text.parse().map_err(|_| {
            Refusal::invalid_argument(format!("Invalid value at 'max_results' (TYPE_UINT32), \"{text}\""))
        })?;
        Ok(usize::try_from(size).unwrap_or(usize::MAX).clamp(1, 500))
    }

    /// `pageToken`: a number that an earlier answer gave.
    pub(super) fn page_token(&self) -> Result<Option<u64>, Refusal> {
        let Some(token) = self.one("pageToken") else { return Ok(None) };
        token.parse().map(Some).map_err(|_| Refusal::invalid_argument("Invalid pageToken"))
    }
}

impl FromRequestParts<Arc<Google>> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, google: &Arc<Google>) -> Result<Call, Refusal> {
        let token =
            parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
        let known = token.filter(|token| google.tokens.scopes(token).is_some());
        let token = known.ok_or_else(Refusal::invalid_credentials)?;
        if !google.tokens.has_mailbox(token) {
            return Err(Refusal::failed_precondition());
        }
        let Path(path) =
            parts.extract().await.map_err(|_| Refusal::bad_request("The path cannot be decoded"))?;
        let Query(query) =
            parts.extract().await.map_err(|_| Refusal::bad_request("The query cannot be decoded"))?;
        let call = Call { path, query };
        let user = call.path("user").to_lowercase();
        if user != "me" && user != google.store.address() {
            return Err(Refusal::delegation_denied(google.store.address()));
        }
        Ok(call)
    }
}

/// An error answer [V].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    status: &'static str,
    message: String,
}

impl Refusal {
    /// A parameter that is missing or makes no sense.
    pub(super) fn invalid_argument(message: impl Into<String>) -> Refusal {
        Refusal {
            code: StatusCode::BAD_REQUEST,
            reason: "invalidArgument",
            status: "INVALID_ARGUMENT",
            message: message.into(),
        }
    }

    /// A request that cannot even be read.
    pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal {
            code: StatusCode::BAD_REQUEST,
            reason: "badRequest",
            status: "INVALID_ARGUMENT",
            message: message.into(),
        }
    }

    /// The token is missing, wrong, expired or revoked.
    fn invalid_credentials() -> Refusal {
        Refusal {
            code: StatusCode::UNAUTHORIZED,
            reason: "authError",
            status: "UNAUTHENTICATED",
            message: "Invalid Credentials".to_owned(),
        }
    }

    /// The token is a service account's own, which has no mailbox [S].
    fn failed_precondition() -> Refusal {
        Refusal {
            code: StatusCode::BAD_REQUEST,
            reason: "failedPrecondition",
            status: "FAILED_PRECONDITION",
            message: "Precondition check failed.".to_owned(),
        }
    }

    /// The user of the path is not the user of the token [S].
    fn delegation_denied(own: &str) -> Refusal {
        Refusal {
            code: StatusCode::FORBIDDEN,
            reason: "forbidden",
            status: "PERMISSION_DENIED",
            message: format!("Delegation denied for {own}"),
        }
    }

    /// There is no such mail, or no such history any more.
    pub(super) fn not_found() -> Refusal {
        Refusal {
            code: StatusCode::NOT_FOUND,
            reason: "notFound",
            status: "NOT_FOUND",
            message: "Requested entity was not found.".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal { code, reason, status, message } = self;
        let body = json!({ "error": {
            "code": code.as_u16(),
            "message": message,
            "errors": [{ "message": message, "domain": "global", "reason": reason }],
            "status": status,
        }});
        (code, Json(body)).into_response()
    }
}
