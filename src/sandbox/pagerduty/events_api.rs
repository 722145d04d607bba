//! The Events API, version 2: where programs say what happened. No token; who knows the routing key may.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::{
    UnknownKey,
    event::{Envelope, Invalid, LARGEST},
    incidents::Effect,
    shared::Shared,
};
use crate::{random, server::Cut};

/// Of a body that is too large, so much is read in order to say so; a client that is cut off while it writes would
/// take it for a broken line.
const READ: usize = 8 * LARGEST;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v2/enqueue", post(enqueue))
        .route("/v2/change/enqueue", post(change))
        .layer(DefaultBodyLimit::max(READ))
}

/// How an event ended.
enum Outcome {
    /// It is taken, under this key.
    Taken(String),
    /// It is not, and the sender is told why.
    Invalid(Invalid),
    /// It is not, because there were too many.
    RateLimited,
    /// It is not, because of a fault that does not look at it.
    Broken(&'static str),
}

async fn enqueue(State(shared): State<Arc<Shared>>, body: Result<Bytes, BytesRejection>) -> Response {
    let outcome = match &body {
        Ok(body) => take(&shared, body),
        Err(rejection) if is_too_large(rejection) => Outcome::Invalid(Invalid::Unrecognized),
        // Half a body is no event, and nobody is left to be told.
        Err(_) => return cut(),
    };
    {
        let mut counts = shared.counts();
        counts.received += 1;
        match &outcome {
            Outcome::Taken(_) => counts.accepted += 1,
            Outcome::Invalid(_) => counts.refused += 1,
            Outcome::RateLimited => counts.rate_limited += 1,
            Outcome::Broken(_) => counts.failed += 1,
        }
    }
    shared.changed.send_modify(|changes| *changes += 1);

    match outcome {
        Outcome::Taken(key) => {
            if shared.faults.on("pagerduty_slow") {
                tokio::time::sleep(shared.slow).await;
            }
            if shared.faults.on("pagerduty_cut_after_reading") {
                return cut();
            }
            if shared.faults.on("pagerduty_error_after_accepting") {
                let body = json!({"status": "error", "message": "Internal Server Error"});
                return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
            }
            let body = json!({"status": "success", "message": "Event processed", "dedup_key": key});
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Outcome::Invalid(invalid) => invalid.into_response(),
        Outcome::RateLimited => too_many(),
        Outcome::Broken("pagerduty_cut_before_ingesting") => cut(),
        Outcome::Broken(_) => {
            let page = "<html><body><h1>503 Service Unavailable</h1></body></html>\n";
            (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
        }
    }
}

fn is_too_large(rejection: &BytesRejection) -> bool {
    rejection.status() == StatusCode::PAYLOAD_TOO_LARGE
}

/// Takes an event, or does not.
fn take(shared: &Shared, body: &[u8]) -> Outcome {
    let now = shared.clock.now();
    shared.note_request(now);
    for fault in ["pagerduty_error", "pagerduty_cut_before_ingesting"] {
        if shared.faults.on(fault) {
            return Outcome::Broken(fault);
        }
    }
    if shared.faults.on("pagerduty_rate_limited") {
        return Outcome::RateLimited;
    }
    if shared.faults.on("pagerduty_refuses_all") {
        return Outcome::Invalid(Invalid::Because(vec!["refused by a fault of the sandbox".to_owned()]));
    }
    let envelope = match Envelope::open(body) {
        Ok(envelope) => envelope,
        Err(invalid) => return Outcome::Invalid(invalid),
    };
    let known = envelope.routing_key == shared.routing_key;
    // Other keys are other people's, and so are their limits.
    if known && !shared.admits_event(now) {
        return Outcome::RateLimited;
    }
    let event = match envelope.event() {
        Ok(event) => event,
        Err(invalid) => return Outcome::Invalid(invalid),
    };
    if event.has_details && shared.faults.on("pagerduty_refuses") {
        return Outcome::Invalid(Invalid::Because(vec!["'payload.custom_details' is invalid".to_owned()]));
    }
    let key = event.key.clone().unwrap_or_else(random::hex::<16>);
    if known {
        let opens = !shared.nobody_on_call() && !shared.in_maintenance();
        // The time is read again under the lock, so that what is written down is in the order of its times.
        let effect = {
            let mut incidents = shared.incidents();
            incidents.take(shared.clock.now(), &event, &key, opens)
        };
        if effect == Effect::Opens && !opens {
            shared.counts().swallowed += 1;
        }
    } else {
        match shared.unknown_key {
            UnknownKey::Accepted => {}
            UnknownKey::Refused => return Outcome::Invalid(unknown_key()),
        }
    }
    Outcome::Taken(key)
}

async fn change(State(shared): State<Arc<Shared>>, body: Result<Bytes, BytesRejection>) -> Response {
    let now = shared.clock.now();
    shared.note_request(now);
    let envelope = body.map_err(|_| Invalid::Unrecognized).and_then(|body| Envelope::open(&body));
    let envelope = match envelope {
        Ok(envelope) => envelope,
        Err(invalid) => return invalid.into_response(),
    };
    let known = envelope.routing_key == shared.routing_key;
    // The limit is the key's, whatever is sent [M].
    if known && !shared.admits_event(now) {
        return too_many();
    }
    if let Err(invalid) = envelope.change() {
        return invalid.into_response();
    }
    match (known, shared.unknown_key) {
        (true, _) => shared.counts().changes += 1,
        (false, UnknownKey::Accepted) => {}
        (false, UnknownKey::Refused) => return unknown_key().into_response(),
    }
    // The text is from the wild [S].
    let body = json!({"status": "success", "message": "Change event processed"});
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// The text is ours \[C\].
fn unknown_key() -> Invalid {
    Invalid::Because(vec!["'routing_key' is invalid".to_owned()])
}

/// Without `Retry-After`, which is not promised \[V\]. The text is remembered from version 1 \[M\].
fn too_many() -> Response {
    let message = "Requests for this service are arriving too quickly.  Please retry later.";
    let body = json!({"status": "throttle exceeded", "message": message});
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

fn cut() -> Response {
    (axum::Extension(Cut), ()).into_response()
}

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        let body = match self {
            Invalid::Unrecognized => json!({
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            }),
            Invalid::Because(errors) => {
                json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors})
            }
        };
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}
