//! What opens the mailbox, and where it is, as the environment says it.
//!
//! | variable | what it is |
//! |---|---|
//! | `GMAIL_CREDENTIAL` | a refresh token, or the text of a credential file, see [`Credential::parse`] |
//! | `GMAIL_CLIENT_ID`, `GMAIL_CLIENT_SECRET` | the OAuth client of the refresh token, if that file does not have it |
//! | `GMAIL_SUBJECT` | the address of the mailbox, for a service account and nobody else |
//! | `GMAIL_UNITS_PER_MINUTE` | units of Gmail's quota that this process uses at most in any minute: 60 to 15000; 750 without it |
//! | `GMAIL_API_ROOT`, `GMAIL_TOKEN_URI`, `GMAIL_AUTH_URI` | the API, the token endpoint and the page of consent, if not Google's |

use super::{Credential, GmailConfig, gmail::GOOGLE_TOKEN_URI, login::Endpoints};
use crate::{config::Settings, secret::Secret};

/// What Google asks of whoever may read less than this, and grants to whoever is oldest.
const UNITS: std::ops::RangeInclusive<u32> = 60..=15_000;

/// What is sent there must not be read on the way.
const SECRETS: &str = "expected an https address: secrets are sent there";

/// The settings of a mailbox.
#[derive(Clone, Debug)]
pub struct GmailSettings {
    /// What opens it.
    pub credential: Credential,
    /// Where Gmail's API is, if not at Google; without a slash at the end.
    pub api_root: Option<String>,
    /// Where access tokens come from, if neither at Google nor where the credential says.
    pub token_uri: Option<String>,
    /// Units of quota for this process in any minute, if somebody has said.
    pub units_per_minute: Option<u32>,
}

/// What makes a credential; all of it may be missing.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// The OAuth client's id.
    pub client_id: Option<String>,
    /// The OAuth client's secret.
    pub client_secret: Option<Secret>,
    /// Where the page of consent is, if not at Google.
    pub auth_uri: Option<String>,
    /// Where a code is exchanged, if not at Google.
    pub token_uri: Option<String>,
}

impl GmailSettings {
    /// Reads the variables of the table above. `None` if there is a problem, or if no credential is set; that is a
    /// problem if one is `wanted`.
    pub fn read(settings: &mut Settings<'_>, wanted: bool) -> Option<Self> {
        let LoginSettings { client_id, client_secret, auth_uri: _, token_uri } =
            LoginSettings::read(settings);
        let api_root = settings.base_url("GMAIL_API_ROOT");
        let subject = settings.optional("GMAIL_SUBJECT");
        let units = settings.optional("GMAIL_UNITS_PER_MINUTE");
        let units_per_minute =
            units.as_ref().and_then(|text| text.parse().ok()).filter(|it| UNITS.contains(it));
        if units.is_some() && units_per_minute.is_none() {
            let (least, most) = (UNITS.start(), UNITS.end());
            let found = format!("expected a whole number from {least} to {most}");
            let remedy = "correct it, or unset it for 750, an eighth of what Google grants a user";
            settings.problem("GMAIL_UNITS_PER_MINUTE", found, remedy);
        }
        let Some(text) = settings.optional_secret("GMAIL_CREDENTIAL") else {
            if wanted {
                let remedy = "set the refresh token of the test mailbox; `canaries gmail login` makes one";
                settings.missing("GMAIL_CREDENTIAL", remedy);
            }
            return None;
        };
        let (id, subject) = (client_id.as_deref(), subject.as_deref());
        match Credential::parse(text.expose(), id, client_secret.as_ref(), subject) {
            Ok(credential) => Some(Self { credential, api_root, token_uri, units_per_minute }),
            Err(problem) => {
                // One sentence: what is wrong; and what to do about it.
                let (found, remedy) =
                    problem.split_once("; ").unwrap_or((&problem, "correct the credential"));
                settings.problem("GMAIL_CREDENTIAL", found, remedy);
                None
            }
        }
    }

    /// The mailbox that they describe.
    #[must_use]
    pub fn config(self, tls: rustls::ClientConfig) -> GmailConfig {
        let Self { credential, api_root, token_uri, units_per_minute } = self;
        let mut config = GmailConfig::new(credential, tls);
        if let Some(root) = api_root {
            config.api_root = format!("{}/", root.trim_end_matches('/'));
        }
        config.token_uri = token_uri.unwrap_or(config.token_uri);
        config.units_per_minute = units_per_minute.unwrap_or(config.units_per_minute);
        config
    }
}

impl LoginSettings {
    /// Reads the variables of the table above that name a client and where it asks.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let mut endpoint = |name| {
            let uri = settings.optional(name);
            if uri.as_ref().is_some_and(|it| !it.starts_with("https://")) {
                settings.problem(name, SECRETS, "correct it, or unset it to use Google's");
            }
            uri
        };
        let (auth_uri, token_uri) = (endpoint("GMAIL_AUTH_URI"), endpoint("GMAIL_TOKEN_URI"));
        Self {
            client_id: settings.optional("GMAIL_CLIENT_ID"),
            client_secret: settings.optional_secret("GMAIL_CLIENT_SECRET"),
            auth_uri,
            token_uri,
        }
    }

    /// Where the user and the code go.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            auth: self.auth_uri.clone().unwrap_or_else(|| super::login::GOOGLE_AUTH_URI.to_owned()),
            token: self.token_uri.clone().unwrap_or_else(|| GOOGLE_TOKEN_URI.to_owned()),
        }
    }
}
