//! The overview, rendered again only when something has changed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Extension,
    body::Bytes,
    extract::State as From,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, broadcast::error::RecvError};

use super::{
    State,
    answer::{Wanted, html, problem, with_verdict},
    feed::matters,
    gate::Entry,
    pages::{logout, ours},
};
use crate::{
    clock::Clock,
    pages::{CanaryRow, Overview, Running, Tally, overview},
    report::html::Site,
    service::{CanaryView, RECENT, Service},
    store::{Day, Filter, StoreError, Summary},
    verdict::Verdict,
};

/// How long a page is good if nothing changes: it says how long ago things were.
const GOOD: Duration = Duration::from_secs(5);
/// The days that the overview shows.
const DAYS: SignedDuration = SignedDuration::from_hours(90 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How many runs of a day are counted: one per ten seconds.
const RUNS_OF_A_DAY: usize = 8640;

/// The page as it was rendered last; one for those who can log out, one for those who cannot.
#[derive(Default)]
pub(super) struct Cache {
    /// Grows with every change.
    changes: AtomicU64,
    /// Held while a page is rendered, so that a hundred readers make one.
    pages: Mutex<[Option<Cached>; 2]>,
}

#[derive(Clone)]
struct Cached {
    changes: u64,
    at: Instant,
    page: Bytes,
    verdict: Verdict,
}

/// Counts changes until the service or the server ends.
pub(super) async fn follow(state: State) {
    let mut events = state.service.events();
    let (cache, closing) = (Arc::clone(&state.cache), state.closing.clone());
    drop(state);
    loop {
        let event = tokio::select! {
            () = closing.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(event) if !matters(&event) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => {
                cache.changes.fetch_add(1, Ordering::SeqCst);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

pub(super) async fn home(
    From(state): From<State>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
) -> Response {
    let own = usize::from(entry == Entry::Cookie);
    let mut pages = state.cache.pages.lock().await;
    let changes = state.cache.changes.load(Ordering::SeqCst);
    let good = pages[own].as_ref().filter(|it| it.changes == changes && it.at.elapsed() < GOOD);
    let cached = match good {
        Some(cached) => cached.clone(),
        None => match rendered(&state, entry).await {
            Ok((page, verdict)) => {
                let cached = Cached { changes, at: Clock::instant(), page: page.into(), verdict };
                pages[own] = Some(cached.clone());
                cached
            }
            Err(error) => {
                let why = format!("runs cannot be read: {error}");
                return problem(&state, Wanted::of(&headers), StatusCode::INTERNAL_SERVER_ERROR, &why);
            }
        },
    };
    drop(pages);
    with_verdict(html(StatusCode::OK, cached.page), cached.verdict)
}

async fn rendered(state: &State, entry: Entry) -> Result<(String, Verdict), StoreError> {
    let service = &state.service;
    let snapshot = service.snapshot();
    let now = service.clock().now();
    let days = days(service, now).await?;
    let mut canaries = Vec::with_capacity(snapshot.canaries.len());
    for view in &snapshot.canaries {
        canaries.push(row_of(service, view, &days, now).await?);
    }
    let verdict = Verdict::worst(snapshot.canaries.iter().filter_map(|it| it.last()).map(|it| it.verdict));
    let logout = logout(state, entry);
    let site = Site { logout: logout.as_deref(), ..ours(&snapshot.suite, &snapshot.target) };
    Ok((overview(&site, &Overview { now, canaries, incidents: None }), verdict))
}

/// The days that pages show.
pub(super) async fn days(service: &Service, now: Timestamp) -> Result<Vec<Day>, StoreError> {
    service.store().days(now.saturating_sub(DAYS).unwrap_or(Timestamp::MIN)).await
}

/// A canary as pages show it.
pub(super) async fn row_of(
    service: &Service,
    view: &CanaryView,
    days: &[Day],
    now: Timestamp,
) -> Result<CanaryRow, StoreError> {
    Ok(CanaryRow {
        canary: view.canary.to_string(),
        rhythm: view.rhythm.clone(),
        runs: view.runs.iter().map(|it| (**it).clone()).collect(),
        last_24_h: of_a_day(service, view, now).await?,
        days: days.iter().filter(|it| *it.canary == *view.canary).cloned().collect(),
        totals: view.totals.clone(),
        schedule: Some(view.schedule.clone()),
        // Its page says so, too, until it has ended.
        running: view.running.as_ref().map(|it| Running { run: Some(it.run.clone()), since: it.since }),
    })
}

/// What is at hand is a day's runs, unless they come often.
async fn of_a_day(service: &Service, view: &CanaryView, now: Timestamp) -> Result<Tally, StoreError> {
    let since = now.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
    let all = view.runs.len() < RECENT || view.runs.back().is_some_and(|it| it.started < since);
    let runs: Vec<Summary> = if all {
        view.runs.iter().map(|it| (**it).clone()).collect()
    } else {
        let filter =
            Filter { canary: Some(view.canary.to_string()), limit: RUNS_OF_A_DAY, ..Filter::default() };
        service.store().runs(&filter).await?.items
    };
    Ok(Tally::of_runs(&runs, since))
}
