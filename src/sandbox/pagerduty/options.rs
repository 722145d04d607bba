//! How PagerDuty is set up.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// How PagerDuty is set up. The default listens on a free port of 127.0.0.1, with random secrets and with the limits
/// and time-outs of a new account.
#[derive(Clone)]
pub struct Options {
    /// Events API and REST API, over TLS.
    pub listen: SocketAddr,
    /// Who knows it may send events: 32 letters and digits; random by default.
    pub routing_key: Option<String>,
    /// Who knows it may use the REST API; random by default.
    pub api_token: Option<String>,
    /// The one user: on call, and whom `From` must name where a person answers.
    pub email: String,
    /// After so many seconds an incident is resolved by itself; never if `None`.
    pub auto_resolve_timeout: Option<u32>,
    /// After so many seconds an acknowledged incident is triggered again; never if `None`.
    pub acknowledgement_timeout: Option<u32>,
    /// How many events the routing key may send in any 60 seconds of the clock.
    pub events_per_minute: u32,
    /// How many calls the token may make in any 60 seconds of the clock.
    pub api_calls_per_minute: u32,
    /// What is answered to a routing key that is well-formed and nobody's.
    pub unknown_key: UnknownKey,
    /// How late the fault `pagerduty_slow` answers, in the machine's time.
    pub slow: Duration,
}

/// What is answered to a routing key that is well-formed and nobody's. Reports conflict \[S\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownKey {
    /// 202, and the event is lost: the case in which a client must not believe what it is told.
    #[default]
    Accepted,
    /// 400.
    Refused,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            routing_key: None,
            api_token: None,
            email: "oncall@sandbox.test".to_owned(),
            auto_resolve_timeout: Some(14_400),
            acknowledgement_timeout: Some(1800),
            events_per_minute: 120,
            api_calls_per_minute: 960,
            unknown_key: UnknownKey::default(),
            slow: Duration::from_secs(15),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secrets; taken apart so that a new one is noticed.
        let Options {
            listen,
            routing_key: _,
            api_token: _,
            email,
            auto_resolve_timeout,
            acknowledgement_timeout,
            events_per_minute,
            api_calls_per_minute,
            unknown_key,
            slow,
        } = self;
        f.debug_struct("Options")
            .field("listen", listen)
            .field("email", email)
            .field("auto_resolve_timeout", auto_resolve_timeout)
            .field("acknowledgement_timeout", acknowledgement_timeout)
            .field("events_per_minute", events_per_minute)
            .field("api_calls_per_minute", api_calls_per_minute)
            .field("unknown_key", unknown_key)
            .field("slow", slow)
            .finish_non_exhaustive()
    }
}
