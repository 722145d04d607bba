//! Incidents: what proves that an event has reached anybody.

use std::{cmp::Reverse, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, header::FROM},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Shared, paging::Page, policy_reference, query::Query, reference, refusal::Refusal, service_reference,
    time, user_reference,
};
use crate::pagerduty::incident::{Action, Agent, Incident, Status};

type Answer = Result<Json<Value>, Refusal>;

/// How far back a list goes that does not say, and how far apart its ends may be \[V\].
const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(184 * 24);

/// How many incidents one call may change \[V\].
const MOST_UPDATES: usize = 250;

pub(super) async fn list(State(shared): State<Arc<Shared>>, query: Query) -> Answer {
    let page = Page::of(&query)?;
    let mut incidents = shared.incidents();
    let now = shared.clock.now();
    let (since, until) = range(&query, now)?;
    let statuses = query.all("statuses");
    if let Some(other) = statuses.iter().find(|it| !["triggered", "acknowledged", "resolved"].contains(it)) {
        return Err(Refusal::invalid(format!("statuses[] cannot be {other}")));
    }
    let key = query.one("incident_key");

    incidents.settle(now);
    let mut found: Vec<&Incident> = incidents
        .all()
        .filter(|incident| {
            key.is_none_or(|key| incident.key == key)
                && query.lets_pass("statuses", incident.status.name())
                && query.lets_pass("urgencies", incident.urgency.name())
                && query.lets_pass("service_ids", super::SERVICE)
                && (since..=until).contains(&incident.created_at)
        })
        .collect();
    match query.one("sort_by") {
        // In the order of their numbers they are already, and so of their times.
        None | Some("created_at" | "created_at:asc" | "incident_number" | "incident_number:asc") => {}
        Some("created_at:desc" | "incident_number:desc") => found.reverse(),
        Some("resolved_at" | "resolved_at:asc") => found.sort_by_key(|incident| incident.resolved_at),
        Some("resolved_at:desc") => found.sort_by_key(|incident| Reverse(incident.resolved_at)),
        Some(other) => return Err(Refusal::invalid(format!("sort_by cannot be {other}"))),
    }
    Ok(page.cut("incidents", found.into_iter(), |incident| view(&shared, incident)))
}

/// Which incidents a list is about, by when they were opened.
fn range(query: &Query, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
    if query.one("date_range") == Some("all") {
        return Ok((Timestamp::MIN, Timestamp::MAX));
    }
    let until = query.time("until")?.unwrap_or(now);
    let since = match query.time("since")? {
        Some(since) => since,
        None => until.checked_sub(DEFAULT_SPAN).unwrap_or(Timestamp::MIN),
    };
    if until < since {
        return Err(Refusal::invalid("until must not be before since"));
    }
    if until.duration_since(since) > LONGEST_SPAN {
        return Err(Refusal::invalid("since and until must not be more than 6 months apart"));
    }
    Ok((since, until))
}

pub(super) async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let mut incidents = shared.incidents();
    incidents.settle(shared.clock.now());
    let incident = incidents.by_id(&id).ok_or_else(Refusal::not_found)?;
    Ok(Json(json!({ "incident": view(&shared, incident) })))
}

pub(super) async fn alerts(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let page = Page::of(&query)?;
    let mut incidents = shared.incidents();
    incidents.settle(shared.clock.now());
    let incident = incidents.by_id(&id).ok_or_else(Refusal::not_found)?;
    Ok(page.cut("alerts", [incident].into_iter(), |incident| alert(&shared, incident)))
}

pub(super) async fn update(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    check_requester(&shared, &headers)?;
    let change = Change::read(object(&body)?.get("incident").unwrap_or(&Value::Null), Some(&id))?;
    Ok(Json(json!({ "incident": change.make(&shared)? })))
}

pub(super) async fn update_all(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Answer {
    check_requester(&shared, &headers)?;
    let body = object(&body)?;
    let Some(Value::Array(wanted)) = body.get("incidents") else {
        return Err(Refusal::invalid("incidents is required"));
    };
    if wanted.len() > MOST_UPDATES {
        return Err(Refusal::invalid(format!("at most {MOST_UPDATES} incidents can be updated at once")));
    }
    // All are read before any is changed.
    let changes: Vec<Change> =
        wanted.iter().map(|wanted| Change::read(wanted, None)).collect::<Result<_, _>>()?;
    let made: Vec<Value> = changes.iter().map(|change| change.make(&shared)).collect::<Result<_, _>>()?;
    Ok(Json(json!({ "incidents": made })))
}

/// The API does not say which person an account's token stands for: `From` does \[V\].
fn check_requester(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let from = headers.get(FROM).and_then(|value| value.to_str().ok());
    if from.is_some_and(|from| from.eq_ignore_ascii_case(&shared.email)) {
        Ok(())
    } else {
        Err(Refusal::no_requester())
    }
}

fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::invalid("the body is not a JSON object"))
}

