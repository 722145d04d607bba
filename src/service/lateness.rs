//! How late runs start: a scheduler that falls behind shows here first.

use std::time::Duration;

/// The upper ends of the histogram's buckets, in seconds; the last bucket has none.
pub const LATENESS_BOUNDS: [f64; 7] = [0.01, 0.1, 1.0, 5.0, 30.0, 60.0, 300.0];

/// Start minus planned start, of runs on schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lateness {
    /// Of the last run.
    pub last: Duration,
    /// The greatest.
    pub greatest: Duration,
    /// Of all runs together.
    pub sum: Duration,
    /// How many runs lie in each bucket of [`LATENESS_BOUNDS`], and how many behind the last. Not cumulative.
    pub buckets: [u64; LATENESS_BOUNDS.len() + 1],
}

impl Lateness {
    /// How many runs there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Takes a run in.
    pub fn add(&mut self, late: Duration) {
        let seconds = late.as_secs_f64();
        let bucket = LATENESS_BOUNDS.iter().position(|it| seconds <= *it).unwrap_or(LATENESS_BOUNDS.len());
        self.last = late;
        self.greatest = self.greatest.max(late);
        self.sum = self.sum.saturating_add(late);
        self.buckets[bucket] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lies_in_the_bucket_that_it_does_not_exceed() {
        let mut lateness = Lateness::default();
        for millis in [0, 10, 11, 1_000, 300_000, 300_001] {
            lateness.add(Duration::from_millis(millis));
        }
        assert_eq!(lateness.buckets, [2, 1, 1, 0, 0, 0, 1, 1]);
        assert_eq!((lateness.count(), lateness.greatest), (6, Duration::from_millis(300_001)));
        lateness.add(Duration::ZERO);
        assert_eq!((lateness.last, lateness.greatest), (Duration::ZERO, Duration::from_millis(300_001)));
    }
}
