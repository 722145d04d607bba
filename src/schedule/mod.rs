//! When a canary runs: rules only. Time is an argument, nothing here waits, and nothing is read or written.
//!
//! [`Rhythm`] is what a canary says of itself, [`Timetable`] adds its jitter, and [`Agenda`] is the state that follows
//! from both: when it is to run next, what was skipped and missed, and whether it is paused.

mod agenda;
mod cron;
mod rhythm;
mod timetable;

pub use agenda::{Agenda, Due, Look, Missed};
pub use cron::Cron;
pub use rhythm::{Rhythm, RhythmError};
pub use timetable::{Timetable, jitter};

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A time later by so much; at the end of time, that.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// From one time to a later one; nothing if it is not later.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
