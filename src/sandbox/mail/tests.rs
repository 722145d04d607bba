//! The mail side from outside: real SMTP in, real HTTPS out. Each test has a world of its own.

mod batches;
mod changing;
mod credentials;
mod delivery;
mod faults;
mod labels;
mod lag;
mod oauth;
mod putting;
mod quota;
mod reading;
mod scopes;
mod search;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{MailService, Options};
use crate::{clock::Clock, faults::Faults};

/// A running mail side and a reader with a good access token.
struct World {
    service: MailService,
    clock: Clock,
    faults: Faults,
    smtp: SocketAddr,
    root: String,
    http: reqwest::Client,
    token: String,
    _stop: DropGuard,
}

impl World {
    async fn start() -> World {
        World::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> World {
        let identity = crate::tls::identity(&[]).unwrap();
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = TcpListener::bind("127.0.0.1:0").unwrap();
        let (api_address, smtp_address) = (api.local_addr().unwrap(), smtp.local_addr().unwrap());
        let (clock, faults, stop) = (Clock::default(), Faults::default(), CancellationToken::new());
        let service = MailService::start(
            options,
            clock.clone(),
            faults.clone(),
            identity.server,
            api,
            smtp,
            stop.clone(),
        )
        .unwrap();

        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(identity.ca_pem.as_bytes()).unwrap()).unwrap();
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap();
        let mut world = World {
            service,
            clock,
            faults,
            smtp: smtp_address,
            root: format!("https://localhost:{}", api_address.port()),
            http,
            token: String::new(),
            _stop: stop.drop_guard(),
        };
        world.refresh().await;
        world
    }

    /// The token endpoint's answer to the right form, changed by `change`.
    async fn ask_token(&self, change: &[(&str, Option<&str>)]) -> (u16, Value) {
        let Options { client_id, client_secret, refresh_token, .. } = self.service.options().clone();
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", client_id.unwrap()),
            ("client_secret", client_secret.unwrap()),
            ("refresh_token", refresh_token.unwrap()),
        ];
        for (name, value) in change {
            form.retain(|(field, _)| field != name);
            form.extend(value.map(|value| (*name, value.to_owned())));
        }
        answer(self.http.post(format!("{}/token", self.root)).form(&form)).await
    }

    /// Gets a new access token and uses it from now on.
    async fn refresh(&mut self) {
        let (status, body) = self.ask_token(&[]).await;
        assert_eq!(status, 200, "{body}");
        self.token = text(&body["access_token"]);
    }

    /// A call of the API for `me`; `what` is path and query.
    async fn call(&self, what: &str) -> (u16, Value) {
        self.call_as(what, "me", &format!("Bearer {}", self.token)).await
    }

    async fn call_as(&self, what: &str, user: &str, authorization: &str) -> (u16, Value) {
        let address = format!("{}/gmail/v1/users/{user}/{what}", self.root);
        answer(self.http.get(address).header("Authorization", authorization)).await
    }

    /// A call with a body of JSON, or none if it is null.
    async fn ask(&self, verb: &str, what: &str, body: &Value) -> (u16, Value) {
        let address = format!("{}/gmail/v1/users/me/{what}", self.root);
        let request = self.http.request(verb.parse().unwrap(), address).bearer_auth(&self.token);
        answer(if body.is_null() { request } else { request.json(body) }).await
    }

    /// The body of such a call that succeeds; null if there is none.
    async fn done(&self, verb: &str, what: &str, body: Value) -> Value {
        let (status, answer) = self.ask(verb, what, &body).await;
        assert!(matches!(status, 200 | 204), "{verb} {what}: {status} {answer}");
        answer
    }

    /// What happened since `start`: id of the mail, what, and the labels of the change.
    async fn changes(&self, start: &str, parameters: &str) -> Vec<(String, String, Vec<String>)> {
        let history = self.get(&format!("history?startHistoryId={start}{parameters}")).await;
        let mut changes = Vec::new();
        for record in history["history"].as_array().into_iter().flatten() {
            for kind in ["messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"] {
                for change in record[kind].as_array().into_iter().flatten() {
                    let labels = change["labelIds"].as_array().into_iter().flatten().map(text).collect();
                    changes.push((text(&change["message"]["id"]), kind.to_owned(), labels));
                }
            }
        }
        changes
    }

    /// The body of a call that succeeds.
    async fn get(&self, what: &str) -> Value {
        let (status, body) = self.call(what).await;
        assert_eq!(status, 200, "{what}: {body}");
        body
    }

    /// The ids that `messages` lists, in its order.
    async fn list(&self, parameters: &str) -> Vec<String> {
        ids(&self.get(&format!("messages?{parameters}")).await["messages"])
    }

    /// The subjects of what `q` finds, in alphabetic order.
    async fn search(&self, q: &str) -> Vec<String> {
        let address = format!("{}/gmail/v1/users/me/messages", self.root);
        let request = self.http.get(address).query(&[("q", q)]).bearer_auth(&self.token);
        let (status, body) = answer(request).await;
        assert_eq!(status, 200, "{q}: {body}");
        let mut subjects = Vec::new();
        for id in ids(&body["messages"]) {
            let mail = self.get(&format!("messages/{id}?format=metadata&metadataHeaders=subject")).await;
            subjects.push(text(&mail["payload"]["headers"][0]["value"]));
        }
        subjects.sort();
        subjects
    }

    async fn newest_history(&self) -> String {
        text(&self.get("profile").await["historyId"])
    }

    async fn raw(&self, id: &str) -> String {
        decode(&self.get(&format!("messages/{id}?format=raw")).await["raw"])
    }

    /// Sends one mail as a program does.
    async fn send(&self, message: Message) {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.smtp.ip().to_string())
            .port(self.smtp.port())
            .build();
        transport.send(message).await.unwrap();
    }

    /// Sends a short mail from `signup@product.test`.
    async fn send_text(&self, to: &str, subject: &str, body: &str) {
        let message = Message::builder()
            .from("Product <signup@product.test>".parse().unwrap())
            .to(to.parse().unwrap())
            .subject(subject)
            .body(body.to_owned())
            .unwrap();
        self.send(message).await;
    }

    async fn connect(&self) -> Telnet {
        let mut client = Telnet { stream: BufReader::new(TcpStream::connect(self.smtp).await.unwrap()) };
        assert_eq!(client.reply().await, "220 mx.google.com ESMTP ready");
        client
    }
}

