//! One request to a notifier's service, and what can be said for certain of its outcome.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};

use super::Outcome;
use crate::{
    config::ConfigError,
    http::{
        Roots, client_config,
        peer::{reason, retry_after, start_of},
        trusting_nobody,
    },
    redact::Redactor,
    report::text::one_line,
};

/// How long one request may take in all.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// How long a connection may take to be made. It is over before [`LIMIT`], because until then nothing was sent, which is
/// worth knowing.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How much is read of an answer, in bytes. It says a sentence, if anything.
const ANSWER_LIMIT: usize = 16 << 10;

/// How much of it is shown, in bytes.
const SHOWN: usize = 400;

/// Asks services. Clones share connections' settings, not connections.
#[derive(Clone)]
pub(in crate::alert) struct Line {
    client: Client,
    /// Knows the secrets of the settings: a service may repeat them in its answer.
    redactor: Redactor,
}

/// What became of a request.
pub(in crate::alert) enum Heard {
    /// There is an answer.
    Answer { status: StatusCode, retry_after: Option<Duration>, body: Vec<u8> },
    /// It never left.
    NotSent(String),
    /// It has left, or part of it, and nothing came back.
    Lost(String),
}

impl Line {
    /// For addresses that all start with `https`, or none of which does.
    pub(in crate::alert) fn new(
        variable: &'static str,
        address: &str,
        roots: &Roots,
        redactor: Redactor,
    ) -> Result<Self, ConfigError> {
        Self::with_limits(variable, address, roots, redactor, LIMIT)
    }

    pub(super) fn with_limits(
        variable: &'static str,
        address: &str,
        roots: &Roots,
        redactor: Redactor,
        limit: Duration,
    ) -> Result<Self, ConfigError> {
        let tls = if address.starts_with("https:") {
            client_config(roots).map_err(|error| {
                let remedy = "correct the authorities of this machine, or those that COALMINE_CA names";
                ConfigError::one(variable, error.to_string(), remedy)
            })?
        } else {
            trusting_nobody()
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .http1_only()
            // On a connection that was idle it cannot be told whether a request has arrived when it fails.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_LIMIT.min(limit / 2))
            .timeout(limit)
            .build()
            .map_err(|error| {
                ConfigError::one(variable, error.to_string(), "see the message; this is no setting of yours")
            })?;
        Ok(Self { client, redactor })
    }

    pub(in crate::alert) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request.
    pub(in crate::alert) async fn ask(&self, request: RequestBuilder) -> Heard {
        match request.send().await {
            Ok(response) => {
                let status = response.status();
                let retry_after = retry_after(&response);
                Heard::Answer { status, retry_after, body: start_of(response, ANSWER_LIMIT).await }
            }
            Err(error) => {
                let never_left = error.is_connect() || error.is_builder();
                let why = self.clean(&reason(error));
                if never_left { Heard::NotSent(why) } else { Heard::Lost(why) }
            }
        }
    }

    /// The same, with the whole of an answer that is JSON; otherwise why not.
    pub(super) async fn read(&self, request: RequestBuilder) -> Result<serde_json::Value, String> {
        let response = request.send().await.map_err(|error| self.clean(&reason(error)))?;
        let status = response.status();
        let body = start_of(response, 16 << 20).await;
        if status != StatusCode::OK {
            return Err(self.answer(status, &String::from_utf8_lossy(&body)));
        }
        serde_json::from_slice(&body).map_err(|error| format!("the answer is no JSON: {error}"))
    }

    /// What is said for certain of what became of a request, by what its service promises of its answers. Of statuses
    /// that it does not speak of nobody knows what they mean.
    pub(in crate::alert) fn judge(
        &self,
        heard: Heard,
        accepts: impl Fn(u16) -> bool,
        refuses: impl Fn(u16) -> bool,
    ) -> Outcome {
        match heard {
            Heard::NotSent(why) => Outcome::NotTaken { why, retry_after: None },
            Heard::Lost(why) => Outcome::Unknown { why },
            Heard::Answer { status, retry_after, body } => {
                let answer = self.answer(status, &String::from_utf8_lossy(&body));
                match status.as_u16() {
                    status if accepts(status) => Outcome::Accepted { answer },
                    429 => Outcome::NotTaken { why: answer, retry_after },
                    status if refuses(status) => Outcome::Refused { answer },
                    _ => Outcome::Unknown { why: answer },
                }
            }
        }
    }

    /// `400 Bad Request: what it said`.
    fn answer(&self, status: StatusCode, said: &str) -> String {
        let said = said_in_json(said).unwrap_or_else(|| said.to_owned());
        let said = self.clean(&said);
        if said.is_empty() { status.to_string() } else { format!("{status}: {said}") }
    }

    /// A line without secrets. They go before it is cut: half a secret matches nothing.
    fn clean(&self, text: &str) -> String {
        one_line(&self.redactor.clean(text), SHOWN)
    }
}

/// Of an error in JSON, its sentences: `message` and `errors`, which may stand in `error`.
fn said_in_json(text: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let at = json.get("error").filter(|it| it.is_object()).unwrap_or(&json);
    let message = at.get("message").and_then(serde_json::Value::as_str);
    let errors = at.get("errors").and_then(serde_json::Value::as_array).into_iter().flatten();
    let parts: Vec<_> = message.into_iter().chain(errors.filter_map(serde_json::Value::as_str)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that takes a connection, and with it a request, and never answers.
    #[tokio::test]
    async fn who_does_not_answer_in_time_may_have_taken_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let limit = Duration::from_millis(200);
        let roots = Roots::Only(String::new());
        let line = Line::with_limits("X", &address, &roots, Redactor::new(), limit).unwrap();
        let heard = line.ask(line.client().post(&address).body("page")).await;
        let outcome = line.judge(heard, |_| true, |_| true);
        assert!(matches!(&outcome, Outcome::Unknown { why } if why.contains("timed out")), "{outcome:?}");
        drop(listener);
    }

    #[test]
    fn sentences_are_found_in_json() {
        for (text, expected) in [
            (
                r#"{"status":"invalid event","message":"Event object is invalid","errors":["a","b"]}"#,
                "Event object is invalid; a; b",
            ),
            (r#"{"error":{"message":"Rate Limit Exceeded","code":2020}}"#, "Rate Limit Exceeded"),
            (r#"{"errors":["only"]}"#, "only"),
        ] {
            assert_eq!(said_in_json(text).as_deref(), Some(expected));
        }
        for text in ["", "<html>", "[1]", "{}", r#"{"error":"x"}"#] {
            assert_eq!(said_in_json(text), None, "{text}");
        }
    }
}
