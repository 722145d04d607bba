//! What the service's face offers of alerts: what is open, who was told, silences, acknowledgements, drills.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::{Links, Service, ServiceError, ServiceOptions, Shared, lock};
use crate::{
    alert::{
        Book, BookOptions, Incident, KeptBook, PageContext, Silence, Telling,
        drill::DrillState,
        heartbeat::{Health, HeartbeatCounts},
        log::LogEntry,
        post::{NotifierHealth, Route},
        rules::Watched,
    },
    store::{IncidentFilter, Store, StoreError},
    suite::{CanaryPlan, Plan, new_run_id},
};

/// How many closed incidents are looked through at a start for such as somebody is still to be told of.
const CLOSED: usize = 1000;

/// How late a canary may be before the schedule counts as stalled.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// How long after its limit a run may take to end: clean-up, the question whether the prober is offline, keeping.
const ENDING: Duration = Duration::from_secs(120);

/// How alerts stand.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// What is open, by canary.
    pub open: Vec<Incident>,
    /// Silences that hold or will, in the order in which they end.
    pub silences: Vec<Silence>,
    /// How each notifier stands.
    pub notifiers: Vec<NotifierHealth>,
    /// The names of those that tell the engineer on call.
    pub on_call: Vec<String>,
    /// Whether one of these can be asked whether a page is there: only then a drill can succeed.
    pub provable: bool,
    /// Since when a page waits that nobody at all has taken, and how many such there are.
    pub undelivered: Option<(Timestamp, usize)>,
    /// How the pager has fared in drills.
    pub drill: DrillState,
    /// Whether drills are made at all.
    pub drilled: bool,
    /// Since when, and why, nobody knows what a notifier shows.
    pub blind: Option<(Timestamp, String)>,
    /// The sign of life, if one is given: how often, and why not.
    pub heartbeat: Option<(HeartbeatCounts, Vec<String>)>,
    /// How many attempts were accepted, refused, failed, since the service started.
    pub attempts: [u64; 3],
    /// How many attempts have begun and not ended.
    pub on_their_way: usize,
    /// When there is something to do next, if nothing happens before.
    pub next: Option<Timestamp>,
}

/// An incident with all that has happened to it.
#[derive(Clone, Debug, Serialize)]
pub struct IncidentStory {
    /// As it is, or was at its end.
    pub incident: Incident,
    /// What has happened, oldest first.
    pub log: Vec<LogEntry>,
    /// Who has been told, as far as that is not history.
    pub tellings: Vec<Telling>,
}

impl Service {
    /// How alerts stand.
    #[must_use]
    pub fn alerts(&self) -> AlertView {
        use std::sync::atomic::Ordering::Relaxed;
        let desk = &self.shared.desk;
        let options = &self.shared.options.alerts;
        let counts = desk.counts();
        let blind = desk.blind();
        let provable = self.can_be_proven();
        desk.look(|book, now| AlertView {
            open: book.open().cloned().collect(),
            silences: book.silences().to_vec(),
            notifiers: book.health(now),
            on_call: options.notify.clone(),
            provable,
            undelivered: book.undelivered(now),
            drill: book.drill().clone(),
            drilled: options.drills.is_some(),
            blind,
            heartbeat: options.heartbeat.as_ref().map(|it| (it.counts(), it.trouble())),
            attempts: [&counts.accepted, &counts.refused, &counts.failed].map(|it| it.load(Relaxed)),
            on_their_way: book.on_their_way(),
            next: book.wake(now),
        })
    }

    /// Whether a notifier of the engineer on call can be asked whether a page is there: only then a drill can succeed.
    #[must_use]
    pub fn can_be_proven(&self) -> bool {
        let alerts = &self.shared.options.alerts;
        let on_call = |name: &String| alerts.notify.contains(name);
        alerts.notifiers.iter().any(|it| on_call(&it.manner().name) && it.remote().is_some())
    }

    /// Who has been told of what is open, by incident.
    #[must_use]
    pub fn tellings(&self) -> Vec<(Incident, Vec<Telling>)> {
        self.shared.desk.look(|book, _| book.open().map(|it| (it.clone(), book.tellings(&it.id))).collect())
    }

