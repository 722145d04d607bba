//! Credential files, as the tools write them that people have authorised with.
//!
//! | written by | how it is known | where the client is |
//! |---|---|---|
//! | gcloud, Node's quickstart | `type: authorized_user` | in the file |
//! | Python, google-auth | `token`, no `type` | in the file |
//! | Python, oauth2client | `_class`, `invalid` | in the file |
//! | Node, googleapis | `expiry_date` | in the variables |
//! | Ruby, google-api-client up to 0.8 | `token_credential_uri` | in the file |
//! | Ruby, googleauth | YAML: user to a text in JSON | the id in the file, the secret in a variable |
//! | Google's console, for a client | `installed` or `web` | in the file, but no token |
//! | Google's console, for a service account | `type: service_account` | it needs none |
//!
//! They differ in what they leave out and in little else, so all that have a refresh token are read the same way.

use std::collections::BTreeMap;

use rustls::{
    crypto::ring::sign::RsaSigningKey,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Map, Value};
use yup_oauth2::ServiceAccountKey;

use super::ServiceAccount;
use crate::secret::Secret;

/// What a file holds.
pub(super) enum File {
    User(Grant),
    ServiceAccount(Key),
}

/// What a file says of a user's grant; each may be left out.
#[derive(Default)]
pub(super) struct Grant {
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) refresh_token: Option<Secret>,
    pub(super) token_uri: Option<String>,
}

/// The key file of a service account.
pub(super) struct Key(Box<ServiceAccountKey>);

/// The user whose entry Ruby's token store has if nobody named one.
const DEFAULT_USER: &str = "default";

/// Reads a file; `None` if the text is none.
pub(super) fn read(text: &str) -> Result<Option<File>, String> {
    if text.starts_with(['{', '[']) {
        return json(text).and_then(|file| kind(&file)).map(Some);
    }
    // A refresh token is one word without any of these.
    let is_store = text.starts_with("---") || text.contains(": '{") || text.contains(": \"{");
    if !is_store {
        return Ok(None);
    }
    json(&entry(text)?).and_then(|file| kind(&file)).map(Some)
}

/// The entry of one user in the token store of Ruby's googleauth.
fn entry(text: &str) -> Result<String, String> {
    let mut store: BTreeMap<String, String> = serde_saphyr::from_str(text).map_err(|_| {
        "`GMAIL_CREDENTIAL` looks like the token store of Ruby's googleauth but is no map of users to texts; paste \
         the whole file, unchanged"
            .to_owned()
    })?;
    let user = match store.len() {
        1 => store.keys().next().cloned(),
        _ => store.contains_key(DEFAULT_USER).then(|| DEFAULT_USER.to_owned()),
    };
    user.and_then(|user| store.remove(&user)).ok_or_else(|| {
        format!(
            "`GMAIL_CREDENTIAL` is a token store with {} users, none of them `{DEFAULT_USER}`; keep the entry of the \
             mailbox's user only",
            store.len()
        )
    })
}

fn json(text: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // The error's own text may quote the value.
        let (line, column) = (error.line(), error.column());
        format!(
            "`GMAIL_CREDENTIAL` begins like JSON but is broken at line {line}, column {column}; paste the whole \
             file, unchanged"
        )
    })?;
    match value {
        Value::Object(file) => Ok(file),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("`GMAIL_CREDENTIAL` is JSON but no object; paste a credential file or a refresh token"
                .to_owned())
        }
    }
}

