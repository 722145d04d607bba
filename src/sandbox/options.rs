//! How a sandbox is set up.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::{ledger, mail, pagerduty};

/// How a sandbox is set up. The default listens on free ports of 127.0.0.1, with random secrets.
#[derive(Clone)]
pub struct Options {
    /// The product: ledger API and dashboard, over TLS.
    pub listen: SocketAddr,
    /// The mail API and its token endpoint, over TLS.
    pub mail_listen: SocketAddr,
    /// The relay that takes mail.
    pub smtp_listen: SocketAddr,
    /// Faults that are on from the start.
    pub faults: Vec<String>,
    /// The address that `/hello` announces, `host` or `host:port`; by default the one that was asked, so that a proxy may
    /// stand in front. The certificate carries its host.
    pub announce: Option<String>,
    /// Further names for the certificate, beside `localhost` and the loopback addresses.
    pub names: Vec<String>,
    /// The permanent team.
    pub team: String,
    /// A permanent development ledger of that team, for clients that cannot make their own.
    pub ledger: Option<String>,
    /// A permanent production ledger of that team: it refuses to be emptied or deleted, and so does the team.
    pub production_ledger: Option<String>,
    /// The permanent user, admin of the permanent team.
    pub email: String,
    /// That user's password; random by default.
    pub password: Option<String>,
    /// That user's credential in the permanent team; random by default.
    pub credential: Option<String>,
    /// The one code that every sign-up is confirmed with; by default each has its own.
    pub code: Option<String>,
    /// How long a reader of a feed is kept waiting for something new, before the answer says that there is nothing.
    pub long_poll: Duration,
    /// The mailbox.
    pub mail: mail::Options,
    /// PagerDuty.
    pub pagerduty: pagerduty::Options,
}

impl Default for Options {
    fn default() -> Options {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Options {
            listen: free,
            mail_listen: free,
            smtp_listen: free,
            faults: Vec::new(),
            announce: None,
            names: Vec::new(),
            team: "canary-team".to_owned(),
            ledger: None,
            production_ledger: Some("prod".to_owned()),
            email: "watcher@sandbox.test".to_owned(),
            password: None,
            credential: None,
            code: None,
            long_poll: ledger::LONG_POLL,
            mail: mail::Options::default(),
            pagerduty: pagerduty::Options::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secrets; taken apart so that a new one is noticed.
        let Options {
            listen,
            mail_listen,
            smtp_listen,
            faults,
            announce,
            names,
            team,
            ledger,
            production_ledger,
            email,
            password: _,
            credential: _,
            code: _,
            long_poll,
            mail,
            pagerduty,
        } = self;
        f.debug_struct("Options")
            .field("listen", listen)
            .field("mail_listen", mail_listen)
            .field("smtp_listen", smtp_listen)
            .field("faults", faults)
            .field("announce", announce)
            .field("names", names)
            .field("team", team)
            .field("ledger", ledger)
            .field("production_ledger", production_ledger)
            .field("email", email)
            .field("long_poll", long_poll)
            .field("mail", mail)
            .field("pagerduty", pagerduty)
            .finish_non_exhaustive()
    }
}
