//! What people do about incidents: they take one, give it back, and try the pager.

use axum::{
    Extension, Form,
    extract::{
        Path, State as From,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    State,
    answer::{Wanted, json_text, problem, see_other},
    control::refused,
    gate::Entry,
    incidents::{self, missing},
    login::page,
    pages::unreadable,
};
use crate::{
    report::html::{INCIDENTS, incident_path},
    service::Refusal,
};

/// How many characters a name may have.
const NAME: usize = 100;

#[derive(Default, Deserialize)]
pub(super) struct Who {
    /// Who does it.
    by: Option<String>,
    /// Which page to come back to.
    next: Option<String>,
}

type Id = Result<Path<String>, PathRejection>;
type Filled = Result<Form<Who>, FormRejection>;

pub(super) async fn acknowledge(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    id: Id,
    headers: HeaderMap,
    form: Filled,
) -> Response {
    take(&state, entry, id, &headers, form, true).await
}

pub(super) async fn unacknowledge(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    id: Id,
    headers: HeaderMap,
    form: Filled,
) -> Response {
    take(&state, entry, id, &headers, form, false).await
}

async fn take(
    state: &State,
    entry: Entry,
    id: Id,
    headers: &HeaderMap,
    form: Filled,
    takes: bool,
) -> Response {
    let wanted = Wanted::of(headers);
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    // A button without fields, as from a page, has no form at all.
    let Who { by, next } = form.map(|Form(it)| it).unwrap_or_default();
    let Some(by) = name(by).or_else(|| unnamed(entry)) else {
        let why = "it needs to be known who takes care of it: send a name as the form field `by`";
        return problem(state, wanted, StatusCode::BAD_REQUEST, why);
    };
    if is_stopping(state) {
        return refused(state, wanted, &Refusal::Stopping);
    }
    let service = &state.service;
    let done =
        if takes { service.acknowledge(&id, &by).await } else { service.unacknowledge(&id, &by).await };
    state.cache.forget().await;
    if !done {
        return missing(state, wanted, &id).await;
    }
    if wanted == Wanted::Html {
        return see_other(page(next).as_deref().unwrap_or(&incident_path(&id)));
    }
    match service.incident(&id).await {
        Ok(Some(story)) => incidents::told(&story),
        Ok(None) => missing(state, wanted, &id).await,
        Err(error) => unreadable(state, wanted, &error),
    }
}

/// Begins a drill of the pager, if somebody could see that its page is there.
pub(super) async fn drill(From(state): From<State>, headers: HeaderMap) -> Response {
    let wanted = Wanted::of(&headers);
    if is_stopping(&state) {
        return refused(&state, wanted, &Refusal::Stopping);
    }
    if !state.service.can_be_proven() {
        let why = "a drill would prove nothing: no notifier of the engineer on call can be asked whether a page is \
                   there; PagerDuty can, with an API token";
        return problem(&state, wanted, StatusCode::CONFLICT, why);
    }
    let Some(id) = state.service.drill().await else {
        let why = "a drill goes on already; it ends after ten minutes at most";
        return problem(&state, wanted, StatusCode::CONFLICT, why);
    };
    state.cache.forget().await;
    if wanted == Wanted::Html {
        return see_other(&incident_path(&id));
    }
    json_text(StatusCode::ACCEPTED, format!("{}\n", json!({ "incident": id })))
}

/// A name as somebody has given it.
pub(super) fn name(given: Option<String>) -> Option<String> {
    let name: String = given?.trim().chars().take(NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// Who does something without saying who they are. Programs act for somebody, and have to say for whom.
fn unnamed(entry: Entry) -> Option<String> {
    match entry {
        Entry::Cookie => Some("somebody who is logged in".to_owned()),
        Entry::Free => Some("somebody on the service's own machine".to_owned()),
        Entry::Token | Entry::Link => None,
    }
}

/// What is said to a service that stops would not be kept.
pub(super) fn is_stopping(state: &State) -> bool {
    state.service.snapshot().closing
}

/// Where browsers go on without saying so.
pub(super) fn back(next: Option<String>) -> Response {
    see_other(page(next).as_deref().unwrap_or(INCIDENTS))
}
