//! How many units of Gmail's quota this process may use, and how fast polls may follow each other.
//!
//! Google counts for each user and minute, over all processes that read the user's mailbox, and whoever calls too
//! often is shut out for longer. So each process keeps to a share of its own. Pure: the time is told.

use std::time::{Duration, Instant};

/// What calls cost, in units, since May 2026.
pub(super) const PROFILE: u32 = 1;
pub(super) const HISTORY: u32 = 2;
pub(super) const SEARCH: u32 = 5;
pub(super) const MESSAGE: u32 = 20;

/// The least share that a mailbox can be read with.
const LEAST: u32 = 60;

/// The longest pause between two polls that the budget asks for: who waits must not wait in the dark.
const SLOWEST_POLL: Duration = Duration::from_secs(4);

/// A share of the quota: a bucket that holds half a minute's units and fills with the other half in each minute. So
/// no minute, wherever it begins, takes more than the share.
#[derive(Debug)]
pub(super) struct Budget {
    per_minute: f64,
    level: f64,
    /// When `level` was right.
    at: Instant,
}

impl Budget {
    pub(super) fn new(units_per_minute: u32, now: Instant) -> Self {
        let per_minute = f64::from(units_per_minute.max(LEAST));
        Self { per_minute, level: per_minute / 2.0, at: now }
    }

    /// Takes units if they are there; otherwise says how long it takes until they are. A mail leaves those for the
    /// next poll, which would come late otherwise.
    pub(super) fn take(&mut self, units: u32, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        let left = if units >= MESSAGE { HISTORY } else { 0 };
        let missing = f64::from(units + left) - self.level;
        if missing > 0.0 {
            // A little more, so that rounding does not ask a second time.
            return Err(Duration::from_secs_f64(missing / self.per_second() + 1e-6));
        }
        self.level -= f64::from(units);
        Ok(())
    }

    /// The least pause between two polls. They are free to use what lies above half of the bucket; below that they
    /// get half of what flows in, so that something is left for reading mails.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        self.fill(now);
        if self.level > self.capacity() / 2.0 {
            return Duration::ZERO;
        }
        SLOWEST_POLL.min(Duration::from_secs_f64(f64::from(HISTORY) / (self.per_second() / 2.0)))
    }

    /// How many units are there.
    pub(super) fn level(&mut self, now: Instant) -> f64 {
        self.fill(now);
        self.level
    }

    fn capacity(&self) -> f64 {
        self.per_minute / 2.0
    }

    fn per_second(&self) -> f64 {
        self.per_minute / 2.0 / 60.0
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = self.capacity().min(self.level + passed * self.per_second());
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, inbox::poller};

    /// Times of calls in milliseconds, with their units.
    type Calls = Vec<(u64, u32)>;

    /// The most units that a minute of these calls has, wherever it begins. They are in order.
    fn worst_minute(calls: &Calls) -> u32 {
        let (mut first, mut units, mut worst) = (0, 0, 0);
        for (at, more) in calls {
            units += more;
            while calls[first].0 + 60_000 < *at {
                units -= calls[first].1;
                first += 1;
            }
            worst = worst.max(units);
        }
        worst
    }

    /// What one process calls in some minutes in which somebody waits all the time and `mail_every` milliseconds a
    /// mail comes that must be read whole, with the poller's own pauses.
    fn process(share: u32, minutes: u64, mail_every: u64) -> Calls {
        let start = Clock::instant();
        let mut budget = Budget::new(share, start);
        let (mut calls, mut unread, mut last_mail) = (Calls::new(), 0_u32, 0);
        let (mut next_poll, mut pause) = (0, poller::SHORTEST);
        for at in (0..minutes * 60_000).step_by(5) {
            let now = start + Duration::from_millis(at);
            if at >= next_poll && budget.take(HISTORY, now).is_ok() {
                calls.push((at, HISTORY));
                if at - last_mail >= mail_every {
                    last_mail = at;
                    unread += 2;
                    // With every mail somebody new begins to wait.
                    pause = poller::SHORTEST;
                }
                pause = poller::grown(pause);
                next_poll = at + u64::try_from(pause.max(budget.pause(now)).as_millis()).unwrap();
            }
            while unread > 0 && budget.take(MESSAGE, now).is_ok() {
                calls.push((at, MESSAGE));
                unread -= 1;
            }
        }
        calls
    }

    #[test]
    fn eight_processes_stay_below_the_quota_of_a_user_in_any_minute() {
        for mail_every in [50, 500, 5_000, u64::MAX] {
            let one = process(750, 5, mail_every);
            assert!(worst_minute(&one) <= 750, "{}", worst_minute(&one));
            // Each begins at another time, as processes do.
            let mut all: Calls = (0..8_u64)
                .flat_map(|number| one.iter().map(move |(at, units)| (at + number * 1_700, *units)))
                .collect();
            all.sort_unstable();
            assert!(worst_minute(&all) <= 6_000, "{}", worst_minute(&all));
        }
    }

    #[test]
    fn a_share_is_used_and_not_wasted() {
        let busy = process(750, 5, 50);
        let units: u32 = busy.iter().map(|it| it.1).sum();
        // A full bucket at the beginning, and what flows in during five minutes.
        assert!((375 * 6 - 25..=375 * 6).contains(&units), "{units}");
    }

    #[test]
    fn whoever_waits_is_not_left_in_the_dark_however_small_the_share() {
        for (share, longest) in [(0, 4_100), (60, 4_100), (750, 700), (600_000, 200)] {
            for mail_every in [50, u64::MAX] {
                let calls = process(share, 5, mail_every);
                let polls: Vec<_> = calls.iter().filter(|it| it.1 == HISTORY).map(|it| it.0).collect();
                let worst = polls.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
                assert!(
                    worst <= longest,
                    "{share} units, a mail every {mail_every} ms: {worst} ms of silence"
                );
            }
        }
    }

    #[test]
    fn what_is_missing_is_said_and_then_there() {
        let now = Clock::instant();
        let mut budget = Budget::new(120, now);
        for _ in 0..2 {
            assert_eq!(budget.take(MESSAGE, now), Ok(()));
        }
        assert_eq!(budget.pause(now), SLOWEST_POLL);
        // 20 are there, but two of them are for the next poll. One flows in each second.
        let wait = budget.take(MESSAGE, now).unwrap_err();
        assert!((1.9..2.1).contains(&wait.as_secs_f64()), "{wait:?}");
        assert_eq!(budget.take(HISTORY, now), Ok(()));
        assert_eq!(budget.take(MESSAGE, now + wait * 2), Ok(()));
        // A clock that seems to go back gives nothing and breaks nothing.
        assert_eq!(budget.take(HISTORY, now), Ok(()));
        assert!(budget.take(HISTORY, now).is_err());
    }
}
