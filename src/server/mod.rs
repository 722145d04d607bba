//! The service's HTTP side: the status page, `/run` for monitors, and what operators need.
//!
//! Every request goes through the same gate (`gate.rs`) before it reaches a handler, and every answer through the same
//! dressing: limits, whose name was called, who asks, and from which page.
//!
//! Reading order: this file (the public face and the routes), `options`, `state`, `connection`, `gate`, `answer`, then
//! the handlers: `run`, `overview`, `pages`, `login`, `feed`, `health`, `control`.

mod answer;
mod connection;
mod control;
mod feed;
mod gate;
mod health;
mod key;
mod login;
mod options;
mod overview;
mod pages;
mod promised;
mod rate;
mod run;
mod state;

pub use options::{ServerError, ServerLimits, ServerOptions};
pub(crate) use state::State;

use axum::{Router, routing::get};

/// All routes.
fn router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        // The JSON API: `.nest("/api/v1", api::router())`; numbers: `.route("/metrics", get(…metrics::render…))`.
        .with_state(state)
}
