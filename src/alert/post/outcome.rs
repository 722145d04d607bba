//! What the end of an attempt changes on a line, and what is told of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    bucket::later,
    line::{Line, Rest, There, Tries, Why},
};
use crate::alert::{
    log::{Happened, LogEntry},
    notifier::{Action, Manner, Outcome},
};

/// The longest wait that a notifier may ask for.
const MOST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// So many messages of one kind may have arrived where people see each one; then no other is sent.
const MOST_UNKNOWN: u32 = 3;

/// So many attempts per line and incident are told one by one, and then of each so many one.
const ONE_BY_ONE: u32 = 20;
const THEN_EVERY: u32 = 50;

/// How much of an answer is kept.
const MOST_ANSWER: usize = 500;

/// How long to wait after so many failures in a row, from 1.
pub(super) fn back_off(failures: u32) -> SignedDuration {
    SignedDuration::from_millis((1500 << failures.saturating_sub(1).min(5)).min(30_000))
}

impl Line {
    /// An attempt has ended. Whether the notifier has given up on what is wanted.
    pub(super) fn ended(
        &mut self,
        outcome: &Outcome,
        took: Duration,
        manner: &Manner,
        now: Timestamp,
        log: &mut Vec<LogEntry>,
    ) -> bool {
        let Some(flight) = self.in_flight.take() else { return false };
        self.changed = true;
        self.last_ended = Some(now);
        if flight.action == Action::Trigger {
            self.told.arrived |= matches!(outcome, Outcome::Accepted { .. } | Outcome::Unknown { .. });
        }
        self.tell(&flight, outcome, took, now, log);
        if matches!(outcome, Outcome::Accepted { .. }) {
            self.trouble = None;
            self.not_before = None;
        } else {
            self.trouble = Some(short(outcome.text()));
        }
        let mut gave_up = false;
        match outcome {
            Outcome::Accepted { .. } => {
                self.tries = Tries::default();
                match flight.action {
                    Action::Trigger => self.is_shown(flight.incident.clone(), flight.round, now),
                    Action::Acknowledge => self.is_acknowledged(),
                    Action::Resolve => self.is_resolved(flight.repeat, manner, now),
                }
            }
            Outcome::Refused { .. } if !flight.minimal => self.tries.minimal = true,
            Outcome::Refused { .. } => match flight.action {
                // It is shown there; the next refresh may be taken.
                Action::Trigger if flight.repeat => {
                    self.wait(None, now);
                    self.tries.minimal = false;
                }
                Action::Trigger => {
                    gave_up = self.wants_this(flight.incident.as_deref(), flight.round);
                    self.settle(flight.incident.as_deref(), flight.round, Why::Refused);
                }
                Action::Acknowledge => self.is_acknowledged(),
                // Another one of the same would be refused as well, and what is wanted next must not wait for it.
                Action::Resolve => self.is_resolved(flight.repeat, manner, now),
            },
            Outcome::NotTaken { retry_after, .. } => self.wait(*retry_after, now),
            Outcome::Unknown { .. } => {
                if flight.action == Action::Trigger && self.there.is_none() {
                    let incident = flight.incident.clone();
                    self.there = Some(There { incident, round: 0, acknowledged: false, at: now });
                }
                self.tries.unknown += 1;
                if manner.absorbs || self.tries.unknown < MOST_UNKNOWN {
                    self.wait(None, now);
                } else {
                    match flight.action {
                        Action::Trigger => {
                            self.settle(flight.incident.as_deref(), flight.round, Why::MayBeTold);
                        }
                        Action::Acknowledge => self.is_acknowledged(),
                        Action::Resolve => self.is_resolved(flight.repeat, manner, now),
                    }
                }
            }
        }
        self.say_if_not_told(&flight.action, flight.incident.as_deref(), now, log);
        gave_up
    }

