//! The handle of a running PagerDuty: what people do with it, and what tests look at past its APIs.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    CATALOGUE, Options, event, events_api,
    incident::{Action, Incident},
    incidents::{Incidents, Timeouts},
    rest,
    shared::{Shared, Windows},
};
use crate::{
    StartError, UnknownFault,
    clock::Clock,
    faults::Faults,
    random,
    server::{self, Cut},
};

/// A running PagerDuty. Clones are handles of the same one, and none of them keeps it running.
#[derive(Clone)]
pub struct PagerDutyService {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// How many events there were, and what became of them. Change events are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were read: the sum of the next four.
    pub received: u64,
    /// Taken, whatever the sender was told.
    pub accepted: u64,
    /// Answered with 400.
    pub refused: u64,
    /// Answered with 429.
    pub rate_limited: u64,
    /// Lost to a fault.
    pub failed: u64,
    /// Of those that were taken: triggers that should have opened an incident and did not, because nobody is on call or
    /// the service is in maintenance.
    pub swallowed: u64,
    /// Incidents opened.
    pub opened: u64,
    /// Change events taken.
    pub changes: u64,
    /// The most requests, change events included, that there were in any 60 seconds of the clock.
    pub busiest_minute: usize,
}

impl PagerDutyService {
    /// Starts it on a listener that is bound already. Must be called inside the runtime that is to do the work.
    pub(crate) fn start(
        options: Options,
        clock: Clock,
        tls: Arc<rustls::ServerConfig>,
        (listener, address): (TcpListener, SocketAddr),
        stop: CancellationToken,
    ) -> Result<PagerDutyService, StartError> {
        let Options {
            listen: _,
            routing_key,
            api_token,
            email,
            auto_resolve_timeout,
            acknowledgement_timeout,
            events_per_minute,
            api_calls_per_minute,
            unknown_key,
            slow,
        } = options;
        let routing_key = routing_key.unwrap_or_else(random::hex::<16>);
        if !event::is_routing_key(&routing_key) {
            return Err(StartError::RoutingKey);
        }
        let api_token = api_token.unwrap_or_else(random::hex::<10>);
        if !crate::is_credential(&api_token) {
            return Err(StartError::Credential);
        }
        let span = |seconds: u32| SignedDuration::from_secs(seconds.into());
        let timeouts = Timeouts {
            auto_resolve: auto_resolve_timeout.map(span),
            acknowledgement: acknowledgement_timeout.map(span),
        };
        let shared = Arc::new(Shared {
            clock,
            faults: Faults::of(CATALOGUE),
            root: format!("https://{}", reachable(address)),
            routing_key,
            api_token,
            email,
            auto_resolve_timeout,
            acknowledgement_timeout,
            events_per_minute,
            api_calls_per_minute,
            unknown_key,
            slow,
            changed: watch::Sender::default(),
            incidents: Mutex::new(Incidents::new(timeouts)),
            counts: Mutex::default(),
            windows: Mutex::new(Windows::default()),
        });
        let router = events_api::router()
            .merge(rest::router(&shared))
            .fallback(async || rest::not_found())
            .method_not_allowed_fallback(async || rest::not_found())
            .layer(from_fn_with_state(Arc::clone(&shared), gate))
            .with_state(Arc::clone(&shared));
        let faults = shared.faults.clone();
        server::serve_while(move || !faults.on("pagerduty_down"), listener, tls, router, stop)
            .map_err(StartError::Runtime)?;
        Ok(PagerDutyService { address, shared })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the paths of both APIs are appended to: `https://` and the address.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.shared.root
    }

    /// Who knows it may send events.
    #[must_use]
    pub fn routing_key(&self) -> &str {
        &self.shared.routing_key
    }

    /// Who knows it may use the REST API.
    #[must_use]
    pub fn api_token(&self) -> &str {
        &self.shared.api_token
    }

    /// The one user's address, for the header `From`.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.shared.email
    }

    /// The time that it goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Switches a fault of [`CATALOGUE`] on or off, from now on.
    ///
    /// # Errors
    /// If there is no fault of that name.
    pub fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        self.shared.faults.switch(fault, on)
    }

    /// The names of the faults that are on, sorted.
    #[must_use]
    pub fn faults_on(&self) -> Vec<String> {
        self.shared.faults.names()
    }

    /// A person acknowledges the open incident of a key. Whether there was one.
    pub fn acknowledge(&self, dedup_key: &str) -> bool {
        self.answer(dedup_key, Action::Acknowledge)
    }

    /// A person resolves the open incident of a key. Whether there was one.
    pub fn resolve(&self, dedup_key: &str) -> bool {
        self.answer(dedup_key, Action::Resolve)
    }

    fn answer(&self, key: &str, action: Action) -> bool {
        let done = {
            let mut incidents = self.shared.incidents();
            let now = self.shared.clock.now();
            incidents.open_number(key).is_some_and(|number| incidents.person(now, number, action))
        };
        self.shared.changed.send_modify(|changes| *changes += 1);
        done
    }

    /// All incidents, oldest first. Of more than 20 000, the oldest resolved ones are forgotten.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        self.settled(|incidents| incidents.all().cloned().collect())
    }

    /// The incidents of one key, oldest first.
    #[must_use]
    pub fn incidents_of(&self, dedup_key: &str) -> Vec<Incident> {
        self.settled(|incidents| {
            incidents.all().filter(|incident| incident.key == dedup_key).cloned().collect()
        })
    }

    /// The keys that have an open incident, acknowledged or not.
    #[must_use]
    pub fn open(&self) -> BTreeSet<String> {
        self.settled(|incidents| incidents.open_keys().map(str::to_owned).collect())
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> Counts {
        let opened = self.settled(|incidents| incidents.opened());
        Counts { opened, ..*self.shared.counts() }
    }

    /// Waits until `look` finds something, and looks whenever an event or a person may have changed anything; time that
    /// passes changes nothing for it. `None` if nothing was found `within` that time.
    pub async fn wait_for<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&PagerDutyService) -> Option<T>,
    ) -> Option<T> {
        let mut changed = self.shared.changed.subscribe();
        let found = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look(self) {
                    return Some(found);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }

    fn settled<T>(&self, look: impl FnOnce(&Incidents) -> T) -> T {
        let mut incidents = self.shared.incidents();
        incidents.settle(self.shared.clock.now());
        look(&incidents)
    }
}

impl fmt::Debug for PagerDutyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secrets: this may end up in a failed test's output.
        f.debug_struct("PagerDutyService").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Cuts the connections that were made before PagerDuty went down.
async fn gate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.faults.on("pagerduty_down") {
        return (Extension(Cut), ()).into_response();
    }
    next.run(request).await
}

/// "Every address of this machine" is none that a client can ask for.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => (),
    }
    address
}
