//! What the suite is configured with.
//!
//! | variable | what it is |
//! |---|---|
//! | `COALMINE_TARGET` | the entry address of the product, such as `https://api.seq.com` |
//! | `COALMINE_REQUIRE_TARGET` | `1` refuses the sandbox: for CI and production |
//! | `COALMINE_CA` | a PEM file of further trusted authorities |
//! | `COALMINE_FAULT` | faults of the sandbox to start with, separated by commas |
//! | `SEQUENCE_TEAM` | the standing team in which the suite makes its ledgers |
//! | `SEQUENCE_PRODUCTION_LEDGER` | a production ledger of that team, which is only asked for what it must refuse |
//! | `SEQUENCE_CREDENTIAL` | an API credential of that team |
//! | `SEQUENCE_EMAIL`, `SEQUENCE_PASSWORD` | a confirmed user who may make ledgers in that team |
//! | `SEQUENCE_USER_KEY` | the key from which passwords of canary users are derived |
//! | `SEQUENCE_MAIL_FROM`, `SEQUENCE_MAIL_REPLY_TO` | whom the product's mails are from, and where answers go |
//! | `SEQUENCE_MAIL_LINKS` | the hosts that links in mails may lead to, if not the entry's |
//! | `SEQUENCE_MAIL_UNAUTHENTICATED` | `1` for mails that need not pass SPF, DKIM and DMARC |
//! | `GMAIL_CLIENT_ID`, `GMAIL_CLIENT_SECRET`, `GMAIL_CREDENTIAL` | what opens the mailbox |
//! | `GMAIL_SUBJECT` | the address of the mailbox, if a service account opens it |
//! | `GMAIL_UNITS_PER_MINUTE` | Gmail's quota units that this process uses at most in any minute; 750 without it |
//! | `GMAIL_API_ROOT`, `GMAIL_TOKEN_URI`, `GMAIL_AUTH_URI` | where Gmail is, if not at Google |
//!
//! With none of `COALMINE_TARGET`, `SEQUENCE_*` and `GMAIL_*` set, the suite runs against a sandbox inside the
//! process.

use std::sync::Arc;

use coalmine::{
    Redactor, Resources, Secret,
    config::{ConfigError, Settings, Setup, Start},
    http::{HttpPool, Roots, client_config},
    inbox::{GmailSettings, Mailbox},
};

use crate::{
    sequence::{Explanations, MailRules, Sessions, Target, surface},
    world::{SandboxWorld, WorldOptions, known_fault},
};

/// The suite's configuration.
pub enum Config {
    /// A sandbox inside the process, with these faults on.
    Sandbox {
        /// Names of faults.
        faults: Vec<String>,
    },
    /// A product instance outside.
    Real(Box<Access>),
}

/// Everything that is needed to watch one instance.
#[derive(Clone)]
pub struct Access {
    /// The product.
    pub target: Target,
    /// What opens the mailbox, and where it is.
    pub gmail: GmailSettings,
    /// Whom to trust.
    pub roots: Roots,
}

/// Any of these being set means that the sandbox is not wanted.
const OURS: (&[&str], &[&str]) = (&["COALMINE_TARGET"], &["SEQUENCE_", "GMAIL_"]);

/// The shortest key that passwords may be derived from, in bytes.
const SHORTEST_KEY: usize = 16;

impl Setup for Config {
    fn read(settings: &mut Settings<'_>) -> Option<Self> {
        settings.claim("SEQUENCE_");
        let wanted = settings.any_set(OURS.0, OURS.1);
        let required = settings.flag("COALMINE_REQUIRE_TARGET");
        let faults = settings.optional("COALMINE_FAULT").unwrap_or_default();
        let faults: Vec<_> = faults.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
        let access = read_access(settings, wanted || required);
        if !wanted {
            for error in faults.iter().filter_map(|fault| known_fault(fault).err()) {
                let remedy = "correct the name; `canaries sandbox --fault list` prints all";
                settings.problem("COALMINE_FAULT", error, remedy);
            }
            return Some(Self::Sandbox { faults: faults.into_iter().map(str::to_owned).collect() });
        }
        if !faults.is_empty() {
            settings.problem(
                "COALMINE_FAULT",
                "faults can be switched on in the sandbox inside the process only",
                "unset it; a sandbox of its own takes faults at its control address",
            );
        }
        access.map(|access| Self::Real(Box::new(access)))
    }

    fn start(self) -> Result<Start, ConfigError> {
        match self {
            Self::Sandbox { faults } => in_sandbox(WorldOptions { faults, ..WorldOptions::default() }),
            Self::Real(access) => {
                let name = access.target.entry.clone();
                access.connect(&name, true)
            }
        }
    }

    fn start_breakable(self) -> Result<Start, ConfigError> {
        match self {
            // Most faults are the proxy's.
            Self::Sandbox { faults } => {
                in_sandbox(WorldOptions { faults, proxy: true, ..WorldOptions::default() })
            }
            Self::Real(_) => self.start(),
        }
    }
}

fn in_sandbox(options: WorldOptions) -> Result<Start, ConfigError> {
    let world = SandboxWorld::start(options)?;
    let start = world.access().connect("sandbox in this process", false)?;
    let alerts = Some(world.alerts());
    Ok(Start { world: Some(Arc::new(world)), alerts, ..start })
}

