//! No secret is written to a log, at whatever level: everything that the crates of this process hand to `log` or to
//! `tracing` is kept and searched, while both canaries run, a service account reads, and somebody logs in.
//!
//! The library hands out nothing there itself; what it calls does, and some of it would log tokens at its lower levels if
//! it were used otherwise.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    Json, Router,
    routing::{get, post},
};
use canaries::{suite, world::SandboxWorld};
use coalmine::{
    Redactor, Verdict,
    http::{Roots, client_config},
    inbox::{Credential, Endpoints, Login, Mailbox, Returned},
    suite::{Run, RunOptions},
};
use hyper::server::conn::http2;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::markers::{self, CLIENT_SECRET, CREDENTIAL, PASSWORD, REFRESH_TOKEN, find, forms, planted};

/// What was logged so far, by all threads of this process: other tests may be among them.
static LOGGED: Mutex<String> = Mutex::new(String::new());

/// Keeps all that is logged, from the first call on.
fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        tracing::subscriber::set_global_default(Keeper).unwrap();
    });
}

fn keep(line: fmt::Arguments<'_>) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.write_fmt(line).unwrap();
    logged.push('\n');
}

struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        keep(format_args!("[{}] {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

impl Subscriber for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        keep(format_args!("[{}] {}{}", span.metadata().target(), span.metadata().name(), fields.0));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        keep(format_args!("[span]{}", fields.0));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        keep(format_args!("[{}]{}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The fields of an event, one behind the other.
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    listen();
    let (world, _, _folder) = planted();
    let mut secrets: Vec<String> =
        [PASSWORD, CREDENTIAL, CLIENT_SECRET, REFRESH_TOKEN].map(str::to_owned).to_vec();
    secrets.extend(of_runs(&world).await);
    secrets.extend(of_a_service_account(&world).await);
    secrets.extend(of_a_login(&world).await);
    by_http2(&world).await;
    assert!(secrets.len() > 12, "codes, links and lines of a key among them: {}", secrets.len());

    let logged = LOGGED.lock().unwrap().clone();
    // Otherwise this would prove nothing.
    for crate_ in ["[rustls::", "[hyper_util::", "[h2::", "[reqwest::"] {
        assert!(logged.contains(crate_), "nothing from {crate_} in {} bytes", logged.len());
    }
    for secret in &secrets {
        for form in forms(secret) {
            let line = find(&logged, &form).map(|at| line_at(&logged, at));
            assert_eq!(line, None, "a secret is logged");
        }
    }
    // Access tokens, and what a service account has signed, are known by their shape.
    for shape in ["ya29.", "eyJhbGciOi"] {
        assert_eq!(logged.find(shape).map(|at| line_at(&logged, at)), None, "a token is logged");
    }
}

fn line_at(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Both canaries, and every code and link that was mailed to them.
async fn of_runs(world: &SandboxWorld) -> Vec<String> {
    let start = world.access().connect("sandbox", false).unwrap();
    let plan = suite().plan().unwrap();
    let mut secrets = Vec::new();
    for canary in &plan.canaries {
        let options = RunOptions {
            redactor: start.redactor.clone(),
            ..RunOptions::new("sandbox", start.resources.clone())
        };
        let record = Run::new(Arc::clone(canary), options).finish().await;
        assert_eq!(record.verdict, Verdict::Passed, "{}", record.canary);
        for address in markers::addresses(&serde_json::to_string(&record).unwrap()) {
            for mail in world.sandbox().delivered(&address) {
                secrets
                    .extend(markers::mailed(&String::from_utf8_lossy(&mail)).into_iter().map(|(_, it)| it));
            }
        }
    }
    assert!(secrets.len() > 2, "codes and invitations: {secrets:?}");
    secrets
}

/// A service account that reads the mailbox, and some lines of its key.
async fn of_a_service_account(world: &SandboxWorld) -> Vec<String> {
    let mut gmail = world.access().gmail;
    let file = sandbox::mail::service_account(gmail.credential.token_uri().unwrap());
    gmail.credential = Credential::parse(&file, None, None, Some("coalmine@sandbox.test")).unwrap();
    let secrets = gmail.credential.secrets().skip(1).take(3).map(str::to_owned).collect();
    let mailbox = Mailbox::new(gmail.config(client_config(&roots(world)).unwrap()), &Redactor::new());
    assert_eq!(mailbox.look(1).await.unwrap().address, "coalmine@sandbox.test");
    secrets
}

/// Somebody who logs in: the code, and the verifier that is shown with it.
async fn of_a_login(world: &SandboxWorld) -> Vec<String> {
    let Credential::User(user) = world.access().gmail.credential else { panic!("the sandbox has a user") };
    let token = user.token_uri.unwrap();
    let auth = token.replace("/token", "/o/oauth2/v2/auth");
    let place = "http://127.0.0.1:4711/".to_owned();
    let login = Login::new(user.client_id, user.client_secret, Endpoints { auth, token }, place);
    let browser = reqwest::Client::builder()
        .tls_backend_preconfigured(client_config(&roots(world)).unwrap())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = browser.get(login.address().unwrap()).send().await.unwrap();
    let target = answer.headers()["location"].to_str().unwrap().replace("http://127.0.0.1:4711", "");
    let Returned::Code(code) = login.returned(&target) else { panic!("no code in {target}") };
    let granted = login.exchange(&code, client_config(&roots(world)).unwrap()).await.unwrap();
    let mut secrets: Vec<String> = login.secrets().map(str::to_owned).collect();
    secrets.extend([code.expose().clone(), granted.credential.refresh_token.expose().clone()]);
    secrets
}

/// The same calls by HTTP/2, as Google takes them and the sandbox does not.
async fn by_http2(world: &SandboxWorld) {
    let token = || async { Json(json!({ "access_token": "ya29.mark-by-http2", "expires_in": 3599 })) };
    let profile = || async { Json(json!({ "emailAddress": "coalmine@sandbox.test", "historyId": "1" })) };
    let answers =
        Router::new().route("/token", post(token)).route("/gmail/v1/users/me/profile", get(profile));
    let mut tls = (*world.sandbox().server_tls()).clone();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(answers.clone()));
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
                // Its end is of no interest.
                let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
            });
        }
    });
    let mut gmail = world.access().gmail;
    gmail.token_uri = Some(format!("{root}/token"));
    gmail.api_root = Some(root);
    let mailbox = Mailbox::new(gmail.config(client_config(&roots(world)).unwrap()), &Redactor::new());
    mailbox.look(0).await.unwrap();
}

fn roots(world: &SandboxWorld) -> Roots {
    Roots::Only(world.sandbox().ca_pem().to_owned())
}
