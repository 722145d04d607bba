//! One key at one notifier: what it should show, what it may show, and what leads from the one to the other.
//!
//! Everything follows from the comparison of the two, so that an edge that was missed, by a crash or by a failure, is
//! no harm: the next comparison finds it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::bucket::later;
use crate::alert::{
    Audience, Held, Incident,
    log::LogEntry,
    notifier::{Action, Manner},
};
use crate::verdict::Severity;

/// After a resolve was taken it is sent once more, because it may have overtaken a trigger.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a notifier that forgets is told again of what is over.
const FORGETS: SignedDuration = SignedDuration::from_mins(5);

/// Where one key stands at one notifier. A plain value, kept as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The constant key.
    pub key: String,
    /// The notifier.
    pub notifier: String,
    /// Grows each time the line is handed out to be kept.
    pub revision: u64,
    /// What the notifier should show.
    pub wanted: Option<Wanted>,
    /// What the notifier may show.
    pub there: Option<There>,
    /// Why nothing is sent although it does not show what it should.
    pub rest: Option<Rest>,
    /// A resolve that is to be repeated.
    pub again: Option<Again>,
    /// The attempt whose end is not known yet.
    pub in_flight: Option<Flight>,
    /// The attempts so far at what is to be done next.
    pub tries: Tries,
    /// Nothing is sent before.
    pub not_before: Option<Timestamp>,
    /// When the last attempt ended.
    pub last_ended: Option<Timestamp>,
    /// Since when there is something to do.
    pub since: Timestamp,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// What was told, of which incident.
    pub told: Told,
    /// Not handed out since it was changed.
    #[serde(skip)]
    pub(super) changed: bool,
    /// Handed out before, so that its end has to be handed out as well.
    #[serde(skip)]
    pub(super) stored: bool,
}

/// What a notifier should show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// The incident's id.
    pub incident: String,
    /// Whom it concerns.
    pub audience: Audience,
    /// How many times it is to be told.
    pub round: u32,
    /// Whether somebody takes care of it.
    pub acknowledged: bool,
    /// Whether it goes before others.
    pub urgent: bool,
    /// Nobody is to be told anything new of it at the moment. What has been told stays.
    pub held: bool,
    /// Whether somebody else has been told because this notifier did not take it.
    pub escalated: bool,
    /// It is told here only because another notifier did not take it.
    pub guest: bool,
    /// Why it comes this way, if it should have come another one.
    pub instead: Option<String>,
    /// It was seen at the notifier's own service.
    pub seen: bool,
}

/// What a notifier may show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct There {
    /// The incident's id, if it is known what was found there.
    pub incident: Option<String>,
    /// How many times it has confirmed to have been told; 0 if it is not known whether it was told at all.
    pub round: u32,
    /// Whether it knows that somebody takes care.
    pub acknowledged: bool,
    /// When it was told last.
    pub at: Timestamp,
}

/// Why a line rests: nothing is sent until another round of the incident is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// The incident.
    pub incident: String,
    /// Up to which round.
    pub round: u32,
    /// Why.
    pub why: Why,
}

/// Why a line rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody has resolved it there.
    ResolvedThere,
    /// It was taken, but is not shown there.
    Swallowed,
    /// It was refused, even in its shortest form.
    Refused,
    /// It may have been told, more than once, to people who see each message.
    MayBeTold,
}

/// A resolve that is repeated although nothing is known to be open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// The incident that was resolved, if it is known.
    pub incident: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Until when it is repeated after that.
    pub until: Timestamp,
}

/// An attempt that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flight {
    /// What is told.
    pub action: Action,
    /// Of which incident.
    pub incident: Option<String>,
    /// The how manieth time.
    pub round: u32,
    /// Whether in the shortest form.
    pub minimal: bool,
    /// The how manieth attempt at this.
    pub number: u32,
    /// Told before; only repeated.
    pub repeat: bool,
    /// Made to see whether the notifier is back.
    pub probe: bool,
}

/// The attempts at one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tries {
    /// What is told, of which incident, in which round.
    pub goal: Option<(Action, Option<String>, u32)>,
    /// How many have begun.
    pub begun: u32,
    /// How many in a row were not taken, for all that is known.
    pub failures: u32,
    /// How many may have been taken.
    pub unknown: u32,
    /// The whole form was refused.
    pub minimal: bool,
}

/// What was told of one incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Which one.
    pub incident: Option<String>,
    /// How many attempts there were.
    pub attempts: u32,
    /// How many failures are in no log entry yet.
    pub silent: u32,
    /// Whether the notifier may have been told of it.
    pub arrived: bool,
}

