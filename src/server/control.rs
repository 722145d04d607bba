//! Schedules are paused, and go on again; and canaries are run from a page.

use std::time::Duration;

use axum::{
    Form,
    extract::{
        Path, State as From,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::to_string;

use super::{
    State,
    answer::{Wanted, json_text, problem, see_other},
    login::page,
};
use crate::{
    pages::REASON,
    report::html::{HOME, run_path},
    service::{Answered, Ask, Refusal},
    store::Schedule,
};

/// The longest pause: a canary that nobody remembers watches nothing.
const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);

#[derive(Default, Deserialize)]
pub(super) struct Why {
    reason: Option<String>,
    /// How long, as in `1h 30m`; without it, until somebody resumes it.
    r#for: Option<String>,
    /// Which page to come back to.
    next: Option<String>,
}

type Name = Result<Path<String>, PathRejection>;

pub(super) async fn pause(
    From(state): From<State>,
    name: Name,
    headers: HeaderMap,
    form: Result<Form<Why>, FormRejection>,
) -> Response {
    let wanted = Wanted::of(&headers);
    let Why { reason, r#for, next } = form.map(|Form(it)| it).unwrap_or_default();
    let reason = reason.unwrap_or_default();
    let reason: String = reason.trim().chars().take(REASON).collect();
    if reason.is_empty() {
        let why = "a pause needs a reason that others can read: send it as the form field `reason`";
        return problem(&state, wanted, StatusCode::BAD_REQUEST, why);
    }
    let length =
        r#for.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::parse::<SignedDuration>);
    let until = match length {
        None => None,
        Some(Ok(length)) if length.is_positive() && length <= LONGEST => {
            state.service.clock().now().checked_add(length).ok()
        }
        Some(_) => {
            let why = "expected a duration up to 90 days in the form field `for`, such as `30m` or `4h`; empty to \
                       pause until somebody resumes it";
            return problem(&state, wanted, StatusCode::BAD_REQUEST, why);
        }
    };
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let done = state.service.pause(&name, &reason, until).await;
    state.cache.forget().await;
    told(&state, &headers, done, next)
}

pub(super) async fn resume(
    From(state): From<State>,
    name: Name,
    headers: HeaderMap,
    form: Result<Form<Why>, FormRejection>,
) -> Response {
    // What has no form at all, as from a program, is good as well.
    let next = form.ok().and_then(|Form(it)| it.next);
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let done = state.service.resume(&name).await;
    state.cache.forget().await;
    told(&state, &headers, done, next)
}

/// Runs a canary for somebody with a browser, who is sent to the page where the run will be.
pub(super) async fn run(From(state): From<State>, name: Name, headers: HeaderMap) -> Response {
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let run = match state.service.run(&name, Ask { limit: Duration::ZERO, ..Ask::default() }).await {
        Ok(Answered::Running { run, .. }) => run,
        Ok(Answered::Ended { summary, .. }) => summary.run.clone(),
        Err(refusal) => return refused(&state, Wanted::of(&headers), &refusal),
    };
    state.promised.add(&run);
    see_other(&run_path(&run))
}

fn told(
    state: &State,
    headers: &HeaderMap,
    done: Result<Schedule, Refusal>,
    next: Option<String>,
) -> Response {
    let wanted = Wanted::of(headers);
    match done {
        Ok(_) if wanted == Wanted::Html => see_other(page(next).as_deref().unwrap_or(HOME)),
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
