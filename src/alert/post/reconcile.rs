//! What a notifier's own service shows is the proof; its answers were only promises.

use jiff::{SignedDuration, Timestamp};

use super::{
    Again, Line, Post,
    line::{There, Why},
};
use crate::alert::{
    log::{Happened, LogEntry},
    notifier::{RemoteIncident, RemoteStatus},
};

/// A service takes its time between taking an event and showing it.
const SETTLES: SignedDuration = SignedDuration::from_secs(60);

/// What a service shows that somebody has to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has taken an incident that is still open, and does not show it as open. What became of it decides between
    /// [`Post::resolved_there`], [`Post::timed_out`] and [`Post::swallowed`]; until then it is found each time.
    Gone {
        /// The constant key.
        key: String,
        /// The incident.
        incident: String,
    },
    /// Somebody takes care of it there, which is not known here. Found each time until [`Post::want`] says so.
    Acknowledged {
        /// The constant key.
        key: String,
        /// The incident.
        incident: String,
        /// Who, if that is known.
        by: Option<String>,
    },
}

impl Post {
    /// Compares all that a notifier's service showed as open under our keys with what it should show. `asked_at` is
    /// when it was asked: what changed shortly before, or after, is left for the next time.
    pub fn reconcile(
        &mut self,
        notifier: &str,
        open: &[RemoteIncident],
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Vec<Finding> {
        let now = self.clock(now);
        let mut findings = Vec::new();
        if !self.ways.iter().any(|it| it.name() == notifier) || asked_at > now {
            return findings;
        }
        let shown = |key: &str| open.iter().find(|it| it.key == key && it.status != RemoteStatus::Resolved);
        for line in self.lines.values_mut().flatten().filter(|it| it.notifier == notifier) {
            if line.is_settled(asked_at) {
                line.compare(shown(&line.key), now, &mut findings, &mut self.log);
            }
        }
        for ghost in open.iter().filter(|it| it.status != RemoteStatus::Resolved) {
            let lines = self.lines.entry(ghost.key.clone()).or_default();
            if lines.iter().all(|it| it.notifier != notifier) {
                let mut line = Line::new(&ghost.key, notifier, now);
                line.is_ghost(now);
                lines.push(line);
            }
        }
        findings
    }

    /// Somebody has resolved an incident at a notifier's service. It is told there again in the next round.
    pub fn resolved_there(
        &mut self,
        notifier: &str,
        incident: &str,
        by: &str,
        now: Timestamp,
    ) -> Vec<LogEntry> {
        let now = self.clock(now);
        if let Some(line) = self.showing(notifier, incident) {
            line.there = None;
            line.last_ended = Some(now);
            line.rest_until_next_round(incident, Why::ResolvedThere);
            let (key, notifier, by) = (line.key.clone(), notifier.to_owned(), by.to_owned());
            self.say(incident, Happened::ResolvedByHuman { notifier, by }, now);
            self.tidy(&key);
        }
        self.log()
    }

    /// A notifier has taken an incident, and its service has never shown it: a maintenance window, nobody on call. Only
    /// the next round is told there again; somebody else is told at once.
    pub fn swallowed(&mut self, notifier: &str, incident: &str, why: &str, now: Timestamp) -> Vec<LogEntry> {
        let now = self.clock(now);
        if let Some(line) = self.showing(notifier, incident) {
            // It may be shown yet: it is resolved there all the same when it is over.
            line.there.iter_mut().for_each(|it| it.round = 0);
            line.last_ended = Some(now);
            line.since = now;
            line.rest_until_next_round(incident, Why::Swallowed);
            let key = line.key.clone();
            let happened = Happened::Swallowed { notifier: notifier.to_owned(), why: why.to_owned() };
            self.say(incident, happened, now);
            let why = format!("{notifier} has taken it, but does not show it: {why}");
            self.escalate_line(&key, notifier, &why, now);
        }
        self.log()
    }

    /// A notifier's service has resolved an incident by itself, because it was open for so long. It is told anew.
    pub fn timed_out(&mut self, notifier: &str, incident: &str, now: Timestamp) -> Vec<LogEntry> {
        let now = self.clock(now);
        if let Some(line) = self.showing(notifier, incident) {
            line.there = None;
            line.since = now;
            line.changed = true;
            let key = line.key.clone();
            self.tidy(&key);
        }
        self.log()
    }

    fn showing(&mut self, notifier: &str, incident: &str) -> Option<&mut Line> {
        self.lines.values_mut().flatten().find(|line| {
            let there = line.there.as_ref().and_then(|it| it.incident.as_deref());
            line.notifier == notifier && there == Some(incident)
        })
    }

    fn say(&mut self, incident: &str, what: Happened, now: Timestamp) {
        self.log.push(LogEntry { incident: incident.to_owned(), at: now, what });
    }
}

impl Line {
    /// Whether what the service showed then can be held against it.
    fn is_settled(&self, asked_at: Timestamp) -> bool {
        let ended = self.last_ended.is_none_or(|it| asked_at.duration_since(it) >= SETTLES);
        ended && self.in_flight.is_none()
    }

    fn compare(
        &mut self,
        shown: Option<&RemoteIncident>,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        log: &mut Vec<LogEntry>,
    ) {
        let Some(wanted) = &self.wanted else {
            if shown.is_some() && self.there.is_none() {
                self.is_ghost(now);
            }
            return;
        };
        let (key, incident) = (self.key.clone(), wanted.incident.clone());
        let ours = self.there.as_ref().is_some_and(|it| it.incident.as_deref() == Some(&incident));
        let rests = self.rests();
        let Some(shown) = shown else {
            if ours && rests.is_none() && self.there.as_ref().is_some_and(|it| it.round > 0) {
                findings.push(Finding::Gone { key, incident });
            }
            return;
        };
        // It was resolved there and opened again, or swallowed and is shown after all.
        if let Some(Why::ResolvedThere | Why::Swallowed) = rests {
            let round = self.rest.take().map_or(0, |it| it.round);
            self.is_shown(Some(incident.clone()), round, now);
            self.changed = true;
        } else if !ours || self.there.as_ref().is_none_or(|it| it.round == 0) {
            return;
        }
        let Some(wanted) = &mut self.wanted else { return };
        if !wanted.seen {
            wanted.seen = true;
            self.changed = true;
            let place = shown.url.clone().unwrap_or_else(|| shown.id.clone());
            let what = Happened::Confirmed { notifier: self.notifier.clone(), place };
            log.push(LogEntry { incident: incident.clone(), at: now, what });
        }
        if shown.status == RemoteStatus::Acknowledged && !wanted.acknowledged {
            // It came from there, and need not be sent there.
            self.changed |=
                self.there.as_mut().is_some_and(|it| !std::mem::replace(&mut it.acknowledged, true));
            findings.push(Finding::Acknowledged { key, incident, by: shown.by.clone() });
        }
    }

    /// Something is open there that nobody wants. Which incident it was is known if it was the last one here.
    fn is_ghost(&mut self, now: Timestamp) {
        let again = self.again.take().and_then(|it: Again| it.incident);
        let incident = again.or_else(|| self.told.incident.clone());
        self.there = Some(There { incident, round: 0, acknowledged: false, at: now });
        self.since = now;
        self.changed = true;
    }
}
