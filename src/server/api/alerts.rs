//! What is wrong now and what was, who is told of it, and what is silent.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State as Extract, response::Response};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ApiError,
    asked::{Asked, Named},
    canaries::known,
    json,
};
use crate::{
    alert::{Incident, Kind, Silence, post::NotifierHealth},
    service::{AlertView, Service},
    store::{IncidentFilter, StoreError},
};

/// How many more incidents are read than a page has: of those that opened in one instant none must be torn apart from
/// the others, because pages go on before an instant.
const TOGETHER: usize = 500;

/// A part of the list of incidents, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct IncidentList {
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// What to give as `before` for those behind; none on the last page.
    pub next: Option<Timestamp>,
}

/// What is silent, or will be.
#[derive(Clone, Debug, Serialize)]
pub struct SilenceList {
    /// In the order in which they end.
    pub silences: Vec<Silence>,
}

/// How alerts stand.
#[derive(Clone, Debug, Serialize)]
pub struct AlertsAnswer {
    /// How many incidents are open; a drill is none.
    pub open: usize,
    /// How many silences hold or will.
    pub silences: usize,
    /// Pages that nobody at all has taken.
    pub undelivered: Option<UndeliveredAnswer>,
    /// How many attempts to tell somebody ended how, since the service started.
    pub attempts: BTreeMap<&'static str, u64>,
    /// How each notifier stands.
    pub notifiers: Vec<NotifierAnswer>,
    /// How the pager has fared.
    pub pager: PagerAnswer,
    /// The sign of life, if one is given.
    pub heartbeat: Option<HeartbeatAnswer>,
}

/// Pages that nobody at all has taken.
#[derive(Clone, Debug, Serialize)]
pub struct UndeliveredAnswer {
    /// Since when the oldest waits.
    pub since: Timestamp,
    /// How many there are.
    pub pages: usize,
}

