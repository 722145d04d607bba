//! The inbox: real SMTP in, the mail API out, through steps of real runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    fmt,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
};
use coalmine::{
    Canary, Cause, Failure, Redactor, Resources, Result, RunRecord, Secret, Suite, Verdict, ensure,
    ensure_eq,
    inbox::{Address, Credential, Folder, GmailConfig, Inbox, Mailbox},
    record::MailRecord,
    suite::{Run, RunOptions},
};
use jiff::SignedDuration;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{MultiPart, SinglePart},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// A sandbox and its mailbox, shared by the steps of one test.
#[derive(Clone)]
struct World {
    sandbox: Arc<Sandbox>,
    redactor: Redactor,
    mailbox: Mailbox,
}

impl World {
    fn start() -> Self {
        Self::start_with(|_| ())
    }

    fn start_with(change: impl FnOnce(&mut GmailConfig)) -> Self {
        let sandbox = Sandbox::start(Options::default()).unwrap();
        let mut config = config(&sandbox);
        change(&mut config);
        let redactor = Redactor::new();
        Self { sandbox: Arc::new(sandbox), mailbox: Mailbox::new(config, &redactor), redactor }
    }

    async fn send(&self, to: impl fmt::Display, subject: &str, text: &str) -> Result<()> {
        self.deliver(to, subject, MultiPart::alternative().singlepart(SinglePart::plain(text.to_owned())))
            .await
    }

    async fn deliver(&self, to: impl fmt::Display, subject: &str, body: MultiPart) -> Result<()> {
        let relay = self.sandbox.smtp();
        let relay = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(relay.ip().to_string())
            .port(relay.port())
            .build();
        let message = Message::builder()
            .from("Shop <no-reply@shop.test>".parse()?)
            .to(to.to_string().parse()?)
            .subject(subject)
            .multipart(body)?;
        relay.send(message).await?;
        Ok(())
    }

    /// An address of the sandbox's mailbox that nobody of this process has.
    fn foreign(&self) -> String {
        self.sandbox.mail().mailbox.replace('@', "+somebody-1-else@")
    }

    async fn run(&self, canary: Canary) -> RunRecord {
        run(&self.mailbox, &self.redactor, canary).await
    }
}

fn config(sandbox: &Sandbox) -> GmailConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sandbox.ca_pem().as_bytes()).unwrap()).unwrap();
    let mail = sandbox.mail();
    let root = format!("https://localhost:{}", sandbox.mail_api().port());
    let credential = Credential {
        client_id: mail.client_id.clone().unwrap(),
        client_secret: Secret::new(mail.client_secret.clone().unwrap()),
        refresh_token: Secret::new(mail.refresh_token.clone().unwrap()),
        token_uri: Some(format!("{root}/token")),
    };
    GmailConfig { api_root: root, ..GmailConfig::new(credential, tls(roots)) }
}