fn kind(file: &Map<String, Value>) -> Result<File, String> {
    match file.get("type").map(Value::as_str) {
        None | Some(Some("authorized_user")) => (),
        Some(Some("service_account")) => return key(file).map(File::ServiceAccount),
        Some(_) => {
            return Err("`GMAIL_CREDENTIAL` is a credential of an unknown type; give a refresh token, an \
                        `authorized_user` file, a `token.json`, or the key of a service account"
                .to_owned());
        }
    }
    if file.get("invalid").and_then(Value::as_bool) == Some(true) {
        return Err("`GMAIL_CREDENTIAL` is marked `invalid` by the tool that wrote it: its refresh token was refused; \
                    make a new one with `canaries gmail login`"
            .to_owned());
    }
    let of_client = ["installed", "web"].iter().find_map(|kind| file.get(*kind)?.as_object());
    if of_client.is_some() && !file.contains_key("refresh_token") {
        return Err("`GMAIL_CREDENTIAL` is a file of client secrets, which opens no mailbox; name it to \
                    `canaries gmail login --client`, which makes a refresh token"
            .to_owned());
    }
    let from_client = |name| of_client.map_or(Ok(None), |client| member(client, name));
    let text = |name| {
        member(file, name).and_then(|found| found.map_or_else(|| from_client(name), |it| Ok(Some(it))))
    };
    let endpoint = match text("token_uri")? {
        Some(uri) => Some(uri),
        None => text("token_credential_uri")?,
    };
    Ok(File::User(Grant {
        client_id: text("client_id")?,
        client_secret: text("client_secret")?.map(Secret::new),
        refresh_token: text("refresh_token")?.map(Secret::new),
        token_uri: endpoint.and_then(|uri| elsewhere(uri).transpose()).transpose()?,
    }))
}

fn key(file: &Map<String, Value>) -> Result<Key, String> {
    let wrong = |name: &str, what: &str| {
        format!(
            "`{name}` in the service account's key in `GMAIL_CREDENTIAL` {what}; make a new key in Google's console \
             and paste the whole file, unchanged"
        )
    };
    let mut file = file.clone();
    for name in ["client_email", "private_key"] {
        let value = member(&file, name)?.ok_or_else(|| wrong(name, "is missing"))?;
        file.insert(name.to_owned(), value.into());
    }
    file.entry("token_uri").or_insert_with(|| String::new().into());
    let mut key: ServiceAccountKey =
        serde_json::from_value(file.into()).map_err(|_| wrong("a member", "is not text"))?;
    // What has been through a shell or a form often has them spelt out.
    if !key.private_key.contains('\n') {
        key.private_key = key.private_key.replace("\\n", "\n");
    }
    let der = PrivateKeyDer::from_pem_slice(key.private_key.as_bytes());
    if !der.is_ok_and(|der| RsaSigningKey::new(&der).is_ok()) {
        return Err(wrong("private_key", "is no RSA key in PEM"));
    }
    Ok(Key(Box::new(key)))
}

impl Key {
    /// The service account in the name of a mailbox's user: it has no mailbox of its own.
    pub(super) fn delegated(self, subject: Option<&str>) -> Result<ServiceAccount, String> {
        let Self(key) = self;
        let subject =
            subject.filter(|it| it.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.contains('.')));
        let subject = subject.ok_or(
            "`GMAIL_CREDENTIAL` is the key of a service account, which has no mailbox of its own, and `GMAIL_SUBJECT` \
             names none; set it to the address of the mailbox",
        )?;
        Ok(ServiceAccount {
            client_email: key.client_email,
            client_id: key.client_id,
            private_key: Secret::new(key.private_key),
            private_key_id: key.private_key_id,
            subject: subject.to_owned(),
            token_uri: elsewhere(key.token_uri)?,
        })
    }
}

/// A member that must be text if it is there; an empty one counts as absent.
fn member(file: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match file.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("`{name}` in `GMAIL_CREDENTIAL` is not text; paste the file unchanged"))
        }
    }
}

/// A token endpoint that is not one of Google's. Files name those of their time, of which one is left; secrets are sent
/// there, so it must not be in the clear.
pub(super) fn elsewhere(uri: String) -> Result<Option<String>, String> {
    const GOOGLE: [&str; 4] =
        ["oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com", "www.google.com"];
    if uri.is_empty() {
        return Ok(None);
    }
    let url = reqwest::Url::parse(&uri).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    if GOOGLE.contains(&host) {
        return Ok(None);
    }
    let is_loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    match url.as_ref().map(reqwest::Url::scheme) {
        Some("https") => Ok(Some(uri)),
        Some("http") if is_loopback => Ok(Some(uri)),
        Some(_) | None => {
            Err("`token_uri` in `GMAIL_CREDENTIAL` is no https address; remove it to use Google's".to_owned())
        }
    }
}