    fn wants_this(&self, incident: Option<&str>, round: u32) -> bool {
        self.wanted.as_ref().is_some_and(|it| Some(&*it.incident) == incident && it.round <= round)
    }

    /// It shows an incident, told so many times.
    pub(super) fn is_shown(&mut self, incident: Option<String>, round: u32, now: Timestamp) {
        let before = self.there.take().filter(|it| it.incident == incident);
        self.rest = self.rest.take().filter(|it| Some(&it.incident) != incident.as_ref() || it.round > round);
        // What was repeated until now is over with what is open now.
        self.again = None;
        self.there = Some(There {
            incident,
            round: round.max(before.as_ref().map_or(0, |it| it.round)),
            acknowledged: before.is_some_and(|it| it.acknowledged),
            at: now,
        });
    }

    fn is_acknowledged(&mut self) {
        if let Some(there) = &mut self.there {
            there.acknowledged = true;
        }
    }

    fn settle(&mut self, incident: Option<&str>, round: u32, why: Why) {
        if let Some(incident) = incident.filter(|it| self.wants(it)) {
            self.rest = Some(Rest { incident: incident.to_owned(), round, why });
        }
    }

    fn wait(&mut self, retry_after: Option<Duration>, now: Timestamp) {
        self.tries.failures = self.tries.failures.saturating_add(1);
        let asked = retry_after.map(|it| SignedDuration::try_from(it).unwrap_or(MOST_WAIT));
        let wait = asked.unwrap_or(SignedDuration::ZERO).min(MOST_WAIT).max(back_off(self.tries.failures));
        self.not_before = Some(later(now, wait));
    }

    /// An incident that was over while it was in flight, and never arrived.
    fn say_if_not_told(
        &self,
        action: &Action,
        incident: Option<&str>,
        now: Timestamp,
        log: &mut Vec<LogEntry>,
    ) {
        if let (Action::Trigger, Some(incident)) = (action, incident)
            && !self.wants(incident)
            && !self.has_arrived(incident)
        {
            self.not_told(incident, self.why_not_told(incident), now, log);
        }
    }

    pub(super) fn not_told(&self, incident: &str, why: String, now: Timestamp, log: &mut Vec<LogEntry>) {
        let what = Happened::NotTold { notifier: self.notifier.clone(), why };
        log.push(LogEntry { incident: incident.to_owned(), at: now, what });
    }

    /// Tells of an attempt: the first ones each, then what matters, and how many failed between.
    fn tell(
        &mut self,
        flight: &super::line::Flight,
        outcome: &Outcome,
        took: Duration,
        now: Timestamp,
        log: &mut Vec<LogEntry>,
    ) {
        let Some(incident) = flight.incident.clone() else { return };
        let notifier = self.notifier.clone();
        let answer = short(outcome.text());
        let mut say = |what| log.push(LogEntry { incident: incident.clone(), at: now, what });
        self.told.attempts = self.told.attempts.saturating_add(1);
        let taken = matches!(outcome, Outcome::Accepted { .. });
        let one_by_one = self.told.attempts <= ONE_BY_ONE;
        if !taken && !one_by_one {
            self.told.silent += 1;
        }
        if self.told.silent >= THEN_EVERY || (taken && self.told.silent > 0) {
            let attempts = std::mem::take(&mut self.told.silent);
            // If this one was taken, the last that failed was the one before.
            let answer = self.trouble.take().filter(|_| taken).unwrap_or_else(|| answer.clone());
            say(Happened::More { notifier: notifier.clone(), attempts, answer });
        }
        // What is repeated for as long as an incident lasts would fill its history.
        if one_by_one || (taken && !flight.repeat) {
            say(Happened::Sent {
                notifier,
                action: flight.action,
                attempt: flight.number,
                minimal: flight.minimal,
                outcome: outcome.word(),
                answer,
                took_ms: took.as_secs_f64() * 1e3,
            });
        }
    }
}

/// The beginning of an answer: it may be a whole page.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_ANSWER) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
