//! The service's HTTP side: the status page, `/run` for monitors, and what operators need.
//!
//! Every request goes through the same gate before it reaches a handler, and every answer is dressed in the same way:
//! limits, by which name the service was called, who asks, and from which page.
//!
//! Reading order: this file (the public face and the routes), `routes`, `options`, `state`, `connection`, `idle`,
//! `patient`, `gate`, `key`, `rate`, `answer`, `problem`, then the handlers: `run`, `promised`,
//! `overview`, `canary`, `pages`, `incidents`, `login`, `feed`, `health`,
//! `control`, `people`, `silences`.

mod answer;
pub mod api;
mod canary;
mod connection;
mod control;
mod feed;
mod gate;
mod health;
mod idle;
mod incidents;
mod key;
mod login;
pub mod metrics;
mod options;
mod overview;
mod pages;
mod patient;
mod people;
mod problem;
mod promised;
mod rate;
mod routes;
mod run;
mod silences;
mod state;

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
};

use axum::{Router, middleware};
use jiff::Timestamp;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use connection::Ends;
pub use options::{Rate, SHORTEST_TOKEN, ServerError, ServerLimits, ServerOptions};
use routes::Routes;
pub(crate) use state::State;

use crate::{
    report::html::{EVENTS, HOME, INCIDENTS, LOGOUT, SURFACE},
    secret::Secret,
    service::Service,
};

/// A server that answers for a service, until it is shut down or dropped.
pub struct Server {
    address: SocketAddr,
    state: State,
    ends: Ends,
}

impl Server {
    /// Starts answering.
    ///
    /// # Errors
    /// If other machines could reach it and there is no token, if the options are wrong, or the system refuses.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        listener: TcpListener,
        service: Service,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let unusable = |error| ServerError::Listen(SocketAddr::from(([0, 0, 0, 0], 0)), error);
        let address = listener.local_addr().map_err(unusable)?;
        options.check(address)?;
        let refused = |error| ServerError::Listen(address, error);
        listener.set_nonblocking(true).map_err(refused)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(refused)?;

        let limits = options.limits;
        let closing = CancellationToken::new();
        let state = State {
            service: Arc::new(service),
            key: options.token.as_ref().map(Secret::expose).map(|it| Arc::new(key::Key::of(it))),
            options: Arc::new(options),
            rates: Arc::new(rate::Rates::new(limits.runs, limits.logins)),
            cache: Arc::default(),
            listeners: Arc::new(feed::Listeners::new(limits.listeners)),
            promised: Arc::default(),
            requests: Arc::default(),
            closing: closing.clone(),
        };
        state.service.set_links(pages::links(&state, address));
        let ends = Ends { closing, abort: CancellationToken::new(), open: TaskTracker::new() };
        tokio::spawn(overview::follow(state.clone()));
        tokio::spawn(connection::accept(listener, router(state.clone()), limits, ends.clone()));
        Ok(Self { address, state, ends })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have been let in.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// The path to a run's page with what opens it until then, for whoever has it: a phone at night is not logged in.
    /// Without a token everybody is let in, and nothing is added.
    #[must_use]
    pub fn sign(&self, path: &str, until: Timestamp) -> String {
        pages::signed(&self.state, path, until)
    }

    /// Accepts nothing more, ends what listens for changes, and waits until all other requests are answered or their
    /// limit is over. Those who wait for runs are answered when the service stops: stop both at once.
    ///
    /// Says how many connections had to be cut.
    pub async fn shutdown(&self) -> usize {
        self.ends.closing.cancel();
        self.ends.open.close();
        let limit = self.state.options.limits.end;
        let ended = tokio::time::timeout(limit, self.ends.open.wait()).await;
        let cut = if ended.is_ok() { 0 } else { self.ends.open.len() };
        self.ends.abort.cancel();
        cut
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.closing.cancel();
        self.ends.abort.cancel();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server(http://{})", self.address)
    }
}

/// All routes.
fn routes(finish: impl FnOnce(Router<Arc<Service>>) -> Router<State>) -> Routes<State> {
    Routes::new()
        .get(HOME, overview::home)
        .get("/run", run::all)
        .post("/run", run::all)
        .without_head("/run", run::not_by_head)
        .get("/run/{canary}", run::one)
        .post("/run/{canary}", run::one)
        .without_head("/run/{canary}", run::not_by_head)
        .get("/runs/{run}", pages::of_run)
        .get("/canaries/{canary}", canary::page)
        .get(SURFACE, canary::surface)
        .get("/canaries/{canary}/steps/{step}", pages::of_step)
        .post("/canaries/{canary}/pause", control::pause)
        .post("/canaries/{canary}/resume", control::resume)
        .post("/canaries/{canary}/run", control::run)
        .get(INCIDENTS, incidents::all)
        .get("/incidents/{incident}", incidents::one)
        .post("/incidents/{incident}/acknowledge", people::acknowledge)
        .post("/incidents/{incident}/unacknowledge", people::unacknowledge)
        .post("/silences", silences::begin)
        .post("/silences/{silence}/lift", silences::lift)
        .post("/alerts/drill", people::drill)
        .get("/assets/{name}", pages::asset)
        .get(login::LOGIN, login::form)
        .post(login::LOGIN, login::enter)
        .post(LOGOUT, login::leave)
        .get(EVENTS, feed::events)
        .get("/healthz", health::alive)
        .get("/readyz", health::ready)
        .get("/metrics", health::metrics)
        .nest(api::BASE, api::routes(), finish)
}

/// What answers requests. Everything is behind the gate.
fn router(state: State) -> Router {
    let service = Arc::clone(&state.service);
    routes(|api| api::finish(api, service))
        .router()
        .fallback(pages::nothing)
        .method_not_allowed_fallback(pages::not_so)
        .layer(middleware::from_fn_with_state(state.clone(), gate::gate))
        .with_state(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::Surface;

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let routes = routes(|_| Router::new());
        let mut routes: Vec<_> =
            routes.list().iter().map(|(method, path)| format!("{method} {path}")).collect();
        let surface = Surface::parse(api::DOCUMENT).unwrap();
        let operations = surface.operations();
        let mut documented: Vec<_> =
            operations.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
        routes.sort_unstable();
        documented.sort_unstable();
        assert_eq!(routes, documented);
    }
}
