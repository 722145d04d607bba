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
    incidents::shown,
    pages::{logout, ours},
};
use crate::{
    clock::Clock,
    pages::{CanaryRow, Overview, Running, Tally, overview},
    report::html::Site,
    service::{CanaryView, Days, RECENT, Service},
    store::{Outcomes, StoreError, Summary},
    verdict::Verdict,
};

/// How long a page is good if nothing changes: it says how long ago things were.
const GOOD: Duration = Duration::from_secs(5);
/// A page that takes longer to render, as of a thousand canaries, of which a hundred change in a second, is good for so
/// many times as long as it took, although something has changed.
const SLOW: Duration = Duration::from_millis(100);
const AGE: u32 = 20;
/// The days that the overview shows.
const DAYS: SignedDuration = SignedDuration::from_hours(90 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);

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
    took: Duration,
    page: Bytes,
    verdict: Verdict,
}

impl Cached {
    fn is_good(&self, changes: u64) -> bool {
        let slow = if self.took > SLOW { self.took * AGE } else { Duration::ZERO };
        self.at.elapsed() < if self.changes == changes { GOOD } else { slow.min(GOOD) }
    }
}

impl Cache {
    /// Somebody has changed something and is about to look: the next page is a new one, however long it takes.
    pub(super) async fn forget(&self) {
        *self.pages.lock().await = [None, None];
    }
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
    let good = pages[own].as_ref().filter(|it| it.is_good(changes));
    let begun = Clock::instant();
    let cached = match good {
        Some(cached) => cached.clone(),
        None => match rendered(&state, entry).await {
            Ok((page, verdict)) => {
                let at = Clock::instant();
                let cached = Cached { changes, at, took: at - begun, page: page.into(), verdict };
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
    let alerts = shown(service);
    let logout = logout(state, entry);
    // Of many canaries this takes a while: not on a thread that others wait for.
    let page = tokio::task::spawn_blocking(move || {
        let site = Site { logout: logout.as_deref(), ..ours(&snapshot.suite, &snapshot.target) };
        overview(&site, &Overview { now, canaries, alerts: Some(alerts) })
    });
    match page.await {
        Ok(page) => Ok((page, verdict)),
        Err(error) => match error.try_into_panic() {
            // It goes on where it would have come from.
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and so does whoever reads this.
            Err(_) => Ok((String::new(), verdict)),
        },
    }
}

/// The days that pages show.
pub(super) async fn days(service: &Service, now: Timestamp) -> Result<Arc<Days>, StoreError> {
    service.days(now.saturating_sub(DAYS).unwrap_or(Timestamp::MIN)).await
}

/// A canary as pages show it.
pub(super) async fn row_of(
    service: &Service,
    view: &CanaryView,
    days: &Days,
    now: Timestamp,
) -> Result<CanaryRow, StoreError> {
    Ok(CanaryRow {
        canary: view.canary.to_string(),
        rhythm: view.rhythm.clone(),
        runs: view.runs.iter().map(|it| (**it).clone()).collect(),
        last_24_h: of_a_day(service, view, now).await?,
        days: days.get(&*view.canary).cloned().unwrap_or_default(),
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
    if all {
        let runs: Vec<Summary> = view.runs.iter().map(|it| (**it).clone()).collect();
        return Ok(Tally::of_runs(&runs, since));
    }
    let Outcomes { passed, failed, inconclusive } = service.last_day(&view.canary).await?;
    Ok(Tally { passed, failed, inconclusive })
}
