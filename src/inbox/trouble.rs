//! What can be wrong with the mail API, in kinds that decide what to do, and in words that say it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::token::TokenError;
use crate::{failure::Failure, verdict::Cause};

/// Why a call gave nothing.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// What came instead, as the end of a sentence that begins with "got".
    text: String,
    remedy: &'static str,
}

/// What to do about a [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing helps but a person.
    Fatal,
    /// The access token was refused.
    Unauthorized,
    /// There is no such thing, or not yet.
    NotFound,
    /// Too many calls; the API may say until when.
    Busy(Option<Timestamp>),
    /// It may be over the next time.
    Passing,
}

impl Trouble {
    pub(super) fn new(kind: Kind, text: impl Into<String>, remedy: &'static str) -> Self {
        Self { kind, text: text.into(), remedy }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// What a step makes of it: nobody can tell whether the mail came.
    pub(super) fn failure(&self) -> Failure {
        let message = format_args!("expected to read the mailbox, got {}", self.text);
        Failure::of(Cause::MailProvider, message).remedy(self.remedy)
    }
}

/// What to do about a quota that is used up.
pub(super) const QUOTA: &str = "wait until the quota is free again; lower `GMAIL_UNITS_PER_MINUTE`, or give the \
                                canaries a mailbox of their own";

/// What to do while the API is down.
pub(super) const OUT_OF_ORDER: &str = "wait; the mail API is out of order";

/// What to do if it was not Gmail that answered.
pub(super) const CHECK_ROOT: &str = "check that the API root is Gmail's";

/// What to do about a scope that is too small.
const SCOPE: &str = "make a new refresh token for `GMAIL_CREDENTIAL` that has the scope \
                     https://www.googleapis.com/auth/gmail.readonly";

/// The meaning of an error answer; decided by its reason, because one status stands for several.
pub(super) fn refusal(body: &Value, root: &str) -> Trouble {
    let error = &body["error"];
    let word = |value: &Value| value.as_str().unwrap_or_default().trim_end_matches('.').to_owned();
    let code = error["code"].as_u64().unwrap_or_default();
    let message = word(&error["message"]);
    let mut reasons: Vec<String> = Vec::new();
    for list in [&error["errors"], &error["details"]] {
        reasons.extend(list.as_array().into_iter().flatten().map(|it| word(&it["reason"])));
    }
    let is = |names: &[&str]| reasons.iter().any(|reason| names.contains(&reason.as_str()));
    let reason = reasons.iter().find(|it| !it.is_empty()).cloned().unwrap_or_else(|| word(&error["status"]));
    let text = match code {
        0 => format!("an error that is none of Gmail's from {root}"),
        _ => format!("status {code} `{reason}` ({message}) from {root}"),
    };

    let too_many = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"];
    let is_of_the_day = is(&["dailyLimitExceeded"]);
    if is_of_the_day || is(&too_many) || code == 429 {
        let remedy = match () {
            () if is_of_the_day => {
                "wait until midnight in California, or raise the day's quota of the project of `GMAIL_CLIENT_ID`"
            }
            () if message.contains("concurrent") => "let fewer processes read this mailbox at once",
            () => QUOTA,
        };
        return Trouble::new(Kind::Busy(retry_after(&message)), text, remedy);
    }
    let (kind, remedy) = match code {
        401 => (Kind::Unauthorized, "make a new refresh token for `GMAIL_CREDENTIAL`"),
        404 => (Kind::NotFound, CHECK_ROOT),
        408 | 425 => (Kind::Passing, OUT_OF_ORDER),
        _ if is(&["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"])
            || message.contains("insufficient authentication scopes")
            || message.contains("Metadata scope") =>
        {
            (Kind::Fatal, SCOPE)
        }
        _ if is(&["accessNotConfigured", "SERVICE_DISABLED"]) => {
            (Kind::Fatal, "enable the Gmail API in the project of `GMAIL_CLIENT_ID`")
        }
        _ if is(&["failedPrecondition"]) => (
            Kind::Fatal,
            "use the credential of a user whose account has Gmail switched on; a service account needs that user \
             as its subject",
        ),
        _ if message.contains("Delegation denied") => (
            Kind::Fatal,
            "use a credential of the mailbox's own user, or of a service account that has that user as its subject",
        ),
        400 => (
            Kind::Fatal,
            "the API does not take this call: look whether a proxy rewrites it, and report it as a mistake of the \
             inbox",
        ),
        402..500 => (Kind::Fatal, "check `GMAIL_CREDENTIAL` and the mailbox's account"),
        _ => (Kind::Passing, OUT_OF_ORDER),
    };
    Trouble::new(kind, text, remedy)
}

/// No answer at all.
pub(super) fn silence(root: &str, reason: &str) -> Trouble {
    let text = format!("no answer from {root}: {reason}");
    if is_untrusted(reason) {
        return Trouble::new(Kind::Fatal, text, UNTRUSTED);
    }
    Trouble::new(Kind::Passing, text, "check the network between here and the mail API")
}

/// No answer, but not for long enough to say that there is none.
pub(super) fn impatience(waited: Duration) -> Trouble {
    let text = format!("no answer for {:.1} s", waited.as_secs_f64());
    Trouble::new(
        Kind::Passing,
        text,
        "give the wait more time than one call of the mail API takes; if it has, check the network",
    )
}

/// Mails that came could not be read in time, as that would have cost more than our own share.
pub(super) fn over_budget(unread: usize) -> Trouble {
    let text = match unread {
        0 => "no units left for it in this process's own budget".to_owned(),
        1 => "1 mail that this process's own budget of units was too small for".to_owned(),
        _ => format!("{unread} mails that this process's own budget of units was too small for"),
    };
    Trouble::new(
        Kind::Passing,
        text,
        "raise `GMAIL_UNITS_PER_MINUTE` as far as the other processes on this mailbox allow: Google grants its user \
         6,000",
    )
}

/// Mails that the history names, and that cannot be read yet: any of them could be the one.
pub(super) fn not_yet(count: usize) -> Trouble {
    let mails = if count == 1 { "a mail".to_owned() } else { format!("{count} mails") };
    let text = format!("status 404 for {mails} that its history names");
    let remedy = "give the wait more time: Gmail may name a mail some seconds before it can be read";
    Trouble::new(Kind::NotFound, text, remedy)
}

/// `… Retry after 2026-03-07T18:03:15.961Z`: the only place where Gmail says until when.
fn retry_after(message: &str) -> Option<Timestamp> {
    let (_, rest) = message.split_once("etry after ")?;
    rest.split_whitespace().next()?.trim_end_matches(['.', ',', ')']).parse().ok()
}

/// The meaning of a refusal by the token endpoint.
pub(super) fn token_trouble(error: &TokenError) -> Trouble {
    let (kind, remedy) = match error {
        TokenError::Unreachable { reason, .. } if is_untrusted(reason) => (Kind::Fatal, UNTRUSTED),
        TokenError::Unreachable { .. } => {
            (Kind::Passing, "check the network between here and the token endpoint")
        }
        TokenError::Broken { .. } => (Kind::Passing, "wait; the token endpoint is out of order"),
        TokenError::Refused { error, description, .. } => (Kind::Fatal, oauth_remedy(error, description)),
        TokenError::Scopes { .. } => (Kind::Fatal, SCOPE),
        TokenError::Key => (Kind::Fatal, NEW_KEY),
    };
    Trouble::new(kind, error.to_string(), remedy)
}

/// What to do about a service account that is not known, or not by this key.
const NEW_KEY: &str = "make a new key of the service account for `GMAIL_CREDENTIAL`; look whether the account and its \
                       present key still exist";

/// What to do about a refusal in the words of OAuth.
fn oauth_remedy(error: &str, description: &str) -> &'static str {
    match error {
        "invalid_grant" if description.contains("Invalid JWT Signature") => NEW_KEY,
        "invalid_grant" if description.contains("account not found") => NEW_KEY,
        "invalid_grant" if description.contains("Invalid email or User ID") => {
            "correct `GMAIL_SUBJECT`: it must be the address of a user of the service account's own domain"
        }
        "invalid_grant" if description.contains("JWT") => {
            "correct this machine's clock: a service account signs with its time"
        }
        "invalid_grant" if description.contains("invalid_rapt") => {
            "exempt the mailbox's user from the administrator's session control, and make a new refresh token for \
             `GMAIL_CREDENTIAL`"
        }
        "invalid_grant" => {
            "make a new refresh token for `GMAIL_CREDENTIAL`; it ends with a changed password, when its user or an \
             administrator withdraws it, after six months without use, and after seven days while the consent \
             screen is in testing"
        }
        "invalid_client" => "check `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`",
        "unauthorized_client" => {
            "check `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`; for a service account, allow its numeric client id \
             exactly the scopes asked for, in the Admin console"
        }
        _ => "check `GMAIL_CREDENTIAL`, `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`",
    }
}

