//! PagerDuty as a client finds it: everything goes over TLS and HTTP, and time is moved, not waited for.

mod alone;
mod faults;
mod life;
mod limits;
mod rest;
mod validation;

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::{Agent, Incident, Options, PagerDuty, PagerDutyService, Status};
use crate::trial;

/// A running PagerDuty and a client that trusts it.
struct Pager {
    pagerduty: PagerDuty,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }
}

impl Pager {
    fn start() -> Pager {
        Pager::with(Options::default())
    }

    fn with(options: Options) -> Pager {
        let pagerduty = PagerDuty::start(options).unwrap();
        let client = trial::client(pagerduty.ca_pem());
        Pager { pagerduty, client }
    }

    fn service(&self) -> &PagerDutyService {
        self.pagerduty.service()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.service().root())).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, text, body })
    }

    /// Sends an event.
    async fn try_event(&self, event: &Value) -> reqwest::Result<Answer> {
        self.send(Method::POST, "/v2/enqueue", &[], event.to_string()).await
    }

    async fn event(&self, event: &Value) -> Answer {
        self.try_event(event).await.unwrap()
    }

    /// A full trigger of a key.
    fn trigger(&self, key: &str) -> Value {
        json!({
            "routing_key": self.service().routing_key(),
            "event_action": "trigger",
            "dedup_key": key,
            "payload": {
                "summary": format!("{key} is broken"),
                "source": "canary",
                "severity": "critical",
                "custom_details": {"step": key},
            },
        })
    }

    fn event_of(&self, action: &str, key: &str) -> Value {
        match action {
            "trigger" => self.trigger(key),
            _ => json!({
                "routing_key": self.service().routing_key(), "event_action": action, "dedup_key": key,
            }),
        }
    }

    /// A call of the REST API with the token.
    async fn get(&self, path: &str) -> Answer {
        let token = format!("Token token={}", self.service().api_token());
        self.send(Method::GET, path, &[("authorization", &token)], "").await.unwrap()
    }

    async fn put(&self, path: &str, from: Option<&str>, body: Value) -> Answer {
        let token = format!("Token token={}", self.service().api_token());
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(from.map(|from| ("from", from)));
        self.send(Method::PUT, path, &headers, body.to_string()).await.unwrap()
    }

    fn advance(&self, seconds: i64) {
        self.service().clock().advance(SignedDuration::from_secs(seconds));
    }

    #[track_caller]
    fn switch(&self, fault: &str, on: bool) {
        self.service().switch(fault, on).unwrap();
    }
}

#[tokio::test]
async fn whoever_waits_is_woken_by_the_event() {
    let pager = Pager::start();
    let trigger = pager.trigger("k");
    let look = |service: &PagerDutyService| service.open().contains("k").then_some(());
    let wait = pager.service().wait_for(Duration::from_secs(20), look);
    let (found, answer) = tokio::join!(wait, pager.event(&trigger));
    answer.is(202);
    assert_eq!(found, Some(()));
    assert_eq!(pager.service().wait_for(Duration::ZERO, |_| None::<()>).await, None);
}
