//! The running service, as commands ask it: over HTTP, with the token that lets them in.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, StatusCode, Url, header, redirect::Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::trouble::Trouble;
use crate::{
    config::{ConfigError, Environment, OwnSettings, Settings},
    http::{Roots, client_config, trusting_nobody},
    report::text::one_line,
    secret::Secret,
};

/// Where `serve` is if nothing else is said.
const SERVICE: &str = "http://127.0.0.1:8077";

/// The header that every answer of the service has.
const VERDICT: &str = "coalmine-verdict";

/// How long a connection, and an answer, may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);

/// How much of what somebody answers is shown, in bytes.
const SHOWN: usize = 300;

/// Letters, digits and what ids have besides stay as they are in a path.
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

#[derive(Args)]
pub(super) struct ServiceArguments {
    /// Where the service is; without it, what `COALMINE_SERVICE` says, or else http://127.0.0.1:8077.
    #[arg(long, value_name = "URL")]
    service: Option<String>,
    /// The file with the service's token; without it, what `COALMINE_TOKEN` says.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
}

/// The service at its address.
pub(super) struct Remote {
    client: Client,
    /// Without a slash at the end.
    root: String,
    token: Option<Secret>,
}

impl Remote {
    /// Asks nobody yet.
    pub(super) fn new(arguments: &ServiceArguments, environment: &Environment) -> Result<Self, ConfigError> {
        let ServiceArguments { service, token_file } = arguments;
        let mut settings = Settings::new(environment);
        let own = OwnSettings::read(&mut settings);
        let roots = settings.roots("COALMINE_CA");
        settings.finish_asked()?;
        let (name, address) = match (service, own.service) {
            (Some(address), _) => ("--service", address.clone()),
            (None, Some(address)) => ("COALMINE_SERVICE", address),
            (None, None) => ("--service", SERVICE.to_owned()),
        };
        let root = root(name, &address)?;
        let tls = if root.starts_with("https:") {
            client_config(&roots.unwrap_or(Roots::System)).map_err(|error| {
                let remedy = "correct the authorities of this machine, or those that COALMINE_CA names";
                ConfigError::one(name, error.to_string(), remedy)
            })?
        } else {
            trusting_nobody()
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            // The token is for this address, and for nobody to whom it leads.
            .redirect(Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(LIMIT)
            .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                ConfigError::one(name, error.to_string(), "see the message; this is no setting of yours")
            })?;
        Ok(Self { client, root, token: token(token_file.as_deref(), own.token)? })
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.ask(Method::GET, path, &[]).await
    }

    /// Changes something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, String)],
    ) -> Result<T, Trouble> {
        self.ask(Method::POST, path, form).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, String)],
    ) -> Result<T, Trouble> {
        let Self { client, root, token } = self;
        let changes = method == Method::POST;
        let mut request =
            client.request(method, format!("{root}{path}")).header(header::ACCEPT, "application/json");
        if changes {
            request = request.form(form);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.unreachable(error, changes)),
        };
        let status = response.status();
        let ours = response.headers().contains_key(VERDICT);
        let body = response.bytes().await.map_err(|error| self.unreachable(error, changes))?;
        if !ours {
            return Err(Trouble::Elsewhere(format!(
                "what answers at {root} is no service of ours ({status})\n  remedy: name the service's address with \
                 --service or COALMINE_SERVICE"
            )));
        }
        if !status.is_success() {
            return Err(self.refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            Trouble::Elsewhere(format!(
                "the service at {root} answered what this program does not understand: {error}\n  remedy: use the \
                 program's version that the service has"
            ))
        })
    }

    /// Nobody answered.
    fn unreachable(&self, error: reqwest::Error, changes: bool) -> Trouble {
        let root = &self.root;
        let sent = !error.is_connect() && !error.is_builder();
        let why = one_line(&innermost(error), SHOWN);
        let done = if changes && sent {
            "\n  it may have been done all the same: look with `canaries silences` and `canaries incidents --open`"
        } else {
            ""
        };
        Trouble::Elsewhere(format!(
            "no service answers at {root}: {why}{done}\n  remedy: start one with `canaries serve`, or name its address \
             with --service or COALMINE_SERVICE"
        ))
    }

    /// The service says why not.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Trouble {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| problem.get(name).and_then(Value::as_str).map(|it| one_line(it, SHOWN));
        let detail = text("detail").unwrap_or_else(|| status.to_string());
        let remedy = match (text("remedy"), status) {
            (Some(remedy), _) => remedy,
            (None, StatusCode::UNAUTHORIZED) => {
                "name the file with the service's token with --token-file, or set COALMINE_TOKEN".to_owned()
            }
            (None, StatusCode::NOT_FOUND) => {
                "`canaries incidents --open` and `canaries silences` list what there is".to_owned()
            }
            (None, _) if status.is_client_error() => {
                "correct what was asked for; --help has examples".to_owned()
            }
            (None, _) => format!("ask again; {}/readyz says what is wrong with the service", self.root),
        };
        let message = format!("{detail}\n  remedy: {remedy}");
        let later = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if status.is_client_error() && !later { Trouble::Usage(message) } else { Trouble::Elsewhere(message) }
    }
}

/// What it comes down to: `Connection refused`. What is around that only says that there was a request.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// An id as part of a path.
pub(super) fn id(text: &str) -> String {
    utf8_percent_encode(text, ID).to_string()
}

/// The token that a file holds, or else that of the environment.
pub(super) fn token(file: Option<&Path>, own: Option<Secret>) -> Result<Option<Secret>, ConfigError> {
    let Some(path) = file else { return Ok(own) };
    let text = fs::read_to_string(path).map_err(|error| {
        let found = format!("cannot read `{}`: {error}", path.display());
        ConfigError::one("--token-file", found, "name a readable file with the token alone")
    })?;
    Ok(Some(Secret::new(text.trim().to_owned())))
}

fn root(name: &str, address: &str) -> Result<String, ConfigError> {
    let url = Url::parse(address).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.map(|it| it.as_str().trim_end_matches('/').to_owned()).ok_or_else(|| {
        let found = "expected an address such as `http://127.0.0.1:8077` or `https://canaries.example.com`";
        ConfigError::one(name, found, "correct the address, without a user, a query or a fragment")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_roots() {
        for (address, expected) in [
            ("http://127.0.0.1:8077/", Some("http://127.0.0.1:8077")),
            ("https://example.com/canaries/", Some("https://example.com/canaries")),
            ("127.0.0.1:8077", None),
            ("ftp://example.com", None),
            ("http://me:pass@example.com", None),
            ("http://example.com/?x", None),
            ("", None),
        ] {
            assert_eq!(root("--service", address).ok().as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        assert_eq!(id("i-7k2m9q4x"), "i-7k2m9q4x");
        assert_eq!(id("../run?x#y"), "%2E%2E%2Frun%3Fx%23y");
    }
}
