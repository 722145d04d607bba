//! Access tokens from a refresh token.
//!
//! Our own, because the client library's flows drop the reason of a refusal, fetch once per caller, and write
//! secrets to the log.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use google_gmail1::common::GetToken;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    gmail::{CALL_LIMIT, GmailConfig},
    trouble::chain,
};
use crate::{clock::Clock, redact::Redactor, secret::Secret};

/// How long before its end a token is replaced: a call that it is sent with must not outlive it.
const EARLY: Duration = Duration::from_secs(225);

/// Gives access tokens; clones share them.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    uri: String,
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    /// Held while a token is fetched, so that many who need one at once fetch it once.
    access: Mutex<Option<Access>>,
    /// Who must not show what comes: the process, and every run that uses the mailbox now.
    redactor: Redactor,
    /// The newest access token, for runs that begin later. Written under `access`, read by anybody.
    newest: StdMutex<Option<Secret>>,
}

struct Access {
    token: String,
    until: Instant,
}

/// Why there is no access token.
#[derive(Clone, Debug)]
pub(super) enum TokenError {
    /// The endpoint was not reached, or did not answer in time.
    Unreachable { uri: String, reason: String },
    /// It answered with something that is no answer of a token endpoint, or that it is out of order.
    Broken { uri: String, status: u16 },
    /// It says no, in the words of OAuth.
    Refused { uri: String, error: String, description: String },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { uri, reason } => write!(f, "no answer from {uri}: {reason}"),
            Self::Broken { uri, status } => write!(f, "status {status} without a token from {uri}"),
            Self::Refused { uri, error, description } if description.is_empty() => {
                write!(f, "`{error}` from {uri}")
            }
            Self::Refused { uri, error, description } => write!(f, "`{error}` ({description}) from {uri}"),
        }
    }
}

impl Error for TokenError {}

/// A token endpoint's answer, good or bad.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: String,
    expires_in: u64,
    error: String,
    error_description: String,
}

impl Tokens {
    pub(super) fn new(config: &GmailConfig, redactor: Redactor) -> Self {
        let mut tls = config.tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // As the mail API's client, which knows of no proxies.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(CALL_LIMIT)
            .build()
            .expect("a client with a ready TLS configuration reads nothing that could be wrong");
        redactor.learn(config.client_secret.expose());
        redactor.learn(config.refresh_token.expose());
        Self(Arc::new(Inner {
            http,
            uri: config.token_uri.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            refresh_token: config.refresh_token.clone(),
            access: Mutex::default(),
            redactor,
            newest: StdMutex::default(),
        }))
    }

    /// Makes the credential and the present access token known to a run.
    pub(super) fn teach(&self, redactor: &Redactor) {
        redactor.learn(self.0.client_secret.expose());
        redactor.learn(self.0.refresh_token.expose());
        if let Some(token) = &*self.0.newest.lock().unwrap_or_else(PoisonError::into_inner) {
            redactor.learn(token.expose());
        }
    }

    /// An access token that lasts for a while yet.
    pub(super) async fn access(&self) -> Result<String, TokenError> {
        let mut access = self.0.access.lock().await;
        if let Some(Access { token, until }) = &*access
            && Clock::instant() < *until
        {
            return Ok(token.clone());
        }
        let fetched = self.fetch().await?;
        let token = fetched.token.clone();
        *access = Some(fetched);
        Ok(token)
    }

    /// Throws the present access token away: the API has refused it.
    pub(super) async fn forget(&self) {
        *self.0.access.lock().await = None;
    }

    async fn fetch(&self) -> Result<Access, TokenError> {
        let Inner { http, uri, client_id, client_secret, refresh_token, redactor, newest, access: _ } =
            &*self.0;
        let asked = Clock::instant();
        let unreachable = |error: reqwest::Error| TokenError::Unreachable {
            uri: uri.clone(),
            reason: if error.is_timeout() {
                format!("still waiting after {CALL_LIMIT:?}")
            } else {
                chain(&error.without_url())
            },
        };
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("client_secret", client_secret.expose()),
            ("refresh_token", refresh_token.expose()),
        ];
        let response = http.post(uri).form(&form).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(unreachable)?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        let passing = ["internal_failure", "server_error", "temporarily_unavailable"];
        if status >= 500 || matches!(status, 408 | 429) || passing.contains(&answer.error.as_str()) {
            return Err(TokenError::Broken { uri: uri.clone(), status });
        }
        if !answer.error.is_empty() {
            let description = answer.error_description.trim_end_matches('.').to_owned();
            return Err(TokenError::Refused { uri: uri.clone(), error: answer.error, description });
        }
        // A token that is no header value would make the API's client panic.
        let token = answer.access_token;
        if status != 200 || token.is_empty() || token.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(TokenError::Broken { uri: uri.clone(), status });
        }
        redactor.learn(&token);
        *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(token.clone()));
        // Bounded, because an `Instant` cannot hold every number that an endpoint can say.
        let lifetime = Duration::from_secs(answer.expires_in.min(24 * 3600));
        Ok(Access { token, until: asked + lifetime.saturating_sub(EARLY.min(lifetime / 2)) })
    }
}

impl GetToken for Tokens {
    fn get_token<'a>(
        &'a self,
        _: &'a [&str],
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(async move { Ok(Some(self.access().await?)) })
    }
}
