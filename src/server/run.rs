//! `/run`: runs canaries now, and says how it went by a status that the dumbest monitor understands.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{
        Path, Query, State as From,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    State,
    answer::{Wanted, html, json_text, problem, set, text, with_verdict},
    control::refused,
    pages::link,
};
use crate::{
    record::RunRecord,
    report::{
        html::{Assets, report, security_policy},
        junit::{JunitOptions, junit},
        surface::{self, SurfaceCase},
    },
    service::{Answered, Ask, Refusal},
    verdict::Verdict,
};

type Options = Result<Query<HashMap<String, String>>, QueryRejection>;

pub(super) async fn all(From(state): From<State>, options: Options, headers: HeaderMap) -> Response {
    let canaries = state.service.plan().canaries.iter().map(|it| it.name().to_owned()).collect();
    run(&state, canaries, true, options, &headers).await
}

pub(super) async fn one(
    From(state): From<State>,
    name: Result<Path<String>, PathRejection>,
    options: Options,
    headers: HeaderMap,
) -> Response {
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    run(&state, vec![name], false, options, &headers).await
}

/// A question that is answered by a run must not be asked by accident.
pub(super) async fn not_by_head(From(state): From<State>, headers: HeaderMap) -> Response {
    let mut response =
        problem(&state, Wanted::of(&headers), StatusCode::METHOD_NOT_ALLOWED, "use GET or POST to run");
    set(&mut response, header::ALLOW, "GET, POST");
    response
}

/// What stands behind the question mark.
struct Asked {
    full: bool,
    ask: Ask,
}

impl Asked {
    fn read(options: Options, headers: &HeaderMap) -> Result<Self, String> {
        const KNOWN: &str = "there are `full`, `fresh` and `timeout=30s`";
        let Ok(Query(options)) = options else { return Err(format!("the query cannot be read; {KNOWN}")) };
        let mut asked = Self { full: false, ask: Ask::default() };
        for (name, value) in &options {
            let switch = || match value.as_str() {
                "" | "1" | "true" => Ok(true),
                "0" | "false" => Ok(false),
                _ => Err(format!("`{name}`: expected nothing, 1 or 0, found `{value}`")),
            };
            match name.as_str() {
                "full" => asked.full = switch()?,
                "fresh" => asked.ask.fresh = switch()?,
                "timeout" => {
                    let limit =
                        value.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
                    let longest = Ask::default().limit;
                    asked.ask.limit =
                        limit.filter(|it| !it.is_zero() && *it <= longest).ok_or_else(|| {
                            format!("`timeout`: expected a time up to 15m, such as `30s`, found `{value}`")
                        })?;
                }
                _ => return Err(format!("there is no option `{name}`; {KNOWN}")),
            }
        }
        if is_async(headers) {
            asked.ask.limit = Duration::ZERO;
        }
        Ok(asked)
    }
}

fn is_async(headers: &HeaderMap) -> bool {
    let texts = headers.get_all("prefer").iter().filter_map(|it| it.to_str().ok());
    texts.flat_map(|it| it.split([',', ';'])).any(|it| it.trim().eq_ignore_ascii_case("respond-async"))
}

/// With the `whole` suite, each operation of the product is held to its case, as `cargo test` does.
async fn run(
    state: &State,
    canaries: Vec<String>,
    whole: bool,
    options: Options,
    headers: &HeaderMap,
) -> Response {
    let wanted = Wanted::of(headers);
    let Asked { full, ask } = match Asked::read(options, headers) {
        Ok(asked) => asked,
        Err(why) => return problem(state, wanted, StatusCode::BAD_REQUEST, &why),
    };
    let outcomes = match outcomes(state, &canaries, ask).await {
        Ok(outcomes) => outcomes,
        Err(refusal) => return refused(state, wanted, &refusal),
    };
    let running: Vec<_> = outcomes
        .iter()
        .filter_map(|it| match it {
            Answered::Running { run, .. } => Some(run.as_str()),
            Answered::Ended { .. } => None,
        })
        .collect();
    if running.is_empty() {
        let rows = rows(state, &canaries, &outcomes);
        return ended(state, wanted, full, whole, &rows, &outcomes);
    }
    running.iter().for_each(|run| state.promised.add(run));
    let body = lines(&rows(state, &canaries, &outcomes), None, None, &[]);
    if !is_async(headers) {
        return json_text(StatusCode::GATEWAY_TIMEOUT, body);
    }
    let mut response = json_text(StatusCode::ACCEPTED, body);
    // Of several runs, the overview shows all.
    let location = if let [run] = *running { link(state, run) } else { "/".to_owned() };
    set(&mut response, header::LOCATION, &location);
    response
}

