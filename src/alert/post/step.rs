//! What is to be done next on a line, and that it has begun.

use jiff::{SignedDuration, Timestamp};

use super::{
    bucket::later,
    line::{AGAIN, Again, FORGETS, Flight, Line, There, Told, Tries, Wanted, Why, refresh},
};
use crate::alert::notifier::{Action, Manner};

/// How long after it was refused or swallowed a page is tried once more. Longer than a page may be undelivered until the
/// heartbeat stops: an answer that means nothing must not keep it going.
const ONCE_MORE: SignedDuration = SignedDuration::from_mins(10);

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
    /// Until it was told once.
    fn rank(&self) -> Rank {
        if self.urgent { Rank::Urgent } else { Rank::First }
    }
}

impl Line {
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
            (None, Some(wanted)) if wanted.held => return None,
            (None, Some(wanted)) if self.rests().is_some() => self.once_more(wanted, manner)?,
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
            return if wanted.held { None } else { self.once_more(wanted, manner) };
        }
        if wanted.acknowledged && manner.acknowledges && !there.acknowledged {
            return Some(Step::now(Action::Acknowledge, Rank::Acknowledge));
        }
        let at = later(there.at, refresh(manner)?);
        Some(Step { action: Action::Trigger, rank: Rank::Refresh, at })
    }

    /// What was refused or swallowed is tried again after a while, where that can make no second page: whatever stood in
    /// the way there may be over, and there may be nobody else to tell.
    fn once_more(&self, wanted: &Wanted, manner: &Manner) -> Option<Step> {
        let again = manner.absorbs && matches!(self.rests(), Some(Why::Refused | Why::Swallowed));
        let at = later(self.last_ended.unwrap_or(self.since), ONCE_MORE);
        again.then(|| Step { action: Action::Trigger, rank: wanted.rank(), at })
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
}
