//! A run has ended, or one did not start.

use jiff::Timestamp;

use super::{CanaryState, Effects, Watched, hold, key, owners, product, window};
use crate::{
    alert::{
        Closed, Ending, Evidence, Green, Incident, Kind, RunFacts, Silence, log::Happened, log::LogEntry,
    },
    store::Trigger,
    verdict::{Severity, Verdict},
};

/// Takes note of a finished run. A run that was observed before, or of which only some steps were asked for, says
/// nothing.
pub fn observe(
    state: &mut CanaryState,
    watched: &Watched,
    silences: &[Silence],
    facts: &RunFacts,
    now: Timestamp,
    ids: &mut dyn FnMut() -> String,
) -> Effects {
    let mut turn = Turn { watched, now, ids, effects: Effects::default() };
    if facts.filtered || state.see(&facts.run) {
        return turn.effects;
    }
    if facts.trigger == Trigger::Schedule {
        turn.close(state, Kind::Missed, &format!("{} has run on schedule", facts.run), Some(&facts.run));
    }
    match facts.verdict {
        Verdict::Inconclusive => owners::unclear(&mut turn, state, facts),
        Verdict::Passed | Verdict::Failed => {
            owners::clear(&mut turn, state, facts);
            let failed = facts.verdict == Verdict::Failed;
            product::refresh(state, facts);
            if window::takes_slot(&mut state.burst, failed, facts.started, watched) {
                product::count(&mut turn, state, facts);
                owners::cleaned(&mut turn, state, facts);
            }
            if !failed {
                state.last_green = Some(Green { run: facts.run.clone(), started: facts.started });
            }
        }
        Verdict::Blocked | Verdict::Skipped => {}
    }
    turn.effects.log.extend(hold::tick(state, watched, silences, now));
    turn.effects
}

/// Takes note of a run that should have started and did not: see [`Look::missed`](crate::schedule::Look::missed).
pub fn missed(
    state: &mut CanaryState,
    watched: &Watched,
    silences: &[Silence],
    planned: Timestamp,
    now: Timestamp,
    ids: &mut dyn FnMut() -> String,
) -> Effects {
    let mut turn = Turn { watched, now, ids, effects: Effects::default() };
    if state.open(Kind::Missed).is_none() {
        turn.open(
            state,
            Opening {
                kind: Kind::Missed,
                roots: Vec::new(),
                since: planned,
                run: None,
                why: format!("did not run when it should have, at {planned:.0}"),
            },
        );
    }
    turn.effects.log.extend(hold::tick(state, watched, silences, now));
    turn.effects
}

/// One change of a state: what it goes by, and what comes of it.
pub(super) struct Turn<'a> {
    pub(super) watched: &'a Watched,
    pub(super) now: Timestamp,
    ids: &'a mut dyn FnMut() -> String,
    effects: Effects,
}

/// What is known of an incident when it opens.
pub(super) struct Opening {
    pub(super) kind: Kind,
    pub(super) roots: Vec<Evidence>,
    pub(super) since: Timestamp,
    pub(super) run: Option<String>,
    pub(super) why: String,
}

impl Turn<'_> {
    /// Opens an incident. Whether anybody is told is decided afterwards, when all that is open is known.
    pub(super) fn open(&mut self, state: &mut CanaryState, opening: Opening) {
        let Opening { kind, roots, since, run, why } = opening;
        let own = format!("~{}", kind.as_str());
        let within = match kind {
            Kind::Step => roots.first().map(|it| &*it.step),
            Kind::Canary => None,
            Kind::Inconclusive | Kind::Leftovers | Kind::Missed | Kind::Drill => Some(&*own),
        };
        let incident = Incident {
            id: (self.ids)(),
            key: key(&self.watched.prefix, within),
            kind,
            canary: self.watched.canary.clone(),
            severity: severity(kind, &roots),
            roots,
            since,
            opened: self.now,
            run,
            last_green: state.last_green.clone(),
            acknowledged: None,
            rounds: 0,
            remind_at: None,
            held: None,
            closed: None,
        };
        self.say(&incident.id, Happened::Opened { why });
        state.incidents.push(incident);
    }

    /// Closes the incident of a kind that there is only one of, if it is open.
    pub(super) fn close(&mut self, state: &mut CanaryState, kind: Kind, why: &str, run: Option<&str>) {
        self.close_where(state, |it| it.kind == kind, why, run);
    }

    /// Closes all these, because all is well again.
    pub(super) fn close_where(
        &mut self,
        state: &mut CanaryState,
        which: impl FnMut(&Incident) -> bool,
        why: &str,
        run: Option<&str>,
    ) {
        let closed = Closed { at: self.now, why: Ending::Green, run: run.map(str::to_owned) };
        close(state, which, &closed, why, &mut self.effects);
    }

    /// Another step is part of an incident.
    pub(super) fn join(&mut self, incident: &mut Incident, root: &Evidence) {
        self.say(&incident.id, Happened::Joined { step: root.step.clone() });
        let place = |step: &str| self.watched.steps.iter().position(|it| it == step);
        incident.roots.push(root.clone());
        incident.roots.sort_by_key(|it| place(&it.step));
        incident.severity = severity(incident.kind, &incident.roots);
    }

    fn say(&mut self, incident: &str, what: Happened) {
        self.effects.log.push(LogEntry { incident: incident.to_owned(), at: self.now, what });
    }
}

/// Takes incidents out of the state, as closed.
pub(super) fn close(
    state: &mut CanaryState,
    mut which: impl FnMut(&Incident) -> bool,
    closed: &Closed,
    why: &str,
    effects: &mut Effects,
) {
    for mut incident in state.incidents.extract_if(.., |it| which(it)) {
        state.resolved.remove(&incident.id);
        incident.remind_at = None;
        incident.closed = Some(closed.clone());
        let what = Happened::Closed { why: why.to_owned() };
        effects.log.push(LogEntry { incident: incident.id.clone(), at: closed.at, what });
        effects.closed.push(incident);
    }
}

/// The loudest of the roots. What is for the owners can wait for the morning, whatever the step in question is worth.
pub(super) fn severity(kind: Kind, roots: &[Evidence]) -> Severity {
    let owners = kind.audience() == crate::alert::Audience::Owners;
    let quiet = roots.iter().all(|it| it.severity == Severity::Warning);
    if owners || (quiet && !roots.is_empty()) { Severity::Warning } else { Severity::Critical }
}