/// Asks for all of them at once. Who hangs up ends the asking, and no run.
async fn outcomes(state: &State, canaries: &[String], ask: Ask) -> Result<Vec<Answered>, Refusal> {
    let mut asking = JoinSet::new();
    for (number, canary) in canaries.iter().enumerate() {
        let (service, canary) = (Arc::clone(&state.service), canary.clone());
        asking.spawn(async move { (number, service.run(&canary, ask).await) });
    }
    let mut outcomes: Vec<Option<Answered>> = vec![None; canaries.len()];
    while let Some(told) = asking.join_next().await {
        // The tasks do nothing that panics.
        let (number, outcome) = told.map_err(|_| Refusal::Stopping)?;
        outcomes[number] = Some(outcome?);
    }
    Ok(outcomes.into_iter().flatten().collect())
}

fn status(verdict: Verdict) -> StatusCode {
    match verdict {
        Verdict::Passed => StatusCode::OK,
        Verdict::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Verdict::Inconclusive => StatusCode::SERVICE_UNAVAILABLE,
        Verdict::Blocked | Verdict::Skipped => StatusCode::CONFLICT,
    }
}

/// An answer about runs that have all ended.
fn ended(
    state: &State,
    wanted: Wanted,
    full: bool,
    whole: bool,
    rows: &[Value],
    outcomes: &[Answered],
) -> Response {
    let records: Vec<_> = outcomes
        .iter()
        .filter_map(|it| match it {
            Answered::Ended { record, .. } => Some(Arc::clone(record)),
            Answered::Running { .. } => None,
        })
        .collect();
    let plan = state.service.plan();
    let whole = whole && !plan.operations.is_empty();
    let copies: Vec<RunRecord> = match wanted {
        Wanted::Json if !whole => Vec::new(),
        Wanted::Json | Wanted::Xml | Wanted::Html => records.iter().map(|it| (**it).clone()).collect(),
    };
    let operations = plan.operations.iter().filter(|_| whole).map(String::as_str);
    let cases = surface::cases(plan, operations, &copies);
    let verdicts = records.iter().map(|it| it.verdict);
    let verdict = Verdict::worst(verdicts.chain(cases.iter().map(|it| it.verdict)));
    let status = status(verdict);
    let response = match wanted {
        Wanted::Json => {
            let records: &[Arc<RunRecord>] = if full { &records } else { &[] };
            json_text(status, lines(rows, Some(verdict), whole.then_some(&cases), records))
        }
        Wanted::Xml => match junit(&plan.suite, &copies, &cases, &JunitOptions::default()) {
            Ok(xml) => text(status, "application/xml", xml),
            Err(error) => problem(state, Wanted::Json, StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        Wanted::Html => {
            let mut response = html(status, report(&plan.suite, &copies, &cases));
            let policy = security_policy(Assets::Embedded { nonce: None });
            set(&mut response, header::CONTENT_SECURITY_POLICY, &policy);
            response
        }
    };
    with_verdict(response, verdict)
}

fn rows(state: &State, canaries: &[String], outcomes: &[Answered]) -> Vec<Value> {
    let row = |(canary, outcome): (&String, &Answered)| match outcome {
        Answered::Ended { summary, .. } => json!({
            "canary": canary,
            "verdict": summary.verdict,
            "run": summary.run,
            "root": summary.root,
            "cause": summary.cause,
            "message": summary.message,
            "duration_ms": summary.duration_ms,
            "flaky": summary.counts.flaky > 0,
            "link": link(state, &summary.run),
        }),
        Answered::Running { run, since } => json!({
            "canary": canary, "verdict": null, "run": run, "running_since": since, "link": link(state, run),
        }),
    };
    canaries.iter().zip(outcomes).map(row).collect()
}

/// One line per canary: readable in a terminal, and for `grep`. One per operation that did not pass, if there was
/// anything to say of them.
fn lines(
    rows: &[Value],
    verdict: Option<Verdict>,
    cases: Option<&Vec<SurfaceCase>>,
    records: &[Arc<RunRecord>],
) -> String {
    let rows: Vec<_> = rows.iter().map(ToString::to_string).collect();
    let mut text = format!("{{\"verdict\":{},\"canaries\":[\n{}\n]", json!(verdict), rows.join(",\n"));
    if let Some(cases) = cases {
        let bad = cases.iter().filter(|it| it.verdict != Verdict::Passed).map(|it| {
            json!({ "operation": it.operation, "verdict": it.verdict, "message": it.message }).to_string()
        });
        let bad: Vec<_> = bad.collect();
        text.push_str(&format!(",\"surface\":[\n{}\n]", bad.join(",\n")));
    }
    if !records.is_empty() {
        let records: Vec<_> =
            records.iter().map(|it| serde_json::to_string(&**it).unwrap_or_else(|_| "null".into())).collect();
        text.push_str(&format!(",\"records\":[\n{}\n]", records.join(",\n")));
    }
    text.push_str("}\n");
    text
}
