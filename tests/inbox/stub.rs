//! Something that stands in for the mail API and its token endpoint, and answers as a test likes.

use std::panic::resume_unwind;

use axum::{
    Router,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
};
use coalmine::ensure_eq;
use serde_json::{Value, json};

use super::*;

/// How a call is answered.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Json(u16, Value),
    Text(u16, &'static str),
    /// Not at all, while the connection stays.
    Hang,
    /// The connection ends instead.
    Cut,
    /// As a mailbox that is well, once a call for this path with this in its query has come.
    AfterCall(&'static str, &'static str),
}

impl From<(u16, Value)> for Answer {
    fn from((status, body): (u16, Value)) -> Self {
        Self::Json(status, body)
    }
}

pub(super) struct Stub {
    pub(super) mailbox: Mailbox,
    pub(super) redactor: Redactor,
    pub(super) root: String,
    /// Path and query of the calls so far.
    pub(super) calls: Arc<Mutex<Vec<String>>>,
    /// Whom the mail is to.
    pub(super) to: Arc<Mutex<String>>,
}

impl Stub {
    /// `answer` gets a call's path and how often this path was called before. What it leaves open is answered as
    /// by a mailbox with one mail, of the id `m1`, to the last tag that was asked for.
    pub(super) async fn start<A: Into<Answer>>(
        answer: impl Fn(&str, usize) -> Option<A> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(|_| (), answer).await
    }

    pub(super) async fn start_with<A: Into<Answer>>(
        change: impl FnOnce(&mut GmailConfig),
        answer: impl Fn(&str, usize) -> Option<A> + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let (calls, to) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<String>>::default());
        let (log, recipient) = (Arc::clone(&calls), Arc::clone(&to));
        let app = Router::new().fallback(move |uri: Uri| {
            let (answer, log, recipient) = (answer.clone(), Arc::clone(&log), Arc::clone(&recipient));
            async move {
                let path = uri.path().trim_start_matches("/gmail/v1/users/me").to_owned();
                let query = uri.query().unwrap_or_default();
                let before = {
                    let mut log = log.lock().unwrap();
                    let before = log.iter().filter(|it| it.split('?').next() == Some(&path)).count();
                    log.push(format!("{path}?{query}"));
                    before
                };
                let to = recipient.lock().unwrap().clone();
                let answer = answer(&path, before).map(Into::into);
                let (status, body) =
                    match answer.unwrap_or_else(|| Answer::Json(200, usual(&path, query, &to))) {
                        Answer::Json(status, body) => (status, body.to_string()),
                        Answer::Text(status, text) => (status, text.to_owned()),
                        Answer::Hang => std::future::pending().await,
                        Answer::AfterCall(other, with) => {
                            let is_it = |call: &String| call.starts_with(other) && call.contains(with);
                            while !log.lock().unwrap().iter().any(is_it) {
                                tokio::task::yield_now().await;
                            }
                            (200, usual(&path, query, &to).to_string())
                        }
                        // Ends the task of the connection, without a word in the test's output.
                        Answer::Cut => resume_unwind(Box::new("cut")),
                    };
                (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, "application/json")], body)
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        let credential = UserCredential {
            client_id: "id".to_owned(),
            client_secret: Secret::new("client-secret".to_owned()),
            refresh_token: Secret::new("refresh-token".to_owned()),
            token_uri: Some(format!("{root}/token")),
        };
        let config = GmailConfig::new(credential, tls(rustls::RootCertStore::empty()));
        let mut config = GmailConfig { api_root: root.clone(), units_per_minute: PLENTY, ..config };
        change(&mut config);
        let redactor = Redactor::new();
        Self { mailbox: Mailbox::new(config, &redactor), redactor, root, calls, to }
    }

    /// Waits for the mail.
    pub(super) async fn wait(&self, limit: Duration) -> RunRecord {
        let to = Arc::clone(&self.to);
        let body = move |inbox: Inbox| {
            let to = Arc::clone(&to);
            async move {
                let address = inbox.address("owner").await?;
                *to.lock().unwrap() = address.to_string();
                let mail = inbox.wait_for(&address).await?;
                ensure_eq!(*mail.code(6)?.expose(), "482913");
                Ok(())
            }
        };
        run(&self.mailbox, &self.redactor, step(limit, body)).await
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|it| it.split('?').next() == Some(path)).count()
    }
}

pub(super) fn usual(path: &str, query: &str, to: &str) -> Value {
    match path {
        "/token" => json!({ "access_token": "access-token", "expires_in": 3599, "token_type": "Bearer" }),
        "/profile" => json!({ "emailAddress": "me@x.test", "historyId": "100" }),
        "/history" if to.is_empty() => json!({ "historyId": "100" }),
        "/history" => json!({
            "history": [{ "id": "101", "messagesAdded": [{ "message": { "id": "m1" } }] }],
            "historyId": "101",
        }),
        _ if path.starts_with("/messages/m") && query.contains("format=metadata") => {
            json!({ "id": "m1", "payload": { "headers": [{ "name": "to", "value": format!("<{to}>") }] } })
        }
        // "Subject: Confirm\r\n\r\n482913", without padding.
        "/messages/m1" => json!({
            "id": "m1",
            "raw": "U3ViamVjdDogQ29uZmlybQ0KDQo0ODI5MTM",
            "labelIds": ["INBOX"],
            "internalDate": "1767225600000",
        }),
        _ => json!({ "resultSizeEstimate": 0 }),
    }
}

pub(super) fn refused(code: u16, reason: &str, message: &str) -> Option<(u16, Value)> {
    Some((code, json!({ "error": { "code": code, "message": message, "errors": [{ "reason": reason }] } })))
}
