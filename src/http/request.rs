//! One request, from building it to its recorded answer.

use std::{error::Error as _, time::Duration};

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::Serialize;

use super::{Answer, Api};
#[cfg(feature = "surface")]
use crate::surface::Breach;
use crate::{
    failure::{ExchangeRef, Failure, Result},
    record::{Exchange, KEPT_BODY},
    suite::hex,
    verdict::Cause,
};

/// A request that has not been sent.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    api: Api,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// Which answers that the product's document does not allow do not fail the step.
    #[cfg(feature = "surface")]
    tolerated: Tolerated,
    /// What is wrong with the request itself; reported when it is sent, so that building reads as one chain.
    problem: Option<Failure>,
}

impl RequestBuilder {
    pub(super) fn new(api: &Api, method: Method, path: &str) -> Self {
        Self {
            api: api.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: None,
            #[cfg(feature = "surface")]
            tolerated: Tolerated::default(),
            problem: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => {
                self.problem.get_or_insert(Failure::of(
                    Cause::Prober,
                    format_args!(
                        "the header `{name}` cannot be sent: its name or value has a forbidden character"
                    ),
                ));
            }
        }
        self
    }

    /// Sends a value as JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => {
                let mut this = self;
                let failure =
                    Failure::of(Cause::Prober, "the request's body has no JSON form").caused_by(&error);
                this.problem.get_or_insert(failure);
                this
            }
        }
    }

    /// Sends a body as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Takes an answer that the product's document does not allow like any other: for a step that provokes one. It
    /// stays in the record as expected, and counts against no operation.
    #[cfg(feature = "surface")]
    pub fn expect_breach(mut self) -> Self {
        self.tolerated.all = true;
        self
    }

    /// Leaves certain breaches of the product's document to the step that is responsible for them: with them, this
    /// step goes on. They stay in the record, and count against their operation.
    ///
    /// ```no_run
    /// # use coalmine::{Result, http::Api, surface::AnswerPlace};
    /// # async fn step(api: Api) -> Result<()> {
    /// let fresh = |place: &AnswerPlace| *place == AnswerPlace::Header("Age".to_owned());
    /// api.get("/orders").tolerate(move |breach| fresh(&breach.place)).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "surface")]
    pub fn tolerate(mut self, breaches: impl Fn(&Breach) -> bool + Send + 'static) -> Self {
        self.tolerated.these.push(Box::new(breaches));
        self
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// If no whole answer came: cause *transport*, *tls* or *timeout*. If the product's document does not allow it:
    /// cause *contract*.
    pub async fn send(self) -> Result<Answer> {
        #[cfg(feature = "surface")]
        let contract = self.api.surface.clone().map(|it| (it, self.method.clone(), self.path.clone()));
        #[cfg(feature = "surface")]
        let tolerated = self.tolerated;
        let Self { api, method, path, mut headers, body, problem, .. } = self;
        if let Some(problem) = problem {
            return Err(problem);
        }
        let cx = &api.cx;
        let url = format!("{}{path}", api.base);
        let operation = api.operations.as_ref().and_then(|all| all.of(method.as_str(), &path));
        let traceparent = format!("00-{}-{}-01", cx.trace(), hex(8));
        for (name, value) in [("traceparent", traceparent.as_str()), ("coalmine-run", cx.run())] {
            // Run and trace ids are hexadecimal or alphanumeric, so this cannot fail.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let index = cx.recorder().begin(Exchange {
            operation: operation.map(|it| it.name.clone()),
            method: method.to_string(),
            url: url.clone(),
            request_headers: readable(&headers),
            request_body: body.as_deref().map(text_of),
            ..Exchange::default()
        });

        let mut request = api.pool.client.request(method, &url).headers(headers).timeout(api.pool.timeout);
        if let Some(body) = body {
            request = request.body(body);
        }
        let recorder = cx.recorder().clone();
        let redactor = cx.redactor().clone();
        let (limit, timeout) = (api.pool.answer_limit, api.pool.timeout);
        let (certificates, context) = (api.pool.certificates.clone(), cx.clone());
        let id_header = api.request_id_header;
        // In a task that outlives the step: if the step is given up, the product still works on the request, and
        // clean-up has to know when it has ended.
        let exchange = cx.spawn(async move {
            let began = |response: &reqwest::Response| {
                if let Some((host, not_after)) = certificates.of(response) {
                    context.saw_certificate(&host, not_after);
                }
            };
            let outcome = exchange(request, limit, timeout, began).await;
            let (parts, error) = match &outcome {
                Ok(parts) => (Some(parts), None),
                Err((failure, parts)) => (parts.as_ref(), Some(one_line(failure))),
            };
            // Only a whole answer can be judged.
            #[cfg(feature = "surface")]
            let breach = contract
                .zip(outcome.as_ref().ok())
                .and_then(|((surface, method, path), (status, headers, body))| {
                    surface.check(method.as_str(), &path, *status, headers, body).err()
                })
                .map(|breach| (tolerated.holds(&breach), breach.clean(&redactor).to_string()));
            let done = recorder.finish(index, |it| {
                it.error = error;
                if let Some((status, headers, body)) = parts {
                    it.status = Some(*status);
                    it.request_id =
                        id_header.and_then(|name| headers.get(name)?.to_str().ok()).map(ToOwned::to_owned);
                    it.response_headers = readable(headers);
                    it.response_body = Some(text_of(body));
                }
                #[cfg(feature = "surface")]
                if let Some((_, breach)) = &breach {
                    it.breach = Some(breach.clone());
                    it.breach_expected = tolerated.all;
                }
            });
            #[cfg(feature = "surface")]
            if let Some((false, breach)) = breach {
                return Err(Failure::of(Cause::Contract, breach).exchange(done.reference(index, &redactor)));
            }
            match outcome {
                Ok((status, headers, body)) => {
                    Ok(Answer { status, headers, body, exchange: done, index, redactor })
                }
                Err((failure, _)) => Err(failure.exchange(done.reference(index, &redactor))),
            }
        });
        match exchange.await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(Failure::of(Cause::Cancelled, "the request was dropped with the runtime").exchange(
                    ExchangeRef { index, request: url, status: None, request_id: None, excerpt: None },
                ))
            }
        }
    }
}

