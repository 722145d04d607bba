//! A sandbox with a client, for tests: everything goes over TLS and HTTP, as it would from outside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mail_parser::{MessageParser, MimeHeaders as _};
use reqwest::{Method, StatusCode};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Options, Sandbox};

/// A running sandbox and a client that trusts it.
pub(crate) struct Trial {
    pub(crate) sandbox: Sandbox,
    client: reqwest::Client,
    names: AtomicU64,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.body
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let seen = (self.status.as_u16(), self.body["seq_code"].as_str());
        assert_eq!(seen, (status, Some(code)), "{}", self.text);
        assert!(self.body["message"].is_string() && self.body["retriable"].is_boolean(), "{}", self.text);
        self.body
    }
}

/// A ledger and a credential that opens it.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) team: String,
    pub(crate) ledger: String,
    pub(crate) secret: String,
}

/// A client that trusts this authority and nobody else.
pub(crate) fn client(ca_pem: &str) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(client_tls(ca_pem))
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

fn client_tls(ca_pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Trial {
    pub(crate) fn start() -> Trial {
        Trial::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Trial {
        let sandbox = Sandbox::start(options).unwrap();
        let client = client(sandbox.ca_pem());
        Trial { sandbox, client, names: AtomicU64::new(0) }
    }

    /// Whether a client that knows the product by this name accepts its certificate.
    pub(crate) async fn shakes_hands_as(&self, name: &str) -> bool {
        let stream = TcpStream::connect(self.sandbox.address()).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(client_tls(self.sandbox.ca_pem()))).connect(name, stream).await.is_ok()
    }

    /// Waits until so many readers of feeds are waiting.
    pub(crate) async fn waiting(&self, count: usize) {
        let mut waiting = self.sandbox.world.cx.waiting.subscribe();
        let reached = waiting.wait_for(|waiting| *waiting == count);
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("readers come and go").unwrap();
    }

    /// A name that nothing had before.
    pub(crate) fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let url = format!("https://localhost:{}{path}", self.sandbox.address().port());
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let request_id =
            response.headers().get("chain-request-id").map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, request_id, text, body }
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send(Method::POST, path, headers, body.to_string()).await
    }

    /// A call to the ledger API.
    pub(crate) async fn call(&self, book: &Book, op: &str, body: Value) -> Answer {
        let path = format!("/{}/{}/{op}", book.team, book.ledger);
        self.post(&path, &[("credential", &book.secret)], &body).await
    }

    /// The same with an idempotency key.
    pub(crate) async fn call_once(&self, book: &Book, op: &str, key: &str, body: Value) -> Answer {
        let path = format!("/{}/{}/{op}", book.team, book.ledger);
        self.post(&path, &[("credential", &book.secret), ("idempotency-key", key)], &body).await
    }

    /// A call to the dashboard; without a session if it is empty.
    pub(crate) async fn dash(&self, session: &str, op: &str, body: Value) -> Answer {
        self.post(&format!("/dashboard/{op}"), &[("session", session)], &body).await
    }

    /// A session of the permanent user.
    pub(crate) async fn admin(&self) -> String {
        let body = json!({"email": self.sandbox.email(), "password": self.sandbox.password()});
        session(self.dash("", "sign-in", body).await.ok())
    }

    /// A new ledger in the permanent team, with the permanent credential.
    pub(crate) async fn book(&self) -> Book {
        let (admin, ledger) = (self.admin().await, self.name("ledger"));
        let team = self.sandbox.team().to_owned();
        self.dash(&admin, "create-ledger", json!({"team": team, "name": ledger})).await.ok();
        Book { team, ledger, secret: self.sandbox.credential().to_owned() }
    }

    /// A new ledger that has the key `key`, the accounts `alice` and `bob` and the flavor `gold`.
    pub(crate) async fn market(&self) -> Book {
        let book = self.book().await;
        self.call(&book, "create-key", json!({"id": "key"})).await.ok();
        for id in ["alice", "bob"] {
            self.call(&book, "create-account", json!({"id": id, "key_ids": ["key"]})).await.ok();
        }
        self.call(&book, "create-flavor", json!({"id": "gold", "key_ids": ["key"]})).await.ok();
        book
    }

    pub(crate) async fn transact(&self, book: &Book, actions: Value) -> Answer {
        self.call(book, "transact", json!({"actions": actions})).await
    }

    /// How much gold an account holds.
    pub(crate) async fn gold(&self, book: &Book, account: &str) -> u128 {
        let groups = self.call(book, "list-tokens", json!({"page_size": 1000})).await.ok();
        let groups = groups["items"].as_array().unwrap();
        groups
            .iter()
            .filter(|group| group["account_id"] == account)
            .map(|group| amount(&group["amount"]))
            .sum()
    }

    /// A new confirmed user: address and session. The password is always [`PASSWORD`].
    pub(crate) async fn user(&self) -> (String, String) {
        let email = format!("{}@people.test", self.name("user"));
        self.dash("", "sign-up", json!({"email": email, "password": PASSWORD})).await.ok();
        let code = self.code(&email);
        let confirmed = self.dash("", "confirm-sign-up", json!({"email": email, "code": code})).await;
        (email, session(confirmed.ok()))
    }

    /// The code in the last mail to `email`: alone on its line of the text.
    #[track_caller]
    pub(crate) fn code(&self, email: &str) -> String {
        let (_, text, _) = self.mail(email);
        let mut codes =
            text.lines().filter(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
        codes.next().unwrap_or_else(|| panic!("a code in {text}")).to_owned()
    }

    /// The code in the link of the last mail to `email`.
    #[track_caller]
    pub(crate) fn invitation(&self, email: &str) -> String {
        let (_, text, _) = self.mail(email);
        let (_, code) = text.split_once("/accept-invite?code=").unwrap_or_else(|| panic!("a link in {text}"));
        code.split_whitespace().next().unwrap().to_owned()
    }

    /// Subject, text and HTML of the last mail to `email`.
    #[track_caller]
    pub(crate) fn mail(&self, email: &str) -> (String, String, String) {
        let mails = self.sandbox.delivered(email);
        let raw = mails.last().unwrap_or_else(|| panic!("a mail to {email}"));
        let mail = MessageParser::default().parse(raw).unwrap();
        assert!(mail.message_id().is_some() && mail.date().is_some() && mail.from().is_some());
        assert_eq!(mail.to().unwrap().first().unwrap().address(), Some(email));
        assert!(mail.is_content_type("multipart", "alternative"));
        let subject = mail.subject().unwrap().to_owned();
        (subject, mail.body_text(0).unwrap().into_owned(), mail.body_html(0).unwrap().into_owned())
    }
}

/// The password of every user made by [`Trial::user`].
pub(crate) const PASSWORD: &str = "long enough";

#[track_caller]
pub(crate) fn session(body: Value) -> String {
    body["session"].as_str().unwrap().to_owned()
}

#[track_caller]
pub(crate) fn amount(value: &Value) -> u128 {
    u128::from(value.as_u64().unwrap_or_else(|| panic!("an amount: {value}")))
}

/// The field `name` of every item.
#[track_caller]
pub(crate) fn column(page: &Value, name: &str) -> Vec<Value> {
    page["items"].as_array().unwrap().iter().map(|item| item[name].clone()).collect()
}

pub(crate) fn issue(to: &str, amount: u64) -> Value {
    json!({"type": "issue", "flavor_id": "gold", "amount": amount, "destination_account_id": to})
}

pub(crate) fn transfer(from: &str, to: &str, amount: u64) -> Value {
    json!({"type": "transfer", "flavor_id": "gold", "amount": amount,
        "source_account_id": from, "destination_account_id": to})
}

pub(crate) fn retire(from: &str, amount: u64) -> Value {
    json!({"type": "retire", "flavor_id": "gold", "amount": amount, "source_account_id": from})
}
