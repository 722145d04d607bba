//! The file of client secrets, as Google's console gives it for an OAuth client.

use serde::{Deserialize, de::IgnoredAny};

use super::file::elsewhere;
use crate::secret::Secret;

/// An installed application's OAuth client: what may ask a user to be let in.
#[derive(Clone, Debug)]
pub struct ClientSecrets {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The page of consent, if it is not Google's.
    pub auth_uri: Option<String>,
    /// The token endpoint, if it is not Google's.
    pub token_uri: Option<String>,
}

#[derive(Deserialize)]
struct File {
    installed: Option<Client>,
    web: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Client {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    auth_uri: String,
    #[serde(default)]
    token_uri: String,
}

impl ClientSecrets {
    /// Reads the file's text. Endpoints that Google has given up are replaced by the present ones.
    ///
    /// # Errors
    /// One sentence with its remedy behind a semicolon, without any part of a value.
    pub fn parse(text: &str) -> Result<Self, String> {
        const ANOTHER: &str =
            "make an OAuth client of the type \"Desktop app\" in Google's console and download its file";
        let file = serde_json::from_str(text.trim_start_matches('\u{feff}'));
        let client = match file {
            Ok(File { installed: Some(client), .. }) => client,
            Ok(File { installed: None, web: Some(IgnoredAny) }) => {
                return Err(format!(
                    "it is a web application's, which may not come back to this machine; {ANOTHER}"
                ));
            }
            Ok(File { installed: None, web: None }) | Err(_) => {
                return Err(format!("it is no file of client secrets; {ANOTHER}"));
            }
        };
        let Client { client_id, client_secret, auth_uri, token_uri } = client;
        if client_id.is_empty() || client_secret.is_empty() {
            return Err(format!("there is no id or no secret in it; {ANOTHER}"));
        }
        let endpoint = |name: &str, uri| {
            elsewhere(uri)
                .map_err(|_| format!("`{name}` in it is no https address; remove it to use Google's"))
        };
        Ok(Self {
            client_id,
            client_secret: Secret::new(client_secret),
            auth_uri: endpoint("auth_uri", auth_uri)?,
            token_uri: endpoint("token_uri", token_uri)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_application_is_taken_and_its_old_endpoints_are_not() {
        let text = r#"{"installed":{"client_id":"id","project_id":"p","auth_uri":"https://accounts.google.com/o/oauth2/auth",
            "token_uri":"https://accounts.google.com/o/oauth2/token","client_secret":"marker",
            "redirect_uris":["urn:ietf:wg:oauth:2.0:oob","http://localhost"]}}"#;
        let client = ClientSecrets::parse(text).unwrap();
        assert_eq!((client.client_id.as_str(), client.client_secret.expose().as_str()), ("id", "marker"));
        assert_eq!((client.auth_uri, client.token_uri), (None, None));
        let text =
            r#"{"installed":{"client_id":"id","auth_uri":"https://sso.test/auth","client_secret":"s"}}"#;
        assert_eq!(ClientSecrets::parse(text).unwrap().auth_uri.as_deref(), Some("https://sso.test/auth"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (text, says) in [
            ("marker", "no file of client secrets"),
            (r#"{"type":"marker"}"#, "no file of client secrets"),
            (r#"{"installed":{"client_id":"marker"}}"#, "no file of client secrets"),
            (r#"{"web":{"client_secret":"marker"}}"#, "a web application's"),
            (r#"{"installed":{"client_id":"","client_secret":"marker"}}"#, "no id or no secret"),
            (
                r#"{"installed":{"client_id":"a","client_secret":"marker","token_uri":"http://marker/"}}"#,
                "`token_uri` in it",
            ),
        ] {
            let error = ClientSecrets::parse(text).unwrap_err();
            assert!(error.contains(says) && error.contains("; "), "{error}");
            assert!(!error.contains("marker"), "{error}");
        }
    }
}
