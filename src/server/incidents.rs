//! The pages of what is wrong and what was.

use axum::{
    Extension,
    extract::{Path, State as From, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{
    State,
    answer::{Wanted, json_text, problem},
    gate::Entry,
    pages::unreadable,
};
use crate::service::IncidentStory;

pub(super) async fn one(
    From(state): From<State>,
    Extension(_entry): Extension<Entry>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    match state.service.incident(&id).await {
        Ok(Some(story)) => told(&story),
        Ok(None) => missing(&state, wanted, &id).await,
        Err(error) => unreadable(&state, wanted, &error),
    }
}

/// An incident with all that has happened to it, for programs.
pub(super) fn told(story: &IncidentStory) -> Response {
    json_text(StatusCode::OK, serde_json::to_string(story).unwrap_or_default() + "\n")
}

/// There is no such incident, or nothing can be done about it any more.
pub(super) async fn missing(state: &State, wanted: Wanted, id: &str) -> Response {
    let closed = match state.service.incident(id).await {
        Ok(story) => story.and_then(|it| it.incident.closed),
        Err(_) => None,
    };
    let why = match closed {
        Some(closed) => format!("the incident `{id}` has closed at {:.0}", closed.at),
        None => {
            format!("there is no open incident `{id}`; one that was here may have been too old to keep")
        }
    };
    problem(state, wanted, StatusCode::NOT_FOUND, &why)
}
