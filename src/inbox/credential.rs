//! What opens the mailbox, read from the text of one variable.
//!
//! People paste what their tools gave them: a bare refresh token, or a whole credential file, of which every tool has
//! a form of its own. Whatever is wrong with it is said without repeating any of it.

mod client;
mod file;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::client::ClientSecrets;
use self::file::File;
use crate::secret::Secret;

/// What opens a mailbox.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The mailbox's user has let an OAuth client in.
    User(UserCredential),
    /// The administrator of the mailbox's domain lets a service account in, in the user's name.
    ServiceAccount(ServiceAccount),
}

/// A refresh token and the OAuth client that it belongs to.
#[derive(Clone, Debug)]
pub struct UserCredential {
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: Secret,
    /// What access tokens are made from.
    pub refresh_token: Secret,
    /// The token endpoint, if the credential names one that is not Google's.
    pub token_uri: Option<String>,
}

/// A service account to which domain-wide authority was delegated.
#[derive(Clone)]
pub struct ServiceAccount {
    /// Its name, which looks like an address.
    pub client_email: String,
    /// Its numeric id, by which the administrator lets it in; if the key file has it.
    pub client_id: Option<String>,
    /// Its RSA key, as PEM.
    pub private_key: Secret,
    /// Which of its keys that is, if the key file says so.
    pub private_key_id: Option<String>,
    /// The address of the mailbox that it reads.
    pub subject: String,
    /// The token endpoint, if the key file names one that is not Google's.
    pub token_uri: Option<String>,
}

impl Credential {
    /// Reads `GMAIL_CREDENTIAL`: a refresh token, or the text of a credential file.
    ///
    /// The files of gcloud (`authorized_user`), Python (`token.json`, oauth2client), Node and Ruby (both of its
    /// libraries) hold a refresh token. The OAuth client comes from that file, or from `GMAIL_CLIENT_ID` and
    /// `GMAIL_CLIENT_SECRET`. The key file of a service account needs `GMAIL_SUBJECT` beside it: the address of the
    /// mailbox. Endpoints that Google has given up are replaced by the present one.
    ///
    /// ```
    /// use coalmine::{Secret, inbox::Credential};
    ///
    /// let secret = Secret::new("GOCSPX-abc".to_owned());
    /// let id = "123.apps.googleusercontent.com";
    /// let credential = Credential::parse("1//0abc", Some(id), Some(&secret), None)?;
    /// let Credential::User(user) = credential else { panic!("no service account") };
    /// assert_eq!(user.refresh_token.expose(), "1//0abc");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// One sentence with its remedy behind a semicolon, without any part of a value.
    pub fn parse(
        text: &str,
        client_id: Option<&str>,
        client_secret: Option<&Secret>,
        subject: Option<&str>,
    ) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let subject = subject.map(str::trim).filter(|subject| !subject.is_empty());
        let (in_file, refresh_token) = match file::read(text)? {
            Some(File::ServiceAccount(key)) => return key.delegated(subject).map(Self::ServiceAccount),
            Some(File::User(file)) => {
                let token = file.refresh_token.clone();
                let missing = "`GMAIL_CREDENTIAL` has no `refresh_token`; authorise again with `access_type=offline` \
                               and `prompt=consent`, as `canaries gmail login` does, otherwise Google gives none";
                (file, token.ok_or(missing)?)
            }
            None => (file::Grant::default(), Secret::new(bare(text)?.to_owned())),
        };
        if subject.is_some() {
            return Err("`GMAIL_SUBJECT` is set, and `GMAIL_CREDENTIAL` is a user's own, whose mailbox needs no naming; \
                        unset `GMAIL_SUBJECT`"
                .into());
        }
        let given = client_secret.map(|it| it.expose().as_str());
        let found = in_file.client_secret.as_ref().map(|it| it.expose().as_str());
        let client_id = one("GMAIL_CLIENT_ID", "client_id", client_id, in_file.client_id.as_deref())?;
        let client_secret = one("GMAIL_CLIENT_SECRET", "client_secret", given, found)?;
        Ok(Self::User(UserCredential {
            client_id: client_id.to_owned(),
            client_secret: Secret::new(client_secret.to_owned()),
            refresh_token,
            token_uri: in_file.token_uri,
        }))
    }

    /// The token endpoint, if the credential names one that is not Google's.
    #[must_use]
    pub fn token_uri(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.token_uri.as_deref(),
            Self::ServiceAccount(account) => account.token_uri.as_deref(),
        }
    }

    /// Everything in it that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets: Vec<&str> = match self {
            Self::User(UserCredential { client_secret, refresh_token, .. }) => {
                vec![client_secret.expose(), refresh_token.expose()]
            }
            Self::ServiceAccount(ServiceAccount { private_key, .. }) => {
                // The lines by themselves as well: whoever shows a key shows it line by line.
                let lines = private_key.expose().lines().filter(|line| !line.starts_with('-'));
                [private_key.expose().as_str()].into_iter().chain(lines).collect()
            }
        };
        secrets.into_iter()
    }
}

impl From<UserCredential> for Credential {
    fn from(user: UserCredential) -> Self {
        Self::User(user)
    }
}

impl From<ServiceAccount> for Credential {
    fn from(account: ServiceAccount) -> Self {
        Self::ServiceAccount(account)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("client_email", &self.client_email)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

fn bare(text: &str) -> Result<&str, String> {
    let problem = match text {
        "" => "`GMAIL_CREDENTIAL` is empty; give a refresh token or a credential file's text",
        _ if text.starts_with("ya29.") => {
            "`GMAIL_CREDENTIAL` is an access token, which lasts an hour; give the refresh token instead"
        }
        _ if text.starts_with("4/") => {
            "`GMAIL_CREDENTIAL` is the code of a consent, which is good once; exchange it for a refresh token, as \
             `canaries gmail login` does, and give that"
        }
        _ if text.starts_with(['/', '.', '~']) || text.ends_with(".json") || text.ends_with(".yaml") => {
            "`GMAIL_CREDENTIAL` looks like a path; give the file's content, or its path in `GMAIL_CREDENTIAL_FILE`"
        }
        _ if text.chars().any(|c| !c.is_ascii_graphic()) => {
            "`GMAIL_CREDENTIAL` is neither a refresh token, which is one word, nor a credential file; paste it again"
        }
        _ => return Ok(text),
    };
    Err(problem.to_owned())
}

/// A value that a variable or the file gives. A refresh token works with its own client only, so two that differ
/// are a mistake that Google would answer with a riddle.
fn one<'v>(
    variable: &str,
    name: &str,
    given: Option<&'v str>,
    in_file: Option<&'v str>,
) -> Result<&'v str, String> {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    match (given, in_file) {
        (Some(given), Some(in_file)) if given != in_file => Err(format!(
            "`{variable}` differs from `{name}` in `GMAIL_CREDENTIAL`, and a refresh token works with its own client \
             only; unset `{variable}`"
        )),
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => Err(format!(
            "`{variable}` is missing; set it to the `{name}` of the OAuth client that made `GMAIL_CREDENTIAL`"
        )),
    }
}
