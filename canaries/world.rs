//! The sandbox as a [`World`]: the product with all that is beside it, and its faults.

use std::{
    error::Error as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use coalmine::{
    Secret,
    config::{ConfigError, PagerDutySettings, TargetAlerts},
    drill::{Bytes, FaultName, HeaderMap, HeaderValue, Proxy, ProxyOptions, Response, StatusCode},
    http::{Roots, client_config},
    inbox::{GmailSettings, UserCredential},
    operations::Operation,
    world::{UnknownFault, World},
};
use sandbox::{Sandbox, StartError};

use crate::{
    config::Access,
    sequence::{MailRules, Target, operations},
};

/// What the fault `slow` adds to an answer: more than any step's latency budget.
const SLOW_BY: Duration = Duration::from_millis(3500);

/// Units of quota in any minute: nobody counts them in a sandbox, unless its options say so.
const UNITS_PER_MINUTE: u32 = 600_000;

/// The most that the variable takes.
const MOST_UNITS_PER_MINUTE: &str = "15000";

/// The production ledger of the standing team.
const PRODUCTION_LEDGER: &str = "prod";

/// Whom the sandbox's mails are from.
const SENDER: &str = "no-reply@sandbox.test";

/// What a world is started with.
#[derive(Clone)]
pub struct WorldOptions {
    /// Faults that are on from the start.
    pub faults: Vec<String>,
    /// Added to every answer of the product.
    pub latency: Duration,
    /// Puts the rewriting proxy in front even if nothing needs it yet, so that its faults can be switched on later.
    pub proxy: bool,
    /// Where the product is to be found. The certificate carries the address.
    pub listen: SocketAddr,
    /// The sandbox's own options.
    pub sandbox: sandbox::Options,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            faults: Vec::new(),
            latency: Duration::ZERO,
            proxy: false,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            sandbox: sandbox::Options::default(),
        }
    }
}

/// A running sandbox, with the rewriting proxy in front if there is need of it. Dropping it stops both.
pub struct SandboxWorld {
    // Dropped first: it talks to the sandbox.
    proxy: Option<Proxy>,
    sandbox: Sandbox,
    user_key: Secret,
    /// The address that links in mails name, if it is not the one that was asked.
    announced: Option<String>,
}

impl SandboxWorld {
    /// Starts a world.
    ///
    /// # Errors
    /// If an address is taken, a fault is unknown, or a name is not allowed; nothing is left running then. Values are
    /// named after the options of `canaries sandbox`.
    pub fn start(options: WorldOptions) -> Result<Self, ConfigError> {
        let WorldOptions { faults, latency, proxy, listen, sandbox } = options;
        let failed = |name: &str, error: &dyn std::fmt::Display| {
            ConfigError::one(name, error.to_string(), "see the message, and try again")
        };
        let in_front = proxy || !latency.is_zero() || !faults.iter().all(|it| is_domain_fault(it));
        let announced = sandbox.announce.clone();
        let mut sandbox_options = sandbox;
        sandbox_options.production_ledger = Some(PRODUCTION_LEDGER.to_owned());
        if !in_front {
            sandbox_options.listen = listen;
        }
        if !listen.ip().is_unspecified() {
            sandbox_options.names.push(listen.ip().to_string());
        }
        let sandbox = Sandbox::start(sandbox_options).map_err(|error| refused(&error, listen))?;
        let proxy = if in_front {
            let bound = TcpListener::bind(listen);
            let listener = bound.map_err(|error| refused(&StartError::Bind(listen, error), listen))?;
            let tls = client_config(&Roots::Only(sandbox.ca_pem().to_owned()))
                .map_err(|error| failed("sandbox", &error))?;
            let upstream = format!("https://{}", sandbox.address());
            let mut options = ProxyOptions::new(sandbox.server_tls(), upstream, tls, operations());
            options.latency = latency;
            options.slow_by = SLOW_BY;
            options.error_answer = Arc::new(error_answer);
            Some(Proxy::start(listener, options).map_err(|error| failed("proxy", &error))?)
        } else {
            None
        };
        let user_key = Secret::new(uuid::Uuid::new_v4().simple().to_string());
        let world = Self { proxy, sandbox, user_key, announced };
        for fault in &faults {
            world.switch(fault, true).map_err(|error| {
                ConfigError::one(fault, error.to_string(), "`canaries sandbox --fault list` prints all names")
            })?;
        }
        Ok(world)
    }