/// Somebody who types SMTP by hand.
struct Telnet {
    stream: BufReader<TcpStream>,
}

impl Telnet {
    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).await.unwrap();
    }

    /// The last line of the next reply.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).await.unwrap(), 0, "the server hung up");
            if line.as_bytes()[3] != b'-' {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Says one line; gives the reply.
    async fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Greets and names sender and recipient; the mail's text is next.
    async fn begin(&mut self, to: &str) {
        assert_eq!(self.say("EHLO client.test").await, "250 SMTPUTF8");
        assert_eq!(self.say("MAIL FROM:<signup@product.test>").await, "250 2.1.0 OK");
        assert_eq!(self.say(&format!("RCPT TO:<{to}>")).await, "250 2.1.5 OK");
        assert_eq!(self.say("DATA").await, "354 Go ahead");
    }

    /// Whether the server has hung up, with nothing more to say.
    async fn at_end(&mut self) -> bool {
        self.stream.fill_buf().await.unwrap().is_empty()
    }
}

/// Status and JSON body; null if there is none.
async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

/// Options with these scopes of Gmail's, by their last words; `all` is everything.
fn granting(scopes: &[&str]) -> Options {
    let scopes = scopes.iter().map(|scope| match *scope {
        "all" => "https://mail.google.com/".to_owned(),
        scope => format!("https://www.googleapis.com/auth/gmail.{scope}"),
    });
    Options { scopes: scopes.collect(), ..Options::default() }
}

/// The answer to a call that is refused.
fn refused(code: u16, reason: &str, status: &str, message: &str) -> (u16, Value) {
    refused_by("global", code, reason, status, message)
}

fn refused_by(domain: &str, code: u16, reason: &str, status: &str, message: &str) -> (u16, Value) {
    let body = json!({ "error": {
        "code": code,
        "message": message,
        "errors": [{ "message": message, "domain": domain, "reason": reason }],
        "status": status,
    }});
    (code, body)
}

fn invalid(message: &str) -> (u16, Value) {
    refused(400, "invalidArgument", "INVALID_ARGUMENT", message)
}

fn not_found() -> (u16, Value) {
    refused(404, "notFound", "NOT_FOUND", "Requested entity was not found.")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string was expected, not {value}")).to_owned()
}

fn ids(messages: &Value) -> Vec<String> {
    messages.as_array().map(|mails| mails.iter().map(|mail| text(&mail["id"])).collect()).unwrap_or_default()
}

fn decode(value: &Value) -> String {
    String::from_utf8(URL_SAFE.decode(text(value)).unwrap()).unwrap()
}

/// The value of a header of the root part, by its exact name.
fn header(mail: &Value, name: &str) -> String {
    let headers = mail["payload"]["headers"].as_array().unwrap();
    text(&headers.iter().find(|header| header["name"] == name).unwrap()["value"])
}