    /// What is wrong with the service's own work, if anything, as the heartbeat sees it.
    #[must_use]
    pub fn health(&self) -> Health {
        health(&self.shared)
    }

    /// An incident with all that has happened to it. Of one that is known without the store, the log is empty where that
    /// cannot be read: the page that somebody was sent at night opens all the same.
    ///
    /// # Errors
    /// If it is not known otherwise, and the store cannot be read.
    pub async fn incident(&self, id: &str) -> Result<Option<IncidentStory>, StoreError> {
        let desk = &self.shared.desk;
        let kept = self.shared.store.incident(id).await;
        let (now, tellings) = desk.look(|book, _| (book.incident(id).cloned(), book.tellings(id)));
        let kept = match kept {
            Err(_) if now.is_some() => None,
            kept => kept?,
        };
        let log = kept.as_ref().map(|(_, log)| log.as_slice()).unwrap_or_default();
        let log = log.iter().filter_map(|it| serde_json::from_str(it).ok()).collect();
        let incident = now.or_else(|| serde_json::from_str(&kept?.0.body).ok());
        Ok(incident.map(|incident| IncidentStory { incident, log, tellings }))
    }

    /// Incidents, open and closed, newest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        let rows = self.shared.store.incidents(filter).await?;
        Ok(rows.iter().filter_map(|it| serde_json::from_str(&it.body).ok()).collect())
    }

    /// Somebody takes care of an incident: nobody is reminded of it. Whether it is open.
    pub async fn acknowledge(&self, incident: &str, by: &str) -> bool {
        let by = self.said(by);
        self.shared.desk.change(|book, now| book.acknowledge(incident, &by, now)).await
    }

    /// Nobody takes care of it any more. Whether it is open.
    pub async fn unacknowledge(&self, incident: &str, by: &str) -> bool {
        let by = self.said(by);
        self.shared.desk.change(|book, now| book.unacknowledge(incident, &by, now)).await
    }

    /// Tells nobody of what the silence covers while it holds. Gives it back with its id.
    pub async fn silence(&self, silence: Silence) -> Silence {
        let by = silence.by.as_deref().map(|it| self.said(it));
        let silence = Silence { reason: self.said(&silence.reason), by, ..silence };
        self.shared.desk.change(|book, now| book.silence(silence, now)).await
    }

    /// What people say, as it may stand in terminals, pages and mails: without secrets, in one line, and without what
    /// makes a terminal or a reader see something else.
    fn said(&self, text: &str) -> String {
        let misleads = |c: char| {
            c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        self.redactor().clean(text).chars().map(|c| if misleads(c) { ' ' } else { c }).collect()
    }

    /// Ends a silence before its time; the silence, if there was one.
    pub async fn lift(&self, id: &str) -> Option<Silence> {
        self.shared.desk.change(|book, now| book.lift(id, now)).await
    }

    /// Begins a drill of the pager now, unless one goes on; the incident's id.
    pub async fn drill(&self) -> Option<String> {
        let begun = self.shared.desk.change(|book, now| book.begin_drill(now)).await;
        self.shared.desk.drilling();
        begun
    }

    /// What was kept of alerts and could not be read, in words: it is begun anew.
    #[must_use]
    pub fn unread(&self) -> &[String] {
        &self.shared.unread
    }

    /// From now on pages have links. The first page waits a moment for this.
    pub fn set_links(&self, links: Links) {
        self.shared.desk.set_links(links);
    }
}

/// What the rules know of a canary.
pub(super) fn watched(
    plan: &Plan,
    canary: &CanaryPlan,
    interval: Option<Duration>,
    paused: bool,
    options: &ServiceOptions,
) -> Watched {
    let prefix = format!("{}/{}/{}", plan.suite, options.location, canary.name());
    Watched {
        canary: canary.name().to_owned(),
        prefix,
        steps: (0..canary.len()).map(|it| canary.title(it)).collect(),
        policy: canary.alert().clone(),
        interval,
        recheck: canary.recheck(),
        paused,
    }
}

