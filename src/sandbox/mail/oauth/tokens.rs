//! Which grants there are, and which access tokens are out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Fields, Refusal, assertion, field, scopes, secret};
use crate::clock::Clock;

/// How long the code of a consent can be exchanged \[M\].
const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// Who may get access tokens, and which are out.
pub(in crate::mail) struct Tokens {
    pub(super) rules: Rules,
    state: Mutex<Issued>,
}

/// What the project, the user and the administrator have settled before anybody asks.
pub(in crate::mail) struct Rules {
    pub(in crate::mail) clock: Clock,
    pub(in crate::mail) client_id: String,
    pub(in crate::mail) client_secret: String,
    /// Whose mail it is; the only subject that a service account can name.
    pub(in crate::mail) mailbox: String,
    /// What the user grants to the client, and the administrator to the service account.
    pub(in crate::mail) scopes: Vec<String>,
    /// How long an access token lasts.
    pub(in crate::mail) lifetime: SignedDuration,
    /// How long a grant lasts; for ever if `None`.
    pub(in crate::mail) grant_lifetime: Option<SignedDuration>,
}

#[derive(Default)]
struct Issued {
    /// By refresh token.
    grants: HashMap<String, Grant>,
    /// By code, each with the instant at which that ends.
    consents: HashMap<String, (Consent, Timestamp)>,
    /// By access token.
    access: HashMap<String, Access>,
}

#[derive(Clone)]
struct Grant {
    scopes: Vec<String>,
    until: Option<Timestamp>,
}

/// What a user has agreed to, until it is exchanged for tokens.
pub(super) struct Consent {
    pub(super) scopes: Vec<String>,
    pub(super) redirect_uri: String,
    /// The SHA-256 of what the client will show, if it has sent one.
    pub(super) challenge: Option<String>,
    /// Whether a refresh token was asked for in the way that gives one.
    pub(super) offline: bool,
}

struct Access {
    until: Timestamp,
    scopes: Vec<String>,
    of: Source,
}

/// What an access token came of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A grant of the mailbox's user.
    User,
    /// A service account in the name of the mailbox's user.
    Delegation,
    /// A service account in its own name, which has no mailbox.
    Itself,
}

/// What the token endpoint answers.
#[derive(Serialize)]
pub(super) struct Answer {
    access_token: String,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    token_type: &'static str,
    /// Only of a grant that ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
}

impl Tokens {
    /// The user has granted `refresh_token` to the client already.
    pub(in crate::mail) fn new(rules: Rules, refresh_token: String) -> Tokens {
        let tokens = Tokens { state: Mutex::default(), rules };
        let grant = tokens.grant(tokens.rules.scopes.clone());
        tokens.lock().grants.insert(refresh_token, grant);
        tokens
    }

    /// Ends all that the user has granted, and every access token that came of it. What a service account does in
    /// the user's name goes on.
    pub(in crate::mail) fn revoke(&self) {
        let mut issued = self.lock();
        issued.grants.clear();
        issued.consents.clear();
        issued.access.retain(|_, access| access.of != Source::User);
    }

    /// What `access_token` is good for now; `None` if it is none that is good.
    pub(in crate::mail) fn scopes(&self, access_token: &str) -> Option<Vec<String>> {
        let now = self.rules.clock.now();
        let issued = self.lock();
        issued
            .access
            .get(access_token)
            .filter(|access| now < access.until)
            .map(|access| access.scopes.clone())
    }

    /// Whether there is a mailbox behind `access_token`; a service account has none of its own.
    pub(in crate::mail) fn has_mailbox(&self, access_token: &str) -> bool {
        self.lock().access.get(access_token).is_some_and(|access| access.of != Source::Itself)
    }

    /// A code for what the user has agreed to.
    pub(super) fn agree(&self, consent: Consent) -> String {
        let code = format!("4/0{}", secret::<48>());
        let until = self.rules.clock.now().checked_add(CODE_LIFETIME).unwrap_or(Timestamp::MAX);
        self.lock().consents.insert(code.clone(), (consent, until));
        code
    }

    /// Tokens for the right form.
    pub(super) fn exchange(&self, form: &Fields) -> Result<Answer, Refusal> {
        match field(form, "grant_type")? {
            "refresh_token" => self.refresh(form),
            "authorization_code" => self.redeem(form),
            assertion::GRANT_TYPE => self.believe(form),
            other => Err(Refusal::bad("unsupported_grant_type", format!("Invalid grant_type: {other}"))),
        }
    }

