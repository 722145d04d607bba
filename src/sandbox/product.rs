//! The product's front door: finds out what is asked, and wraps the answer.
//!
//! Every response carries `Chain-Request-Id`, whatever was asked, because clients take its absence for a proxy's
//! answer and retry \[S, 4\]. Work is done in a task of its own: it is finished even if the client hangs up, and a
//! bug in it becomes an answer.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use serde_json::json;

use crate::{
    codes,
    dashboard::{self, Role},
    envelope::{Fields, LARGEST_BODY, Refusal, Reply, reply},
    ledger::{Call, Operation, Wait},
    name_set::NameSet,
    random,
    values::Millis,
    world::World,
};

/// How long clients may go on using the address that `/hello` announced \[C\].
const ADDRESS_LIFETIME: u64 = 120;

/// How long a transaction is kept running for the fault that lets its repetition run beside it.
const OVERLAP: Duration = Duration::from_millis(150);

/// What comes of a request.
enum Outcome {
    Reply(Reply),
    /// There is nothing to tell yet.
    Wait(Wait),
}

pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().fallback(front).with_state(world)
}

async fn front(State(world): State<Arc<World>>, request: Request) -> Response {
    let id = request.headers().get("id").filter(|id| !id.is_empty()).cloned();
    let working = Arc::clone(&world);
    let nowhere = known(request.uri().path()).is_none();
    let answer = tokio::spawn(async move {
        let (parts, body) = request.into_parts();
        let body = read(body).await;
        answer(&working, &parts, body).await
    });
    let answer = match answer.await.unwrap_or_else(|_| Err(codes::INTERNAL.into())) {
        Ok(Outcome::Reply(reply)) => Ok(reply),
        // Not in a task of its own: when the client goes away, nobody waits any more.
        Ok(Outcome::Wait(wait)) => wait.over(&world.cx).await,
        Err(refusal) => Err(refusal),
    };

    let (status, text) = match &answer {
        Ok(reply) => (StatusCode::OK, Body::from(reply.to_string())),
        Err(refusal) => (refusal.code.status, Body::from(reply(refusal).to_string())),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let faults = &world.cx.faults;
    let nameless = faults.on("request_id_missing_on_errors")
        || (nowhere && faults.on("request_id_missing_on_unknown_paths"));
    if answer.is_ok() || !nameless {
        let id = id.or_else(|| HeaderValue::try_from(random::hex::<10>()).ok());
        response.headers_mut().extend(id.map(|id| (header::HeaderName::from_static("chain-request-id"), id)));
    }
    response
}

/// What is asked, after the path: the body is judged only when everything before it is in order \[C, 4\].
async fn answer(
    world: &Arc<World>,
    parts: &Parts,
    body: Result<Vec<u8>, Refusal>,
) -> Result<Outcome, Refusal> {
    if parts.method != Method::POST {
        return Err(codes::NOT_FOUND.into());
    }
    match known(parts.uri.path()).ok_or(codes::NOT_FOUND)? {
        Place::Hello => hello(world, parts, body).map(Outcome::Reply),
        Place::Dashboard(op) => {
            let entry = entry(world, parts);
            let (reply, letters) = dashboard::call(
                world,
                op,
                text(&parts.headers, "session"),
                key(&parts.headers),
                &entry,
                body,
            )?;
            world.mailer.send(letters).await;
            Ok(Outcome::Reply(reply))
        }
        Place::Ledger([team, ledger, op]) => call(world, &parts.headers, team, ledger, op, body).await,
    }
}

/// What a path leads to.
enum Place<'a> {
    Hello,
    Dashboard(&'a str),
    Ledger([&'a str; 3]),
}

fn known(path: &str) -> Option<Place<'_>> {
    let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match path[..] {
        ["hello"] => Some(Place::Hello),
        ["dashboard", op] => Some(Place::Dashboard(op)),
        [team, ledger, op] => Some(Place::Ledger([team, ledger, op])),
        _ => None,
    }
}

fn hello(world: &World, parts: &Parts, body: Result<Vec<u8>, Refusal>) -> Result<Reply, Refusal> {
    let credential = text(&parts.headers, "credential");
    world.directory().team_of(&world.cx, credential)?;
    let fields = Fields::parse(&body?)?;
    let team = world.directory().hello(&world.cx, credential, fields.text("ledger_name")?)?;
    let scheme = if world.cx.faults.on("addr_is_url:hello") { "https://" } else { "" };
    let addr = format!("{scheme}{}", entry(world, parts));
    Ok(reply(&json!({"team_name": team, "addr": addr, "addr_ttl_seconds": ADDRESS_LIFETIME})))
}

async fn call(
    world: &World,
    headers: &HeaderMap,
    team: &str,
    ledger: &str,
    op: &str,
    body: Result<Vec<u8>, Refusal>,
) -> Result<Outcome, Refusal> {
    let faults = &world.cx.faults;
    // Order of the checks: credential and team, ledger, role, operation, JSON, fields \[C, 4\].
    let operation = Operation::named(op);
    let (ledger, role) =
        world.directory().open(&world.cx, text(headers, "credential"), team, ledger, operation)?;
    let needed = match operation {
        Some(it) if it.changes && faults.on_for("readonly_may_write", it.name) => Role::ReadOnly,
        Some(it) if it.changes && faults.on("members_may_not_write") => Role::Admin,
        Some(it) if it.changes || faults.on_for("readers_may_not_read", it.name) => Role::ReadWrite,
        Some(_) | None => Role::ReadOnly,
    };
    if role < needed {
        return Err(codes::FORBIDDEN.into());
    }
    let Some(operation) = operation else {
        if faults.on("unknown_operation_accepted") {
            return Ok(Outcome::Reply(reply(&json!({}))));
        }
        return Err(codes::NOT_FOUND.into());
    };
    let fields = Fields::parse(&body?)?;
    narrow(world, operation, &fields)?;

    let leaks = faults.on_for("ledgers_leak", operation.name);
    let neighbours = if leaks { world.directory().neighbours(team, &ledger.name) } else { Vec::new() };
    let names = NameSet::read(text(headers, "name-set"));
    let names = match names.camel {
        true if faults.on("camel_names_refused") => NameSet { snake: false, camel: false },
        true if faults.on("snake_names_under_camel") => NameSet { snake: true, camel: true },
        _ => names,
    };
    let call =
        Call { cx: &world.cx, operation, fields: &fields, names, idempotency_key: key(headers), neighbours };
    let answer = ledger.call(&call)?;
    if let Some(wait) = Wait::of(&ledger, &answer) {
        return Ok(Outcome::Wait(wait));
    }
    if let Some(millisecond) = answer.held_until_after {
        over(world, millisecond).await;
    }
    if faults.on_for("concurrent_repeat_doubles", operation.name) {
        tokio::time::sleep(OVERLAP).await;
        ledger.answered(&call);
    }
    Ok(Outcome::Reply(answer.reply))
}

/// Refuses what clients send and a server has to bear \[T, 7\], while the faults for that are on.
fn narrow(world: &World, operation: &Operation, fields: &Fields) -> Result<(), Refusal> {
    let faults = &world.cx.faults;
    if faults.on("null_refused") && fields.names().any(|name| fields.get(name).is_none()) {
        return Err(codes::MALFORMED.because("a field is null"));
    }
    if faults.on("unknown_field_refused")
        && let Some(name) = fields.names().find(|name| !operation.fields.contains(name))
    {
        return Err(codes::MALFORMED.because(format!("unknown field `{name}`")));
    }
    Ok(())
}

/// Waits until a millisecond is over: clients expect their own clock to have moved on too \[T, 7\].
async fn over(world: &World, millisecond: Millis) {
    loop {
        let now = world.cx.clock.now();
        if Millis::from(now) > millisecond {
            return;
        }
        let rest = Duration::try_from(millisecond.next().instant().duration_since(now)).unwrap_or_default();
        tokio::time::sleep(rest).await;
    }
}

/// The address under which the client found us, unless another one is configured.
fn entry(world: &World, parts: &Parts) -> String {
    let asked = || {
        let host = text(&parts.headers, "host").map(str::to_owned);
        host.or_else(|| parts.uri.authority().map(ToString::to_string))
            .unwrap_or_else(|| "localhost".to_owned())
    };
    world.announce.clone().unwrap_or_else(asked)
}

fn key(headers: &HeaderMap) -> Option<&str> {
    text(headers, "idempotency-key")
}

/// A header's value; the empty one counts as none.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

/// Reads a body to its end. Of one that is too big the rest is read and dropped, up to a multiple of the limit,
/// because a client that is still sending would not see the refusal.
async fn read(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut size = 0;
    while size <= 16 * LARGEST_BODY
        && let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        let frame = frame.map_err(|_| codes::MALFORMED.because("the body ended early"))?;
        if let Ok(data) = frame.into_data() {
            size += data.len();
            if size <= LARGEST_BODY {
                bytes.extend_from_slice(&data);
            }
        }
    }
    if size > LARGEST_BODY {
        return Err(codes::MALFORMED.because(format!("the body is larger than {LARGEST_BODY} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
