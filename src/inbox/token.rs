//! Access tokens from a refresh token, or from the word of a service account.
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
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    assertion,
    credential::{Credential, UserCredential},
    gmail::{CALL_LIMIT, GmailConfig},
};
use crate::{clock::Clock, failure::chain, redact::Redactor, secret::Secret};

/// The scope that reading a mailbox takes, and no more.
pub(super) const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// The scopes with which mail can be read; all but the first let their holder do more.
const READING: [&str; 3] =
    [READONLY, "https://www.googleapis.com/auth/gmail.modify", "https://mail.google.com/"];

/// How long before its end a token is replaced: a call that it is sent with must not outlive it.
const EARLY: Duration = Duration::from_secs(225);

/// Gives access tokens; clones share them.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    uri: String,
    credential: Credential,
    /// Held while a token is fetched, so that many who need one at once fetch it once.
    access: Mutex<Option<Access>>,
    /// Who must not show what comes: the process, and every run that uses the mailbox now.
    redactor: Redactor,
    /// The newest access token, for runs that begin later. Written under `access`, read by anybody.
    newest: StdMutex<Option<Secret>>,
    /// What the newest answer said of the grant. Likewise.
    grant: StdMutex<Grant>,
}

/// What the token endpoint says of what it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// What it lets its holder do; `None` if that was not said.
    pub scopes: Option<Vec<String>>,
    /// When it ends by itself; `None` if it does not.
    pub ends: Option<Timestamp>,
}

impl Grant {
    /// The scopes that nobody needs who only reads.
    #[must_use]
    pub fn excess(&self) -> Vec<&str> {
        let scopes = self.scopes.iter().flatten().map(String::as_str);
        scopes.filter(|scope| *scope != READONLY).collect()
    }

    pub(super) fn reads(&self) -> bool {
        // Who is not told gets what was asked for.
        self.scopes.as_ref().is_none_or(|it| it.iter().any(|scope| READING.contains(&scope.as_str())))
    }
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
    /// It gives a token that does not read mail, but has these scopes.
    Scopes { uri: String, found: String },
    /// Nothing was asked: the service account's key cannot sign.
    Key,
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
            Self::Scopes { uri, found } if found.is_empty() => {
                write!(f, "an access token without any scope from {uri}")
            }
            Self::Scopes { uri, found } => {
                write!(f, "an access token that does not read mail from {uri}: its scopes are {found}")
            }
            Self::Key => f.write_str("a service account's key that cannot sign"),
        }
    }
}

impl Error for TokenError {}

/// A token endpoint's answer, good or bad.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    access_token: String,
    expires_in: u64,
    /// Only for the code of a consent.
    pub(super) refresh_token: Option<String>,
    scope: Option<String>,
    refresh_token_expires_in: Option<i64>,
    error: String,
    error_description: String,
}

impl Answer {
    /// What it says of the grant, `now` being when it was asked for.
    pub(super) fn grant(&self, now: Timestamp) -> Grant {
        let seconds = self.refresh_token_expires_in.map(SignedDuration::from_secs);
        Grant {
            scopes: self.scope.as_ref().map(|it| it.split_whitespace().map(str::to_owned).collect()),
            ends: seconds.and_then(|it| now.checked_add(it).ok()),
        }
    }
}

/// The client for a token endpoint.
pub(super) fn client(mut tls: rustls::ClientConfig) -> reqwest::Client {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // As the mail API's client, which knows of no proxies.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(CALL_LIMIT)
        .build()
        .expect("a client with a ready TLS configuration reads nothing that could be wrong")
}

/// Asks a token endpoint once. A good answer has an access token that can be sent.
pub(super) async fn ask(
    http: &reqwest::Client,
    uri: &str,
    form: &[(&str, &str)],
) -> Result<Answer, TokenError> {
    let unreachable = |error: reqwest::Error| TokenError::Unreachable {
        uri: uri.to_owned(),
        reason: if error.is_timeout() {
            format!("still waiting after {CALL_LIMIT:?}")
        } else {
            chain(&error.without_url())
        },
    };
    let response = http.post(uri).form(form).send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(unreachable)?;
    let broken = || TokenError::Broken { uri: uri.to_owned(), status };
    let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
    let passing = ["internal_failure", "server_error", "temporarily_unavailable"];
    if status >= 500 || matches!(status, 408 | 429) || passing.contains(&answer.error.as_str()) {
        return Err(broken());
    }
    if !answer.error.is_empty() {
        let description = answer.error_description.trim_end_matches('.').to_owned();
        return Err(TokenError::Refused { uri: uri.to_owned(), error: answer.error, description });
    }
    // A token that is no header value would make the API's client panic.
    let token = &answer.access_token;
    if status != 200 || token.is_empty() || token.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(broken());
    }
    Ok(answer)
}

impl Tokens {
    pub(super) fn new(config: &GmailConfig, redactor: Redactor) -> Self {
        let http = client(config.tls.clone());
        for secret in config.credential.secrets() {
            redactor.learn(secret);
        }
        Self(Arc::new(Inner {
            http,
            uri: config.token_uri.clone(),
            credential: config.credential.clone(),
            access: Mutex::default(),
            redactor,
            newest: StdMutex::default(),
            grant: StdMutex::default(),
        }))
    }

    /// Makes the credential and the present access token known to a run.
    pub(super) fn teach(&self, redactor: &Redactor) {
        for secret in self.0.credential.secrets() {
            redactor.learn(secret);
        }
        if let Some(token) = &*self.0.newest.lock().unwrap_or_else(PoisonError::into_inner) {
            redactor.learn(token.expose());
        }
    }

    /// What the endpoint has said of the grant, once there was a token.
    pub(super) fn grant(&self) -> Grant {
        self.0.grant.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let Inner { http, uri, credential, redactor, newest, grant, access: _ } = &*self.0;
        let now = Clock::system().now();
        let word;
        let form = match credential {
            Credential::User(UserCredential { client_id, client_secret, refresh_token, .. }) => vec![
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ],
            Credential::ServiceAccount(account) => {
                word = assertion::sign(account, now).ok_or(TokenError::Key)?;
                redactor.learn(&word);
                vec![("grant_type", assertion::GRANT_TYPE), ("assertion", &word)]
            }
        };
        let asked = Clock::instant();
        let answer = ask(http, uri, &form).await?;
        let told = answer.grant(now);
        let Answer { access_token: token, expires_in, .. } = answer;
        redactor.learn(&token);
        if !told.reads() {
            let found = told.scopes.unwrap_or_default().join(" ");
            return Err(TokenError::Scopes { uri: uri.clone(), found });
        }
        *grant.lock().unwrap_or_else(PoisonError::into_inner) = told;
        *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(token.clone()));
        // Bounded, because an `Instant` cannot hold every number that an endpoint can say.
        let lifetime = Duration::from_secs(expires_in.min(24 * 3600));
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