/// What a person wants of one incident.
struct Change {
    id: String,
    action: Action,
}

impl Change {
    fn read(wanted: &Value, id: Option<&str>) -> Result<Change, Refusal> {
        let id = id.or_else(|| wanted["id"].as_str()).ok_or_else(|| Refusal::invalid("id is required"))?;
        if !matches!(wanted["type"].as_str(), Some("incident" | "incident_reference")) {
            return Err(Refusal::invalid("type must be incident or incident_reference"));
        }
        let action = match wanted["status"].as_str() {
            Some("acknowledged") => Action::Acknowledge,
            Some("resolved") => Action::Resolve,
            Some(_) | None => return Err(Refusal::invalid("status must be acknowledged or resolved")),
        };
        Ok(Change { id: id.to_owned(), action })
    }

    fn make(&self, shared: &Shared) -> Result<Value, Refusal> {
        let mut incidents = shared.incidents();
        let number = incidents.by_id(&self.id).ok_or_else(Refusal::not_found)?.number;
        if !incidents.person(shared.clock.now(), number, self.action) {
            // A resolved incident is never opened again [V]; the text is remembered [M].
            return Err(Refusal::invalid("Incident Already Resolved"));
        }
        shared.changed.send_modify(|changes| *changes += 1);
        let incident = incidents.by_id(&self.id).ok_or_else(Refusal::not_found)?;
        Ok(view(shared, incident))
    }
}

/// The incident as the API shows it \[V\].
fn view(shared: &Shared, incident: &Incident) -> Value {
    let address = format!("{}/incidents/{}", shared.root, incident.id);
    let open = incident.status != Status::Resolved;
    let (changed_at, changed_by) = incident.changed;
    let assignments = if open {
        json!([{"at": time(incident.created_at), "assignee": user_reference(shared)}])
    } else {
        json!([])
    };
    let acknowledged = incident.acknowledged_at.filter(|_| incident.status == Status::Acknowledged);
    let acknowledgements = acknowledged
        .map(|at| json!([{"at": time(at), "acknowledger": agent(shared, changed_by)}]))
        .unwrap_or_else(|| json!([]));
    json!({
        "id": incident.id,
        "type": "incident",
        "summary": format!("[#{}] {}", incident.number, incident.title),
        "self": address,
        "html_url": address,
        "incident_number": incident.number,
        "title": incident.title,
        "status": incident.status.name(),
        "incident_key": incident.key,
        "urgency": incident.urgency.name(),
        "service": service_reference(shared),
        "escalation_policy": policy_reference(shared),
        "teams": [],
        "assignments": assignments,
        "acknowledgements": acknowledgements,
        "created_at": time(incident.created_at),
        "updated_at": time(incident.log.last().map_or(changed_at, |entry| entry.at)),
        "last_status_change_at": time(changed_at),
        "last_status_change_by": agent(shared, changed_by),
        "resolved_at": incident.resolved_at.map(time),
        "alert_counts": {"all": 1, "triggered": u8::from(open), "resolved": u8::from(!open)},
    })
}

/// Who did something. Time works on behalf of the service \[M\].
fn agent(shared: &Shared, agent: Agent) -> Value {
    match agent {
        Agent::Person => user_reference(shared),
        Agent::Event => reference(
            shared,
            "events_api_v2_inbound_integration",
            &format!("services/{}/integrations", super::SERVICE),
            super::INTEGRATION,
            "Events API v2",
        ),
        Agent::Timeout => service_reference(shared),
    }
}

/// The incident's one alert: the event that opened it \[V; the shape of `body` M\]. An alert is never acknowledged.
fn alert(shared: &Shared, incident: &Incident) -> Value {
    let id = incident.id.replacen('Q', "A", 1);
    let address = format!("{}/alerts/{id}", shared.root);
    let status = if incident.status == Status::Resolved { Status::Resolved } else { Status::Triggered };
    let event = incident.log.first().map(|entry| entry.json()).unwrap_or_default();
    json!({
        "id": id,
        "type": "alert",
        "summary": incident.title,
        "self": address,
        "html_url": address,
        "created_at": time(incident.created_at),
        "resolved_at": incident.resolved_at.map(time),
        "status": status.name(),
        "alert_key": incident.key,
        "severity": incident.severity.name(),
        "suppressed": false,
        "service": service_reference(shared),
        "incident": reference(shared, "incident", "incidents", &incident.id, &incident.title),
        "body": {
            "type": "alert_body",
            "contexts": event.get("links").cloned().unwrap_or_else(|| json!([])),
            "details": event["payload"]["custom_details"],
        },
    })
}
