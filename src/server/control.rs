//! Schedules are paused, and go on again.

use axum::{
    Form,
    extract::{
        Path, State as From,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::to_string;

use super::{
    State,
    answer::{Wanted, json_text, problem, see_other},
};
use crate::{report::html::HOME, service::Refusal, store::Schedule};

/// How long a reason may be, in characters.
const REASON: usize = 500;

#[derive(Deserialize)]
pub(super) struct Why {
    reason: Option<String>,
}

type Name = Result<Path<String>, PathRejection>;

pub(super) async fn pause(
    From(state): From<State>,
    name: Name,
    headers: HeaderMap,
    form: Result<Form<Why>, FormRejection>,
) -> Response {
    let reason = form.ok().and_then(|Form(it)| it.reason).unwrap_or_default();
    let reason: String = reason.trim().chars().take(REASON).collect();
    if reason.is_empty() {
        let why = "a pause needs a reason that others can read: send it as the form field `reason`";
        return problem(&state, Wanted::of(&headers), StatusCode::BAD_REQUEST, why);
    }
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let done = state.service.pause(&name, &reason).await;
    told(&state, &headers, done)
}

pub(super) async fn resume(From(state): From<State>, name: Name, headers: HeaderMap) -> Response {
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let done = state.service.resume(&name).await;
    told(&state, &headers, done)
}

fn told(state: &State, headers: &HeaderMap, done: Result<Schedule, Refusal>) -> Response {
    let wanted = Wanted::of(headers);
    match done {
        Ok(_) if wanted == Wanted::Html => see_other(HOME),
        Ok(schedule) => json_text(StatusCode::OK, to_string(&schedule).unwrap_or_default() + "\n"),
        Err(refusal) => refused(state, wanted, &refusal),
    }
}

/// There is no such canary, or the service is stopping.
pub(super) fn refused(state: &State, wanted: Wanted, refusal: &Refusal) -> Response {
    match refusal {
        Refusal::UnknownCanary { .. } => {
            let known: Vec<_> = state.service.plan().canaries.iter().map(|it| it.name()).collect();
            let why = format!("{refusal}; there are: {}", known.join(", "));
            problem(state, wanted, StatusCode::NOT_FOUND, &why)
        }
        Refusal::Stopping => problem(state, wanted, StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}