/// What is sent first when not everything can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Urgent,
    First,
    Resolve,
    Acknowledge,
    Reminder,
    Refresh,
    Repeat,
}

/// What is to be done next on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) rank: Rank,
    /// Not before.
    pub(super) at: Timestamp,
}

impl Step {
    fn now(action: Action, rank: Rank) -> Self {
        Self { action, rank, at: Timestamp::MIN }
    }
}

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

    /// Until it was told once.
    fn rank(&self) -> Rank {
        if self.urgent { Rank::Urgent } else { Rank::First }
    }
}

impl Line {
    pub(super) fn new(key: &str, notifier: &str, now: Timestamp) -> Self {
        Self {
            key: key.to_owned(),
            notifier: notifier.to_owned(),
            revision: 0,
            wanted: None,
            there: None,
            rest: None,
            again: None,
            in_flight: None,
            tries: Tries::default(),
            not_before: None,
            last_ended: None,
            since: now,
            trouble: None,
            told: Told::default(),
            changed: true,
            stored: false,
        }
    }

    /// Whether this incident is wanted here.
    pub(super) fn wants(&self, incident: &str) -> bool {
        self.wanted.as_ref().is_some_and(|it| it.incident == incident)
    }

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

    pub(super) fn has_arrived(&self, incident: &str) -> bool {
        self.told.arrived && self.told.incident.as_deref() == Some(incident)
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

    /// Whether it rests for what is wanted.
    pub(super) fn rests(&self) -> Option<Why> {
        let (rest, wanted) = (self.rest.as_ref()?, self.wanted.as_ref()?);
        (rest.incident == wanted.incident && rest.round >= wanted.round).then_some(rest.why)
    }

    /// Lets it rest for an incident, if that is wanted.
    pub(super) fn rest_until_next_round(&mut self, incident: &str, why: Why) {
        let wanted = self.wanted.as_ref().filter(|it| it.incident == incident);
        if let Some(Wanted { round, .. }) = wanted {
            self.rest = Some(Rest { incident: incident.to_owned(), round: *round, why });
        }
        self.changed = true;
    }

    /// What it shows of what is wanted.
    fn shown(&self) -> Option<(&Wanted, &There)> {
        let (wanted, there) = (self.wanted.as_ref()?, self.there.as_ref()?);
        (there.incident.as_deref() == Some(&wanted.incident)).then_some((wanted, there))
    }

    /// Whether what is wanted is known to be shown there, or was until somebody resolved it there.
    pub(super) fn is_confirmed(&self, manner: &Manner, now: Timestamp) -> bool {
        let forgotten = |there: &There| refresh(manner).is_some_and(|refresh| later(there.at, refresh) < now);
        self.rests() == Some(Why::ResolvedThere)
            || self.shown().is_some_and(|(wanted, there)| there.round >= wanted.round && !forgotten(there))
    }

    /// Since when what is wanted should be shown and is not known to be.
    pub(super) fn waits_since(&self, manner: &Manner, now: Timestamp) -> Option<Timestamp> {
        let wanted = self.wanted.as_ref()?;
        if wanted.held || self.is_confirmed(manner, now) {
            return None;
        }
        // It was told, and the notifier has forgotten it since, because it could not be told again.
        let forgotten = self
            .shown()
            .filter(|(wanted, there)| there.round >= wanted.round)
            .and_then(|(_, there)| refresh(manner).map(|refresh| later(there.at, refresh)));
        Some(forgotten.unwrap_or(self.since))
    }

    /// What is to be done next.
    pub(super) fn next(&self, manner: &Manner) -> Option<Step> {
        if self.in_flight.is_some() {
            return None;
        }
        let mut step = match (&self.there, &self.wanted) {
            (Some(there), Some(wanted)) if there.incident.as_deref() == Some(&wanted.incident) => {
                self.follow(there, wanted, manner)?
            }
            // A trigger now would become part of what is open there. First the one is ended, then the other told.
            (Some(_), Some(wanted)) if !wanted.held => Step::now(Action::Resolve, wanted.rank()),
            (Some(_), _) => Step::now(Action::Resolve, Rank::Resolve),
            (None, Some(wanted)) if wanted.held || self.rests().is_some() => return None,
            (None, Some(wanted)) => Step::now(Action::Trigger, wanted.rank()),
            (None, None) => {
                let at = self.again.as_ref()?.at;
                Step { action: Action::Resolve, rank: Rank::Repeat, at }
            }
        };
        step.at = step.at.max(self.not_before.unwrap_or(Timestamp::MIN));
        Some(step)
    }

    /// What is to be done next for what may be shown already.
    fn follow(&self, there: &There, wanted: &Wanted, manner: &Manner) -> Option<Step> {
        if wanted.round > there.round && !wanted.held && self.rests().is_none() {
            let rank = if there.round == 0 { wanted.rank() } else { Rank::Reminder };
            return Some(Step::now(Action::Trigger, rank));
        }
        if there.round == 0 {
            return None;
        }
        if wanted.acknowledged && manner.acknowledges && !there.acknowledged {
            return Some(Step::now(Action::Acknowledge, Rank::Acknowledge));
        }
        let at = later(there.at, refresh(manner)?);
        Some(Step { action: Action::Trigger, rank: Rank::Refresh, at })
    }

    /// Begins what is to be done next.
    pub(super) fn begin(&mut self, step: Step, probe: bool) -> &Flight {
        let wanted = self.wanted.as_ref().map(|it| (Some(it.incident.clone()), it.round));
        let there = self.there.as_ref().map(|it| (it.incident.clone(), it.round));
        let again = self.again.as_ref().map(|it| (it.incident.clone(), 0));
        let (incident, round) = match step.action {
            Action::Trigger | Action::Acknowledge => wanted,
            Action::Resolve => there.or(again),
        }
        .unwrap_or_default();
        let goal = Some((step.action, incident, round));
        if self.tries.goal != goal {
            self.tries = Tries { goal: goal.clone(), ..Tries::default() };
        }
        self.tries.begun += 1;
        let incident = goal.and_then(|it| it.1);
        if self.told.incident != incident {
            self.told = Told { incident: incident.clone(), ..Told::default() };
        }
        self.changed = true;
        self.in_flight.insert(Flight {
            action: step.action,
            incident,
            round,
            minimal: self.tries.minimal,
            number: self.tries.begun,
            repeat: matches!(step.rank, Rank::Repeat | Rank::Refresh),
            probe,
        })
    }

    /// Nothing is open there any more.
    pub(super) fn is_resolved(&mut self, repeat: bool, manner: &Manner, now: Timestamp) {
        let refresh = refresh(manner);
        if !repeat {
            let incident = self.there.take().and_then(|it| it.incident);
            self.again = manner.absorbs.then(|| match refresh {
                Some(refresh) => Again { incident, at: later(now, refresh), until: later(now, FORGETS) },
                None => Again { incident, at: later(now, AGAIN), until: now },
            });
        } else if let Some(again) = &mut self.again {
            again.at = later(now, refresh.unwrap_or(AGAIN));
            if again.at > again.until {
                self.again = None;
            }
        }
    }

    /// Whether there is nothing left to do or to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.wanted.is_none() && self.there.is_none() && self.again.is_none() && self.in_flight.is_none()
    }

