//! How many requests a notifier may be asked with: a bucket of tokens, counted in whole numbers.

use jiff::{SignedDuration, Timestamp};

/// One token, in the bucket's unit: what one request a minute gathers in a minute of milliseconds.
const TOKEN: u64 = 60_000;

/// Tokens for requests. In no 60 seconds more are taken than its burst and what a minute brings.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    burst: u64,
    per_minute: u64,
    units: u64,
    /// Until when what came in is counted.
    at: Option<Timestamp>,
}

impl Bucket {
    /// A full one. A limit of nothing would be a notifier that is never told: it counts as one.
    pub(super) fn full(burst: u32, per_minute: u32) -> Self {
        let (burst, per_minute) = (u64::from(burst.max(1)), u64::from(per_minute.max(1)));
        Self { burst, per_minute, units: burst * TOKEN, at: None }
    }

    /// Takes out half: what an earlier process has used in the last minute is not known.
    pub(super) fn halve(&mut self) {
        self.units = self.half();
    }

    /// Takes a token. For what is not urgent only while half the burst is left.
    pub(super) fn take(&mut self, urgent: bool, now: Timestamp) -> bool {
        self.fill(now);
        if self.units < self.needed(urgent) {
            return false;
        }
        self.units -= TOKEN;
        true
    }

    /// When a token can be taken, if no other is taken before.
    pub(super) fn ready(&self, urgent: bool, now: Timestamp) -> Timestamp {
        let mut then = self.clone();
        then.fill(now);
        let missing = then.needed(urgent).saturating_sub(then.units);
        let wait = i64::try_from(missing.div_ceil(self.per_minute)).unwrap_or(i64::MAX);
        let from = then.at.unwrap_or(now);
        if missing == 0 { now } else { later(from, SignedDuration::from_millis(wait)) }
    }

    /// The clock has gone back by so much.
    pub(super) fn turn_back(&mut self, by: SignedDuration) {
        self.at = self.at.and_then(|at| at.checked_sub(by).ok());
    }

    fn half(&self) -> u64 {
        self.burst.div_ceil(2) * TOKEN
    }

    fn needed(&self, urgent: bool) -> u64 {
        if urgent { TOKEN } else { self.half() }
    }

    fn fill(&mut self, now: Timestamp) {
        let at = *self.at.get_or_insert(now);
        // Only whole milliseconds are counted; what is left of one counts the next time.
        let Ok(gone) = u64::try_from(now.duration_since(at).as_millis()) else { return };
        self.units = self.units.saturating_add(gone.saturating_mul(self.per_minute)).min(self.burst * TOKEN);
        self.at = Some(later(at, SignedDuration::from_millis(i64::try_from(gone).unwrap_or(i64::MAX))));
    }
}

/// So much later, or the end of time.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