fn read_access(settings: &mut Settings<'_>, wanted: bool) -> Option<Access> {
    let entry = settings.base_url("COALMINE_TARGET");
    let roots = settings.roots("COALMINE_CA");
    let mails = read_mail_rules(settings, entry.as_deref().unwrap_or_default());
    let mut needed = |name, remedy: &str| {
        let value = settings.optional(name);
        if value.as_ref().is_some_and(|it| it.trim() != it || it.chars().any(char::is_control)) {
            let found = "begins or ends with white space, or holds a control character";
            settings.problem(name, found, "set it without; files of secrets often end with a line break");
        }
        if wanted && value.is_none() {
            settings.missing(name, remedy);
        }
        value
    };
    if entry.is_none() {
        // A malformed address has been reported as such.
        needed("COALMINE_TARGET", "name the entry address of the product, such as `https://api.seq.com`");
    }
    let team = needed("SEQUENCE_TEAM", "name the team in which the suite may make ledgers");
    let production_ledger = needed(
        "SEQUENCE_PRODUCTION_LEDGER",
        "make a ledger of type `prod` in that team and name it; it stays empty",
    );
    let api = needed("SEQUENCE_CREDENTIAL", "make an API credential in the dashboard and set it here");
    let email = needed("SEQUENCE_EMAIL", "sign up a user for the suite and name the address");
    let password = needed("SEQUENCE_PASSWORD", "set the password of that user");
    let user_key = needed("SEQUENCE_USER_KEY", "make one with `openssl rand -hex 32` and keep it");
    if let Some(key) = user_key.as_ref().filter(|key| key.len() < SHORTEST_KEY) {
        let found = format!("expected at least {SHORTEST_KEY} characters, found {}", key.len());
        settings.problem("SEQUENCE_USER_KEY", found, "make one with `openssl rand -hex 32` and keep it");
    }
    let gmail = GmailSettings::read(settings, wanted);
    Some(Access {
        target: Target {
            entry: entry?,
            team: team?,
            production_ledger: production_ledger?,
            credential: Secret::new(api?),
            email: email?,
            password: Secret::new(password?),
            user_key: Secret::new(user_key?),
            mails,
        },
        gmail: gmail?,
        roots: roots?,
    })
}

fn read_mail_rules(settings: &mut Settings<'_>, entry: &str) -> MailRules {
    let mut rules = MailRules::of(entry);
    rules.from = settings.optional("SEQUENCE_MAIL_FROM");
    rules.reply_to = settings.optional("SEQUENCE_MAIL_REPLY_TO").or_else(|| rules.from.clone());
    if let Some(hosts) = settings.optional("SEQUENCE_MAIL_LINKS") {
        rules.link_hosts = hosts.split(',').map(|it| it.trim().to_owned()).collect();
        let is_host = |it: &String| {
            !it.is_empty()
                && it.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '*' | '[' | ']' | ':'))
        };
        if !rules.link_hosts.iter().all(is_host) {
            let remedy =
                "write it as `app.example.com,*.help.example.com`: hosts only, without `https://` and path";
            settings.problem("SEQUENCE_MAIL_LINKS", "expected names of hosts, separated by commas", remedy);
        }
    }
    for (name, address) in [("SEQUENCE_MAIL_FROM", &rules.from), ("SEQUENCE_MAIL_REPLY_TO", &rules.reply_to)]
    {
        if address.as_ref().is_some_and(|it| !it.contains('@') || it.contains(['<', ' '])) {
            settings.problem(name, "expected a bare address", "write it as `no-reply@example.com`");
            break;
        }
    }
    rules.authenticated = !settings.flag("SEQUENCE_MAIL_UNAUTHENTICATED");
    rules
}

impl Access {
    /// Makes everything that steps hold. Requests nothing.
    ///
    /// # Errors
    /// If the trusted authorities cannot be loaded.
    pub fn connect(self, name: &str, lasting: bool) -> Result<Start, ConfigError> {
        let Self { target, gmail, roots } = self;
        let surface = surface()?;
        let redactor = Redactor::new();
        let ours = [&target.credential, &target.password, &target.user_key].map(|it| it.expose().as_str());
        for secret in ours.into_iter().chain(gmail.credential.secrets()) {
            redactor.learn(secret);
        }
        let tls = client_config(&roots).map_err(|error| {
            ConfigError::one(
                "COALMINE_CA",
                error.to_string(),
                "correct the machine's or the named authorities",
            )
        })?;
        let pool = HttpPool::new(tls.clone()).map_err(|error| {
            ConfigError::one("HTTP", error.to_string(), "see the message; this is no setting of yours")
        })?;
        let resources = Resources::new()
            .with(pool)
            .with(target)
            .with_shared(surface)
            .with(Sessions::default())
            .with(Explanations::default())
            .with(Mailbox::new(gmail.config(tls), &redactor));
        Ok(Start {
            target: name.to_owned(),
            resources,
            redactor,
            lasting,
            world: None,
            alerts: None,
            keep: Box::new(()),
        })
    }
}
