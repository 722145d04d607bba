//! Addresses in settings: what each may hold, and what of it is secret.

use std::net::IpAddr;

use reqwest::Url;

use super::super::Settings;
use crate::redact::Redactor;

/// A path's segment of at least so many characters is taken for a secret: healthchecks' have 36, Slack's 24.
const SECRET_SEGMENT: usize = 16;

/// What an address may hold.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// Whether it may be `http` beyond this machine.
    plain: bool,
    /// Whether a query may stand in it.
    query: bool,
    /// An address as it should look.
    example: &'static str,
}

impl Rule {
    /// The start of other addresses.
    pub(super) const ROOT: Self =
        Self { plain: false, query: false, example: "https://events.pagerduty.com" };
    /// The start of other addresses, where nothing secret goes.
    pub(super) const OPEN_ROOT: Self =
        Self { plain: true, query: false, example: "http://alertmanager.example.com:9093" };
    /// A whole address; who knows it may use it.
    pub(super) const SECRET: Self =
        Self { plain: false, query: true, example: "https://hooks.example.com/path" };
    /// Where people go.
    pub(super) const PUBLIC: Self =
        Self { plain: true, query: false, example: "https://canaries.example.com" };
}

/// An address. What is wrong with it is said without it, because it may be secret.
pub(super) fn read(settings: &mut Settings<'_>, name: &'static str, rule: Rule) -> Option<Url> {
    let text = settings.optional(name)?;
    let Some(url) = Url::parse(text.trim()).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|it| !it.is_empty())
            && (rule.query || url.query().is_none())
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    }) else {
        settings.problem(
            name,
            format!("expected an address such as `{}`", rule.example),
            "correct the address, or unset it",
        );
        return None;
    };
    if url.scheme() == "http" && !rule.plain && !is_loopback(&url) {
        settings.problem(
            name,
            "expected `https`: others could read what is sent there",
            "correct the address, or unset it",
        );
        return None;
    }
    Some(url)
}

/// The same, as the start of other addresses: without a slash at its end.
pub(super) fn read_root(settings: &mut Settings<'_>, name: &'static str, rule: Rule) -> Option<String> {
    read(settings, name, rule).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// Whether an address is one of this machine's own.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether a text is the address of something on this machine.
#[cfg(feature = "server")]
pub(crate) fn is_on_this_machine(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| is_loopback(&url))
}

/// Whether a host's name or number is one of this machine's own.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let number = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || number.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Makes known what is secret in an address: the whole of it, its query, and the long parts of its path. Its short parts
/// are words such as `services`, which must not be blotted out elsewhere.
pub(super) fn teach(text: &str, redactor: &Redactor) {
    redactor.learn(text);
    let Ok(url) = Url::parse(text) else { return };
    if let Some(query) = url.query() {
        redactor.learn(query);
        for (_, value) in url.query_pairs().filter(|(_, value)| value.len() >= SECRET_SEGMENT) {
            redactor.learn(&value);
        }
    }
    for segment in url.path_segments().into_iter().flatten().filter(|it| it.len() >= SECRET_SEGMENT) {
        redactor.learn(segment);
    }
}
