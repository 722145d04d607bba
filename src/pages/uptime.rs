//! Uptime: how many of the runs that could tell have passed.

use jiff::Timestamp;

use crate::{
    store::{Day, Summary},
    verdict::Verdict,
};

/// How many runs ended how. Runs that checked nothing, and filtered ones, are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that could not tell.
    pub inconclusive: u64,
}

impl Tally {
    /// Of those runs that began since that time.
    #[must_use]
    pub fn of_runs(runs: &[Summary], since: Timestamp) -> Self {
        let counted = runs.iter().filter(|run| !run.filtered && run.started >= since);
        counted.fold(Self::default(), |mut tally, run| {
            match run.verdict {
                Verdict::Passed => tally.passed += 1,
                Verdict::Failed => tally.failed += 1,
                Verdict::Inconclusive => tally.inconclusive += 1,
                Verdict::Blocked | Verdict::Skipped => (),
            }
            tally
        })
    }

    /// Of the last so many days (UTC), the one of `now` included.
    #[must_use]
    pub fn of_days(days: &[Day], now: Timestamp, count: i64) -> Self {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let counted = days.iter().filter(|it| {
            let age = (today - it.day).get_days();
            (0..count).contains(&i64::from(age))
        });
        counted.fold(Self::default(), |tally, day| Self {
            passed: tally.passed + day.passed,
            failed: tally.failed + day.failed,
            inconclusive: tally.inconclusive + day.inconclusive,
        })
    }

    /// The share of passed ones among those that could tell, from 0 to 100; none if there are none.
    #[must_use]
    pub fn uptime(self) -> Option<f64> {
        let told = self.passed + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
        (told > 0).then(|| self.passed as f64 * 100.0 / told as f64)
    }

    /// The uptime as people read it: rounded down, so that only what is whole says 100 %.
    #[must_use]
    pub fn text(self) -> String {
        match self.uptime() {
            None if self.inconclusive > 0 => "no verdict".to_owned(),
            None => "no runs".to_owned(),
            Some(_) if self.failed == 0 => "100 %".to_owned(),
            Some(uptime) => format!("{:.2} %", (uptime * 100.0).floor() / 100.0),
        }
    }
}
