//! The pages behind the overview: runs, steps, and what all pages need.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State as From},
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    State,
    answer::{Wanted, html, json_text, problem, set, text, with_verdict},
    gate::Entry,
    key::{Key, Purpose},
};
use crate::{
    pages::{Message, StepFailure, StepView, message, run_view, step},
    record::title,
    report::html::{Assets, RunView, Site, assets, run, run_path},
    service::{Links, whole_minute},
    store::{Kept, StepPoint, StoreError},
    verdict::Verdict,
};

/// How long a link to a run can be opened.
const LINK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long the form to log out holds.
const FORM: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many runs a step's page shows.
const POINTS: usize = 200;
/// How many of its failures are told.
const FAILURES: usize = 10;
/// How far back its statistics go.
pub(super) const STATISTICS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A site of linked pages.
pub(super) fn ours<'a>(suite: &'a str, target: &'a str) -> Site<'a> {
    Site { suite, target, assets: Assets::Linked, logout: None }
}

/// What the form to log out needs, if there is somebody to log out.
pub(super) fn logout(state: &State, entry: Entry) -> Option<String> {
    let key = state.key.as_ref().filter(|_| entry == Entry::Cookie)?;
    let now = state.service.clock().now();
    Some(key.seal(Purpose::Form, now.saturating_add(FORM).unwrap_or(now)))
}

/// A path that can be opened until then without logging in.
pub(super) fn signed(state: &State, path: &str, until: Timestamp) -> String {
    signed_by(state.key.as_deref(), path, until)
}

fn signed_by(key: Option<&Key>, path: &str, until: Timestamp) -> String {
    match key {
        None => path.to_owned(),
        Some(key) => {
            format!("{path}?until={}&sig={}", until.as_second(), key.sign(Purpose::Link, path, until))
        }
    }
}

/// What makes the links in pages: whole addresses, signed.
pub(super) fn links(state: &State, address: SocketAddr) -> Links {
    let base = state.options.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let key = state.key.clone();
    Arc::new(move |path, until| format!("{base}{}", signed_by(key.as_deref(), path, until)))
}

/// Where a run can be read by whoever is given the link.
pub(super) fn link(state: &State, run: &str) -> String {
    signed(state, &run_path(run), end_of_link(state))
}

fn end_of_link(state: &State) -> Timestamp {
    let now = state.service.clock().now();
    now.saturating_add(LINK).unwrap_or(now)
}

pub(super) async fn of_run(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    match state.service.store().run(&id).await {
        Err(error) => unreadable(&state, wanted, &error),
        Ok(None) => not_there(&state, entry, wanted, &id),
        Ok(Some(kept)) if wanted == Wanted::Json => {
            let body = serde_json::to_string(&kept.record).unwrap_or_default() + "\n";
            with_verdict(json_text(StatusCode::OK, body), kept.summary.verdict)
        }
        Ok(Some(kept)) => match page_of_run(&state, entry, &kept).await {
            Ok(page) => with_verdict(html(StatusCode::OK, page), kept.summary.verdict),
            Err(error) => unreadable(&state, wanted, &error),
        },
    }
}

async fn page_of_run(state: &State, entry: Entry, kept: &Kept) -> Result<String, StoreError> {
    let summary = &kept.summary;
    let good = match summary.verdict {
        Verdict::Passed => None,
        Verdict::Failed | Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => {
            state.service.store().last_passed(&summary.canary, summary.started).await?
        }
    };
    let until = end_of_link(state);
    let share = (entry == Entry::Cookie).then(|| signed(state, &run_path(&summary.run), until));
    // Of those at hand; the pages of older runs have no neighbours.
    let view = state.service.canary(&summary.canary);
    let runs: Vec<_> = view.iter().flat_map(|it| &it.runs).map(|it| it.run.as_str()).collect();
    let at = runs.iter().position(|it| *it == summary.run);
    let beside = |at: Option<usize>| at.and_then(|at| runs.get(at).copied());
    let view = RunView {
        last_good: good.as_ref().filter(|it| it.full).map(|it| &it.record),
        previous: beside(at.map(|it| it + 1)),
        next: beside(at.and_then(|it| it.checked_sub(1))),
        share: share.as_deref().map(|it| (it, until)),
        ..run_view(kept)
    };
    let logout = logout(state, entry);
    let (suite, target) = (&state.service.plan().suite, &summary.target);
    Ok(run(&Site { logout: logout.as_deref(), ..ours(suite, target) }, &view))
}