fn tls(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn run(mailbox: &Mailbox, redactor: &Redactor, canary: Canary) -> RunRecord {
    let plan = Suite::new("shop").canary(canary).plan().unwrap();
    let resources = Resources::new().with(mailbox.clone());
    let options = RunOptions { redactor: redactor.clone(), ..RunOptions::new("sandbox", resources) };
    Run::new(Arc::clone(&plan.canaries[0]), options).finish().await
}

/// A canary of one step.
fn step<F>(limit: Duration, body: impl Fn(Inbox) -> F + Send + Sync + 'static) -> Canary
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    Canary::new("mail").step("receives", body).promise("mail comes").timeout(limit)
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(600);

#[track_caller]
fn passed(record: &RunRecord) {
    let failures: Vec<_> =
        record.steps.iter().flat_map(|it| &it.attempts).filter_map(|it| it.failure.as_ref()).collect();
    assert_eq!(record.verdict, Verdict::Passed, "{failures:#?}");
}

/// Message and remedy of the failure that the only step ended with.
#[track_caller]
fn failed(record: &RunRecord, verdict: Verdict, cause: Cause) -> (String, String) {
    let failure = record.steps[0].attempts.last().unwrap().failure.clone().expect("the step fails");
    assert_eq!((record.verdict, failure.cause), (verdict, cause), "{}", failure.text);
    (failure.message, failure.remedy.unwrap_or_default())
}

#[tokio::test]
async fn a_mail_arrives_with_its_code_and_link() {
    let world = World::start();
    let own = world.clone();
    let record = world
        .run(step(LONG, move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address("owner").await?;
                let link = "https://shop.test/join?code=c0dec0de&team=x";
                let html = format!("<p><b>482913</b></p><a href=\"{}\">join</a>", link.replace('&', "&amp;"));
                let body = MultiPart::alternative_plain_html(format!("Hello\n\n482913\n\n{link}\n"), html);
                world.deliver(&address, "Confirm your address", body).await?;
                let mail = inbox.wait_for(&address).subject("Confirm").await?;
                ensure_eq!(mail.code(6)?.expose().as_str(), "482913");
                ensure_eq!(mail.link("/join")?.parameter("code")?.expose().as_str(), "c0dec0de");
                ensure_eq!(mail.from(), "no-reply@shop.test");
                ensure_eq!(mail.to(), [address.to_string()]);
                ensure_eq!(mail.folder(), Folder::Inbox);
                ensure!(mail.header("authentication-results").is_some());
                ensure!(mail.delivery() < SignedDuration::from_secs(30));
                let again = inbox.wait_for(&address).await?;
                ensure_eq!(again.received(), mail.received(), "the same wait gives the same mail");
                ensure_eq!(again.header("message-id"), mail.header("message-id"));
                Err(Failure::new(format!("the code was {}", mail.code(6)?.expose())))
            }
        }))
        .await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::Assertion);
    assert_eq!(message, "the code was [redacted]");
    let note = &record.steps[0].attempts[0].notes[0];
    assert!(note.starts_with("the mail `Confirm your address` to coalmine+"), "{note}");
    assert!(note.contains(" in inbox, delivered in "), "{note}");
    // It was waited for twice, and came once. Who reads numbers is told neither to whom nor what.
    let mails = &record.steps[0].attempts[0].mails;
    let [MailRecord { role, folder, delivery_ms }] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((role.as_str(), folder.as_str()), ("owner", "inbox"));
    assert!((-1_000.0..30_000.0).contains(delivery_ms), "{delivery_ms}");
}

#[tokio::test]
async fn the_way_of_a_further_mail_begins_where_that_of_the_one_before_ended() {
    let world = World::start();
    let own = world.clone();
    let record = world
        .run(step(LONG, move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address("new-owner").await?;
                world.send(&address, "first", "1").await?;
                let first = inbox.wait_for(&address).subject("first").await?;
                world.send(&address, "second", "2").await?;
                let second = inbox.wait_for(&address).subject("second").await?;
                ensure_eq!(second.delivery(), second.received().duration_since(first.received()));
                Ok(())
            }
        }))
        .await;
    passed(&record);
    let mails = &record.steps[0].attempts[0].mails;
    assert_eq!(mails.iter().map(|it| it.role.as_str()).collect::<Vec<_>>(), ["new-owner", "new-owner"]);
}

#[tokio::test]
async fn mails_are_counted_as_far_as_the_mailbox_was_read() {
    let world = World::start();
    let own = world.clone();
    let record = world
        .run(step(LONG, move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let (owner, later) = (inbox.address("owner").await?, inbox.address("later").await?);
                ensure_eq!(inbox.arrived(&owner), 0);
                for to in [&owner, &owner, &later] {
                    world.send(to, "Confirm", "482913").await?;
                }
                ensure_eq!(inbox.arrived(&owner), 0, "mails while nobody has waited");
                inbox.wait_for(&later).await?;
                ensure_eq!(inbox.arrived(&owner), 2, "mails before a later one");
                ensure_eq!(inbox.arrived(&later), 1);
                Ok(())
            }
        }))
        .await;
    passed(&record);
}

