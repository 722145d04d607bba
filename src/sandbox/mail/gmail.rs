//! The Gmail REST API, version 1, as far as a mailbox is read, labelled, filled and emptied through it.
//!
//! 64-bit numbers are strings and empty lists are left out [V]. What is asked of whom is settled here; the methods
//! themselves are a table in [`super::methods`].

use std::sync::Arc;

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Query, Request, State},
    http::{
        Method as Verb, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
    },
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use percent_encoding::percent_decode_str;

use super::{
    Google, batch,
    call::{Call, Refusal, Reply},
    fields::Fields,
    methods::Method,
    oauth,
    smtp::MAX_SIZE,
};

/// The longest body: a mail of the greatest size in base64, and some room around it.
const MAX_BODY: usize = MAX_SIZE / 3 * 4 + (1 << 20);

/// What the URL of every method begins with.
const ROOT: &str = "/gmail/v1/users/";

/// A request with its body.
pub(super) struct Asked {
    pub(super) verb: Verb,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Everything that the API's listener answers: the mailbox, and the token endpoint.
pub(super) fn router(google: Arc<Google>) -> Router {
    Router::new()
        .route("/token", post(oauth::token))
        .route("/o/oauth2/v2/auth", get(oauth::consent))
        .fallback(front)
        .method_not_allowed_fallback(front)
        .with_state(google)
}

async fn front(State(google): State<Arc<Google>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Reply::from(Refusal::too_large()).into_response();
    };
    let asked = Asked { verb: parts.method, uri: parts.uri, headers: parts.headers, body };
    match (&asked.verb, asked.uri.path()) {
        // The second is where Google's client for Python sends its batches; it is the same [T].
        (&Verb::POST, "/batch/gmail/v1" | "/batch") => batch::answer(&google, &asked).into_response(),
        _ => answer(&google, asked).into_response(),
    }
}

/// Answers one call.
pub(super) fn answer(google: &Google, mut asked: Asked) -> Reply {
    asked.unfold();
    let path = asked.uri.path().to_owned();
    let (upload, below) = match path.strip_prefix("/upload") {
        Some(below) => (true, below),
        None => (false, path.as_str()),
    };
    let method =
        below.strip_prefix(ROOT).and_then(|below| below.split_once('/')).and_then(|(user, below)| {
            let (method, ids) = Method::find(&asked.verb, below, upload)?;
            Some((user, method, ids))
        });
    let Some((user, method, ids)) = method else { return Reply::no_such_page(&path) };
    let answered = admit(google, method, user, &ids, upload, &asked).and_then(|call| {
        let fields = call.one("fields").map(Fields::parse).transpose()?;
        let reply = (method.run)(google, &call)?;
        Ok(match fields {
            Some(fields) => fields.of(reply),
            None => reply,
        })
    });
    answered.unwrap_or_else(Reply::from)
}

/// Lets a call in if its token, its user, its scopes, its parameters and the quota allow it, in this order.
fn admit(
    google: &Google,
    method: &'static Method,
    user: &str,
    ids: &[&str],
    upload: bool,
    asked: &Asked,
) -> Result<Call, Refusal> {
    let token = asked
        .header(AUTHORIZATION)
        .split_once(' ')
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()));
    let scopes =
        token.and_then(|token| google.tokens.scopes(token)).ok_or_else(Refusal::invalid_credentials)?;
    if token.is_some_and(|token| !google.tokens.has_mailbox(token)) {
        return Err(Refusal::failed_precondition());
    }
    let user = decoded(user)?.to_lowercase();
    if user != "me" && user != google.store.address() {
        return Err(Refusal::delegation_denied(google.store.address()));
    }
    if !method.is_open_to(&scopes) {
        return Err(Refusal::insufficient_scopes());
    }
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&asked.uri)
        .map_err(|_| Refusal::bad_request("The query cannot be decoded"))?;
    if let Some((unknown, _)) = query.iter().find(|(name, _)| !method.takes(name)) {
        return Err(Refusal::bad_request(format!(
            "Invalid JSON payload received. Unknown name \"{unknown}\": Cannot bind query parameter. Field \
             '{unknown}' could not be found in request message."
        )));
    }
    google.quota.spend(method.units)?;
    Ok(Call {
        scopes,
        ids: ids.iter().map(|id| decoded(id)).collect::<Result<_, _>>()?,
        query,
        upload,
        content_type: asked.header(CONTENT_TYPE).to_owned(),
        body: asked.body.clone(),
    })
}

/// A segment of the path without its percent signs.
fn decoded(segment: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.map(Into::into).map_err(|_| Refusal::bad_request("The path cannot be decoded"))
}

impl Asked {
    /// A header's value; empty if there is none.
    pub(super) fn header(&self, name: axum::http::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Turns a query that was too long for its URL, and came as a form, into what it stands for \[V\].
    fn unfold(&mut self) {
        let verb = self.headers.get("x-http-method-override").and_then(|verb| verb.to_str().ok());
        if self.verb != Verb::POST || verb != Some("GET") {
            return;
        }
        let query = String::from_utf8_lossy(&self.body);
        if let Ok(uri) = format!("{}?{query}", self.uri.path()).parse() {
            self.uri = uri;
            self.verb = Verb::GET;
            self.body = Bytes::new();
        }
    }
}
