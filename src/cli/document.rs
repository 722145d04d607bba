//! Reads a document from a file, or from where the product serves it.

use std::{fs::File, io::Read as _, net::IpAddr, time::Duration};

use reqwest::{
    Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use tokio::runtime;

use crate::{
    config::{ConfigError, Environment, Settings},
    http::{Roots, client_config},
    redact::Redactor,
    surface::Surface,
};

/// The largest document that is read, in bytes.
const LIMIT: u64 = 64 << 20;

/// How long a document may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to do about an address that gives no document.
const ADDRESS: &str = "name the address or the file of an OpenAPI document";

/// A document from outside.
pub(super) struct Document {
    /// Where it is from, without anything that could be secret.
    pub(super) name: String,
    pub(super) surface: Surface,
    /// Knows the headers that it took: who serves a document may put them into it.
    pub(super) redactor: Redactor,
}

/// Reads a document from an address or a file.
pub(super) fn read(from: &str, headers: &[String]) -> Result<Document, ConfigError> {
    let redactor = Redactor::new();
    let (name, bytes) = if from.starts_with("https://") || from.starts_with("http://") {
        let url = Url::parse(from).map_err(|error| {
            ConfigError::one("--against", format!("this is no address: {error}"), ADDRESS)
        })?;
        let name = name_of(&url);
        let headers = parse(headers, &redactor)?;
        let fetched = secure(&url, &headers).and_then(|()| fetch(url, &name, headers));
        (name, fetched.map_err(|error| clean(error, &redactor))?)
    } else {
        (from.to_owned(), load(from)?)
    };
    let wrong = |found: String| {
        let remedy = format!("correct the document at that place, or {ADDRESS}");
        clean(ConfigError::one(&name, found, remedy), &redactor)
    };
    let text = String::from_utf8(bytes).map_err(|error| wrong(format!("it is no text in UTF-8: {error}")))?;
    let surface = Surface::parse(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(Document { name, surface, redactor })
}

/// An address without user name, query and fragment.
fn name_of(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Neither can fail: the address has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

fn parse(headers: &[String], redactor: &Redactor) -> Result<HeaderMap, ConfigError> {
    let mut parsed = HeaderMap::new();
    for (number, header) in headers.iter().enumerate() {
        // What is wrong is said without the text: it may be nothing but the secret.
        let wrong = |found: &str| {
            let name = format!("--header (number {})", number + 1);
            ConfigError::one(name, found, "write it as 'Name: value'")
        };
        let (name, value) = header.split_once(':').ok_or_else(|| wrong("there is no colon in it"))?;
        let name: HeaderName =
            name.trim().parse().map_err(|_| wrong("what stands before the colon is no name of a header"))?;
        let value = value.trim();
        redactor.learn(value);
        // `Bearer` alone is no secret, what follows is.
        if let Some((_, credential)) = value.split_once(' ') {
            redactor.learn(credential.trim());
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| wrong("the value has a character that cannot be sent"))?;
        value.set_sensitive(true);
        parsed.append(name, value);
    }
    Ok(parsed)
}

/// A header may be a secret, so it does not travel in the clear.
fn secure(url: &Url, headers: &HeaderMap) -> Result<(), ConfigError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let login = !url.username().is_empty() || url.password().is_some();
    if (headers.is_empty() && !login) || url.scheme() == "https" || local {
        return Ok(());
    }
    let what = if login { "the address's user and password" } else { "--header" };
    Err(ConfigError::one(what, "would be sent unencrypted, to an http address", "use an https address"))
}

fn load(path: &str) -> Result<Vec<u8>, ConfigError> {
    let failed = |error: std::io::Error| ConfigError::one(path, format!("cannot be read: {error}"), ADDRESS);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LIMIT { Err(too_long(path)) } else { Ok(bytes) }
}

fn too_long(name: &str) -> ConfigError {
    ConfigError::one(name, format!("expected at most {} MiB, found more", LIMIT >> 20), ADDRESS)
}

fn fetch(url: Url, name: &str, headers: HeaderMap) -> Result<Vec<u8>, ConfigError> {
    let failed = |error: &dyn std::error::Error| {
        let (mut found, mut source) = (error.to_string(), error.source());
        while let Some(error) = source {
            found = format!("{found}: {error}");
            source = error.source();
        }
        let remedy = "check the address and the network; if the server's authority is private, name its PEM file in \
                      COALMINE_CA";
        ConfigError::one(name, format!("cannot be fetched: {found}"), remedy)
    };
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let roots = settings.roots("COALMINE_CA");
    settings.finish_asked()?;
    let tls = client_config(&roots.unwrap_or(Roots::System)).map_err(|error| failed(&error))?;
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        // The headers are for this address only.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION")))
        .timeout(PATIENCE)
        .build()
        .map_err(|error| failed(&error.without_url()))?;
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let request = client.get(url).headers(headers);
        let mut answer = request.send().await.map_err(|error| failed(&error.without_url()))?;
        let status = answer.status();
        if !status.is_success() {
            let place = answer.headers().get("location").map(|it| String::from_utf8_lossy(it.as_bytes()));
            let found = match place.filter(|_| status.is_redirection()) {
                Some(place) => {
                    let place = place.split('?').next().unwrap_or_default();
                    format!("expected the document, got status {status} to {place}")
                }
                None => format!("expected the document, got status {status}"),
            };
            let remedy = "name the address that has it; `--header` gives a credential";
            return Err(ConfigError::one(name, found, remedy));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error.without_url()))? {
            if (bytes.len() + chunk.len()) as u64 > LIMIT {
                return Err(too_long(name));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    })
}

fn clean(mut error: ConfigError, redactor: &Redactor) -> ConfigError {
    for problem in &mut error.problems {
        problem.found = redactor.clean(&problem.found).into_owned();
    }
    error
}
