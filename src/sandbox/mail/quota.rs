//! What calls cost, and how much of it a user may spend in a minute.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::call::Refusal;
use crate::clock::Clock;

/// The span in which units are counted. Any such span counts, not only those that begin with a minute.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// How a call over the quota is refused. Google has done it in each of these ways \[S\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaStyle {
    /// 403, `rateLimitExceeded`, and the name of the quota; not when to come back.
    #[default]
    Forbidden,
    /// 403, `userRateLimitExceeded`, and when to come back.
    UserForbidden,
    /// 429, `rateLimitExceeded`, and when to come back.
    TooManyRequests,
}

/// The units of the one user.
pub(super) struct Quota {
    clock: Clock,
    /// How many units any minute may cost; any number if `None`.
    limit: Option<u32>,
    style: QuotaStyle,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    /// Since the start.
    total: u64,
    /// What each call of the last minute cost, oldest first; empty without a limit.
    recent: VecDeque<(Timestamp, u32)>,
}

impl Quota {
    pub(super) fn new(clock: Clock, limit: Option<u32>, style: QuotaStyle) -> Quota {
        Quota { clock, limit, style, spent: Mutex::default() }
    }

    /// How many units were spent since the start. A refused call costs nothing.
    pub(super) fn total(&self) -> u64 {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// Spends `units`, if there are so many left.
    pub(super) fn spend(&self, units: u32) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = self.limit {
            while spent.recent.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
                spent.recent.pop_front();
            }
            let in_window: u32 = spent.recent.iter().map(|(_, units)| units).sum();
            let mut over = (in_window + units).saturating_sub(limit);
            if over > 0 {
                // The call fits in once the oldest ones that make up for it are out of the window.
                let last = spent.recent.iter().find(|(_, units)| {
                    over = over.saturating_sub(*units);
                    over == 0
                });
                let free = last.map_or(now, |(at, _)| *at);
                return Err(Refusal::over_quota(
                    self.style,
                    free.checked_add(WINDOW).unwrap_or(Timestamp::MAX),
                ));
            }
            spent.recent.push_back((now, units));
        }
        spent.total += u64::from(units);
        Ok(())
    }
}
