//! What people do about what is open: take it, give it back, resolve it elsewhere, or take it out of the suite.

use jiff::Timestamp;

use super::{CanaryState, Effects, Watched, observe::close, state::Resolved};
use crate::{
    alert::{
        Acknowledged, Closed, Ending, Held, Incident, Kind,
        log::{Happened, LogEntry},
    },
    schedule::later,
};

/// Somebody takes care of an incident: nobody is reminded of it. Nothing happens if it is not open, or somebody does so
/// already.
#[must_use]
pub fn acknowledge(state: &mut CanaryState, incident: &str, by: &str, now: Timestamp) -> Vec<LogEntry> {
    let Some(open) = state.incident_mut(incident).filter(|it| it.acknowledged.is_none()) else {
        return Vec::new();
    };
    open.acknowledged = Some(Acknowledged { at: now, by: by.to_owned() });
    open.remind_at = None;
    hold_until(state, incident, None);
    said(incident, now, Happened::Acknowledged { by: by.to_owned() })
}

/// They do not any more: reminders begin anew.
#[must_use]
pub fn unacknowledge(
    state: &mut CanaryState,
    watched: &Watched,
    incident: &str,
    by: &str,
    now: Timestamp,
) -> Vec<LogEntry> {
    let Some(open) = state.incident_mut(incident).filter(|it| it.acknowledged.is_some()) else {
        return Vec::new();
    };
    let next = watched.policy.remind.map(|after| later(now, after));
    open.acknowledged = None;
    open.remind_at = next.filter(|_| open.held.is_none());
    hold_until(state, incident, next);
    said(incident, now, Happened::Released { why: format!("given back by {by}") })
}

/// Somebody has resolved an incident where it was told, although it is still down. It is not told until it is well, or
/// until it would have been reminded of: then it is told anew. Nothing happens if it is not open, or was resolved so
/// already.
#[must_use]
pub fn resolved_by_human(
    state: &mut CanaryState,
    watched: &Watched,
    incident: &str,
    notifier: &str,
    by: &str,
    now: Timestamp,
) -> Vec<LogEntry> {
    if state.resolved.contains_key(incident) {
        return Vec::new();
    }
    let Some(open) = state.incident_mut(incident) else { return Vec::new() };
    let until = watched.policy.remind.map(|after| later(now, after));
    (open.acknowledged, open.remind_at) = (None, None);
    open.held = Some(Held::Resolved { who: by.to_owned(), until });
    state.resolved.insert(incident.to_owned(), Resolved { who: by.to_owned(), until });
    said(incident, now, Happened::ResolvedByHuman { notifier: notifier.to_owned(), by: by.to_owned() })
}

/// The suite has changed: forgets what is no part of it any more, and closes what is about that. The incident of a whole
/// canary ends with the last of its roots, those of its owners with the canary.
pub fn removed(state: &mut CanaryState, still_there: Option<&Watched>, now: Timestamp) -> Effects {
    let mut effects = Effects::default();
    let closed = Closed { at: now, why: Ending::Removed, run: None };
    let Some(watched) = still_there else {
        close(state, |_| true, &closed, "the canary is no part of the suite any more", &mut effects);
        *state = CanaryState::default();
        return effects;
    };
    let there = |step: &str| watched.steps.iter().any(|it| it == step);
    let gone = |it: &Incident| match it.kind {
        Kind::Step | Kind::Canary => !it.roots.iter().any(|root| there(&root.step)),
        Kind::Inconclusive | Kind::Leftovers | Kind::Missed | Kind::Drill => false,
    };
    close(state, gone, &closed, "the step is no part of the suite any more", &mut effects);
    state.steps.retain(|step, _| there(step));
    for slot in state.runs.slots_mut() {
        slot.unexplained.retain(|step| there(step));
    }
    effects
}

/// Says until when what somebody resolved elsewhere is not told.
fn hold_until(state: &mut CanaryState, incident: &str, then: Option<Timestamp>) {
    let Some(resolved) = state.resolved.get_mut(incident) else { return };
    resolved.until = then;
    if let Some(Held::Resolved { until, .. }) = state.incident_mut(incident).and_then(|it| it.held.as_mut()) {
        *until = then;
    }
}

fn said(incident: &str, now: Timestamp, what: Happened) -> Vec<LogEntry> {
    vec![LogEntry { incident: incident.to_owned(), at: now, what }]
}
