//! What opens the mailbox, read from the text of one variable.
//!
//! People paste what their tools gave them: a bare refresh token, or a whole credential file. Whatever is wrong with
//! it is said without repeating any of it.

use serde_json::{Map, Value};

use crate::secret::Secret;

/// A refresh token and the OAuth client that it belongs to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: Secret,
    /// What access tokens are made from.
    pub refresh_token: Secret,
    /// The token endpoint, if the credential names one.
    pub token_uri: Option<String>,
}

impl Credential {
    /// Reads `GMAIL_CREDENTIAL`: a refresh token, or the JSON text of a credential file (`authorized_user`, or
    /// Python's `token.json`). The client comes from that file, or from `GMAIL_CLIENT_ID` and
    /// `GMAIL_CLIENT_SECRET`.
    ///
    /// ```
    /// use coalmine::{Secret, inbox::Credential};
    ///
    /// let secret = Secret::new("GOCSPX-abc".to_owned());
    /// let credential = Credential::parse("1//0abc", Some("123.apps.googleusercontent.com"), Some(&secret))?;
    /// assert_eq!(credential.refresh_token.expose(), "1//0abc");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// One sentence with its remedy, without any part of the value.
    pub fn parse(
        text: &str,
        client_id: Option<&str>,
        client_secret: Option<&Secret>,
    ) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let file = if text.starts_with(['{', '[']) { Some(read(text)?) } else { None };
        let refresh_token = match &file {
            Some(file) => member(file, "refresh_token")?.ok_or(
                "`GMAIL_CREDENTIAL` has no `refresh_token`; authorise again with `access_type=offline` and \
                 `prompt=consent`, otherwise Google gives none",
            )?,
            None => bare(text)?,
        };
        let in_file = |name| file.as_ref().map_or(Ok(None), |file| member(file, name));
        let secret = client_secret.map(|it| it.expose().as_str());
        let client_id = one("GMAIL_CLIENT_ID", "client_id", client_id, in_file("client_id")?)?;
        let client_secret = one("GMAIL_CLIENT_SECRET", "client_secret", secret, in_file("client_secret")?)?;
        let token_uri = in_file("token_uri")?;
        if token_uri.is_some_and(|uri| !(uri.starts_with("https://") || is_loopback(uri))) {
            return Err(
                "`token_uri` in `GMAIL_CREDENTIAL` is no https address; remove it to use Google's".into()
            );
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            client_secret: Secret::new(client_secret.to_owned()),
            refresh_token: Secret::new(refresh_token.to_owned()),
            token_uri: token_uri.map(str::to_owned),
        })
    }
}

/// The members of a credential file of a kind that holds a refresh token.
fn read(text: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // The error's own text may quote the value.
        let (line, column) = (error.line(), error.column());
        format!(
            "`GMAIL_CREDENTIAL` begins like JSON but is broken at line {line}, column {column}; paste the whole \
             file, unchanged"
        )
    })?;
    let Value::Object(file) = value else {
        return Err(
            "`GMAIL_CREDENTIAL` is JSON but no object; paste a credential file or a refresh token".into()
        );
    };
    match file.get("type").map(Value::as_str) {
        Some(Some("authorized_user")) => return Ok(file),
        Some(Some("service_account")) => {
            return Err("`GMAIL_CREDENTIAL` is the key of a service account, which has no mailbox of its own; give a \
                        refresh token or an `authorized_user` file of the mailbox's user"
                .into());
        }
        Some(_) => {
            return Err("`GMAIL_CREDENTIAL` is a credential of an unknown type; give a refresh token, an \
                        `authorized_user` file or a `token.json`"
                .into());
        }
        None => (),
    }
    if ["installed", "web"].iter().any(|kind| file.contains_key(*kind)) {
        return Err("`GMAIL_CREDENTIAL` is a file of client secrets, which opens no mailbox; put its `client_id` and \
                    `client_secret` into `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`, and give a refresh token here"
            .into());
    }
    Ok(file)
}

