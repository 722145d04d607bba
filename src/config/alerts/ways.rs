//! What each notifier is configured with.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::{
    super::Settings,
    address::{self, Rule, is_loopback, is_loopback_host},
};
use crate::secret::Secret;

/// The Events API of PagerDuty v2, and its REST API where there is a token.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_PAGERDUTY_KEY` | the key of an integration "Events API v2": 32 letters and digits |
/// | `COALMINE_PAGERDUTY_EVENTS` | where events go; `https://events.pagerduty.com`, of European accounts `https://events.eu.pagerduty.com` |
/// | `COALMINE_PAGERDUTY_TOKEN` | a token that may read incidents: only so can a page that was swallowed be seen |
/// | `COALMINE_PAGERDUTY_API` | where incidents are read; `https://api.pagerduty.com`, of European accounts `https://api.eu.pagerduty.com` |
/// | `COALMINE_PAGERDUTY_RATE` | how many events at once, and how many more a minute: `30/85` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagerDutySettings {
    /// The integration's key.
    pub key: Secret,
    /// Where events go, without a slash at the end.
    pub events: String,
    /// The token for the REST API.
    pub token: Option<Secret>,
    /// Where the REST API is, without a slash at the end.
    pub api: String,
    /// So many events at once.
    pub burst: u32,
    /// So many more a minute. With [`Self::burst`] no more than the about 120 a minute that a key may send.
    pub per_minute: u32,
}

impl PagerDutySettings {
    /// How many events at once and how many more a minute, if nothing is said: together they stay below the 120 a minute
    /// that a key may send.
    pub const RATE: (u32, u32) = (30, 85);

    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        const KEY: &str = "COALMINE_PAGERDUTY_KEY";
        const RATE: &str = "COALMINE_PAGERDUTY_RATE";
        const OTHERS: [&str; 4] = [
            "COALMINE_PAGERDUTY_EVENTS",
            "COALMINE_PAGERDUTY_TOKEN",
            "COALMINE_PAGERDUTY_API",
            "COALMINE_PAGERDUTY_RATE",
        ];
        let key = settings.optional_secret(KEY);
        let events = address::read_root(settings, "COALMINE_PAGERDUTY_EVENTS", Rule::ROOT);
        let api = address::read_root(settings, "COALMINE_PAGERDUTY_API", Rule::ROOT);
        let token = header_secret(settings, "COALMINE_PAGERDUTY_TOKEN");
        let rate = settings.optional(RATE).map(|text| {
            let parts = text.split_once('/').and_then(|(burst, more)| {
                let part = |text: &str| text.trim().parse().ok().filter(|it| *it > 0);
                Some((part(burst)?, part(more)?))
            });
            parts.unwrap_or_else(|| {
                let found = "expected how many at once, a slash, and how many more a minute";
                settings.problem(RATE, found, "write it as `30/85`, or unset it");
                (1, 1)
            })
        });
        if key.is_none() && settings.any_set(&OTHERS, &[]) {
            settings.missing(KEY, "set the integration's key, or unset all COALMINE_PAGERDUTY variables");
        }
        let key = key?;
        if key.expose().len() != 32 || !key.expose().bytes().all(|it| it.is_ascii_alphanumeric()) {
            let remedy = "copy the key of an integration `Events API v2` of the service in PagerDuty";
            settings.problem(KEY, "expected 32 letters and digits", remedy);
        }
        let (burst, per_minute) = rate.unwrap_or(Self::RATE);
        Some(Self {
            key,
            events: events.unwrap_or_else(|| "https://events.pagerduty.com".to_owned()),
            token,
            api: api.unwrap_or_else(|| "https://api.pagerduty.com".to_owned()),
            burst,
            per_minute,
        })
    }
}

/// Slack.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_SLACK_WEBHOOK` | the address of an incoming webhook |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackSettings {
    /// The address; who knows it may post.
    pub webhook: Secret,
}

impl SlackSettings {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let webhook = address::read(settings, "COALMINE_SLACK_WEBHOOK", Rule::SECRET)?;
        Some(Self { webhook: Secret::new(webhook.into()) })
    }
}

/// Prometheus' Alertmanager.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_ALERTMANAGER` | where it is: `/api/v2/alerts` is asked for below it |
/// | `COALMINE_ALERTMANAGER_TOKEN` | sent as `Authorization: Bearer`, if something before it asks for that |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertmanagerSettings {
    /// Where it is, without a slash at the end.
    pub root: String,
    /// The token for what stands before it.
    pub token: Option<Secret>,
}

impl AlertmanagerSettings {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        const ROOT: &str = "COALMINE_ALERTMANAGER";
        let token = header_secret(settings, "COALMINE_ALERTMANAGER_TOKEN");
        // It speaks `http` as it is delivered, and asks nobody who they are.
        let rule = if token.is_some() { Rule::ROOT } else { Rule::OPEN_ROOT };
        let root = address::read_root(settings, ROOT, rule);
        if token.is_some() && !settings.any_set(&[ROOT], &[]) {
            settings.missing(ROOT, "name the Alertmanager, or unset COALMINE_ALERTMANAGER_TOKEN");
        }
        Some(Self { root: root?, token })
    }
}