/// What to do about a certificate that is not trusted: it will not be in ten seconds either.
const UNTRUSTED: &str =
    "correct the server's certificate; if its authority is private, name its PEM file in COALMINE_CA";

/// Whether a handshake failed on the server's certificate. The libraries hand this out as text only.
fn is_untrusted(reason: &str) -> bool {
    reason.contains("invalid peer certificate")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(code: u16, reason: &str, message: &str) -> Kind {
        let body = json!({ "error": { "code": code, "message": message, "errors": [{ "reason": reason }] } });
        refusal(&body, "https://gmail.test/").kind
    }

    #[test]
    fn the_reason_decides_and_not_the_status() {
        assert_eq!(kind(403, "rateLimitExceeded", "Quota exceeded"), Kind::Busy(None));
        assert_eq!(kind(403, "userRateLimitExceeded", ""), Kind::Busy(None));
        assert_eq!(kind(429, "", "Too many concurrent requests for user"), Kind::Busy(None));
        assert_eq!(kind(403, "insufficientPermissions", ""), Kind::Fatal);
        assert_eq!(kind(403, "accessNotConfigured", ""), Kind::Fatal);
        assert_eq!(kind(400, "failedPrecondition", ""), Kind::Fatal);
        assert_eq!(kind(401, "authError", ""), Kind::Unauthorized);
        assert_eq!(kind(404, "notFound", ""), Kind::NotFound);
        assert_eq!(kind(503, "backendError", ""), Kind::Passing);
        assert_eq!(refusal(&json!("who?"), "https://gmail.test/").kind, Kind::Passing);
    }

    #[test]
    fn the_time_in_the_message_counts() {
        let message = "User-rate limit exceeded.  Retry after 2026-03-07T18:03:15.961Z";
        let until = "2026-03-07T18:03:15.961Z".parse().unwrap();
        assert_eq!(kind(429, "rateLimitExceeded", message), Kind::Busy(Some(until)));
        assert_eq!(kind(429, "rateLimitExceeded", "Retry after tea"), Kind::Busy(None));
    }

    #[test]
    fn every_refusal_has_its_remedy() {
        let refused = |error: &str| {
            let (uri, error) = ("https://t/token".to_owned(), error.to_owned());
            token_trouble(&TokenError::Refused {
                uri,
                error,
                description: "Token has been revoked".to_owned(),
            })
        };
        let failure = refused("invalid_grant").failure();
        assert_eq!(
            failure.message,
            "expected to read the mailbox, got `invalid_grant` (Token has been revoked) from https://t/token"
        );
        assert!(failure.remedy.unwrap().contains("GMAIL_CREDENTIAL"));
        assert!(refused("invalid_client").failure().remedy.unwrap().contains("GMAIL_CLIENT_SECRET"));
        assert_eq!(refused("invalid_client").failure().cause, Cause::MailProvider);
    }
}
