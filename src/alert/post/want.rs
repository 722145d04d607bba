//! What an incident's life changes on a line: from when on it is wanted, and when it is not any more.

use jiff::Timestamp;

use super::line::{Line, Rest, Wanted, Why};
use crate::{
    alert::{Held, Incident, log::LogEntry, notifier::Action},
    verdict::Severity,
};

impl Wanted {
    fn of(incident: &Incident) -> Self {
        Self {
            incident: incident.id.clone(),
            audience: incident.kind.audience(),
            round: incident.rounds,
            acknowledged: incident.acknowledged.is_some(),
            urgent: incident.severity == Severity::Critical,
            held: false,
            escalated: false,
            guest: false,
            instead: None,
            seen: false,
        }
    }
}

impl Line {
    /// Takes over what an incident has become. `mine`: whether this notifier is told of such incidents.
    pub(super) fn want(&mut self, incident: &Incident, mine: bool, now: Timestamp, log: &mut Vec<LogEntry>) {
        if incident.closed.is_some() {
            if self.wants(&incident.id) {
                self.unwant(now, log);
            }
            return;
        }
        let known = self.wanted.as_mut().filter(|it| it.incident == incident.id);
        if !mine && !known.as_ref().is_some_and(|it| it.guest) {
            if known.is_some() {
                self.unwant(now, log);
            }
            return;
        }
        if incident.rounds == 0 {
            return;
        }
        match (&incident.held, known) {
            // Who resolved it did so at one notifier; that line rests. The others stay as they are.
            (Some(Held::Resolved { .. }), _) | (Some(_), None) => return,
            (Some(Held::Silence { .. } | Held::Paused), Some(wanted)) => {
                self.changed |= !wanted.held;
                wanted.held = true;
                wanted.acknowledged = incident.acknowledged.is_some();
                return;
            }
            (None, Some(wanted)) => {
                let new = Wanted {
                    round: incident.rounds.max(wanted.round),
                    acknowledged: incident.acknowledged.is_some(),
                    urgent: wanted.urgent || incident.severity == Severity::Critical,
                    held: false,
                    ..wanted.clone()
                };
                if *wanted == new {
                    return;
                }
                if wanted.held || new.round > wanted.round {
                    self.since = now;
                }
                *wanted = new;
            }
            (None, None) => {
                self.unwant(now, log);
                self.want_now(Wanted::of(incident), now);
            }
        }
        self.changed = true;
    }

    /// From now on.
    pub(super) fn want_now(&mut self, wanted: Wanted, now: Timestamp) {
        self.wanted = Some(wanted);
        self.since = now;
        self.changed = true;
    }

    /// It should show nothing any more.
    pub(super) fn unwant(&mut self, now: Timestamp, log: &mut Vec<LogEntry>) {
        let Some(wanted) = self.wanted.take() else { return };
        self.since = now;
        self.changed = true;
        let rest = self.rest.take();
        let flying = self.in_flight.as_ref().is_some_and(|it| {
            it.action == Action::Trigger && it.incident.as_deref() == Some(&wanted.incident)
        });
        // If it is in flight, the end of the attempt tells whether anybody was told.
        if flying || self.has_arrived(&wanted.incident) {
            return;
        }
        let why = match (&self.trouble, rest) {
            _ if wanted.held => "it was over before anybody was to be told".to_owned(),
            (Some(trouble), Some(Rest { why: Why::Refused, .. })) => format!("it was refused: {trouble}"),
            _ => self.why_not_told(&wanted.incident),
        };
        self.not_told(&wanted.incident, why, now, log);
    }

    /// Why nobody was told of what is over.
    pub(super) fn why_not_told(&self, incident: &str) -> String {
        match &self.trouble {
            Some(trouble) if self.told.incident.as_deref() == Some(incident) => {
                format!("it was over before it was taken: {trouble}")
            }
            _ => "it was over before anything was sent".to_owned(),
        }
    }

    /// Lets it rest for an incident, if that is wanted.
    pub(super) fn rest_until_next_round(&mut self, incident: &str, why: Why) {
        let wanted = self.wanted.as_ref().filter(|it| it.incident == incident);
        if let Some(Wanted { round, .. }) = wanted {
            self.rest = Some(Rest { incident: incident.to_owned(), round: *round, why });
        }
        self.changed = true;
    }
}
