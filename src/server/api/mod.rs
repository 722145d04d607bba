//! `/api/v1`: how everything stands, for programs. What it answers is in [`DOCUMENT`], and a canary of our own holds
//! every answer against that.
//!
//! Reading order: this file (the routes), `model` (what is answered), `asked` (what may be asked), `canaries`, `runs`,
//! `surface`, `alerts`, `error`.

mod alerts;
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
};
use serde::Serialize;

pub(super) use alerts::listed;
pub use alerts::{
    AlertsAnswer, ErrorAnswer, HeartbeatAnswer, IncidentList, NotifierAnswer, PagerAnswer, SilenceList,
    UndeliveredAnswer,
};
pub use error::ApiError;
pub use model::{
    CanaryAnswer, CanaryDetail, CanaryList, CanaryTotals, OperationAnswer, PauseAnswer, PlannedStep,
    RunAnswer, RunList, RunSummary, RunningAnswer, ScheduleAnswer, SeenRun, StepHistory, StepList,
    SurfaceAnswer,
};

use super::routes::Routes;
use crate::service::Service;

/// The OpenAPI document of the whole service, with the pages, `/run` and `/metrics`.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// Where all of this is.
pub(super) const BASE: &str = "/api/v1";

/// The routes below [`BASE`].
pub(super) fn routes() -> Routes<Arc<Service>> {
    Routes::new()
        .get("/canaries", canaries::list)
        .get("/canaries/{canary}", canaries::one)
        .get("/canaries/{canary}/runs", runs::of_canary)
        .get("/canaries/{canary}/steps", canaries::steps)
        .get("/canaries/{canary}/steps/{step}", canaries::step)
        .get("/runs", runs::list)
        .get("/runs/{run}", runs::one)
        .get("/surface", surface::read)
        .get("/incidents", alerts::incidents)
        .get("/incidents/{incident}", alerts::incident)
        .get("/silences", alerts::silences)
        .get("/alerts", alerts::alerts)
        .get("/openapi.json", document)
}

/// What answers beside them: also what is not there is answered in the one form of problems.
pub(super) fn finish<S>(router: Router<Arc<Service>>, service: Arc<Service>) -> Router<S> {
    router.method_not_allowed_fallback(refuse_method).fallback(nothing).with_state(service)
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

async fn document(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    Ok(fresh(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT)))
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
