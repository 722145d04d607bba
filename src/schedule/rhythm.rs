//! How often a canary runs, as it says itself.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{Cron, between, later};
use crate::suite::CanaryPlan;

/// When a canary runs by itself.
#[derive(Clone, Debug)]
pub enum Rhythm {
    /// So long from one run to the next.
    Every(Duration),
    /// At the times of an expression.
    Cron(Box<Cron>),
}

/// What a canary says of its schedule cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RhythmError {
    /// The canary.
    pub canary: String,
    /// The option: `.cron(..)`.
    pub option: &'static str,
    /// What is wrong.
    pub found: String,
    /// What to do about it.
    pub remedy: String,
}

impl Rhythm {
    /// What the canary says of itself; none if it runs only when somebody asks.
    ///
    /// # Errors
    /// If its expression or its zone cannot be read.
    pub fn of(canary: &CanaryPlan) -> Result<Option<Self>, RhythmError> {
        match canary.cron() {
            Some((expression, zone)) => match Self::cron(expression, zone) {
                Ok(rhythm) => Ok(Some(rhythm)),
                Err(error) => Err(RhythmError { canary: canary.name().to_owned(), ..error }),
            },
            None => Ok(canary.every().map(Self::Every)),
        }
    }

    /// The times of a cron expression in a zone.
    ///
    /// # Errors
    /// If either cannot be read, or no time fits.
    pub fn cron(expression: &str, zone: &str) -> Result<Self, RhythmError> {
        Cron::parse(expression, zone).map(|cron| Self::Cron(Box::new(cron))).map_err(|(found, remedy)| {
            RhythmError { canary: String::new(), option: ".cron(..)", found, remedy }
        })
    }

    /// The next time: of an interval, that from the given time on.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Timestamp {
        match self {
            Self::Every(interval) => later(after, *interval),
            Self::Cron(cron) => cron.next(after).unwrap_or(Timestamp::MAX),
        }
    }

    /// The first time later than now, for somebody whose turn was planned for that time: an interval keeps its beat.
    #[must_use]
    pub fn resume(&self, planned: Timestamp, now: Timestamp) -> Timestamp {
        match self {
            Self::Every(interval) if planned <= now && !interval.is_zero() => {
                let passed = between(planned, now);
                let into_the_beat = passed.as_nanos() % interval.as_nanos();
                // It is less than what has passed, which is less than the calendar.
                let into_the_beat = Duration::from_nanos_u128(into_the_beat);
                later(planned, (passed - into_the_beat).saturating_add(*interval))
            }
            Self::Every(_) => planned,
            Self::Cron(_) => self.next(now),
        }
    }

    /// How long it is at that time from one run to the next.
    #[must_use]
    pub fn interval(&self, at: Timestamp) -> Duration {
        match self {
            Self::Every(interval) => *interval,
            Self::Cron(_) => {
                let next = self.next(at);
                between(next, self.next(next))
            }
        }
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => match SignedDuration::try_from(*interval) {
                Ok(interval) => write!(f, "every {interval:#}"),
                Err(_) => write!(f, "every {interval:?}"),
            },
            Self::Cron(cron) => cron.fmt(f),
        }
    }
}

impl fmt::Display for RhythmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { canary, option, found, remedy } = self;
        if !canary.is_empty() {
            write!(f, "`{option}` of the canary `{canary}`: ")?;
        }
        write!(f, "{found}\n  remedy: {remedy}")
    }
}

impl std::error::Error for RhythmError {}