    /// Where clients find the product.
    #[must_use]
    pub fn entry(&self) -> String {
        let mut address = self.proxy.as_ref().map_or(self.sandbox.address(), Proxy::address);
        // "Every address of this machine" is none that a client can ask for.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => (),
        }
        format!("https://{address}")
    }

    /// The sandbox itself.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The proxy in front, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Everything that the suite needs to watch this world.
    #[must_use]
    pub fn access(&self) -> Access {
        let sandbox = &self.sandbox;
        Access {
            target: Target {
                entry: self.entry(),
                team: sandbox.team().to_owned(),
                production_ledger: PRODUCTION_LEDGER.to_owned(),
                credential: Secret::new(sandbox.credential().to_owned()),
                email: sandbox.email().to_owned(),
                password: Secret::new(sandbox.password().to_owned()),
                user_key: self.user_key.clone(),
                mails: MailRules {
                    from: Some(SENDER.to_owned()),
                    reply_to: Some(SENDER.to_owned()),
                    ..MailRules::of(self.announced.as_deref().unwrap_or(&self.entry()))
                },
            },
            gmail: GmailSettings {
                credential: self.user().into(),
                api_root: Some(self.mail_root()),
                token_uri: None,
                units_per_minute: Some(UNITS_PER_MINUTE),
            },
            roots: Roots::Only(sandbox.ca_pem().to_owned()),
        }
    }

    /// The grant of the mailbox's user.
    fn user(&self) -> UserCredential {
        let mail = self.sandbox.mail();
        let secret = |value: &Option<String>| Secret::new(value.clone().unwrap_or_default());
        UserCredential {
            client_id: mail.client_id.clone().unwrap_or_default(),
            client_secret: secret(&mail.client_secret),
            refresh_token: secret(&mail.refresh_token),
            token_uri: Some(format!("{}/token", self.mail_root())),
        }
    }

    /// Where Gmail's API is, and Google's OAuth.
    fn mail_root(&self) -> String {
        format!("https://{}", self.sandbox.mail_api())
    }

    /// Where pages go: the sandbox's own PagerDuty.
    #[must_use]
    pub fn alerts(&self) -> TargetAlerts {
        let pagerduty = self.sandbox.pagerduty();
        TargetAlerts {
            settings: PagerDutySettings {
                key: Secret::new(pagerduty.routing_key().to_owned()),
                events: pagerduty.root().to_owned(),
                token: Some(Secret::new(pagerduty.api_token().to_owned())),
                api: pagerduty.root().to_owned(),
                burst: PagerDutySettings::RATE.0,
                per_minute: PagerDutySettings::RATE.1,
            },
            roots: Roots::Only(self.sandbox.ca_pem().to_owned()),
        }
    }

    /// The variables that point the suite at this world; `ca` is where its authority's certificate has been put.
    #[must_use]
    pub fn exports(&self, ca: &str) -> Vec<(String, String)> {
        let Access { target, gmail: _, roots: _ } = self.access();
        let (user, root) = (self.user(), self.mail_root());
        let pagerduty = self.sandbox.pagerduty();
        [
            ("COALMINE_TARGET", target.entry.as_str()),
            ("COALMINE_CA", ca),
            ("COALMINE_PAGERDUTY_KEY", pagerduty.routing_key()),
            ("COALMINE_PAGERDUTY_EVENTS", pagerduty.root()),
            ("COALMINE_PAGERDUTY_TOKEN", pagerduty.api_token()),
            ("COALMINE_PAGERDUTY_API", pagerduty.root()),
            ("SEQUENCE_TEAM", &target.team),
            ("SEQUENCE_PRODUCTION_LEDGER", &target.production_ledger),
            ("SEQUENCE_CREDENTIAL", target.credential.expose()),
            ("SEQUENCE_EMAIL", &target.email),
            ("SEQUENCE_PASSWORD", target.password.expose()),
            ("SEQUENCE_USER_KEY", target.user_key.expose()),
            ("SEQUENCE_MAIL_FROM", SENDER),
            ("SEQUENCE_MAIL_LINKS", &target.mails.link_hosts.join(",")),
            ("GMAIL_CLIENT_ID", &user.client_id),
            ("GMAIL_CLIENT_SECRET", user.client_secret.expose()),
            ("GMAIL_CREDENTIAL", user.refresh_token.expose()),
            ("GMAIL_UNITS_PER_MINUTE", MOST_UNITS_PER_MINUTE),
            ("GMAIL_API_ROOT", &root),
            ("GMAIL_TOKEN_URI", &user.token_uri.unwrap_or_default()),
            ("GMAIL_AUTH_URI", &format!("{root}/o/oauth2/v2/auth")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// Why the sandbox did not start, by the name of the option that is to be corrected.
fn refused(error: &StartError, listen: SocketAddr) -> ConfigError {
    let (name, remedy) = match error {
        StartError::Bind(address, _) if *address == listen => {
            ("--listen", "choose a free address of this machine; port 0 takes a free port")
        }
        StartError::Team(_) => ("--team", "choose another name"),
        StartError::Ledger(_) => ("--ledger", "choose another name; `prod` is the team's production ledger"),
        StartError::Credential => ("--credential", "choose another one, or leave it out for a random one"),
        StartError::Announce(_) => ("--announce", "write it as `api.example.com:443`"),
        StartError::Name(_) => ("--name", "write it as `api.example.com`"),
        StartError::Fault(_) => ("--fault", "`canaries sandbox --fault list` prints all names"),
        StartError::Bind(..)
        | StartError::Email(_)
        | StartError::RoutingKey
        | StartError::Certificate(_)
        | StartError::Runtime(_) => ("sandbox", "see the message, and try again"),
    };
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    ConfigError::one(name, format!("{error}{cause}"), remedy)
}

impl World for SandboxWorld {
    fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        if is_domain_fault(fault) {
            return self.sandbox.switch(fault, on).map_err(|error| UnknownFault::among(&error.0, []));
        }
        match &self.proxy {
            Some(proxy) => proxy.switch(fault, on).map_err(nearer),
            None => Err(match known_fault(fault) {
                Ok(()) => UnknownFault {
                    why: Some("there is no proxy in front to make it".into()),
                    ..nearer(UnknownFault::among(fault, []))
                },
                Err(error) => error,
            }),
        }
    }

    fn faults_on(&self) -> Vec<String> {
        let mut on = self.sandbox.faults_on();
        on.extend(self.proxy.iter().flat_map(Proxy::faults_on));
        on.sort();
        on
    }

    fn catalogue(&self) -> Vec<(String, String)> {
        let domain = domain_faults().map(|(name, what)| (name.to_owned(), what.to_owned()));
        domain.chain(self.proxy.iter().flat_map(Proxy::catalogue)).collect()
    }

    fn effects(&self, fault: &str) -> Option<u64> {
        self.proxy.as_ref()?.effects(fault).ok()
    }

    fn census(&self) -> serde_json::Value {
        serde_json::to_value(self.sandbox.census()).expect("a census is lists of names")
    }
}

/// Whether there is a fault of this name, of the sandbox or of the proxy.
///
/// # Errors
/// If there is none, with the name that was most likely meant.
pub fn known_fault(name: &str) -> Result<(), UnknownFault> {
    if is_domain_fault(name) {
        return Ok(());
    }
    FaultName::parse(name, &operations()).map(drop).map_err(nearer)
}

/// The proxy knows its own faults only; a mistyped name may be meant for the sandbox.
fn nearer(error: UnknownFault) -> UnknownFault {
    let nearest = UnknownFault::among(&error.name, domain_faults().map(|(name, _)| name)).nearest;
    UnknownFault { nearest: error.nearest.or(nearest), ..error }
}

/// An error as Sequence would answer it: without the request's id, clients would take it for a proxy's and repeat the
/// call for minutes (facts of the API, section 4).
fn error_answer(_: &Operation, request: &HeaderMap) -> Response<Bytes> {
    let body = r#"{"seq_code":"SEQ000","message":"unexpected failure","retriable":false}"#;
    let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    let id = request.get("id").cloned().unwrap_or_else(|| HeaderValue::from_static("injected"));
    answer.headers_mut().insert("chain-request-id", id);
    answer
}

fn is_domain_fault(name: &str) -> bool {
    domain_faults().any(|(fault, _)| fault == name)
}

/// What the sandbox gets wrong by itself: the product, and PagerDuty, whose faults no step can notice and the service
/// must.
fn domain_faults() -> impl Iterator<Item = (&'static str, &'static str)> {
    sandbox::CATALOGUE.iter().chain(sandbox::pagerduty::CATALOGUE).copied()
}
