//! A rhythm with the jitter that keeps many canaries from starting in the same instant.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Rhythm, later};

/// When one canary runs: its rhythm, shifted a little.
#[derive(Clone, Debug)]
pub struct Timetable {
    rhythm: Rhythm,
    shift: Duration,
}

impl Timetable {
    /// A rhythm whose times come later by as much as [`jitter`] says of the canary's name. An interval is not shifted:
    /// it counts from its first run.
    #[must_use]
    pub fn new(rhythm: Rhythm, canary: &str, most: Duration) -> Self {
        let shift = match &rhythm {
            Rhythm::Every(_) => Duration::ZERO,
            Rhythm::Cron(_) => jitter(canary, most),
        };
        Self { rhythm, shift }
    }

    /// The rhythm without the shift.
    #[must_use]
    pub fn rhythm(&self) -> &Rhythm {
        &self.rhythm
    }

    /// The next time.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Timestamp {
        later(self.rhythm.next(self.unshifted(after)), self.shift)
    }

    /// The first time later than now, for a canary that was planned for that time.
    #[must_use]
    pub fn resume(&self, planned: Timestamp, now: Timestamp) -> Timestamp {
        later(self.rhythm.resume(self.unshifted(planned), self.unshifted(now)), self.shift)
    }

    /// How long it is at that time from one run to the next.
    #[must_use]
    pub fn interval(&self, at: Timestamp) -> Duration {
        self.rhythm.interval(self.unshifted(at))
    }

    fn unshifted(&self, time: Timestamp) -> Timestamp {
        let shift = SignedDuration::try_from(self.shift).unwrap_or_default();
        time.checked_sub(shift).unwrap_or(Timestamp::MIN)
    }
}

/// A part of `most` that is always the same for the same name, and spread evenly over names.
#[must_use]
pub fn jitter(name: &str, most: Duration) -> Duration {
    // FNV-1a with the last steps of MurmurHash3: the standard library's hashes may change with its version, and then all
    // canaries would move at an update.
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    let nanos = (most.as_nanos().min(u128::from(u64::MAX)) * u128::from(hash)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
