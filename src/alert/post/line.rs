//! One key at one notifier: what it should show, what it may show, and what leads from the one to the other.
//!
//! Everything follows from the comparison of the two, so that an edge that was missed, by a crash or by a failure, is
//! no harm: the next comparison finds it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::bucket::later;
use crate::alert::{
    Audience,
    notifier::{Action, Manner},
};

/// After a resolve was taken it is sent once more, because it may have overtaken a trigger.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a notifier that forgets is told again of what is over.
pub(super) const FORGETS: SignedDuration = SignedDuration::from_mins(5);

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

    pub(super) fn has_arrived(&self, incident: &str) -> bool {
        self.told.arrived && self.told.incident.as_deref() == Some(incident)
    }

    /// Whether it rests for what is wanted.
    pub(super) fn rests(&self) -> Option<Why> {
        let (rest, wanted) = (self.rest.as_ref()?, self.wanted.as_ref()?);
        (rest.incident == wanted.incident && rest.round >= wanted.round).then_some(rest.why)
    }

    /// What it shows of what is wanted.
    pub(super) fn shown(&self) -> Option<(&Wanted, &There)> {
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

pub(super) fn refresh(manner: &Manner) -> Option<SignedDuration> {
    // Less than a second would be a flood.
    manner.refresh.and_then(|it| SignedDuration::try_from(it.max(Duration::from_secs(1))).ok())
}
