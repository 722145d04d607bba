//! Where traces go: the variables to which OpenTelemetry's specification gives names and meanings ("OpenTelemetry
//! Protocol Exporter" and "Environment Variable Specification").

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::{
    Url,
    header::{HeaderName, HeaderValue},
};

use super::Settings;
use crate::{http::Roots, redact::Redactor, secret::Secret};

/// How long one request may take if `OTEL_EXPORTER_OTLP_TIMEOUT` does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces go, and what goes with them. There is one only if an endpoint is named.
///
/// | variable | what it is |
/// |---|---|
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the receiver: traces go to `/v1/traces` below it |
/// | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the whole address for traces; goes before the other |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | headers of every request: `name=value,name=value`, percent-encoded; their values are secret |
/// | `OTEL_EXPORTER_OTLP_TIMEOUT` | how long a request may take, in milliseconds |
/// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file of further trusted authorities |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`, which is the only one that is spoken |
/// | `OTEL_SERVICE_NAME` | who sends the traces; without it, what the attributes say, or `coalmine` |
/// | `OTEL_RESOURCE_ATTRIBUTES` | what else is to be said of who sends them: `key=value,key=value`, percent-encoded |
/// | `OTEL_TRACES_EXPORTER`, `OTEL_SDK_DISABLED` | `none` and `true`: no traces |
///
/// Headers, timeout, certificate and protocol have a form for traces alone as well, such as
/// `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, which goes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// Where spans are posted.
    pub endpoint: Url,
    /// Headers of every request.
    pub headers: Vec<(HeaderName, Secret)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Whom to trust.
    pub roots: Roots,
    /// What is said of who sends the traces; `service.name` among it.
    pub resource: Vec<(String, String)>,
}

impl OtlpSettings {
    /// Reads them; nothing if there are to be no traces.
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let disabled =
            settings.optional("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let exporter = settings.optional("OTEL_TRACES_EXPORTER");
        let name = settings.optional("OTEL_SERVICE_NAME");
        let attributes = settings.optional("OTEL_RESOURCE_ATTRIBUTES");
        let mut either = |own, general| {
            let general = settings.optional(general).map(|value| (general, value));
            settings.optional(own).map(|value| (own, value)).or(general)
        };
        let protocol = either("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
        let headers = either("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
        let timeout = either("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT");
        let authority = either("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE");
        let endpoint = either("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let (endpoint_name, endpoint) =
            endpoint.filter(|_| !disabled && exporter.as_deref() != Some("none"))?;

        // Of what nobody uses, nothing is wrong.
        if let Some(other) = exporter.filter(|it| it != "otlp") {
            let found = format!("expected `otlp` or `none`, found `{other}`");
            settings.problem("OTEL_TRACES_EXPORTER", found, "unset it, or set `none` for no traces");
        }
        if let Some((name, found)) = protocol.filter(|(_, it)| it != "http/protobuf") {
            let found = format!("expected `http/protobuf`, found `{found}`");
            let remedy = "set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf, and name the receiver's port for HTTP, \
                          often 4318";
            settings.problem(name, found, remedy);
        }
        let timeout = match timeout {
            None => TIMEOUT,
            Some((name, text)) => match text.parse() {
                Ok(millis @ 1..) => Duration::from_millis(millis),
                Ok(0) | Err(_) => {
                    settings.problem(name, "expected milliseconds, such as 10000", "correct it, or unset it");
                    TIMEOUT
                }
            },
        };
        let whole = endpoint_name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let endpoint = address(&endpoint, whole);
        if endpoint.is_none() {
            let found = "expected an address such as `http://localhost:4318`, without a user name";
            settings.problem(
                endpoint_name,
                found,
                "correct it; secrets belong into OTEL_EXPORTER_OTLP_HEADERS",
            );
        }
        let headers = headers.map_or_else(
            || Some(Vec::new()),
            |(name, text)| {
                let headers = header_list(&text);
                if headers.is_none() {
                    let found = "expected `name=value` pairs, separated by commas";
                    settings.problem(
                        name,
                        found,
                        "correct it; write `,`, `=` and spaces in values as %2C, %3D and %20",
                    );
                }
                headers
            },
        );
        let resource = resource(name, attributes.as_deref());
        if resource.is_none() {
            let found = "expected `key=value` pairs, separated by commas";
            settings.problem("OTEL_RESOURCE_ATTRIBUTES", found, "correct it, or unset it");
        }
        let roots = match authority {
            Some((name, _)) => settings.roots(name),
            None => Some(Roots::System),
        };
        Some(Self { endpoint: endpoint?, headers: headers?, timeout, roots: roots?, resource: resource? })
    }

    /// Makes the values of the headers known as secrets.
    pub fn teach(&self, redactor: &Redactor) {
        for (_, value) in &self.headers {
            redactor.learn(value.expose());
            // `Bearer x` is one value, and `x` alone is secret as well.
            if let Some((_, token)) = value.expose().split_once(' ') {
                redactor.learn(token);
            }
        }
    }
}

/// The address for traces; if the text is not the whole of it, `v1/traces` below it.
fn address(text: &str, whole: bool) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !plain {
        return None;
    }
    if !whole {
        url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "traces"]);
    }
    Some(url)
}

