//! The control address: switches a world's faults from outside the process.
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | 200 `{"on": [name], "catalogue": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | 204, the fault is on |
//! | `DELETE /faults/{name}` | 204, the fault is off |
//! | `GET /census` | 200, all that exists now |
//!
//! Everything behind `/faults/` is the name, slashes and colons included. An unknown name, like anything else, is
//! 404 `{"error"}`. There is no password; it answers on the loopback interface only, and only to clients that asked
//! for it by a loopback name: a web page that makes its own name point here gets 403.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::HOST, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde_json::{Value, json};

use super::{background::Background, start_error::StartError};
use crate::world::World;

/// A running control address; dropping it stops it, and leaves the world's faults as they are.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    _background: Background,
    /// Dropped after the thread has ended, on the thread of whoever drops this: a world may hold a runtime, which must
    /// not be dropped inside another one.
    _world: KeepAlive,
}

struct KeepAlive(#[expect(dead_code, reason = "held for its drop")] Arc<dyn World>);

impl std::fmt::Debug for KeepAlive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl Control {
    /// Starts answering at a listener, on a thread of its own.
    ///
    /// # Errors
    /// If other machines could reach the listener, or the system refuses it or the thread.
    pub fn start(listener: TcpListener, world: Arc<dyn World>) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        listener.set_nonblocking(true)?;
        let router = router(Arc::clone(&world));
        let background = Background::start("drill-control", move || async move {
            // Both fail only without a runtime; and there is one.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                let _ = axum::serve(listener, router).await;
            }
        })?;
        Ok(Self { address, _background: background, _world: KeepAlive(world) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

type Shared = State<Arc<dyn World>>;
type Name = Result<Path<String>, PathRejection>;

fn router(world: Arc<dyn World>) -> Router {
    Router::new()
        .route("/faults", get(faults))
        .route("/faults/{*name}", put(switch_on).delete(switch_off))
        .route("/census", get(census))
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(middleware::from_fn(loopback_names_only))
        .with_state(world)
}

async fn faults(State(world): Shared) -> Json<Value> {
    let describe = |(name, description)| json!({ "name": name, "description": description });
    let catalogue: Vec<_> = world.catalogue().into_iter().map(describe).collect();
    Json(json!({ "on": world.faults_on(), "catalogue": catalogue }))
}

async fn switch_on(State(world): Shared, name: Name) -> Response {
    switch(&*world, name, true)
}

async fn switch_off(State(world): Shared, name: Name) -> Response {
    switch(&*world, name, false)
}

fn switch(world: &dyn World, name: Name, on: bool) -> Response {
    let switched = match name {
        Ok(Path(name)) => world.switch(&name, on).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match switched {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(StatusCode::NOT_FOUND, &error),
    }
}

async fn census(State(world): Shared) -> Json<Value> {
    Json(world.census())
}

async fn nothing_here() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "there are GET /faults, PUT /faults/NAME, DELETE /faults/NAME and GET /census",
    )
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

async fn loopback_names_only(request: Request, next: Next) -> Response {
    let of_uri = request.uri().host().is_none_or(is_loopback);
    if of_uri && names_loopback(request.headers()) {
        next.run(request).await
    } else {
        refusal(StatusCode::FORBIDDEN, "this address answers to localhost, 127.0.0.1 and [::1] only")
    }
}

/// Whether there is exactly one `Host`, and it is a loopback name.
fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| !authority.as_str().contains('@') && is_loopback(authority.host()))
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        for (hosts, expected) in [
            (&["localhost"][..], true),
            (&["LOCALHOST:8080"], true),
            (&["127.0.0.1:1"], true),
            (&["127.8.9.10"], true),
            (&["[::1]:9"], true),
            (&["evil.example"], false),
            (&["127.0.0.1.evil.example"], false),
            (&["localhost.evil.example"], false),
            (&["localhost@evil.example"], false),
            (&["evil@localhost"], false),
            (&["10.0.0.1"], false),
            (&["0.0.0.0"], false),
            (&["[::]"], false),
            (&[""], false),
            (&["localhost", "evil.example"], false),
            (&[], false),
        ] {
            let headers = hosts.iter().map(|host| (HOST, host.parse().unwrap())).collect();
            assert_eq!(names_loopback(&headers), expected, "{hosts:?}");
        }
    }
}
