//! The pages of what is wrong and what was.

use axum::{
    Extension,
    extract::{
        Path, Query, State as From,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    State,
    answer::{Wanted, html, json_text, problem},
    api::listed,
    gate::Entry,
    pages::{logout, ours, unreadable},
};
use crate::{
    alert::{
        Kind,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
    },
    pages::{Alerts, IncidentView, IncidentsView, OpenIncident, Pager, PastIncident, incident, incidents},
    report::html::Site,
    service::{AlertView, IncidentStory, Service},
    store::{IncidentFilter, StoreError},
    verdict::Severity,
};

/// How many incidents that have closed stand on a page.
const PAST: usize = 30;

/// Which of those that have closed are asked for.
#[derive(Default, Deserialize)]
pub(super) struct Which {
    before: Option<String>,
}

pub(super) async fn all(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    let which = which.map(|Query(it)| it).unwrap_or_default();
    let before = which.before.filter(|it| !it.is_empty()).map(|it| it.parse::<Timestamp>());
    let before = match before.transpose() {
        Ok(before) => before,
        Err(_) => {
            let why = "expected `before` to be a time such as `2026-01-31T12:00:00Z`";
            return problem(&state, wanted, StatusCode::BAD_REQUEST, why);
        }
    };
    match page_of_all(&state, entry, before).await {
        Ok(page) => html(StatusCode::OK, page),
        Err(error) => unreadable(&state, wanted, &error),
    }
}

async fn page_of_all(state: &State, entry: Entry, before: Option<Timestamp>) -> Result<String, StoreError> {
    let service = &state.service;
    let now = service.clock().now();
    let filter = IncidentFilter { open: Some(false), before, limit: PAST, canary: None };
    let list = listed(service, &filter).await?;
    let mut history = Vec::with_capacity(list.incidents.len());
    for incident in list.incidents {
        let log = service.incident(&incident.id).await?.map(|it| it.log).unwrap_or_default();
        history.push(PastIncident { told: told_of(&log), not_told: not_told(&log), incident });
    }
    let canaries: Vec<_> = service.plan().canaries.iter().map(|it| it.name().to_owned()).collect();
    let alerts = shown(service);
    let view = IncidentsView {
        now,
        alerts: &alerts,
        canaries: &canaries,
        history: &history,
        later: before.is_some(),
        next: list.next,
        may_change: entry != Entry::Link,
    };
    let (logout, target) = (logout(state, entry), service.target());
    Ok(incidents(&Site { logout: logout.as_deref(), ..ours(&service.plan().suite, &target) }, &view))
}

/// Who has taken it, each once.
fn told_of(log: &[LogEntry]) -> Vec<String> {
    let mut told = Vec::new();
    for it in log {
        if let Happened::Sent { notifier, action: Action::Trigger, outcome: OutcomeWord::Accepted, .. } =
            &it.what
            && !told.contains(notifier)
        {
            told.push(notifier.clone());
        }
    }
    told
}

fn not_told(log: &[LogEntry]) -> Option<String> {
    log.iter().rev().find_map(|it| match &it.what {
        Happened::NotTold { why, .. } => Some(why.clone()),
        Happened::Held { why } => Some(why.clone()),
        _ => None,
    })
}

pub(super) async fn one(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    match state.service.incident(&id).await {
        Ok(Some(story)) if wanted == Wanted::Html => html(StatusCode::OK, page_of(&state, entry, story)),
        Ok(Some(story)) => told(&story),
        Ok(None) => missing(&state, wanted, &id).await,
        Err(error) => unreadable(&state, wanted, &error),
    }
}

fn page_of(state: &State, entry: Entry, story: IncidentStory) -> String {
    let service = &state.service;
    let now = service.clock().now();
    let IncidentStory { incident: it, log, tellings } = story;
    let open = OpenIncident { incident: it, tellings };
    let alerts = shown(service);
    let view =
        IncidentView { now, open: &open, log: &log, alerts: &alerts, may_change: entry != Entry::Link };
    let (logout, target) = (logout(state, entry), service.target());
    incident(&Site { logout: logout.as_deref(), ..ours(&service.plan().suite, &target) }, &view)
}

/// How alerts stand, as pages show it: the newest first, but what wakes people before what waits.
pub(super) fn shown(service: &Service) -> Alerts {
    let mut open: Vec<_> = service
        .tellings()
        .into_iter()
        // Nothing is wrong in a drill; the pager's own line speaks of it.
        .filter(|(incident, _)| incident.kind != Kind::Drill)
        .map(|(incident, tellings)| OpenIncident { incident, tellings })
        .collect();
    open.sort_by_key(|it| {
        let it = &it.incident;
        (it.kind.audience(), it.severity != Severity::Critical, std::cmp::Reverse(it.since))
    });
    // No `..`: a new field has to be thought of here, too.
    let AlertView {
        open: _,
        silences,
        notifiers,
        on_call,
        provable,
        undelivered,
        drill,
        drilled,
        blind,
        heartbeat,
        attempts: _,
        on_their_way: _,
        next: _,
    } = service.alerts();
    let heartbeat = heartbeat.map(|(_, trouble)| trouble);
    let pager = Pager { on_call, provable, drilled, drill, blind, undelivered, notifiers, heartbeat };
    Alerts { open, silences, pager }
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
