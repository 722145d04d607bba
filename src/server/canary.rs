//! The pages of a canary and of the product's surface.

use std::collections::HashMap;

use axum::{
    Extension,
    extract::{
        Path, Query, State as From,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::{
    State,
    answer::{Wanted, html, problem, with_verdict},
    api::{OperationAnswer, surface::stands},
    control::refused,
    gate::Entry,
    incidents::shown as alerts,
    overview::{days, row_of},
    pages::{STATISTICS, logout, ours, unreadable},
};
use crate::{
    pages::{CanaryView, OperationRow, RunsShown, StepRow, SurfaceView, canary, surface as surface_page},
    record::title,
    report::html::Site,
    service::{self, Refusal, whole_minute},
    store::{Filter, Page, StepStatistics, StoreError, Summary},
    suite::CanaryPlan,
    verdict::Verdict,
};

/// How many runs stand on a page.
const RUNS: usize = 50;

/// Which runs are asked for.
#[derive(Default, Deserialize)]
pub(super) struct Which {
    verdict: Option<String>,
    day: Option<String>,
    after: Option<String>,
}

/// The same, understood.
#[derive(Default)]
struct Wish {
    verdict: Option<Verdict>,
    day: Option<Date>,
    after: Option<String>,
}

impl Which {
    fn understood(self) -> Result<Wish, String> {
        let Self { verdict, day, after } = self;
        let known = [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Skipped];
        let verdict = match verdict.as_deref() {
            None | Some("") => None,
            Some(text) => Some(known.into_iter().find(|it| it.as_str() == text).ok_or(
                "expected `verdict` to be `passed`, `failed`, `inconclusive` or `skipped`; leave it out for all",
            )?),
        };
        let day = match day.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| "expected `day` to be a date such as `2026-01-31`")?),
        };
        Ok(Wish { verdict, day, after: after.filter(|it| !it.is_empty()) })
    }
}

pub(super) async fn page(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    name: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(&headers);
    let name = name.map_or_else(|_| String::new(), |Path(it)| it);
    let Some(view) = state.service.canary(&name) else {
        return refused(&state, wanted, &Refusal::UnknownCanary { name, nearest: None });
    };
    let wish = which.map_or_else(|error| Err(error.body_text()), |Query(it)| it.understood());
    let wish = match wish {
        Ok(wish) => wish,
        Err(why) => return problem(&state, wanted, StatusCode::BAD_REQUEST, &why),
    };
    match shown(&state, entry, &view, wish).await {
        Ok((page, Some(verdict))) => with_verdict(html(StatusCode::OK, page), verdict),
        Ok((page, None)) => html(StatusCode::OK, page),
        Err(error @ StoreError::BadCursor) => {
            problem(&state, wanted, StatusCode::BAD_REQUEST, &error.to_string())
        }
        Err(error) => unreadable(&state, wanted, &error),
    }
}

async fn shown(
    state: &State,
    entry: Entry,
    view: &service::CanaryView,
    wish: Wish,
) -> Result<(String, Option<Verdict>), StoreError> {
    let (service, store, name) = (&state.service, state.service.store(), &*view.canary);
    let now = service.clock().now();
    let days = days(service, now).await?;
    let row = row_of(service, view, &days, now).await?;
    let since = now.saturating_sub(STATISTICS).unwrap_or(Timestamp::MIN);
    let statistics = (*service.steps(name, whole_minute(since)).await?).clone();
    let plan = service.plan().canaries.iter().find(|it| it.name() == name);
    let last = match view.last() {
        Some(last) => store.run(&last.run).await?,
        None => None,
    };
    let verdicts = last.into_iter().flat_map(|it| it.record.steps).map(|it| (it.title(), it.verdict));
    let steps = steps(plan.map(|it| &**it), statistics, &verdicts.collect());
    let later = wish.after.is_some();
    let page = runs(state, name, &wish).await?;
    let alerts = alerts(service);
    let shown = CanaryView {
        now,
        row: &row,
        steps: &steps,
        since,
        runs: RunsShown {
            runs: &page.items,
            verdict: wish.verdict,
            day: wish.day,
            later,
            next: page.next.as_deref(),
        },
        alerts: Some(&alerts),
    };
    let (logout, target) = (logout(state, entry), service.target());
    let site = Site { logout: logout.as_deref(), ..ours(&service.plan().suite, &target) };
    Ok((canary(&site, &shown), view.last().map(|it| it.verdict)))
}

/// The steps of the plan, and behind them what was one once and still has a history.
fn steps(
    plan: Option<&CanaryPlan>,
    statistics: Vec<StepStatistics>,
    verdicts: &HashMap<String, Verdict>,
) -> Vec<StepRow> {
    let mut known: HashMap<String, StepStatistics> =
        statistics.into_iter().map(|it| (it.step.clone(), it)).collect();
    let planned = plan.into_iter().flat_map(|it| &it.steps).map(|it| &it.step);
    let mut steps: Vec<_> = planned
        .map(|it| {
            let step = title(it.kind, &it.name);
            StepRow {
                verdict: verdicts.get(&step).copied(),
                statistics: known.remove(&step),
                promise: it.promise.to_string(),
                step,
            }
        })
        .collect();
    let mut gone: Vec<_> = known.into_values().collect();
    gone.sort_by(|a, b| a.step.cmp(&b.step));
    steps.extend(gone.into_iter().map(|it| StepRow {
        step: it.step.clone(),
        promise: "not in the suite any more".to_owned(),
        verdict: None,
        statistics: Some(it),
    }));
    steps
}

/// The runs that are asked for. Those of a day end where the day begins.
async fn runs(state: &State, canary: &str, wish: &Wish) -> Result<Page<Summary>, StoreError> {
    let start = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
    let filter = Filter {
        canary: Some(canary.to_owned()),
        verdict: wish.verdict,
        before: wish.day.and_then(|it| start(it.saturating_add(1.day()))),
        after: wish.after.clone(),
        limit: RUNS,
    };
    let mut page = state.service.store().runs(&filter).await?;
    if let Some(start) = wish.day.and_then(start) {
        let all = page.items.len();
        page.items.retain(|it| it.started >= start);
        page.next = page.next.filter(|_| page.items.len() == all);
    }
    Ok(page)
}

pub(super) async fn surface(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
) -> Response {
    let service = &state.service;
    let answer = match stands(service).await {
        Ok(answer) => answer,
        Err(error) => return unreadable(&state, Wanted::of(&headers), &error),
    };
    let runs: Vec<_> = answer.runs.into_iter().map(|it| (it.canary, it.run, it.started)).collect();
    let operations: Vec<_> = answer.operations.into_iter().map(row).collect();
    let view = SurfaceView { now: service.clock().now(), runs: &runs, operations: &operations };
    let (logout, target) = (logout(&state, entry), service.target());
    let site = Site { logout: logout.as_deref(), ..ours(&service.plan().suite, &target) };
    html(StatusCode::OK, surface_page(&site, &view))
}

fn row(answer: OperationAnswer) -> OperationRow {
    let OperationAnswer { operation, prover, verdict, message, cause, also, root, answers, duration_ms } =
        answer;
    let root = root.map(|it| format!("blocked by {it}"));
    OperationRow {
        operation,
        prover: prover.and_then(|it| it.split_once("::").map(|(a, b)| (a.to_owned(), b.to_owned()))),
        verdict,
        message: message.or(root),
        cause,
        also,
        answers: answers.into_iter().collect(),
        duration_ms,
    }
}