#[tokio::test]
async fn ten_who_wait_at_once_each_get_their_own() {
    let world = World::start();
    let mut canary = Canary::new("mail");
    for number in 0..10 {
        let own = world.clone();
        let body = move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address(&format!("role-{number}")).await?;
                let wait = tokio::spawn(inbox.wait_for(&address).into_future());
                let code = format!("11223{number}");
                world.send(&address, "Confirm", &code).await?;
                let mail = wait.await??;
                ensure_eq!(*mail.code(6)?.expose(), code);
                Ok::<_, Failure>(())
            }
        };
        canary = canary.step(&format!("receives_{number}"), body).promise("mail comes");
    }
    passed(&world.run(canary).await);
}

#[tokio::test]
async fn attempts_roles_and_runs_have_addresses_of_their_own() {
    let world = World::start();
    let all: Arc<Mutex<Vec<Address>>> = Arc::default();
    for _ in 0..2 {
        let kept = Arc::clone(&all);
        let body = move |inbox: Inbox| {
            let kept = Arc::clone(&kept);
            async move {
                let owner = inbox.address("owner").await?;
                ensure_eq!(inbox.address("owner").await?.as_str(), owner.as_str(), "the same role");
                let guest = inbox.address("guest").await?;
                kept.lock().unwrap().extend([owner, guest]);
                ensure!(kept.lock().unwrap().len().is_multiple_of(4), "the first attempt fails");
                Ok(())
            }
        };
        passed(&world.run(step(LONG, body).retry(1)).await);
    }
    let all = all.lock().unwrap();
    let mut distinct: Vec<_> = all.iter().map(Address::as_str).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 8, "{distinct:?}");
    assert!(all[0].as_str().ends_with("-1-owner@sandbox.test"), "{}", all[0]);
    assert!(all[3].as_str().ends_with("-2-guest@sandbox.test"), "{}", all[3]);
}

#[tokio::test]
async fn a_role_that_cannot_stand_in_an_address_is_refused() {
    let world = World::start();
    for role in ["", "Owner", "a b", "a+b", "-a", "é"] {
        let record = world
            .run(step(LONG, move |inbox: Inbox| async move { inbox.address(role).await.map(drop) }))
            .await;
        let (message, _) = failed(&record, Verdict::Failed, Cause::Assertion);
        assert!(message.starts_with("expected a role of lower-case letters"), "{message}");
    }
}

#[tokio::test]
async fn what_came_instead_is_told() {
    let world = World::start();
    let own = world.clone();
    let record = world
        .run(step(LONG, move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address("owner").await?;
                let guest = inbox.address("guest").await?;
                world.send(&address, "Goodbye", "x").await?;
                world.send(&guest, "Invitation", "x").await?;
                world.send(world.foreign(), "Not yours", "x").await?;
                inbox.wait_for(&address).subject("Confirm").within(SHORT).await.map(drop)
            }
        }))
        .await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.starts_with("expected a mail with `Confirm` in its subject to coalmine+"), "{message}");
    assert!(message.contains(" within 0.6 s, got `Goodbye` (inbox, "), "{message}");
    assert!(
        message.contains("; for other addresses of this run came `Invitation` to coalmine+"),
        "{message}"
    );
    assert!(message.ends_with("; 1 mail for others"), "{message}");
    assert!(!message.contains("somebody") && !message.contains("Not yours"), "{message}");
}

#[tokio::test]
async fn a_late_mail_of_an_earlier_attempt_is_told() {
    let world = World::start();
    let own = world.clone();
    let first: Arc<Mutex<Option<String>>> = Arc::default();
    let body = move |inbox: Inbox| {
        let (world, first) = (own.clone(), Arc::clone(&first));
        async move {
            let address = inbox.address("owner").await?;
            let earlier = first.lock().unwrap().replace(address.to_string());
            let Some(earlier) = earlier else { return Err(Failure::new("the first attempt gives up")) };
            world.send(&earlier, "Too late", "x").await?;
            inbox.wait_for(&address).within(SHORT).await.map(drop)
        }
    };
    let record = world.run(step(LONG, body).retry(1)).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.contains("got none; for other addresses of this run came `Too late` to "), "{message}");
}

