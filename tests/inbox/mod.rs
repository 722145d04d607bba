//! The inbox: real SMTP in, the mail API out, through steps of real runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod arriving;
mod calls;
mod explained;
mod failures;
mod grants;
mod hundred;
mod outages;
mod rows;
mod stub;
mod waits;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use coalmine::{
    Canary, Cause, Redactor, Resources, Result, RunRecord, Secret, Suite, Verdict,
    inbox::{Address, Credential, GmailConfig, Inbox, Mailbox, UserCredential},
    suite::{Run, RunOptions},
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{MultiPart, SinglePart},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sandbox::{Options, Sandbox};

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

    /// Runs one step, which holds this world and an inbox.
    async fn step<F>(
        &self,
        limit: Duration,
        body: impl Fn(World, Inbox) -> F + Send + Sync + 'static,
    ) -> RunRecord
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let world = self.clone();
        self.run(step(limit, move |inbox| body(world.clone(), inbox))).await
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
    let credential = UserCredential {
        client_id: mail.client_id.clone().unwrap(),
        client_secret: Secret::new(mail.client_secret.clone().unwrap()),
        refresh_token: Secret::new(mail.refresh_token.clone().unwrap()),
        token_uri: Some(format!("{root}/token")),
    };
    GmailConfig { api_root: root, units_per_minute: PLENTY, ..GmailConfig::new(credential, tls(roots)) }
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

/// More units of quota than a test can use.
const PLENTY: u32 = 600_000;

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
