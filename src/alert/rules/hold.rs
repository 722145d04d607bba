//! Who is not told for now, and who is told again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{CanaryState, Watched, state::Resolved};
use crate::{
    alert::{
        Held, Incident, Kind, Silence, SilenceKind,
        log::{Happened, LogEntry},
    },
    schedule::later,
};

/// Does what has its time now: silences begin and end, pauses as well, reminders are due, and what somebody resolved
/// elsewhere is still down.
///
/// To be asked when [`wake`] says so, and whenever a silence or the pause of the canary has changed.
#[must_use]
pub fn tick(
    state: &mut CanaryState,
    watched: &Watched,
    silences: &[Silence],
    now: Timestamp,
) -> Vec<LogEntry> {
    let mut log = Vec::new();
    let CanaryState { incidents, resolved, .. } = state;
    for incident in incidents {
        settle(incident, resolved, watched, silences, now, &mut log);
    }
    log
}

/// When [`tick`] has something to do again; now, if it has not been asked yet.
#[must_use]
pub fn wake(
    state: &CanaryState,
    watched: &Watched,
    silences: &[Silence],
    now: Timestamp,
) -> Option<Timestamp> {
    let of_one = |incident: &Incident| {
        let resolved = state.resolved.get(&incident.id);
        let hold = hold(incident, resolved, watched, silences, now);
        let at_once = (hold != incident.held || (hold.is_none() && incident.rounds == 0)).then_some(now);
        let edges = silences.iter().flat_map(|it| [it.from, it.until]);
        let anew = resolved.and_then(|it| it.until);
        let ahead = edges.chain(anew).filter(|it| *it > now).min();
        [at_once, ahead, incident.remind_at].into_iter().flatten().min()
    };
    state.incidents.iter().filter_map(of_one).min()
}

/// Brings one incident to what holds now.
fn settle(
    incident: &mut Incident,
    resolved: &mut BTreeMap<String, Resolved>,
    watched: &Watched,
    silences: &[Silence],
    now: Timestamp,
    log: &mut Vec<LogEntry>,
) {
    let remind = watched.policy.remind;
    let mut say = |what| log.push(LogEntry { incident: incident.id.clone(), at: now, what });

    // After the clock has gone back, or the policy has become less patient, this lies too far ahead.
    if let (Some(Resolved { until: Some(until), .. }), Some(after)) = (resolved.get_mut(&incident.id), remind)
    {
        *until = (*until).min(later(now, after));
    }
    let hold = hold(incident, resolved.get(&incident.id), watched, silences, now);
    match (&incident.held, &hold) {
        (Some(Held::Resolved { .. }), Some(Held::Resolved { .. })) => incident.held = hold,
        (before, Some(after)) => {
            if before.as_ref() != Some(after) {
                say(Happened::Held { why: why_held(after) });
            }
            incident.held = hold;
        }
        (Some(before), None) => {
            say(Happened::Released { why: why_released(before) });
            let anew = resolved.remove(&incident.id).is_some();
            incident.rounds += u32::from(anew || incident.rounds == 0);
            (incident.held, incident.remind_at) = (None, None);
        }
        (None, None) => incident.rounds = incident.rounds.max(1),
    }

    let quiet = incident.held.is_some() || incident.acknowledged.is_some();
    let next = remind.filter(|_| !quiet).map(|after| later(now, after));
    incident.remind_at = match (incident.remind_at, next) {
        (Some(at), Some(next)) if at <= now => {
            incident.rounds += 1;
            say(Happened::Reminded { round: incident.rounds });
            Some(next)
        }
        (Some(at), Some(next)) => Some(at.min(next)),
        (_, next) => next,
    };
}

/// Why nobody is told now. That somebody resolved it goes before all else: it is not shown where it was told.
fn hold(
    incident: &Incident,
    resolved: Option<&Resolved>,
    watched: &Watched,
    silences: &[Silence],
    now: Timestamp,
) -> Option<Held> {
    if let Some(Resolved { who, until }) = resolved
        && until.is_none_or(|until| until > now)
    {
        return Some(Held::Resolved { who: who.clone(), until: *until });
    }
    if watched.paused {
        return Some(Held::Paused);
    }
    let Silence { id, kind, until, reason, .. } = silence(incident, silences, now)?;
    Some(Held::Silence { silence: id.clone(), kind: *kind, reason: reason.clone(), until: *until })
}

/// The silence that covers an incident for longest: the whole canary's, or the first to end of those that cover its
/// roots, if all are covered.
fn silence<'s>(incident: &Incident, silences: &'s [Silence], now: Timestamp) -> Option<&'s Silence> {
    let longest = |covers: &dyn Fn(&Silence) -> bool| {
        silences.iter().filter(|it| it.holds(now) && covers(it)).max_by_key(|it| it.until)
    };
    let canary = &*incident.canary;
    let whole = longest(&|it| it.scope.covers_all_of(canary));
    let parts = match incident.kind {
        Kind::Step | Kind::Canary => {
            let each = incident.roots.iter().map(|root| longest(&|it| it.scope.covers(canary, &root.step)));
            each.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min_by_key(|it| it.until))
        }
        Kind::Inconclusive | Kind::Leftovers | Kind::Missed | Kind::Drill => None,
    };
    whole.into_iter().chain(parts).max_by_key(|it| it.until)
}

fn why_held(held: &Held) -> String {
    match held {
        Held::Silence { silence, kind, reason, until } => {
            format!("{} {silence} until {until:.0}: {reason}", word(*kind))
        }
        Held::Resolved { who, .. } => format!("{who} has resolved it, although it is still down"),
        Held::Paused => "the canary is paused".to_owned(),
    }
}

fn why_released(held: &Held) -> String {
    match held {
        Held::Silence { silence, kind, .. } => format!("{} {silence} is over", word(*kind)),
        Held::Resolved { who, .. } => format!("{who} had resolved it, and it is still down"),
        Held::Paused => "the canary runs again".to_owned(),
    }
}

fn word(kind: SilenceKind) -> &'static str {
    match kind {
        SilenceKind::Maintenance => "maintenance window",
        SilenceKind::Mute => "mute",
    }
}
