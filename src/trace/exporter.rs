//! Posting spans, with patience where the specification asks for it ("OTLP/HTTP", "Failures").

use std::time::Duration;

use prost::Message as _;
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};

use super::{
    Tell,
    message::{ExportRequest, ExportResponse, Resource, ResourceSpans, Scope, ScopeSpans, Span, attribute},
    spans,
};
use crate::{
    clock::Clock,
    config::{ConfigError, OtlpSettings},
    http::{
        client_config,
        peer::{reason, retry_after, start_of},
        trusting_nobody,
    },
    record::{RunRecord, cut},
    redact::Redactor,
};

/// How many spans are posted at once: some hundred kilobytes, where receivers take some megabytes.
const GROUP: usize = 1_000;

/// The first pause before a post is tried again; each is twice as long as the one before, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause, also if the receiver asks for a longer one.
const LONGEST: Duration = Duration::from_secs(30);

/// For how long a post is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much is read of an answer, in bytes. It says a sentence, if anything.
const ANSWER_LIMIT: usize = 4096;

/// What a receiver may mean to take later.
const LATER: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

pub(super) struct Exporter {
    client: Client,
    endpoint: Url,
    headers: HeaderMap,
    resource: Resource,
    redactor: Redactor,
    tell: Tell,
    /// Whether the last post failed, and somebody was told.
    in_trouble: bool,
}

/// Why spans were not taken.
struct Refusal {
    why: String,
    /// Whether they may be taken later, and when, if the receiver says so.
    later: Option<Option<Duration>>,
}

impl Exporter {
    pub(super) fn new(settings: &OtlpSettings, redactor: Redactor, tell: Tell) -> Result<Self, ConfigError> {
        let OtlpSettings { endpoint, headers, timeout, roots, resource } = settings;
        let tls = if endpoint.scheme() == "https" {
            client_config(roots).map_err(|error| {
                let remedy = "correct the machine's or the named authorities";
                ConfigError::one("OTEL_EXPORTER_OTLP_CERTIFICATE", error.to_string(), remedy)
            })?
        } else {
            trusting_nobody()
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            // They were tried when they were read.
            if let Ok(mut value) = HeaderValue::from_str(value.expose()) {
                value.set_sensitive(true);
                all.append(name, value);
            }
        }
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .user_agent(concat!("coalmine-otlp/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .timeout(*timeout)
            .build()
            .map_err(|error| {
                ConfigError::one("traces", error.to_string(), "see the message; this is no setting of yours")
            })?;
        let attributes = resource.iter().map(|(key, value)| attribute(key, redactor.clean(value).as_ref()));
        let resource = Resource { attributes: attributes.collect() };
        Ok(Self {
            client,
            endpoint: endpoint.clone(),
            headers: all,
            resource,
            redactor,
            tell,
            in_trouble: false,
        })
    }

    /// Sends a run's spans; whether all of them were taken.
    pub(super) async fn deliver(&mut self, record: &RunRecord) -> bool {
        for group in spans::of(record).chunks(GROUP) {
            let body = self.body(group);
            if let Err(why) = self.post(&body).await {
                let what = format!("the trace of the run {} of {} is lost: {why}", record.run, record.canary);
                (self.tell)(self.redactor.clean(&what).into_owned());
                return false;
            }
        }
        true
    }

    fn body(&self, spans: &[Span]) -> Vec<u8> {
        let scope = Scope { name: "coalmine".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: spans.to_vec() }];
        let resource_spans = vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans }];
        ExportRequest { resource_spans }.encode_to_vec()
    }

    /// Posts until it is taken, or it is of no use to go on; then why.
    async fn post(&mut self, body: &[u8]) -> Result<(), String> {
        let deadline = Clock::instant() + PATIENCE;
        let mut pause = FIRST;
        loop {
            let Refusal { why, later } = match self.post_once(body).await {
                Ok(()) => {
                    if std::mem::take(&mut self.in_trouble) {
                        (self.tell)("traces are being exported again".to_owned());
                    }
                    return Ok(());
                }
                Err(refusal) => refusal,
            };
            let Some(asked) = later else { return Err(why) };
            // Up to a quarter more, so that those who were refused together do not come back together.
            let wait = asked.unwrap_or_else(|| pause.mul_f64(1.0 + fastrand::f64() / 4.0)).min(LONGEST);
            if Clock::instant() + wait > deadline {
                return Err(why);
            }
            if !std::mem::replace(&mut self.in_trouble, true) {
                let what = format!("traces cannot be exported, and are tried again: {why}");
                (self.tell)(self.redactor.clean(&what).into_owned());
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn post_once(&self, body: &[u8]) -> Result<(), Refusal> {
        let request =
            self.client.post(self.endpoint.clone()).headers(self.headers.clone()).body(body.to_vec());
        // Whatever keeps a connection from being made may pass. The address may hold a secret.
        let passing = |error: reqwest::Error| Refusal { why: reason(error), later: Some(None) };
        let response = request.send().await.map_err(passing)?;
        let status = response.status();
        if !status.is_success() {
            let later = LATER.contains(&status).then(|| retry_after(&response));
            let said = start_of(response, ANSWER_LIMIT).await;
            let said = String::from_utf8_lossy(&said);
            let said: String =
                cut(&said, 200).chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
            let why = format!("the receiver at {} answered {status} {}", self.place(), said.trim());
            return Err(Refusal { why: why.trim_end().to_owned(), later });
        }
        // What is no such message is none of the receiver's refusals; an empty one is the usual answer.
        let answer =
            ExportResponse::decode(start_of(response, ANSWER_LIMIT).await.as_slice()).unwrap_or_default();
        match answer.partial_success.filter(|it| it.rejected_spans > 0) {
            None => Ok(()),
            Some(partial) => Err(Refusal {
                why: format!(
                    "the receiver at {} refused {} spans: {}",
                    self.place(),
                    partial.rejected_spans,
                    partial.error_message.replace(char::is_control, " ")
                ),
                later: None,
            }),
        }
    }

    /// Where the receiver is, without path and query.
    fn place(&self) -> String {
        self.endpoint.origin().ascii_serialization()
    }
}
