//! How a user lets the canaries into a mailbox: as an installed application, by way of a browser on the same machine
//! (RFC 8252), with a proof that who brings the code is who asked for it (PKCE, RFC 7636).
//!
//! This is what is asked and what is made of the answer; who listens for the browser is no matter of it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::{
    credential::UserCredential,
    token::{self, Grant, READONLY, TokenError},
    trouble::token_trouble,
};
use crate::{clock::Clock, secret::Secret};

/// Google's own page of consent.
pub const GOOGLE_AUTH_URI: &str = "https://accounts.google.com/o/oauth2/v2/auth";

/// Where the user and the code go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The page of consent.
    pub auth: String,
    /// Where a code is exchanged.
    pub token: String,
}

/// One consent that was asked for.
pub struct Login {
    client_id: String,
    client_secret: Secret,
    endpoints: Endpoints,
    redirect_uri: String,
    /// Shown with the code; its hash has gone with the question.
    verifier: Secret,
    /// Comes back with the answer, so that nobody else's is taken for it.
    state: Secret,
}

/// What the browser brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// The answer to some other question, or none.
    Foreign,
    /// The user, or Google, says no, in OAuth's word for it.
    Denied(String),
    /// The code, to be exchanged within minutes.
    Code(Secret),
}

/// What a user has granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// What opens the mailbox from now on.
    pub credential: UserCredential,
    /// What it is good for, and how long.
    pub grant: Grant,
}

/// Why a code was not exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginError {
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Who is to do it.
    pub whose: Whose,
}

/// Whose fault it is that a code was not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The client, or its settings, are wrong.
    Ours,
    /// The user has not granted what is needed.
    User,
    /// The endpoint does not answer as it should.
    Endpoint,
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

impl std::error::Error for LoginError {}

impl Login {
    /// A consent to be asked for; the browser comes back to `redirect_uri`, an address on this machine.
    #[must_use]
    pub fn new(client_id: String, client_secret: Secret, endpoints: Endpoints, redirect_uri: String) -> Self {
        // 43 characters, which is what a verifier must have at least.
        let (verifier, state) = (Secret::new(random::<32>()), Secret::new(random::<16>()));
        Self { client_id, client_secret, endpoints, redirect_uri, verifier, state }
    }

    /// Everything that must not be shown by others, as far as it is known now.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        [self.client_secret.expose().as_str(), self.verifier.expose().as_str()].into_iter()
    }

    /// Where the user says yes.
    ///
    /// # Errors
    /// If the endpoint is no address.
    pub fn address(&self) -> Result<String, LoginError> {
        let mut url = Url::parse(&self.endpoints.auth).map_err(|_| LoginError {
            message: "expected the page of consent to be an address".to_owned(),
            remedy: "correct `GMAIL_AUTH_URI` or the file of client secrets".to_owned(),
            whose: Whose::Ours,
        })?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()));
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", READONLY)
            // Without both there is no refresh token.
            .append_pair("access_type", "offline")
            .append_pair("prompt", "consent")
            .append_pair("state", self.state.expose())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// What the browser brings, by path and query of the address that it asks for.
    #[must_use]
    pub fn returned(&self, target: &str) -> Returned {
        let Ok(url) = Url::parse(&self.redirect_uri).and_then(|base| base.join(target)) else {
            return Returned::Foreign;
        };
        let one = |wanted: &str| {
            let mut values =
                url.query_pairs().filter(|(name, _)| name == wanted).map(|(_, it)| it.into_owned());
            let value = values.next();
            value.filter(|_| values.next().is_none())
        };
        let is_root = url.path() == "/";
        if !is_root || one("state").is_none_or(|state| state != *self.state.expose()) {
            return Returned::Foreign;
        }
        match (one("error"), one("code")) {
            (Some(error), _) => Returned::Denied(error),
            (None, Some(code)) if !code.is_empty() => Returned::Code(Secret::new(code)),
            (None, _) => Returned::Foreign,
        }
    }

    /// Exchanges the code, once.
    ///
    /// # Errors
    /// If there is no refresh token that reads mail in exchange.
    pub async fn exchange(&self, code: &Secret, tls: rustls::ClientConfig) -> Result<Granted, LoginError> {
        let Self { client_id, client_secret, endpoints, redirect_uri, verifier, state: _ } = self;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("client_id", client_id),
            ("client_secret", client_secret.expose()),
            ("code_verifier", verifier.expose()),
        ];
        let now = Clock::system().now();
        let answer = token::ask(&token::client(tls), &endpoints.token, &form).await;
        let answer = answer.map_err(|error| refused(&error))?;
        let grant = answer.grant(now);
        if !grant.reads() {
            let scopes = grant.scopes.unwrap_or_default().join(" ");
            return Err(LoginError {
                message: format!("expected to be allowed to read mail, got these scopes: {scopes}"),
                remedy: "log in again, and tick the box that lets mail be viewed".to_owned(),
                whose: Whose::User,
            });
        }
        let refresh_token =
            answer.refresh_token.filter(|token| !token.is_empty()).ok_or_else(|| LoginError {
                message: format!(
                    "expected a refresh token, got an answer without one from {}",
                    endpoints.token
                ),
                remedy:
                    "remove the application's access in the settings of the user's account, and log in again"
                        .to_owned(),
                whose: Whose::User,
            })?;
        let token_uri = (endpoints.token != super::GOOGLE_TOKEN_URI).then(|| endpoints.token.clone());
        let credential = UserCredential {
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            refresh_token: Secret::new(refresh_token),
            token_uri,
        };
        Ok(Granted { credential, grant })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