/// How a notifier stands.
#[derive(Clone, Debug, Serialize)]
pub struct NotifierAnswer {
    /// Its name.
    pub name: String,
    /// Whether it tells the engineer on call.
    pub on_call: bool,
    /// When it last took something, since the service started.
    pub last_accepted: Option<Timestamp>,
    /// How many attempts in a row it has not taken.
    pub failures: u32,
    /// What went wrong last.
    pub last_error: Option<ErrorAnswer>,
    /// Whether it is taken to be away.
    pub away: bool,
    /// How many things it is to be told.
    pub waiting: usize,
    /// Since when the oldest of these waits.
    pub oldest: Option<Timestamp>,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorAnswer {
    /// When.
    pub at: Timestamp,
    /// What.
    pub error: String,
}

/// How the pager has fared.
#[derive(Clone, Debug, Serialize)]
pub struct PagerAnswer {
    /// Whether it can be seen at all that a page is there.
    pub provable: bool,
    /// Whether it is drilled on a schedule.
    pub drilled: bool,
    /// When a page was last seen to be there.
    pub proven: Option<Timestamp>,
    /// The incident of the drill that goes on.
    pub drill: Option<String>,
    /// When the next drill is due.
    pub next: Option<Timestamp>,
    /// How many drills have succeeded.
    pub succeeded: u64,
    /// How many drills have failed.
    pub failed: u64,
    /// Why the last drill has failed; none if it has not.
    pub failure: Option<ErrorAnswer>,
    /// Why it cannot be seen at the moment what is there, and since when.
    pub blind: Option<ErrorAnswer>,
}

/// The sign of life.
#[derive(Clone, Debug, Serialize)]
pub struct HeartbeatAnswer {
    /// Signs that were taken.
    pub pinged: u64,
    /// Signs that were not.
    pub failed: u64,
    /// Times that none was given on purpose.
    pub held: u64,
    /// Why the last one was not given or not taken.
    pub trouble: Vec<String>,
}

pub(super) async fn incidents(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.only(&["open", "canary", "limit", "before"])?;
    let filter = IncidentFilter {
        canary: asked.canary().map(ToOwned::to_owned),
        open: asked.open()?,
        before: asked.before()?,
        limit: asked.limit()?,
    };
    if let Some(canary) = &filter.canary {
        known(&service, canary)?;
    }
    Ok(json(listed(&service, &filter).await?))
}

/// A page of incidents. Open ones are those that the service knows of, whatever the store says.
pub(in crate::server) async fn listed(
    service: &Service,
    filter: &IncidentFilter,
) -> Result<IncidentList, StoreError> {
    let mut incidents = if filter.open == Some(true) {
        let mut open = service.alerts().open;
        open.retain(|it| filter.canary.as_ref().is_none_or(|canary| it.canary == *canary));
        open.retain(|it| filter.before.is_none_or(|before| it.opened < before));
        open.sort_by(|a, b| (b.opened, &a.id).cmp(&(a.opened, &b.id)));
        open
    } else {
        service.incidents(&IncidentFilter { limit: filter.limit + TOGETHER, ..filter.clone() }).await?
    };
    let last = filter.limit.checked_sub(1).and_then(|it| incidents.get(it)).map(|it| it.opened);
    let end = last.and_then(|last| incidents.iter().position(|it| it.opened < last));
    let next = last.filter(|_| end.is_some());
    incidents.truncate(end.unwrap_or(incidents.len()));
    Ok(IncidentList { incidents, next })
}

pub(super) async fn incident(
    Extract(service): Extract<Arc<Service>>,
    Named(id): Named<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    match service.incident(&id).await? {
        Some(story) => Ok(json(story)),
        None => Err(ApiError::not_found(
            format!("there is no incident `{id}`, or it was too old to keep"),
            "see /api/v1/incidents for those that there are",
        )),
    }
}

pub(super) async fn silences(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    Ok(json(SilenceList { silences: service.alerts().silences }))
}

pub(super) async fn alerts(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    Ok(json(AlertsAnswer::from(service.alerts())))
}

impl From<AlertView> for AlertsAnswer {
    fn from(view: AlertView) -> Self {
        // No `..`: a new field has to be answered, too.
        let AlertView {
            open,
            silences,
            notifiers,
            on_call,
            provable,
            undelivered,
            drill,
            drilled,
            blind,
            heartbeat,
            attempts: [accepted, refused, failed],
            on_their_way: _,
            next: _,
        } = view;
        let error = |(at, error)| ErrorAnswer { at, error };
        Self {
            open: open.iter().filter(|it| it.kind != Kind::Drill).count(),
            silences: silences.len(),
            undelivered: undelivered.map(|(since, pages)| UndeliveredAnswer { since, pages }),
            attempts: BTreeMap::from([("accepted", accepted), ("refused", refused), ("failed", failed)]),
            notifiers: notifiers.into_iter().map(|it| notifier(it, &on_call)).collect(),
            pager: PagerAnswer {
                provable,
                drilled,
                proven: drill.proven,
                drill: drill.running.map(|it| it.id),
                next: drill.next,
                succeeded: drill.succeeded,
                failed: drill.failures,
                failure: drill.failed.map(error),
                blind: blind.map(error),
            },
            heartbeat: heartbeat.map(|(counts, trouble)| HeartbeatAnswer {
                pinged: counts.pinged,
                failed: counts.failed,
                held: counts.held,
                trouble,
            }),
        }
    }
}

fn notifier(health: NotifierHealth, on_call: &[String]) -> NotifierAnswer {
    let NotifierHealth { notifier, last_accepted, failures, last_error, away, waiting, oldest } = health;
    NotifierAnswer {
        on_call: on_call.contains(&notifier),
        name: notifier,
        last_accepted,
        failures,
        last_error: last_error.map(|(at, error)| ErrorAnswer { at, error }),
        away,
        waiting,
        oldest,
    }
}