    fn refresh(&self, form: &Fields) -> Result<Answer, Refusal> {
        self.client(form)?;
        let refresh_token = field(form, "refresh_token")?;
        let now = self.rules.clock.now();
        let grant = self.lock().grants.get(refresh_token).cloned();
        let grant = grant
            .filter(|grant| grant.until.is_none_or(|until| now < until))
            .ok_or_else(|| Refusal::invalid_grant("Token has been expired or revoked."))?;
        // A client may ask for less than it was granted, not for more.
        let wanted = form.get("scope").map(|text| scopes(text)).filter(|wanted| !wanted.is_empty());
        let scopes = wanted.unwrap_or_else(|| grant.scopes.clone());
        if !scopes.iter().all(|scope| grant.scopes.contains(scope)) {
            return Err(Refusal::bad("invalid_scope", "Bad Request"));
        }
        Ok(Answer { refresh_token_expires_in: self.left(&grant), ..self.issue(scopes, Source::User) })
    }

    /// The code of a consent, for a client that shows what it has sent the hash of.
    fn redeem(&self, form: &Fields) -> Result<Answer, Refusal> {
        self.client(form)?;
        let (code, redirect_uri) = (field(form, "code")?, field(form, "redirect_uri")?);
        // Whatever comes of it, a code is good once.
        let consent = self.lock().consents.remove(code);
        let now = self.rules.clock.now();
        let (consent, _) = consent
            .filter(|(_, until)| now < *until)
            .ok_or_else(|| Refusal::invalid_grant("Malformed auth code."))?;
        if consent.redirect_uri != redirect_uri {
            return Err(Refusal::bad("redirect_uri_mismatch", "Bad Request"));
        }
        let verifier = form.get("code_verifier").filter(|verifier| !verifier.is_empty());
        match (&consent.challenge, verifier) {
            (Some(challenge), Some(verifier))
                if *challenge != URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) =>
            {
                return Err(Refusal::invalid_grant("Invalid code verifier."));
            }
            (Some(_), None) => return Err(Refusal::invalid_grant("Missing code verifier.")),
            (Some(_) | None, _) => {}
        }
        let answer = self.issue(consent.scopes.clone(), Source::User);
        if !consent.offline {
            return Ok(answer);
        }
        let refresh_token = format!("1//0{}", secret::<72>());
        let grant = self.grant(consent.scopes);
        let left = self.left(&grant);
        self.lock().grants.insert(refresh_token.clone(), grant);
        Ok(Answer { refresh_token: Some(refresh_token), refresh_token_expires_in: left, ..answer })
    }

    /// The signed word of the service account.
    fn believe(&self, form: &Fields) -> Result<Answer, Refusal> {
        let claims = assertion::verify(field(form, "assertion")?, self.rules.clock.now())?;
        let source = match claims.subject {
            None => Source::Itself,
            Some(subject) if !subject.eq_ignore_ascii_case(&self.rules.mailbox) => {
                return Err(Refusal::invalid_grant("Invalid email or User ID"));
            }
            Some(_) if !claims.scopes.iter().all(|scope| self.rules.scopes.contains(scope)) => {
                return Err(Refusal::unauthorized(
                    "unauthorized_client",
                    "Client is unauthorized to retrieve access tokens using this method, or client not \
                     authorized for any of the scopes requested.",
                ));
            }
            Some(_) => Source::Delegation,
        };
        // Who signs knows what it has asked for, and is not told again [M].
        Ok(Answer { scope: None, ..self.issue(claims.scopes, source) })
    }

    fn client(&self, form: &Fields) -> Result<(), Refusal> {
        if field(form, "client_id")? != self.rules.client_id {
            return Err(Refusal::unauthorized("invalid_client", "The OAuth client was not found."));
        }
        if field(form, "client_secret")? != self.rules.client_secret {
            return Err(Refusal::unauthorized("invalid_client", "The provided client secret is invalid."));
        }
        Ok(())
    }

    fn issue(&self, scopes: Vec<String>, of: Source) -> Answer {
        let Rules { clock, lifetime, .. } = &self.rules;
        let now = clock.now();
        let until = now.checked_add(*lifetime).unwrap_or(Timestamp::MAX);
        let access_token = format!("ya29.{}", secret::<96>());
        let scope = scopes.join(" ");
        let mut issued = self.lock();
        issued.access.retain(|_, access| now < access.until);
        issued.access.insert(access_token.clone(), Access { until, scopes, of });
        Answer {
            access_token,
            // Google says a second less than it grants [T].
            expires_in: lifetime.as_secs() - 1,
            refresh_token: None,
            scope: Some(scope),
            token_type: "Bearer",
            refresh_token_expires_in: None,
        }
    }

    fn grant(&self, scopes: Vec<String>) -> Grant {
        let now = self.rules.clock.now();
        let until = self.rules.grant_lifetime.map(|it| now.checked_add(it).unwrap_or(Timestamp::MAX));
        Grant { scopes, until }
    }

    /// The seconds that are left of a grant that ends.
    fn left(&self, grant: &Grant) -> Option<i64> {
        grant.until.map(|until| until.duration_since(self.rules.clock.now()).as_secs())
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
