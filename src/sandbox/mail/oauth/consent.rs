//! `GET /o/oauth2/v2/auth`: the page on which a user lets an installed application in. There is nobody to press its
//! button, so it is as good as pressed: the browser is sent back at once.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, Uri, header::LOCATION},
    response::{Html, IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Fields, SCOPES, scopes, tokens::Consent};
use crate::mail::Google;

/// The length of a SHA-256 in base64 without padding.
const CHALLENGE: usize = 43;

/// What the page says instead of asking: Google sends nobody back who may not be who he says.
struct Page(StatusCode, &'static str, String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Page(status, error, why) = self;
        let text = format!(
            "<h1>Access blocked: Authorization Error</h1><p>{why}</p><p>Error {}: {error}</p>",
            status.as_u16()
        );
        (status, Html(text)).into_response()
    }
}

pub(in crate::mail) async fn consent(
    State(google): State<Arc<Google>>,
    query: Result<Query<Fields>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    ask(&google, &query).unwrap_or_else(Page::into_response)
}

fn ask(google: &Google, query: &Fields) -> Result<Response, Page> {
    let bad = |error, why: String| Page(StatusCode::BAD_REQUEST, error, why);
    let invalid = |why: String| bad("invalid_request", why);
    let optional = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let needed =
        |name: &str| optional(name).ok_or_else(|| invalid(format!("Missing required parameter: {name}")));

    let rules = &google.tokens.rules;
    if needed("client_id")? != rules.client_id {
        let why = "The OAuth client was not found.".to_owned();
        return Err(Page(StatusCode::UNAUTHORIZED, "invalid_client", why));
    }
    let redirect_uri = needed("redirect_uri")?;
    if !is_loopback(redirect_uri) {
        let why = "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy.";
        return Err(bad("redirect_uri_mismatch", why.to_owned()));
    }
    if needed("response_type")? != "code" {
        return Err(bad("unsupported_response_type", "Invalid response_type".to_owned()));
    }
    let wanted = scopes(needed("scope")?);
    if let Some(unknown) = wanted.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        // What a page shows of a request must not become part of it.
        let shown = unknown.replace(['<', '>', '&', '"'], "?");
        return Err(bad(
            "invalid_scope",
            format!("Some requested scopes were invalid. {{invalid=[{shown}]}}"),
        ));
    }
    let challenge = optional("code_challenge");
    match (challenge, optional("code_challenge_method")) {
        (None, None) => {}
        (Some(challenge), Some("S256")) if challenge.len() == CHALLENGE => {}
        (Some(_) | None, _) => return Err(invalid("Invalid code challenge or its method.".to_owned())),
    }

    let granted: Vec<_> = wanted.into_iter().filter(|scope| rules.scopes.contains(scope)).collect();
    let answer = if granted.is_empty() {
        vec![("error", "access_denied".to_owned())]
    } else {
        let scope = granted.join(" ");
        let code = google.tokens.agree(Consent {
            scopes: granted,
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.map(str::to_owned),
            // The user has agreed before (there is a refresh token), so only the prompt gives another one.
            offline: optional("access_type") == Some("offline")
                && optional("prompt").is_some_and(|it| it.split(' ').any(|word| word == "consent")),
        });
        vec![("code", code), ("scope", scope)]
    };
    let state = optional("state").map(|state| ("state", state.to_owned()));
    let mut place = redirect_uri.to_owned();
    for (name, value) in state.into_iter().chain(answer) {
        place.push(if place.contains('?') { '&' } else { '?' });
        place.push_str(&format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
    }
    Ok((StatusCode::FOUND, [(LOCATION, place)]).into_response())
}

/// What an installed application may name: a port of the machine that the browser runs on.
fn is_loopback(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    uri.scheme_str() == Some("http")
        && (host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}
