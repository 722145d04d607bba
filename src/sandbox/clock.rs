//! The sandbox's own time: the machine's, plus what a test has added. The only place here that reads a clock.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The time that every part of one sandbox goes by; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// What [`Clock::advance`] has added so far.
    ahead: Arc<Mutex<SignedDuration>>,
}

impl Clock {
    /// The present instant of this sandbox.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one file that reads the time")]
        let machine = Timestamp::now();
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        machine.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward, so that codes, tokens and invitations expire without waiting.
    pub fn advance(&self, by: SignedDuration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(by);
    }
}