/// The book as it was kept, and what of it could not be read.
pub(super) async fn book(
    plan: &Plan,
    options: &ServiceOptions,
    watched: Vec<Watched>,
    store: &dyn Store,
    now: Timestamp,
) -> Result<(Book, Vec<String>), ServiceError> {
    let documents = store.documents().await?;
    let closed = IncidentFilter { open: Some(false), limit: CLOSED, ..IncidentFilter::default() };
    let mut incidents = store.incidents(&closed).await?;
    let open = IncidentFilter { open: Some(true), limit: usize::MAX, ..IncidentFilter::default() };
    incidents.extend(store.incidents(&open).await?);
    let alerts = &options.alerts;
    let routes = alerts.notifiers.iter().map(|it| {
        let manner = it.manner().clone();
        Route {
            on_call: alerts.notify.contains(&manner.name),
            owners: alerts.owners.contains(&manner.name),
            manner,
        }
    });
    let options = BookOptions {
        context: PageContext {
            suite: plan.suite.to_string(),
            location: options.location.clone(),
            target: options.redactor.clean(&options.target).into_owned(),
        },
        watched,
        routes: routes.collect(),
        second: alerts.second.clone(),
        ids: new_run_id,
    };
    Ok(Book::restore(options, KeptBook { documents, incidents }, now))
}

/// Gives signs of life while all is well, until the service stops or is dropped.
pub(super) fn beat(shared: &Arc<Shared>) {
    let Some(heartbeat) = shared.options.alerts.heartbeat.clone() else { return };
    let (clock, closing) = (shared.options.clock.clone(), shared.closing.clone());
    let watching = Arc::downgrade(shared);
    tokio::spawn(async move {
        let over = CancellationToken::new();
        let health = || match watching.upgrade() {
            Some(shared) => health(&shared),
            None => Health { late: vec!["the service has ended".to_owned()], undelivered: Vec::new() },
        };
        tokio::select! {
            () = heartbeat.run(health, clock, over.clone()) => (),
            () = closing.cancelled() => (),
        }
        over.cancel();
    });
}

/// What is wrong with the service's own work. What is late is what no run can show: a schedule that nobody follows, a run
/// that does not come to its end, a part of the service that has panicked.
fn health(shared: &Shared) -> Health {
    let now = shared.now();
    let mut late = Vec::new();
    for (number, view) in shared.views.iter().enumerate() {
        let view = Arc::clone(&lock(view));
        // Its actor moves this on also while a run goes on: what stays behind is an actor that does not look.
        let due = view.schedule.next.filter(|_| view.schedule.paused.is_none());
        if let Some(due) = due.filter(|due| now.duration_since(*due) > LATE) {
            let minutes = now.duration_since(due).as_mins();
            late.push(format!("{} should have run {minutes} min ago", view.canary));
        }
        if let Some(running) = &view.running {
            let limit = shared.canary(number).time_limit().saturating_add(ENDING);
            let since = Duration::try_from(now.duration_since(running.since)).unwrap_or_default();
            if since > limit {
                late.push(format!("{} has been running for {} min", view.canary, since.as_secs() / 60));
            }
        }
        if shared.lost[number].load(Ordering::Relaxed) {
            late.push(format!("the last run of {} has ended without a record", view.canary));
        }
    }
    // They end by themselves only when the service does.
    let ended = |(_, task): &&(String, AbortHandle)| task.is_finished() && !shared.closing.is_cancelled();
    let tasks = shared.tasks.get().map(Vec::as_slice).unwrap_or_default();
    late.extend(tasks.iter().filter(ended).map(|(what, _)| format!("{what} has ended: it has panicked")));
    let undelivered = shared.desk.look(|book, now| book.undelivered(now));
    let undelivered = undelivered
        .map(|(since, pages)| {
            (if pages == 1 { "a page".to_owned() } else { format!("{pages} pages") }, since)
        })
        .into_iter()
        .collect();
    Health { late, undelivered }
}

#[cfg(test)]
mod tests;
