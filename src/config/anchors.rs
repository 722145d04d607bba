//! Connectivity anchors: places that answer as long as the network of this machine works.

use std::fmt;

use reqwest::Url;

use super::Settings;

const NAME: &str = "COALMINE_ANCHORS";

/// A place that takes connections as long as the network between it and this machine works.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Anchor {
    /// A name, or a number without brackets.
    pub host: String,
    /// Where it takes connections.
    pub port: u16,
    /// As it was written, for people.
    text: String,
}

impl Anchor {
    /// Reads `https://host`, `https://host:port` or `tcp://host:port`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "https" | "tcp")
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        })?;
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().filter(|it| *it != 0)?;
        (!host.is_empty()).then(|| Self { host, port, text: text.trim_end_matches('/').to_owned() })
    }

    /// `COALMINE_ANCHORS`, separated by commas; none by default.
    pub(super) fn read(settings: &mut Settings<'_>) -> Vec<Self> {
        let Some(text) = settings.optional(NAME) else { return Vec::new() };
        let mut anchors = Vec::new();
        for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match Self::parse(part) {
                Some(anchor) if anchors.contains(&anchor) => (),
                Some(anchor) => anchors.push(anchor),
                // What somebody has pasted here by mistake may be secret.
                None => settings.problem(
                    NAME,
                    "expected addresses such as `https://one.one.one.one` or `tcp://192.0.2.1:53`, separated by \
                     commas",
                    "correct it, or unset it",
                ),
            }
        }
        anchors
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn an_anchor_is_a_host_and_a_port() {
        for (text, expected) in [
            ("https://one.one.one.one", Some(("one.one.one.one", 443))),
            ("https://example.com:8443/", Some(("example.com", 8443))),
            ("tcp://192.0.2.1:53", Some(("192.0.2.1", 53))),
            ("tcp://[2001:db8::1]:53", Some(("2001:db8::1", 53))),
            ("tcp://192.0.2.1", None),
            ("tcp://192.0.2.1:0", None),
            ("tcp://:53", None),
            ("http://example.com", None),
            ("https://example.com/status", None),
            ("https://me:secret@example.com", None),
            ("example.com:443", None),
            ("example.com", None),
        ] {
            let found = Anchor::parse(text);
            assert_eq!(found.as_ref().map(|it| (&*it.host, it.port)), expected, "{text}");
        }
    }

    #[test]
    fn a_list_is_read_and_what_is_wrong_is_said_once_and_without_it() {
        let read = |text: &str| {
            let environment: Environment = [(NAME, text)].into_iter().collect();
            let mut settings = Settings::new(&environment);
            let anchors: Vec<_> = Anchor::read(&mut settings).iter().map(ToString::to_string).collect();
            (anchors, settings.finish().map_err(|it| it.problems))
        };
        let both = "https://a.example, tcp://b.example:53,https://a.example/,";
        assert_eq!(read(both), (vec!["https://a.example".into(), "tcp://b.example:53".into()], Ok(())));
        let (_, problems) = read("https://a.example,marker-1,marker-2");
        let problems = problems.unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].name == NAME && !format!("{problems:?}").contains("marker"), "{problems:?}");
    }
}
