//! One authorised call of the Gmail API, and the one shape of its refusals.

use axum::{
    body::Bytes,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::quota::QuotaStyle;

/// What a method comes to.
pub(super) type Answer = Result<Reply, Refusal>;

/// A call whose token is good, opens the method and is the mailbox's own, and that fits into the quota.
pub(super) struct Call {
    /// What the token opens.
    pub(super) scopes: Vec<String>,
    /// The ids in the path, in its order.
    pub(super) ids: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// Whether the body is a mail, under `/upload`.
    pub(super) upload: bool,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl Call {
    /// An id of the path as it stands there.
    pub(super) fn id(&self, n: usize) -> &str {
        self.ids.get(n).map_or("", String::as_str)
    }

    /// The first id of the path, which is a mail's.
    pub(super) fn mail(&self) -> Result<u64, Refusal> {
        mail_id(self.id(0))
    }

    /// Whether a query parameter is there, even if it is empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(key, _)| key == name)
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

    /// `pageToken`, if `read` knows it for one that an earlier answer gave.
    pub(super) fn page_token<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
        let token = self.one("pageToken");
        let known =
            token.map(|token| read(token).ok_or_else(|| Refusal::invalid_argument("Invalid pageToken")));
        known.transpose()
    }

    /// The body, which is JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        read_json(&self.body)
    }
}

/// An object, and nothing else that could be read as one.
pub(super) fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Refusal> {
    let object: Result<Map<String, Value>, _> = serde_json::from_slice(text);
    let read = object.and_then(|object| serde_json::from_value(object.into()));
    read.map_err(|error| Refusal::bad_request(format!("Invalid JSON payload received. {error}")))
}

/// A mail's id as the API writes it.
pub(super) fn mail_id(id: &str) -> Result<u64, Refusal> {
    // Not even the form of an id is another error than an id of no mail [V].
    let digits = (1..=16).contains(&id.len()) && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = digits.then(|| u64::from_str_radix(id, 16).ok()).flatten();
    id.ok_or_else(|| Refusal::invalid_argument("Invalid id value"))
}

/// A whole answer, also as a part of a batch.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// `Content-Type`; of no content there is none.
    pub(super) kind: Option<&'static str>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(body: &impl serde::Serialize) -> Reply {
        Reply {
            status: StatusCode::OK,
            kind: Some("application/json; charset=UTF-8"),
            // Only a map with other keys than strings is no JSON, and there is none here.
            body: serde_json::to_vec(body).unwrap_or_default(),
        }
    }

    /// 204: it is done, and there is nothing to say.
    pub(super) fn nothing() -> Reply {
        Reply { status: StatusCode::NO_CONTENT, kind: None, body: Vec::new() }
    }

    /// What Google's front says where there is no method: a page for people [M].
    pub(super) fn no_such_page(path: &str) -> Reply {
        let path = path.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> That’s an \
             error.\n<p>The requested URL <code>{path}</code> was not found on this server. That’s all we know.\n"
        );
        Reply {
            status: StatusCode::NOT_FOUND,
            kind: Some("text/html; charset=UTF-8"),
            body: page.into_bytes(),
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let Reply { status, kind, body } = self;
        let mut response = (status, body).into_response();
        response.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        }
        response
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
    pub(super) fn invalid_credentials() -> Refusal {
        Refusal {
            code: StatusCode::UNAUTHORIZED,
            reason: "authError",
            status: "UNAUTHENTICATED",
            message: "Invalid Credentials".to_owned(),
        }
    }

    /// The token is a service account's own, which has no mailbox [S].
    pub(super) fn failed_precondition() -> Refusal {
        Refusal {
            code: StatusCode::BAD_REQUEST,
            reason: "failedPrecondition",
            status: "FAILED_PRECONDITION",
            message: "Precondition check failed.".to_owned(),
        }
    }

    /// The token opens something, but not this method.
    pub(super) fn insufficient_scopes() -> Refusal {
        Refusal {
            code: StatusCode::FORBIDDEN,
            reason: "insufficientPermissions",
            status: "PERMISSION_DENIED",
            message: "Request had insufficient authentication scopes.".to_owned(),
        }
    }

    /// The token opens the method, but not all of it.
    pub(super) fn metadata_only(message: impl Into<String>) -> Refusal {
        Refusal {
            code: StatusCode::FORBIDDEN,
            reason: "forbidden",
            status: "PERMISSION_DENIED",
            message: message.into(),
        }
    }

    /// The user of the path is not the user of the token [S].
    pub(super) fn delegation_denied(own: &str) -> Refusal {
        Refusal {
            code: StatusCode::FORBIDDEN,
            reason: "forbidden",
            status: "PERMISSION_DENIED",
            message: format!("Delegation denied for {own}"),
        }
    }

    /// The call would cost more than is left. It would fit in at `free`.
    pub(super) fn over_quota(style: QuotaStyle, free: Timestamp) -> Refusal {
        // What is cut off must not make it too early.
        let free = free.checked_add(SignedDuration::from_millis(1)).unwrap_or(free);
        let retry = format!("User-rate limit exceeded.  Retry after {free:.3}");
        let (code, reason, status, message) = match style {
            QuotaStyle::Forbidden => (
                StatusCode::FORBIDDEN,
                "rateLimitExceeded",
                "PERMISSION_DENIED",
                "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service \
                 'gmail.googleapis.com' for consumer 'project_number:1'."
                    .to_owned(),
            ),
            QuotaStyle::UserForbidden => {
                (StatusCode::FORBIDDEN, "userRateLimitExceeded", "PERMISSION_DENIED", retry)
            }
            QuotaStyle::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", "RESOURCE_EXHAUSTED", retry)
            }
        };
        Refusal { code, reason, status, message }
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

    /// Something of that name is there already.
    pub(super) fn aborted(message: impl Into<String>) -> Refusal {
        Refusal { code: StatusCode::CONFLICT, reason: "aborted", status: "ABORTED", message: message.into() }
    }

    /// The body is longer than is taken.
    pub(super) fn too_large() -> Refusal {
        Refusal {
            code: StatusCode::PAYLOAD_TOO_LARGE,
            reason: "uploadTooLarge",
            status: "INVALID_ARGUMENT",
            message: "Request Entity Too Large".to_owned(),
        }
    }

    fn domain(&self) -> &'static str {
        if matches!(self.reason, "rateLimitExceeded" | "userRateLimitExceeded") {
            "usageLimits"
        } else {
            "global"
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        let domain = refusal.domain();
        let Refusal { code, reason, status, message } = refusal;
        let body: Value = json!({ "error": {
            "code": code.as_u16(),
            "message": message,
            "errors": [{ "message": message, "domain": domain, "reason": reason }],
            "status": status,
        }});
        Reply { status: code, ..Reply::json(&body) }
    }
}
