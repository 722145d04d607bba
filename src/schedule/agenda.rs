//! What one canary is to do next. Somebody else looks at the clock and starts runs; this says which.

use std::time::Duration;

use jiff::Timestamp;

use super::{Timetable, between, later};
use crate::{
    store::{Pause, Schedule, Trigger},
    verdict::Verdict,
};

/// A canary that should run is missed when it has not started after two intervals, but not before this.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(60);

/// The state of one canary's schedule.
#[derive(Clone, Debug)]
pub struct Agenda {
    canary: String,
    timetable: Option<Timetable>,
    /// How long after a first failure it runs once more.
    delay: Duration,
    planned: Option<Timestamp>,
    recheck: Option<Timestamp>,
    paused: Option<Pause>,
    skipped: u64,
    missed: u64,
}

/// What there is to do at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// It is to run now.
    pub start: Option<Due>,
    /// Its time passed so long ago that somebody should hear of it.
    pub missed: Option<Missed>,
    /// Whether the state has changed.
    pub changed: bool,
}

/// A run that is to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it was to start.
    pub planned: Timestamp,
    /// Why.
    pub trigger: Trigger,
}

/// A run that did not start when it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// When it was to start.
    pub planned: Timestamp,
    /// By how much it is late.
    pub late: Duration,
}

impl Agenda {
    /// The state that was kept, or that of a canary that has never run.
    ///
    /// `spread` is how long it waits where it would run at once: all canaries of a service are restored at the same
    /// time. A time that passed since the state was kept is missed, once, however many there were; it is made up for if
    /// it is younger than an interval.
    #[must_use]
    pub fn restore(
        canary: &str,
        timetable: Option<Timetable>,
        delay: Duration,
        kept: Option<Schedule>,
        now: Timestamp,
        spread: Duration,
    ) -> (Self, Option<Missed>) {
        let Schedule { next, paused, skipped, missed, .. } = kept.unwrap_or_else(|| Schedule {
            canary: canary.to_owned(),
            next: None,
            paused: None,
            skipped: 0,
            missed: 0,
        });
        // A pause may have ended meanwhile.
        let paused = paused.filter(|it| it.until.is_none_or(|until| until > now));
        let mut agenda = Self {
            canary: canary.to_owned(),
            timetable,
            delay,
            planned: None,
            recheck: None,
            paused,
            skipped,
            missed,
        };
        let Some(timetable) = agenda.timetable.as_ref().filter(|_| agenda.paused.is_none()) else {
            return (agenda, None);
        };
        let at_once = later(now, spread);
        let latest = timetable.next(now);
        let (planned, missed) = match next {
            // So that people see something soon.
            None => (at_once, None),
            Some(next) if next > now => (next, None),
            Some(next) => {
                let late = between(next, now);
                let young = late < timetable.interval(next);
                let planned = if young { at_once } else { timetable.resume(next, now) };
                (planned, Some(Missed { planned: next, late }))
            }
        };
        // The rhythm may have become faster since, or the clock may have gone back.
        agenda.planned = Some(planned.min(latest));
        agenda.missed += u64::from(missed.is_some());
        (agenda, missed)
    }

    /// What there is to do now. Each thing is said once.
    pub fn look(&mut self, now: Timestamp, running: bool) -> Look {
        let mut look = Look::default();
        if self.paused.as_ref().and_then(|it| it.until).is_some_and(|until| until <= now) {
            look.changed = self.resume(now);
        }
        let (Some(timetable), None) = (&self.timetable, &self.paused) else { return look };
        let Some(planned) = self.planned else { return look };

        // After the clock has gone back, what was planned lies too far ahead.
        let latest = timetable.next(now);
        if planned > latest {
            self.planned = Some(latest);
            look.changed = true;
        }
        self.recheck = self.recheck.map(|it| it.min(later(now, self.delay)));

        if planned <= now {
            let late = between(planned, now);
            let patience = timetable.interval(planned).saturating_mul(2).max(SHORTEST_PATIENCE);
            self.planned = Some(timetable.resume(planned, now));
            look.changed = true;
            if running {
                self.skipped += 1;
                return look;
            }
            if late > patience {
                self.missed += 1;
                look.missed = Some(Missed { planned, late });
            }
            self.recheck = None;
            look.start = Some(Due { planned, trigger: Trigger::Schedule });
        } else if let Some(planned) = self.recheck.filter(|it| *it <= now) {
            self.recheck = None;
            // The run that goes on now says as much.
            look.start = (!running).then_some(Due { planned, trigger: Trigger::Recheck });
        }
        look
    }

    /// When to look next.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        if let Some(pause) = &self.paused {
            return pause.until;
        }
        let planned = self.planned?;
        Some(self.recheck.map_or(planned, |recheck| recheck.min(planned)))
    }

    /// Takes note of a run that has ended, and of how the one before it ended. A first failure on schedule is looked at
    /// once more, unless the schedule does so sooner.
    pub fn ended(&mut self, now: Timestamp, trigger: Trigger, verdict: Verdict, before: Option<Verdict>) {
        let first = verdict == Verdict::Failed && before != Some(Verdict::Failed);
        let recheck = later(now, self.delay);
        let sooner = self.wake().is_some_and(|planned| recheck < planned);
        if trigger == Trigger::Schedule && first && sooner {
            self.recheck = Some(recheck);
        }
    }

    /// Stops the schedule, until then or until somebody resumes it.
    pub fn pause(&mut self, now: Timestamp, reason: &str, until: Option<Timestamp>) {
        self.paused = Some(Pause { since: now, reason: reason.to_owned(), until });
        self.planned = None;
        self.recheck = None;
    }

    /// Goes on with the schedule, at its next time; whether it was paused at all.
    pub fn resume(&mut self, now: Timestamp) -> bool {
        self.planned = self.planned.or_else(|| Some(self.timetable.as_ref()?.next(now)));
        self.paused.take().is_some()
    }

    /// When it runs once more after a failure.
    #[must_use]
    pub fn recheck(&self) -> Option<Timestamp> {
        self.recheck
    }

    /// What is to be kept.
    #[must_use]
    pub fn entry(&self) -> Schedule {
        Schedule {
            canary: self.canary.clone(),
            next: self.planned,
            paused: self.paused.clone(),
            skipped: self.skipped,
            missed: self.missed,
        }
    }
}
