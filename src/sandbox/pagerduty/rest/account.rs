//! What the account is made of: one service, and one person who is always on call, unless a fault says otherwise.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    INTEGRATION, POLICY, SERVICE, Shared, USER, WINDOW, paging::Page, policy_reference, query::Query,
    reference, refusal::Refusal, service_reference, time, user_reference,
};
use crate::pagerduty::incident::Status;

type Answer = Result<Json<Value>, Refusal>;

pub(super) async fn services(State(shared): State<Arc<Shared>>, query: Query) -> Answer {
    Ok(Page::of(&query)?.cut("services", [()].into_iter(), |()| view(&shared, &query)))
}

pub(super) async fn service(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    if id != SERVICE {
        return Err(Refusal::not_found());
    }
    Ok(Json(json!({ "service": view(&shared, &query) })))
}

/// The service as the API shows it \[V\].
fn view(shared: &Shared, query: &Query) -> Value {
    let address = format!("{}/services/{SERVICE}", shared.root);
    let collection = format!("services/{SERVICE}/integrations");
    let kind = "events_api_v2_inbound_integration";
    let mut integration = reference(shared, kind, &collection, INTEGRATION, "Events API v2");
    if query.all("include").contains(&"integrations") {
        // The only way from a routing key to its service.
        integration["type"] = kind.into();
        integration["integration_key"] = shared.routing_key.clone().into();
    }
    json!({
        "id": SERVICE,
        "type": "service",
        "summary": "Sandbox",
        "self": address,
        "html_url": address,
        "name": "Sandbox",
        "status": status(shared),
        "auto_resolve_timeout": shared.auto_resolve_timeout,
        "acknowledgement_timeout": shared.acknowledgement_timeout,
        "alert_creation": "create_alerts_and_incidents",
        "incident_urgency_rule": {"type": "constant", "urgency": "severity_based"},
        "escalation_policy": policy_reference(shared),
        "integrations": [integration],
        "teams": [],
    })
}

/// `maintenance`, or the worst of the open incidents \[V\].
fn status(shared: &Shared) -> &'static str {
    if shared.in_maintenance() {
        return "maintenance";
    }
    let mut incidents = shared.incidents();
    incidents.settle(shared.clock.now());
    let open = incidents.all().map(|incident| incident.status).filter(|it| *it != Status::Resolved);
    match open.min_by_key(|status| *status != Status::Triggered) {
        Some(Status::Triggered) => "critical",
        Some(Status::Acknowledged | Status::Resolved) => "warning",
        None => "active",
    }
}

/// One person, on call for ever by direct targeting \[V\].
pub(super) async fn oncalls(State(shared): State<Arc<Shared>>, query: Query) -> Answer {
    let wanted = query.lets_pass("user_ids", USER)
        && query.lets_pass("escalation_policy_ids", POLICY)
        // There is no schedule behind it.
        && query.all("schedule_ids").is_empty();
    let on_call = (wanted && !shared.nobody_on_call()).then_some(());
    let entry = |()| {
        json!({
            "escalation_policy": policy_reference(&shared),
            "escalation_level": 1,
            "schedule": null,
            "user": user_reference(&shared),
            "start": null,
            "end": null,
        })
    };
    Ok(Page::of(&query)?.cut("oncalls", on_call.into_iter(), entry))
}

/// While the fault is on there is a window, which has begun an hour ago and ends in an hour.
pub(super) async fn maintenance_windows(State(shared): State<Arc<Shared>>, query: Query) -> Answer {
    let wanted = match query.one("filter") {
        None | Some("all" | "ongoing" | "open") => query.lets_pass("service_ids", SERVICE),
        Some("past" | "future") => false,
        Some(other) => return Err(Refusal::invalid(format!("filter cannot be {other}"))),
    };
    let now = shared.clock.now();
    let hour = SignedDuration::from_hours(1);
    let window = |()| {
        let address = format!("{}/maintenance_windows/{WINDOW}", shared.root);
        json!({
            "id": WINDOW,
            "type": "maintenance_window",
            "summary": "Maintenance",
            "self": address,
            "html_url": address,
            "start_time": time(now.checked_sub(hour).unwrap_or(now)),
            "end_time": time(now.checked_add(hour).unwrap_or(now)),
            "description": "Maintenance",
            "services": [service_reference(&shared)],
        })
    };
    let ongoing = (wanted && shared.in_maintenance()).then_some(());
    Ok(Page::of(&query)?.cut("maintenance_windows", ongoing.into_iter(), window))
}