    /// Whether it is only there to repeat a resolve at a start: not worth keeping.
    pub(super) fn is_sweep(&self) -> bool {
        self.wanted.is_none() && self.there.is_none() && !self.stored
    }

    /// The clock has gone back by so much, and all times with it.
    pub(super) fn turn_back(&mut self, by: SignedDuration) {
        let turn = |at: &mut Timestamp| *at = at.checked_sub(by).unwrap_or(Timestamp::MIN);
        turn(&mut self.since);
        self.not_before.iter_mut().for_each(turn);
        self.last_ended.iter_mut().for_each(turn);
        self.there.iter_mut().for_each(|it| turn(&mut it.at));
        if let Some(again) = &mut self.again {
            turn(&mut again.at);
            turn(&mut again.until);
        }
    }

    /// After a restart no time that is kept may lie further ahead than it could: the clock may be another one.
    pub(super) fn wake_up(&mut self, manner: &Manner, now: Timestamp) {
        self.not_before = None;
        self.since = self.since.min(now);
        self.last_ended = self.last_ended.map(|it| it.min(now));
        if let Some(there) = &mut self.there {
            there.at = there.at.min(now);
        }
        if let Some(again) = &mut self.again {
            again.at = again.at.min(later(now, refresh(manner).unwrap_or(AGAIN)));
            let most = refresh(manner).map_or(SignedDuration::ZERO, |_| FORGETS);
            again.until = again.until.min(later(now, most));
        }
    }
}

fn refresh(manner: &Manner) -> Option<SignedDuration> {
    // Less than a second would be a flood.
    manner.refresh.and_then(|it| SignedDuration::try_from(it.max(Duration::from_secs(1))).ok())
}