#[tokio::test]
async fn the_explanation_comes_before_the_steps_time_is_over() {
    let world = World::start();
    let body = |inbox: Inbox| async move {
        let address = inbox.address("owner").await?;
        inbox.wait_for(&address).await.map(drop)
    };
    let record = world.run(step(Duration::from_secs(1), body)).await;
    let (message, _) = failed(&record, Verdict::Failed, Cause::MailMissing);
    assert!(message.contains("got none; the step's time ended the wait before its 60.0 s"), "{message}");
}

#[tokio::test]
async fn spam_is_a_failure_of_its_own_kind() {
    let world = World::start();
    world.sandbox.switch("mail_spam", true).unwrap();
    for accept in [false, true] {
        let own = world.clone();
        let body = move |inbox: Inbox| {
            let world = own.clone();
            async move {
                let address = inbox.address("owner").await?;
                world.send(&address, "Confirm", "482913").await?;
                let wait = inbox.wait_for(&address);
                let mail = if accept { wait.accept_spam().await? } else { wait.await? };
                ensure_eq!(mail.folder(), Folder::Spam);
                Ok(())
            }
        };
        let record = world.run(step(LONG, body)).await;
        let mails = &record.steps[0].attempts[0].mails;
        assert_eq!(mails.iter().map(|it| it.folder.as_str()).collect::<Vec<_>>(), ["spam"]);
        if accept {
            passed(&record);
        } else {
            let (message, remedy) = failed(&record, Verdict::Failed, Cause::MailSpam);
            assert!(message.starts_with("expected the mail `Confirm` to coalmine+"), "{message}");
            assert!(
                message.ends_with("in the inbox, got it in spam") && remedy.contains("DMARC"),
                "{message}"
            );
        }
    }
}

/// Waits for a mail that was sent, after something was done to the world.
async fn after(world: &World, limit: Duration, change: impl Fn(&World) + Send + Sync + 'static) -> RunRecord {
    let own = world.clone();
    let change = Arc::new(change);
    let body = move |inbox: Inbox| {
        let (world, change) = (own.clone(), Arc::clone(&change));
        async move {
            let address = inbox.address("owner").await?;
            world.send(world.foreign(), "Not yours", "x").await?;
            change(&world);
            world.send(&address, "Confirm", "482913").await?;
            let mail = inbox.wait_for(&address).await?;
            ensure_eq!(*mail.code(6)?.expose(), "482913");
            Ok(())
        }
    };
    world.run(step(limit, body)).await
}

#[tokio::test]
async fn an_expired_access_token_is_replaced() {
    let world = World::start();
    passed(&after(&world, LONG, |world| world.sandbox.clock().advance(SignedDuration::from_hours(2))).await);
}

#[tokio::test]
async fn a_lost_history_is_made_up_for_by_a_search() {
    let world = World::start();
    passed(
        &after(&world, LONG, |world| world.sandbox.clock().advance(SignedDuration::from_hours(8 * 24))).await,
    );
}

#[tokio::test]
async fn a_revoked_token_is_inconclusive() {
    let world = World::start();
    let record = after(&world, LONG, |world| world.sandbox.revoke_mail_access()).await;
    let (message, remedy) = failed(&record, Verdict::Inconclusive, Cause::MailProvider);
    assert!(message.starts_with("expected to read the mailbox, got `invalid_grant` ("), "{message}");
    assert!(remedy.contains("`GMAIL_CREDENTIAL`"), "{remedy}");
    // Those who come later fail too, and as fast.
    let record = after(&world, LONG, |_| ()).await;
    failed(&record, Verdict::Inconclusive, Cause::MailProvider);
}

