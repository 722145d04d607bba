//! Google's token endpoint: a refresh token for an access token that lasts an hour.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Google;
use crate::{clock::Clock, random};

/// What access tokens are good for if nothing else is said: reading, not more.
pub(super) const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// Who may get access tokens, and which are out.
pub(super) struct Tokens {
    clock: Clock,
    client_id: String,
    client_secret: String,
    refresh_token: String,
    lifetime: SignedDuration,
    /// What the refresh token grants.
    granted: Vec<String>,
    state: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    /// Once set, the refresh token is dead for good.
    revoked: bool,
    /// Access token to the instant at which it ends.
    access: HashMap<String, Timestamp>,
}

/// Why there is no access token; the `error` of the answer, with its status and description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    InvalidGrant,
    UnknownClient,
    WrongSecret,
    UnsupportedGrantType,
    Missing(&'static str),
}

impl Tokens {
    pub(super) fn new(
        clock: Clock,
        client_id: String,
        client_secret: String,
        refresh_token: String,
        lifetime: SignedDuration,
        granted: Vec<String>,
    ) -> Tokens {
        Tokens { clock, client_id, client_secret, refresh_token, lifetime, granted, state: Mutex::default() }
    }

    /// Ends the refresh token and every access token that came of it.
    pub(super) fn revoke(&self) {
        let mut issued = self.lock();
        issued.revoked = true;
        issued.access.clear();
    }

    /// What `access_token` opens now; `None` if it is none of ours, or no longer.
    pub(super) fn scopes(&self, access_token: &str) -> Option<Vec<String>> {
        let now = self.clock.now();
        let good = self.lock().access.get(access_token).is_some_and(|ends| now < *ends);
        good.then(|| self.granted.clone())
    }

    /// A new access token for the right form.
    fn exchange(&self, form: &HashMap<String, String>) -> Result<String, Refusal> {
        let field = |name: &'static str| form.get(name).ok_or(Refusal::Missing(name));
        if field("grant_type")? != "refresh_token" {
            return Err(Refusal::UnsupportedGrantType);
        }
        if *field("client_id")? != self.client_id {
            return Err(Refusal::UnknownClient);
        }
        if *field("client_secret")? != self.client_secret {
            return Err(Refusal::WrongSecret);
        }
        let known = *field("refresh_token")? == self.refresh_token;
        let now = self.clock.now();
        let mut issued = self.lock();
        if !known || issued.revoked {
            return Err(Refusal::InvalidGrant);
        }
        issued.access.retain(|_, ends| now < *ends);
        let token = format!("ya29.{}", secret::<96>());
        issued.access.insert(token.clone(), now.checked_add(self.lifetime).unwrap_or(Timestamp::MAX));
        Ok(token)
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `N` random bytes in the alphabet of Google's secrets.
pub(super) fn secret<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<N>())
}

/// `POST /token`.
pub(super) async fn token(
    State(google): State<Arc<Google>>,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Response {
    // A body that is no form has none of the fields.
    let form = form.map(|Form(form)| form).unwrap_or_default();
    match google.tokens.exchange(&form) {
        Ok(access_token) => Json(json!({
            "access_token": access_token,
            // Google says a second less than it grants [T].
            "expires_in": google.tokens.lifetime.as_secs() - 1,
            "scope": google.tokens.granted.join(" "),
            "token_type": "Bearer",
        }))
        .into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Refusal::InvalidGrant => {
                (StatusCode::BAD_REQUEST, "invalid_grant", "Token has been expired or revoked.".to_owned())
            }
            Refusal::UnknownClient => {
                (StatusCode::UNAUTHORIZED, "invalid_client", "The OAuth client was not found.".to_owned())
            }
            Refusal::WrongSecret => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The provided client secret is invalid.".to_owned(),
            ),
            Refusal::UnsupportedGrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "Invalid grant_type.".to_owned())
            }
            Refusal::Missing(field) => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                format!("Required parameter is missing: {field}"),
            ),
        };
        (status, Json(json!({ "error": error, "error_description": description }))).into_response()
    }
}
