//! A stand-in for the product under watch and for what is around it, mail and PagerDuty, in one process and offline.
//!
//! It speaks real protocols to real clients: the product over TLS with an authority made at start, mail in by SMTP,
//! mail out through Google's mail API, pages to PagerDuty's Events API. Every [`Sandbox`] is a world of its own, on ports of its own, with a
//! [`Clock`] that can be moved, [`Faults`] that can be switched, and a [`Census`] of all that exists.
//!
//! Comments on the product's protocol say how sure we are of it, and where it is described: `[T, 8]` is section 8 of
//! the protocol description (the facts), and a test of an official client fails otherwise; `S` is seen in clients'
//! source, `D` is documented, `C` is our choice. Section 15, the dashboard, is our design throughout.
//!
//! ```
//! use sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default())?;
//! assert_eq!(sandbox.census().teams, ["canary-team"]);
//! # Ok::<(), sandbox::StartError>(())
//! ```

mod census;
mod clock;
mod codes;
mod dashboard;
mod envelope;
mod faults;
mod ledger;
pub mod mail;
mod memory;
mod name_set;
mod options;
pub mod pagerduty;
mod paging;
mod product;
mod random;
mod server;
mod start;
mod start_error;
mod tls;
#[cfg(test)]
mod trial;
mod values;
mod world;

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::http::uri::Authority;
use rustls::pki_types::ServerName;
use tokio::{runtime::Runtime, sync::watch};
use tokio_util::sync::CancellationToken;

pub use self::{
    census::{Census, Contents},
    clock::Clock,
    faults::{CATALOGUE, Faults, UnknownFault},
    options::Options,
    start_error::StartError,
};
use self::{
    dashboard::{Directory, Mailer},
    ledger::LedgerKind,
    mail::MailService,
    pagerduty::PagerDutyService,
    world::{Context, World},
};

/// A running world. Dropping it stops everything at once.
pub struct Sandbox {
    address: SocketAddr,
    mail_api: SocketAddr,
    smtp: SocketAddr,
    team: String,
    email: String,
    password: String,
    credential: String,
    identity: tls::Identity,
    mail: MailService,
    pagerduty: PagerDutyService,
    world: Arc<World>,
    stop: CancellationToken,
    /// Only `None` while dropping.
    runtime: Option<Runtime>,
}

impl Sandbox {
    /// Starts a world. When this returns it can be used.
    ///
    /// # Errors
    /// If an address cannot be listened on, a fault is unknown, or a name is not allowed.
    pub fn start(options: Options) -> Result<Sandbox, StartError> {
        let Options {
            listen,
            mail_listen,
            smtp_listen,
            faults: switched,
            announce,
            names,
            team,
            ledger,
            production_ledger,
            email,
            password,
            credential,
            code,
            long_poll,
            mail,
            pagerduty,
        } = options;
        let faults = Faults::default();
        if !values::is_team_name(&team) {
            return Err(StartError::Team(team));
        }
        if !credential.as_deref().is_none_or(is_credential) {
            return Err(StartError::Credential);
        }
        if email.parse::<lettre::Address>().is_err() {
            return Err(StartError::Email(email));
        }
        let names = certified(names, announce.as_deref())?;
        let (product, address) = start::bind(listen)?;
        let (mail_product, mail_api) = start::bind(mail_listen)?;
        let (smtp_relay, smtp) = start::bind(smtp_listen)?;
        let pager = start::bind(pagerduty.listen)?;
        let identity = tls::identity(&names).map_err(StartError::Certificate)?;
        let clock = Clock::default();
        let password = password.unwrap_or_else(random::hex::<16>);
        let credential = credential.unwrap_or_else(random::hex::<24>);
        let mut directory = Directory::with_permanent(&email, &password, &team, &credential, clock.now());
        for (name, kind) in [(ledger, LedgerKind::Dev), (production_ledger, LedgerKind::Prod)] {
            if let Some(name) = name {
                let added = directory.add_ledger(&team, &name, kind, clock.now(), false);
                added.map_err(|_| StartError::Ledger(name))?;
            }
        }

        let runtime = start::runtime("sandbox")?;
        let stop = CancellationToken::new();
        let (mail, pagerduty, world) = {
            let _inside = runtime.enter();
            let tls = Arc::clone(&identity.server);
            let mail = MailService::start(
                mail,
                clock.clone(),
                faults.clone(),
                Arc::clone(&tls),
                mail_product,
                smtp_relay,
                stop.clone(),
            )
            .map_err(StartError::Runtime)?;
            let pagerduty =
                PagerDutyService::start(pagerduty, clock.clone(), Arc::clone(&tls), pager, stop.clone())?;
            let mailer = Mailer::new(smtp, clock.clone(), faults.clone());
            let waiting = watch::Sender::default();
            let cx = Context { clock, faults, cursor_key: random::bytes(), code, long_poll, waiting };
            let world = Arc::new(World::new(cx, mailer, announce, directory));
            server::serve(product, tls, product::router(Arc::clone(&world)), stop.clone())
                .map_err(StartError::Runtime)?;
            (mail, pagerduty, world)
        };
        let sandbox = Sandbox {
            address,
            mail_api,
            smtp,
            team,
            email,
            password,
            credential,
            identity,
            mail,
            pagerduty,
            world,
            stop,
            runtime: Some(runtime),
        };
        for fault in &switched {
            sandbox.switch(fault, true)?;
        }
        Ok(sandbox)
    }