/// The run is not kept: it goes on, it will begin, or nobody knows it.
fn not_there(state: &State, entry: Entry, wanted: Wanted, id: &str) -> Response {
    let snapshot = state.service.snapshot();
    let runs = snapshot.canaries.iter().any(|it| it.running.as_ref().is_some_and(|it| it.run == id));
    if !runs && !state.promised.has(id) {
        return problem(
            state,
            wanted,
            StatusCode::NOT_FOUND,
            if wanted == Wanted::Html {
                ""
            } else {
                "there is no such run; one that was here may have been too old to keep"
            },
        );
    }
    let why = "The run has not ended yet, or is not kept yet. It will be here in a moment.";
    let mut response = if wanted == Wanted::Html {
        let said = Message { title: "Still running", text: why, verdict: None, links: &[], live: true };
        // The run's page will stand in the same frame.
        let logout = logout(state, entry);
        let site = Site { logout: logout.as_deref(), ..ours(&snapshot.suite, &snapshot.target) };
        html(StatusCode::ACCEPTED, message(&site, &said))
    } else {
        json_text(StatusCode::ACCEPTED, format!("{}\n", serde_json::json!({ "run": id, "running": true })))
    };
    set(&mut response, header::RETRY_AFTER, "2");
    response
}

pub(super) fn unreadable(state: &State, wanted: Wanted, error: &StoreError) -> Response {
    let why = format!("runs cannot be read: {error}");
    problem(state, wanted, StatusCode::INTERNAL_SERVER_ERROR, &why)
}

pub(super) async fn of_step(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    Path((canary, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    match page_of_step(&state, entry, &canary, &name).await {
        Ok(Some(page)) => html(StatusCode::OK, page),
        Ok(None) => {
            let why = format!("there is no step `{name}` of a canary `{canary}`");
            problem(&state, wanted, StatusCode::NOT_FOUND, &why)
        }
        Err(error) => unreadable(&state, wanted, &error),
    }
}

async fn page_of_step(
    state: &State,
    entry: Entry,
    canary: &str,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let (service, store) = (&state.service, state.service.store());
    let Some(plan) = service.plan().canaries.iter().find(|it| it.name() == canary) else { return Ok(None) };
    let known = plan.steps.iter().map(|it| &it.step).find(|it| title(it.kind, &it.name) == name);
    let points = store.step(canary, name, POINTS).await?;
    // A step that was renamed still has its history.
    if known.is_none() && points.is_empty() {
        return Ok(None);
    }
    let now = service.clock().now();
    let since = now.saturating_sub(STATISTICS).unwrap_or(Timestamp::MIN);
    let statistics = service.steps(canary, whole_minute(since)).await?;
    let statistics: Vec<_> = statistics.iter().filter(|it| it.step == name).cloned().collect();
    let failures = failures(state, &points, name).await?;
    let covers: Vec<String> = known.iter().flat_map(|it| &it.covers).map(ToString::to_string).collect();
    let place = known.map(|it| format!("{}:{}", it.place.file(), it.place.line())).unwrap_or_default();
    let view = StepView {
        now,
        canary,
        step: name,
        promise: known.map_or("", |it| &*it.promise),
        covers: &covers,
        runbook: known.and_then(|it| it.runbook.as_deref()),
        place: &place,
        points: &points,
        statistics: &statistics,
        since,
        failures: &failures,
    };
    let (logout, target) = (logout(state, entry), service.target());
    Ok(Some(step(&Site { logout: logout.as_deref(), ..ours(&service.plan().suite, &target) }, &view)))
}

async fn failures(state: &State, points: &[StepPoint], name: &str) -> Result<Vec<StepFailure>, StoreError> {
    let bad = points.iter().filter(|it| matches!(it.verdict, Verdict::Failed | Verdict::Inconclusive));
    let mut failures = Vec::new();
    for point in bad.take(FAILURES) {
        let kept = state.service.store().run(&point.run).await?;
        let steps = kept.into_iter().flat_map(|it| it.record.steps);
        let failure = steps.filter(|it| title(it.kind, &it.name) == name).find_map(|it| it.failure);
        failures.push(StepFailure {
            run: point.run.clone(),
            started: point.started,
            verdict: point.verdict,
            cause: failure.as_ref().map(|it| it.cause),
            message: failure.map(|it| it.message),
        });
    }
    Ok(failures)
}

/// The stylesheet and the script. Their names change with their content.
pub(super) async fn asset(From(state): From<State>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asset) = assets().into_iter().find(|it| it.path == uri.path()) else {
        return nothing(From(state), headers).await;
    };
    let mut response = text(StatusCode::OK, asset.content_type, asset.text);
    set(&mut response, header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    response
}

pub(super) async fn nothing(From(state): From<State>, headers: HeaderMap) -> Response {
    let wanted = Wanted::of(&headers);
    let why = if wanted == Wanted::Html { "" } else { "there is no such page" };
    problem(&state, wanted, StatusCode::NOT_FOUND, why)
}

pub(super) async fn not_so(From(state): From<State>, headers: HeaderMap) -> Response {
    let why = "this cannot be done with this method";
    problem(&state, Wanted::of(&headers), StatusCode::METHOD_NOT_ALLOWED, why)
}