fn bare(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Err("`GMAIL_CREDENTIAL` is empty; give a refresh token or a credential file's text".into());
    }
    if text.starts_with("ya29.") {
        return Err(
            "`GMAIL_CREDENTIAL` is an access token, which lasts an hour; give the refresh token instead"
                .into(),
        );
    }
    if text.starts_with(['/', '.', '~']) || text.ends_with(".json") {
        return Err("`GMAIL_CREDENTIAL` looks like a path; give the file's content, or its path in \
                    `GMAIL_CREDENTIAL_FILE`"
            .into());
    }
    if text.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(
            "`GMAIL_CREDENTIAL` is neither a refresh token, which is one word, nor JSON; paste it again"
                .into(),
        );
    }
    Ok(text)
}

/// A member that must be text if it is there; an empty one counts as absent.
fn member<'f>(file: &'f Map<String, Value>, name: &str) -> Result<Option<&'f str>, String> {
    match file.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("`{name}` in `GMAIL_CREDENTIAL` is not text; paste the file unchanged"))
        }
    }
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

fn is_loopback(uri: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| {
        uri.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "1//0marker-refresh";

    fn parse(text: &str, id: Option<&str>, secret: Option<&str>) -> Result<Credential, String> {
        Credential::parse(text, id, secret.map(|it| Secret::new(it.to_owned())).as_ref())
    }

    #[test]
    fn every_kind_with_a_refresh_token_is_read() {
        let authorized = format!(
            r#"{{"type":"authorized_user","client_id":"id","client_secret":"marker-cs","refresh_token":"{TOKEN}",
               "universe_domain":"googleapis.com"}}"#
        );
        let python = format!(
            r#"{{"token":"ya29.x","refresh_token":"{TOKEN}","token_uri":"https://oauth2.googleapis.com/token",
               "client_id":"id","client_secret":"marker-cs","scopes":["a"],"expiry":"2026-01-01T00:00:00Z"}}"#
        );
        for (text, id, secret, uri) in [
            (format!(" {TOKEN}\n"), Some("id"), Some("marker-cs"), None),
            (authorized.clone(), None, None, None),
            (authorized, Some("id"), Some(" marker-cs "), None),
            (python, None, Some(""), Some("https://oauth2.googleapis.com/token")),
            (format!("\u{feff}{{\"refresh_token\":\"{TOKEN}\"}}"), Some("id"), Some("marker-cs"), None),
        ] {
            let credential = parse(&text, id, secret).unwrap();
            assert_eq!(credential.client_id, "id");
            assert_eq!(credential.client_secret.expose(), "marker-cs");
            assert_eq!(credential.refresh_token.expose(), TOKEN);
            assert_eq!(credential.token_uri.as_deref(), uri);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let full = r#""client_id":"marker-id","client_secret":"marker-cs""#;
        for (text, says) in [
            ("", "is empty"),
            ("ya29.marker", "is an access token"),
            ("/home/me/marker.json", "GMAIL_CREDENTIAL_FILE"),
            ("1//marker two words", "paste it again"),
            (r#"{"refresh_token":"marker"#, "broken at line 1"),
            (r#"["marker"]"#, "no object"),
            (r#"{"type":"marker"}"#, "unknown type"),
            (r#"{"type":1}"#, "unknown type"),
            (r#"{"type":"service_account","private_key":"marker"}"#, "service account"),
            (r#"{"installed":{"client_secret":"marker"}}"#, "client secrets"),
            (&format!("{{{full}}}"), "no `refresh_token`"),
            (&format!(r#"{{{full},"refresh_token":["marker"]}}"#), "not text"),
            (
                &format!(r#"{{{full},"refresh_token":"marker","token_uri":"http://marker/"}}"#),
                "no https address",
            ),
            (r#"{"refresh_token":"marker"}"#, "`GMAIL_CLIENT_ID` is missing"),
            (r#"{"refresh_token":"marker","client_id":"marker"}"#, "`GMAIL_CLIENT_SECRET` is missing"),
        ] {
            let error = parse(text, None, None).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("marker"), "{error}");
        }
        let text = format!(r#"{{{full},"refresh_token":"marker"}}"#);
        let error = parse(&text, Some("marker-other"), None).unwrap_err();
        assert!(error.contains("unset `GMAIL_CLIENT_ID`") && !error.contains("marker"), "{error}");
    }
}
