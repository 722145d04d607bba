//! The REST API, version 2, as far as it shows what became of events and lets a person answer.

mod account;
mod incidents;
mod paging;
mod query;
mod refusal;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{AUTHORIZATION, HeaderName},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};

use self::refusal::Refusal;
use super::shared::Shared;
use crate::server::Cut;

/// The ids of the things that there is one of: made up, of the form that PagerDuty's have.
const SERVICE: &str = "PSANDBOX";
const INTEGRATION: &str = "PSBEVENT";
const POLICY: &str = "PSBPOLCY";
const USER: &str = "PSBXUSER";
const WINDOW: &str = "PSBXMAIN";

pub(super) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/incidents", get(incidents::list).put(incidents::update_all))
        .route("/incidents/{id}", get(incidents::one).put(incidents::update))
        .route("/incidents/{id}/alerts", get(incidents::alerts))
        .route("/services", get(account::services))
        .route("/services/{id}", get(account::service))
        .route("/oncalls", get(account::oncalls))
        .route("/maintenance_windows", get(account::maintenance_windows))
        .layer(from_fn_with_state(Arc::clone(shared), guard))
}

/// The answer to whatever there is not.
pub(super) fn not_found() -> Response {
    Refusal::not_found().into_response()
}

/// Lets a call in whose token is good and within the limit, and says in every answer what is left of the limit.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.faults.on("pagerduty_api_down") {
        return (axum::Extension(Cut), ()).into_response();
    }
    if !is_authorized(request.headers(), &shared.api_token) || shared.faults.on("pagerduty_api_refuses") {
        return Refusal::unauthorized().into_response();
    }
    let (admitted, left, resets_in) = shared.admits_call(shared.clock.now());
    let mut answer = if admitted { next.run(request).await } else { Refusal::rate_limited().into_response() };
    let limits = [
        ("ratelimit-limit", i64::from(shared.api_calls_per_minute)),
        ("ratelimit-remaining", i64::from(left)),
        ("ratelimit-reset", resets_in),
    ];
    for (name, value) in limits {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    answer
}

/// The two forms of the header \[V\]: anything else is no token at all.
fn is_authorized(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|it| it.strip_prefix("Token token=").or_else(|| it.strip_prefix("Bearer ")));
    given == Some(token)
}

/// A thing by name only: how one thing mentions another \[V\].
fn reference(shared: &Shared, kind: &str, collection: &str, id: &str, summary: &str) -> Value {
    let address = format!("{}/{collection}/{id}", shared.root);
    json!({
        "id": id,
        "type": format!("{kind}_reference"),
        "summary": summary,
        "self": address,
        "html_url": address,
    })
}

fn service_reference(shared: &Shared) -> Value {
    reference(shared, "service", "services", SERVICE, "Sandbox")
}

fn policy_reference(shared: &Shared) -> Value {
    reference(shared, "escalation_policy", "escalation_policies", POLICY, "Default")
}

fn user_reference(shared: &Shared) -> Value {
    reference(shared, "user", "users", USER, &shared.email)
}

/// A time as the API writes it: to the second \[V\].
fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