/// Any program that takes JSON.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_WEBHOOK` | the address that is posted to |
/// | `COALMINE_WEBHOOK_SECRET` | what posts are signed with |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The address; it may hold something secret.
    pub url: Secret,
    /// What posts are signed with.
    pub secret: Option<Secret>,
}

impl WebhookSettings {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        const SECRET: &str = "COALMINE_WEBHOOK_SECRET";
        let url = address::read(settings, "COALMINE_WEBHOOK", Rule::SECRET);
        let secret = settings.optional_secret(SECRET);
        if secret.as_ref().is_some_and(|it| it.expose().len() < 16) {
            let remedy = "make one with `openssl rand -hex 32`";
            settings.problem(SECRET, "it can be guessed: expected at least 16 characters", remedy);
        }
        if secret.is_some() && !settings.any_set(&["COALMINE_WEBHOOK"], &[]) {
            settings.missing("COALMINE_WEBHOOK", "name the address, or unset COALMINE_WEBHOOK_SECRET");
        }
        Some(Self { url: Secret::new(url?.into()), secret })
    }
}

/// E-mail.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_SMTP` | the server that takes it: `smtps://user:password@host`, or `smtp://…` with STARTTLS, which only a server on this machine may lack |
/// | `COALMINE_MAIL_FROM` | the address that it comes from |
/// | `COALMINE_MAIL_TO` | the addresses that it goes to, separated by commas |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// The server that takes it.
    pub server: SmtpServer,
    /// The address that it comes from.
    pub from: String,
    /// The addresses that it goes to.
    pub to: Vec<String>,
}

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: SmtpTls,
    /// Who we are to it.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
}

/// How a connection for mail is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From its first byte on (RFC 8314).
    Implicit,
    /// By STARTTLS (RFC 3207); without it nothing is sent.
    Starttls,
    /// By STARTTLS if the server, which is on this machine, has it.
    IfThere,
}

impl SmtpServer {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let host = url.host_str().filter(|it| !it.is_empty())?;
        let rest = url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/");
        let (tls, port) = match url.scheme() {
            "smtps" => (SmtpTls::Implicit, 465),
            "smtp" if is_loopback(&url) => (SmtpTls::IfThere, 587),
            "smtp" => (SmtpTls::Starttls, 587),
            _ => return None,
        };
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let user = decoded(url.username())?;
        let password = url.password().map(decoded);
        if rest || user.is_empty() != password.is_none() {
            return None;
        }
        Some(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(port),
            tls,
            user: Some(user).filter(|it| !it.is_empty()),
            password: password.flatten().map(Secret::new),
        })
    }
}

impl MailSettings {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        const SERVER: &str = "COALMINE_SMTP";
        const FROM: &str = "COALMINE_MAIL_FROM";
        const TO: &str = "COALMINE_MAIL_TO";
        let server = settings.optional(SERVER);
        let from = settings.optional(FROM);
        let to = settings.optional(TO);
        if server.is_none() && from.is_none() && to.is_none() {
            return None;
        }
        let server = match server.as_deref().map(SmtpServer::parse) {
            None => {
                settings.missing(SERVER, "name the server, or unset COALMINE_MAIL_FROM and COALMINE_MAIL_TO");
                None
            }
            Some(None) => {
                let found = "expected an address such as `smtps://user:password@mail.example.com`";
                let remedy =
                    "correct it; what is special in an address is percent-encoded in user and password";
                settings.problem(SERVER, found, remedy);
                None
            }
            Some(server) => server,
        };
        let mut checked = |name: &'static str, text: &str| {
            let text = text.trim();
            if !is_address(text) {
                let found = format!("`{text}` is no mail address");
                settings.problem(name, found, "write it as `canaries@example.com`");
            }
            text.to_owned()
        };
        let from = from.map(|from| checked(FROM, &from));
        let to = to.map(|to| -> Vec<_> {
            to.split(',').filter(|it| !it.trim().is_empty()).map(|it| checked(TO, it)).collect()
        });
        if from.is_none() {
            settings.missing(FROM, "set the address that mail comes from");
        }
        if to.as_ref().is_none_or(Vec::is_empty) {
            settings.missing(TO, "set the addresses that mail goes to, separated by commas");
        }
        Some(Self { server: server?, from: from?, to: to.filter(|it| !it.is_empty())? })
    }
}

/// Whether a text has the form of a mail address in plain ASCII, without a name and without quotes: what each server
/// takes.
fn is_address(text: &str) -> bool {
    let good = |it: &str| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(&it))
            && it.split('.').all(|part| !part.is_empty())
    };
    text.rsplit_once('@').is_some_and(|(local, domain)| good(local) && good(domain))
}

/// A secret that goes in a header.
fn header_secret(settings: &mut Settings<'_>, name: &'static str) -> Option<Secret> {
    let secret = settings.optional_secret(name)?;
    if !secret.expose().bytes().all(|it| it.is_ascii_graphic()) {
        let found = "it has characters that a header cannot carry";
        settings.problem(name, found, "copy it again, without spaces and line ends");
    }
    Some(secret)
}