    /// Where the product is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the mail API and its token endpoint are.
    #[must_use]
    pub fn mail_api(&self) -> SocketAddr {
        self.mail_api
    }

    /// Where mail can be handed in.
    #[must_use]
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// The authority that clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.identity.ca_pem
    }

    /// The certificate in use, so that a proxy in front can show it too.
    #[must_use]
    pub fn server_tls(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.identity.server)
    }

    /// The permanent team.
    #[must_use]
    pub fn team(&self) -> &str {
        &self.team
    }

    /// The permanent user's address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The permanent user's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The permanent user's credential in the permanent team.
    #[must_use]
    pub fn credential(&self) -> &str {
        &self.credential
    }

    /// The mailbox, with everything filled in that the options left open.
    #[must_use]
    pub fn mail(&self) -> &mail::Options {
        self.mail.options()
    }

    /// The raw mails that reached exactly `address`, oldest first: a look past the mail API.
    #[must_use]
    pub fn delivered(&self, address: &str) -> Vec<Vec<u8>> {
        self.mail.delivered(address)
    }

    /// How many quota units the calls of the mail API have cost since the start. A refused call costs nothing.
    #[must_use]
    pub fn gmail_units(&self) -> u64 {
        self.mail.units()
    }

    /// Revokes the mailbox's refresh token, as a changed password does.
    pub fn revoke_mail_access(&self) {
        self.mail.revoke();
    }

    /// PagerDuty. Its certificate is the product's, and its clock everybody's.
    #[must_use]
    pub fn pagerduty(&self) -> &PagerDutyService {
        &self.pagerduty
    }

    /// Switches a fault on or off, from now on: one of the product's [`CATALOGUE`], or one of PagerDuty's.
    ///
    /// # Errors
    /// If there is no fault of that name.
    pub fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        self.world.cx.faults.switch(fault, on).or_else(|_| self.pagerduty.switch(fault, on))
    }

    /// The names of the faults that are on, sorted.
    #[must_use]
    pub fn faults_on(&self) -> Vec<String> {
        let mut on = self.world.cx.faults.names();
        on.extend(self.pagerduty.faults_on());
        on.sort();
        on
    }

    /// All that exists now.
    #[must_use]
    pub fn census(&self) -> Census {
        self.world.directory().census()
    }

    /// How many readers are waiting for news of a feed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        *self.world.cx.waiting.borrow()
    }

    /// The time that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.world.cx.clock
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secrets: this may end up in a failed test's output.
        f.debug_struct("Sandbox")
            .field("address", &self.address)
            .field("mail_api", &self.mail_api)
            .field("smtp", &self.smtp)
            .field("pagerduty", &self.pagerduty)
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            start::stop(runtime);
        }
    }
}

/// Whether clients can send it: everything visible in ASCII is allowed in a header, and spaces at its ends get lost.
fn is_credential(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The names that the certificate carries beside its own: clients verify the announced host as well \[S, 1\].
fn certified(mut names: Vec<String>, announce: Option<&str>) -> Result<Vec<String>, StartError> {
    if let Some(announce) = announce {
        let host = host_of(announce).ok_or_else(|| StartError::Announce(announce.to_owned()))?;
        names.push(host);
    }
    match names.iter().find(|name| !is_host(name.strip_prefix("*.").unwrap_or(name))) {
        Some(name) => Err(StartError::Name(name.clone())),
        None => Ok(names),
    }
}

/// The host of `host` or `host:port`.
fn host_of(address: &str) -> Option<String> {
    let authority: Authority = address.parse().ok()?;
    let host = authority.host();
    let port = address.strip_prefix(host)?;
    let port_fits = port.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    (port_fits && is_host(host)).then(|| host.to_owned())
}

fn is_host(name: &str) -> bool {
    ServerName::try_from(name).is_ok()
}