fn refused(error: &TokenError) -> LoginError {
    let message = format!("expected a refresh token, got {error}");
    let (remedy, whose) = match error {
        TokenError::Refused { error, .. } if error == "invalid_grant" => {
            ("log in again: a code is good once, and for some minutes only".to_owned(), Whose::Ours)
        }
        TokenError::Refused { error, .. } if error == "redirect_uri_mismatch" => (
            "use an OAuth client of the type \"Desktop app\"; others may not come back to this machine"
                .to_owned(),
            Whose::Ours,
        ),
        TokenError::Refused { .. } | TokenError::Scopes { .. } | TokenError::Key => {
            (token_trouble(error).remedy().to_owned(), Whose::Ours)
        }
        TokenError::Unreachable { .. } | TokenError::Broken { .. } => {
            (token_trouble(error).remedy().to_owned(), Whose::Endpoint)
        }
    };
    LoginError { message, remedy, whose }
}

/// `N` bytes that nobody can guess, as text.
fn random<const N: usize>() -> String {
    let mut bytes = [0; N];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).expect("the machine has a random source");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// In how many days a grant ends, if that is known: at least, in whole days.
#[must_use]
pub fn days_left(ends: Timestamp, now: Timestamp) -> i64 {
    let day = SignedDuration::from_hours(24).as_secs();
    ends.duration_since(now).as_secs().max(0) / day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        let endpoints = Endpoints { auth: GOOGLE_AUTH_URI.to_owned(), token: "https://t/token".to_owned() };
        Login::new(
            "id".to_owned(),
            Secret::new("cs".to_owned()),
            endpoints,
            "http://127.0.0.1:4711/".to_owned(),
        )
    }

    fn parameter(address: &str, name: &str) -> String {
        let url = Url::parse(address).unwrap();
        let values: Vec<_> = url.query_pairs().filter(|(key, _)| key == name).collect();
        assert_eq!(values.len(), 1, "{name} in {address}");
        values[0].1.clone().into_owned()
    }

    #[test]
    fn the_address_asks_for_a_refresh_token_that_reads_and_no_more() {
        let login = login();
        let address = login.address().unwrap();
        assert!(address.starts_with("https://accounts.google.com/o/oauth2/v2/auth?"), "{address}");
        for (name, value) in [
            ("client_id", "id"),
            ("redirect_uri", "http://127.0.0.1:4711/"),
            ("response_type", "code"),
            ("scope", "https://www.googleapis.com/auth/gmail.readonly"),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(parameter(&address, name), value);
        }
        let verifier = login.verifier.expose();
        assert!(verifier.len() >= 43 && !address.contains(verifier), "{address}");
        let hash = URL_SAFE_NO_PAD.decode(parameter(&address, "code_challenge")).unwrap();
        assert_eq!(hash, Sha256::digest(verifier).to_vec());
        assert!(!format!("{login:?}").contains(verifier));
        let other = self::login();
        assert_ne!(parameter(&other.address().unwrap(), "state"), parameter(&address, "state"));
        assert_ne!(other.verifier, login.verifier);
    }

    #[test]
    fn only_the_answer_to_this_question_is_taken() {
        let login = login();
        let state = login.state.expose();
        let code = |text: &str| Returned::Code(Secret::new(text.to_owned()));
        for (target, expected) in [
            (format!("/?state={state}&code=4%2F0abc&scope=x"), code("4/0abc")),
            (format!("/?error=access_denied&state={state}"), Returned::Denied("access_denied".to_owned())),
            (
                format!("/?error=access_denied&code=4%2F0abc&state={state}"),
                Returned::Denied("access_denied".to_owned()),
            ),
            ("/?code=4%2F0abc".to_owned(), Returned::Foreign),
            ("/?state=other&code=4%2F0abc".to_owned(), Returned::Foreign),
            (format!("/?state={state}&state=other&code=x"), Returned::Foreign),
            (format!("/?state={state}&code=x&code=y"), Returned::Foreign),
            (format!("/?state={state}&code="), Returned::Foreign),
            (format!("/?state={state}"), Returned::Foreign),
            (format!("/favicon.ico?state={state}&code=x"), Returned::Foreign),
            ("/?error=access_denied".to_owned(), Returned::Foreign),
            ("//[".to_owned(), Returned::Foreign),
            (String::new(), Returned::Foreign),
        ] {
            assert_eq!(login.returned(&target), expected, "{target}");
        }
    }

    #[test]
    fn whole_days_are_counted() {
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let after = |hours| now + SignedDuration::from_hours(hours);
        assert_eq!((days_left(after(7 * 24), now), days_left(after(47), now)), (7, 1));
        assert_eq!(days_left(after(-47), now), 0);
    }
}