#[tokio::test]
async fn a_wrong_client_is_inconclusive() {
    let world = World::start_with(|config| config.client_secret = Secret::new("marker-wrong".to_owned()));
    let (message, remedy) =
        failed(&after(&world, LONG, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
    assert!(
        message.contains("`invalid_client`") && remedy.contains("`GMAIL_CLIENT_SECRET`"),
        "{message} {remedy}"
    );
}

#[tokio::test]
async fn an_api_out_of_reach_is_inconclusive() {
    // A port that was free a moment ago and that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let root = format!("https://localhost:{port}");
    let limit = Duration::from_secs(1);
    for token_too in [false, true] {
        let world = World::start_with(|config| {
            config.api_root = root.clone();
            if token_too {
                config.token_uri = format!("{root}/token");
            }
        });
        let (message, remedy) =
            failed(&after(&world, limit, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
        assert!(message.contains(&root) && message.contains("onnection refused"), "{message}");
        assert!(remedy.contains("network"), "{remedy}");
    }
    let world = World::start_with(|config| config.api_root = "no address".to_owned());
    failed(&after(&world, LONG, |_| ()).await, Verdict::Inconclusive, Cause::MailProvider);
}

/// Something that stands in for the mail API and answers as a test likes.
struct Stub {
    mailbox: Mailbox,
    redactor: Redactor,
    /// Path and query of the calls so far.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// `answer` gets a call's path and how often this path was called before. What it leaves open is answered as
    /// by a mailbox with one mail, of the id `m1`, to the last tag that was asked for.
    async fn start(
        answer: impl Fn(&str, usize) -> Option<(u16, Value)> + Clone + Send + Sync + 'static,
    ) -> (Self, Arc<Mutex<String>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let (calls, to) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<String>>::default());
        let (log, recipient) = (Arc::clone(&calls), Arc::clone(&to));
        let app = Router::new().fallback(move |uri: Uri| {
            let (answer, log, recipient) = (answer.clone(), Arc::clone(&log), Arc::clone(&recipient));
            async move {
                let path = uri.path().trim_start_matches("/gmail/v1/users/me").to_owned();
                let before = {
                    let mut log = log.lock().unwrap();
                    let before = log.iter().filter(|it| it.split('?').next() == Some(&path)).count();
                    log.push(format!("{path}?{}", uri.query().unwrap_or_default()));
                    before
                };
                let query = uri.query().unwrap_or_default();
                let to = recipient.lock().unwrap().clone();
                let (status, body) = answer(&path, before).unwrap_or_else(|| (200, usual(&path, query, &to)));
                let json = [(CONTENT_TYPE, "application/json")];
                (StatusCode::from_u16(status).unwrap(), json, body.to_string())
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        let credential = Credential {
            client_id: "id".to_owned(),
            client_secret: Secret::new("client-secret".to_owned()),
            refresh_token: Secret::new("refresh-token".to_owned()),
            token_uri: Some(format!("{root}/token")),
        };
        let config = GmailConfig {
            api_root: root,
            ..GmailConfig::new(credential, tls(rustls::RootCertStore::empty()))
        };
        let redactor = Redactor::new();
        (Self { mailbox: Mailbox::new(config, &redactor), redactor, calls }, to)
    }

    /// Waits for the mail.
    async fn wait(&self, to: Arc<Mutex<String>>, limit: Duration) -> RunRecord {
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

    fn count(&self, path: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|it| it.split('?').next() == Some(path)).count()
    }
}

fn usual(path: &str, query: &str, to: &str) -> Value {
    match path {
        "/token" => json!({ "access_token": "access-token", "expires_in": 3599, "token_type": "Bearer" }),
        "/profile" => json!({ "emailAddress": "me@x.test", "historyId": "100" }),
        "/history" if to.is_empty() => json!({ "historyId": "100" }),
        "/history" => json!({
            "history": [{ "id": "101", "messagesAdded": [{ "message": { "id": "m1" } }] }],
            "historyId": "101",
        }),
        "/messages/m1" if query.contains("format=metadata") => {
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

fn refused(code: u16, reason: &str, message: &str) -> Option<(u16, Value)> {
    Some((code, json!({ "error": { "code": code, "message": message, "errors": [{ "reason": reason }] } })))
}

#[tokio::test]
async fn troubles_that_pass_are_sat_out() {
    let (stub, to) = Stub::start(|path, before| match (path, before) {
        ("/profile", 0) | ("/history", 0) => refused(503, "backendError", "Backend Error"),
        ("/history", 1) => Some((200, json!("garbage"))),
        ("/history", 2) => Some((502, Value::Null)),
        ("/messages/m1", 0..=2) => refused(404, "notFound", "Requested entity was not found."),
        ("/messages/m1", 4) => Some((200, json!({ "id": "m1" }))),
        _ => None,
    })
    .await;
    passed(&stub.wait(to, LONG).await);
    assert_eq!(stub.count("/token"), 1, "one token serves all calls");
}

#[tokio::test]
async fn troubles_that_stay_are_inconclusive() {
    let limit = Duration::from_millis(700);
    for (code, reason, message, remedy) in [
        (500, "backendError", "Backend Error", "out of order"),
        (429, "rateLimitExceeded", "Retry after 2999-01-01T00:00:00Z", "quota"),
        (403, "userRateLimitExceeded", "User Rate Limit Exceeded", "quota"),
        (403, "insufficientPermissions", "Insufficient Permission", "gmail.readonly"),
        (403, "accessNotConfigured", "Gmail API has not been used", "enable the Gmail API"),
        (401, "authError", "Invalid Credentials", "GMAIL_CREDENTIAL"),
    ] {
        let (stub, to) = Stub::start(
            move |path, _| {
                if path == "/history" { refused(code, reason, message) } else { None }
            },
        )
        .await;
        let (told, says) = failed(&stub.wait(to, limit).await, Verdict::Inconclusive, Cause::MailProvider);
        assert!(told.contains(&format!("got status {code} `{reason}` ({message}")), "{told}");
        assert!(says.contains(remedy), "{says}");
        let most = if code == 500 { 8 } else { 2 };
        assert!(stub.count("/history") <= most, "{code}: {:?}", stub.calls.lock().unwrap());
        assert_eq!(stub.count("/token"), if code == 401 { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_mailbox_that_does_not_answer_is_inconclusive() {
    let (stub, to) = Stub::start(|path, _| {
        (path == "/history").then(|| (200, json!({ "historyId": 7, "history": "no list" })))
    })
    .await;
    let limit = Duration::from_millis(700);
    let (told, _) = failed(&stub.wait(to, limit).await, Verdict::Inconclusive, Cause::MailProvider);
    assert!(told.contains("an answer that cannot be read") && !told.contains("no list"), "{told}");
}

#[tokio::test]
async fn history_is_read_to_its_last_page() {
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pages);
    let (stub, to) = Stub::start(move |path, _| {
        // A page may be empty and still not the last.
        (path == "/history" && counted.fetch_add(1, Ordering::Relaxed) < 2)
            .then(|| (200, json!({ "historyId": "100", "nextPageToken": format!("p{}", counted.load(Ordering::Relaxed)) })))
    })
    .await;
    passed(&stub.wait(to, LONG).await);
    let calls = stub.calls.lock().unwrap().clone();
    assert!(calls.iter().any(|it| it.contains("pageToken=p2")), "{calls:?}");
    let call = calls.iter().find(|it| it.starts_with("/history")).unwrap();
    assert!(call.contains("startHistoryId=100") && call.contains("historyTypes=messageAdded"), "{call}");
    assert!(!call.contains("labelId"), "{call}");
}

#[tokio::test]
async fn many_at_once_open_the_mailbox_once_and_share_one_poller() {
    let (stub, _) = Stub::start(|_, _| None).await;
    let body = |inbox: Inbox| async move {
        let opening = (0..10).map(|number| {
            let inbox = inbox.clone();
            tokio::spawn(async move { inbox.address(&format!("role-{number}")).await })
        });
        let mut addresses = Vec::new();
        for task in opening.collect::<Vec<_>>() {
            addresses.push(task.await??);
        }
        let waiting: Vec<_> = addresses
            .iter()
            .map(|address| tokio::spawn(inbox.wait_for(address).within(SHORT).into_future()))
            .collect();
        for task in waiting {
            let failure = task.await?.expect_err("nothing is sent");
            ensure_eq!(failure.cause, Cause::MailMissing);
        }
        Ok::<_, Failure>(())
    };
    passed(&run(&stub.mailbox, &stub.redactor, step(LONG, body)).await);
    assert_eq!((stub.count("/token"), stub.count("/profile")), (1, 1));
    // Pauses grow from 10 ms by a quarter: some fifteen in 0.6 s for one poller, ten times as many for ten.
    assert!(stub.count("/history") < 40, "{}", stub.count("/history"));
}
