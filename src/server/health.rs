//! Whether the service lives, and whether it does its work.

use axum::{
    extract::State as From,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use serde_json::json;

use super::{State, answer::json_text};
use crate::alert::heartbeat::{Beat, Health, decide};

/// How late a canary may be before the scheduler counts as stuck.
const LATE: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn alive() -> Response {
    json_text(StatusCode::OK, "{\"alive\":true}\n")
}

/// 503 with every reason if runs are not made or not kept, or pages are not delivered. It names no canary's verdict: that is `/run`'s.
pub(super) async fn ready(From(state): From<State>) -> Response {
    let reasons = reasons(&state);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": reasons.is_empty(), "reasons": reasons }).to_string();
    json_text(status, body + "\n")
}

/// Everything in numbers, for Prometheus.
pub(super) async fn metrics(From(state): From<State>) -> Response {
    super::metrics::answer(&state.service).await.into_response()
}

fn reasons(state: &State) -> Vec<String> {
    let snapshot = state.service.snapshot();
    let now = state.service.clock().now();
    let mut reasons = Vec::new();
    if snapshot.closing || state.closing.is_cancelled() {
        reasons.push("the service is stopping".to_owned());
    }
    if let Some((since, _)) = &snapshot.store.trouble {
        // Why is in the log: everybody may ask this, and paths are nobody's business.
        let waiting = snapshot.store.waiting;
        reasons.push(format!("runs cannot be kept since {since:.0}; {waiting} wait in memory"));
    }
    if let Beat::Hold(undelivered) = decide(&Health { late: Vec::new(), ..state.service.health() }, now) {
        reasons.extend(undelivered);
    }
    for canary in &snapshot.canaries {
        let due =
            canary.schedule.next.filter(|_| canary.schedule.paused.is_none() && canary.running.is_none());
        if let Some(due) = due.filter(|due| now.duration_since(*due) > LATE) {
            reasons.push(format!("{} was to run at {due:.0} and has not begun", canary.canary));
        }
    }
    reasons
}