/// Whether a breach is one of those.
#[cfg(feature = "surface")]
type Judge = Box<dyn Fn(&Breach) -> bool + Send>;

/// Which breaches of the document a step goes on with.
#[cfg(feature = "surface")]
#[derive(Default)]
struct Tolerated {
    /// The step provokes them.
    all: bool,
    /// Other steps are responsible for these.
    these: Vec<Judge>,
}

#[cfg(feature = "surface")]
impl Tolerated {
    fn holds(&self, breach: &Breach) -> bool {
        self.all || self.these.iter().any(|these| these(breach))
    }
}

type Parts = (u16, HeaderMap, Vec<u8>);

/// The answer; if it began and did not end, the failure with what there is of it. An answer that begins is shown to
/// `began`.
async fn exchange(
    request: reqwest::RequestBuilder,
    limit: usize,
    timeout: Duration,
    began: impl FnOnce(&reqwest::Response),
) -> Result<Parts, (Failure, Option<Parts>)> {
    let mut response = request.send().await.map_err(|error| (unanswered(&error, timeout), None))?;
    began(&response);
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        let failure = match response.chunk().await {
            Ok(None) => return Ok((status, headers, body)),
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => {
                body.extend_from_slice(&chunk);
                continue;
            }
            Ok(Some(_)) => Failure::of(
                Cause::Transport,
                format_args!("expected an answer of at most {limit} bytes, got more"),
            ),
            Err(error) if error.is_timeout() => Failure::of(
                Cause::Timeout,
                format_args!(
                    "the answer began and did not end within {timeout:?}; {} bytes came",
                    body.len()
                ),
            ),
            Err(error) => unanswered(&error, timeout),
        };
        return Err((failure, Some((status, headers, body))));
    }
}

/// Errors of the operating system that say nothing of the other side (Linux): no descriptors left in the process (24)
/// or the machine (23), no memory (12), no buffers (105), no free address (99), network down (100) or without a way
/// there (101).
const OWN_TROUBLE: [i32; 7] = [12, 23, 24, 99, 100, 101, 105];

/// What it means that no whole answer came.
fn unanswered(error: &reqwest::Error, timeout: Duration) -> Failure {
    let mut sources = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        sources.push(error);
        source = error.source();
    }
    let tls = sources.iter().find_map(|it| handshake_error(*it));
    if let Some(code) = sources.iter().find_map(|it| it.downcast_ref::<std::io::Error>()?.raw_os_error())
        && OWN_TROUBLE.contains(&code)
    {
        return Failure::of(Cause::Prober, "this machine cannot make a connection")
            .caused_by(error)
            .remedy("check this machine's network, memory and limit of open files");
    }
    if error.is_builder() {
        return Failure::of(Cause::Assertion, "expected an address that can be requested").caused_by(error);
    }
    if error.is_timeout() {
        return Failure::of(Cause::Timeout, format_args!("expected an answer within {timeout:?}, got none"));
    }
    if let Some(tls) = tls {
        let failure = Failure::of(Cause::Tls, format_args!("the TLS handshake failed: {tls}"));
        return match tls {
            rustls::Error::InvalidCertificate(_) => failure.remedy(
                "renew or correct the server's certificate; if its authority is private, name its PEM file in \
                 COALMINE_CA",
            ),
            _ => failure,
        };
    }
    let what = if error.is_connect() {
        "the connection could not be made"
    } else if error.is_body() || error.is_decode() {
        "the answer was cut short"
    } else {
        "the connection broke before the answer"
    };
    let mut failure = Failure::of(Cause::Transport, what);
    for source in sources {
        let text = source.to_string();
        if !failure.causes.iter().any(|it| it.contains(&text)) {
            failure.causes.push(text);
        }
    }
    failure
}

/// The handshake's error hides inside one or two `io::Error`s, which name what lies below it as their source, and not
/// it itself.
fn handshake_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    handshake_error(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

fn one_line(failure: &Failure) -> String {
    let mut line = failure.message.clone();
    for cause in &failure.causes {
        line.push_str(": ");
        line.push_str(cause);
    }
    line
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn text_of(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(KEPT_BODY)]).into_owned()
}