/// `name=value` pairs as in W3C baggage, which is the form that the specification names for both lists.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
    text.split(',')
        .filter(|it| !it.trim().is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let name = decoded(name).filter(|it| !it.is_empty())?;
            Some((name, decoded(value)?))
        })
        .collect()
}

fn header_list(text: &str) -> Option<Vec<(HeaderName, Secret)>> {
    pairs(text)?
        .into_iter()
        .map(|(name, value)| {
            HeaderValue::from_str(&value).ok()?;
            Some((name.parse().ok()?, Secret::new(value)))
        })
        .collect()
}

/// What is said of who sends the traces. Of a key that stands there twice, the last value counts.
fn resource(name: Option<String>, attributes: Option<&str>) -> Option<Vec<(String, String)>> {
    const NAME: &str = "service.name";
    let mut resource = vec![(NAME.to_owned(), "coalmine".to_owned())];
    let given = pairs(attributes.unwrap_or_default())?;
    for (key, value) in given.into_iter().chain(name.map(|name| (NAME.to_owned(), name))) {
        match resource.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => resource.push((key, value)),
        }
    }
    Some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, Environment};

    fn read(variables: &[(&str, &str)]) -> (Option<OtlpSettings>, Result<(), ConfigError>) {
        let environment: Environment = variables.iter().copied().collect();
        let mut settings = Settings::new(&environment);
        let read = OtlpSettings::read(&mut settings);
        (read, settings.finish())
    }

    #[track_caller]
    fn good(variables: &[(&str, &str)]) -> OtlpSettings {
        let (read, problems) = read(variables);
        assert_eq!(problems, Ok(()));
        read.expect("there is an endpoint")
    }

    const GENERAL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn the_general_endpoint_is_a_folder_and_the_own_one_the_address() {
        for (name, value, expected) in [
            (GENERAL, "http://localhost:4318", "http://localhost:4318/v1/traces"),
            (GENERAL, "http://localhost:4318/", "http://localhost:4318/v1/traces"),
            (GENERAL, "https://otel.test/team/a", "https://otel.test/team/a/v1/traces"),
            (GENERAL, "https://otel.test/team/a/", "https://otel.test/team/a/v1/traces"),
            (OWN, "https://otel.test/v1/traces", "https://otel.test/v1/traces"),
            (OWN, "https://otel.test", "https://otel.test/"),
        ] {
            assert_eq!(good(&[(name, value)]).endpoint.as_str(), expected);
        }
        let both = good(&[(GENERAL, "http://general"), (OWN, "http://own/x")]);
        assert_eq!(both.endpoint.as_str(), "http://own/x");
    }

    #[test]
    fn without_an_endpoint_or_where_they_are_switched_off_there_are_no_traces() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")],
            &[(GENERAL, "http://x"), ("OTEL_TRACES_EXPORTER", "none")],
            &[(GENERAL, "http://x"), ("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        ] {
            assert_eq!(read(variables), (None, Ok(())), "{variables:?}");
        }
    }

    #[test]
    fn headers_are_decoded_and_secret() {
        let headers = "api-key=a%20b%3D, Authorization = Bearer%20t0ken-value=";
        let settings = good(&[(GENERAL, "http://x"), ("OTEL_EXPORTER_OTLP_HEADERS", headers)]);
        let found: Vec<_> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        assert_eq!(found, [("api-key", "a b="), ("authorization", "Bearer t0ken-value=")]);
        assert!(!format!("{settings:?}").contains("t0ken"));
        let redactor = Redactor::new();
        settings.teach(&redactor);
        assert!(!redactor.clean("it says t0ken-value= somewhere").contains("t0ken"));
    }

    #[test]
    fn the_name_goes_before_the_attributes() {
        let attributes =
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=pr%C3%B6d,x=");
        let owned = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let at = (GENERAL, "http://x");
        let rest = [("deployment.environment.name", "pröd"), ("x", "")];
        assert_eq!(good(&[at]).resource, owned(&[("service.name", "coalmine")]));
        assert_eq!(good(&[at, attributes]).resource, owned(&[("service.name", "a"), rest[0], rest[1]]));
        let named = good(&[at, attributes, ("OTEL_SERVICE_NAME", "b")]);
        assert_eq!(named.resource, owned(&[("service.name", "b"), rest[0], rest[1]]));
    }

    #[test]
    fn every_mistake_is_named_with_its_variable_and_without_its_secret() {
        let (read, problems) = read(&[
            (GENERAL, "https://user:marker@otel.test"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "marker"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
            ("OTEL_RESOURCE_ATTRIBUTES", "marker"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
        ]);
        assert_eq!(read, None);
        let error = problems.expect_err("everything is wrong");
        let mut names: Vec<_> = error.problems.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_TRACES_EXPORTER",
        ];
        assert_eq!(names, expected);
        assert!(!error.to_string().contains("marker"), "{error}");
    }
}
