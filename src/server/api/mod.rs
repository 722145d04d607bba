//! `/api/v1`: how everything stands, for programs. What it answers is in [`DOCUMENT`], and a canary of our own holds
//! every answer against that.
//!
//! Reading order: this file (the routes), `model` (what is answered), `asked` (what may be asked), `canaries`, `runs`,
//! `surface`, `error`.

mod asked;
mod canaries;
mod error;
mod model;
mod runs;
pub(super) mod surface;

use std::sync::Arc;

use asked::Asked;
use axum::{
    Json, Router,
    http::{HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

pub use error::ApiError;
pub use model::{
    CanaryAnswer, CanaryDetail, CanaryList, CanaryTotals, Incident, Incidents, OperationAnswer, PauseAnswer,
    PlannedStep, RunAnswer, RunList, RunSummary, RunningAnswer, ScheduleAnswer, SeenRun, StepHistory,
    StepList, SurfaceAnswer,
};

use crate::service::Service;

/// The OpenAPI document of the whole service, with the pages, `/run` and `/metrics`.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// Where all of this is.
const BASE: &str = "/api/v1";

/// The routes, to be nested at `/api/v1`. Who may see them is for the caller to decide.
pub fn router<S>(service: Arc<Service>) -> Router<S> {
    Router::new()
        .route("/canaries", get(canaries::list))
        .route("/canaries/{canary}", get(canaries::one))
        .route("/canaries/{canary}/runs", get(runs::of_canary))
        .route("/canaries/{canary}/steps", get(canaries::steps))
        .route("/canaries/{canary}/steps/{step}", get(canaries::step))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::one))
        .route("/surface", get(surface::read))
        .route("/incidents", get(incidents))
        .route("/openapi.json", get(document))
        .method_not_allowed_fallback(refuse_method)
        // Also what is not there is answered in the one form of errors.
        .fallback(nothing)
        .with_state(service)
}

/// An answer that is right now and may be wrong in a second.
fn fresh(body: impl IntoResponse) -> Response {
    let mut answer = body.into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn json(body: impl Serialize) -> Response {
    fresh(Json(body))
}

async fn incidents(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    Ok(json(Incidents { incidents: Vec::new() }))
}

async fn document() -> Response {
    fresh(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT))
}

async fn nothing(uri: Uri) -> ApiError {
    ApiError::not_found(
        format!("there is nothing at `{BASE}{}`", uri.path()),
        format!("see {BASE}/openapi.json for what there is"),
    )
}

async fn refuse_method(method: Method, uri: Uri) -> ApiError {
    ApiError::method_not_allowed(&method, &format!("{BASE}{}", uri.path()))
}
