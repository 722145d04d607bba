//! What the service keeps: runs, and the state of its schedule.
//!
//! [`Store`] is what the rest of the service knows. Everything in it is plain data; the record of a run is kept in its
//! versioned JSON form, so that what an older version wrote stays readable.

mod alerts;
mod cursor;
mod outline;
pub mod sqlite;
mod summary;
mod timings;

use std::{fmt, future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    record::RunRecord,
    verdict::{Cause, Verdict},
};

pub use alerts::{AlertRows, Document, IncidentFilter, IncidentRow, LogRow};
pub use sqlite::SqliteStore;

/// What a store does, when it is done.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps runs and the schedule's state, beyond the end of the process.
pub trait Store: Send + Sync + 'static {
    /// Keeps a finished run. When this is done, the run survives the end of the process, however that comes.
    fn add<'a>(&'a self, run: &'a Finished) -> Task<'a, ()> {
        self.commit(Some(run), AlertRows::NONE)
    }

    /// Keeps a finished run, and what it has changed of alerts: both or neither. A run that is there already is not
    /// kept twice.
    fn commit<'a>(&'a self, run: Option<&'a Finished>, alerts: &'a AlertRows) -> Task<'a, ()>;

    /// The state of alerts, as it was kept last.
    fn documents(&self) -> Task<'_, Vec<Document>>;

    /// Incidents, newest first.
    fn incidents<'a>(&'a self, filter: &'a IncidentFilter) -> Task<'a, Vec<IncidentRow>>;

    /// One incident with all that has happened to it, oldest first, as [`LogRow::body`].
    fn incident<'a>(&'a self, id: &'a str) -> Task<'a, Option<(IncidentRow, Vec<String>)>>;

    /// Runs, newest first.
    fn runs<'a>(&'a self, filter: &'a Filter) -> Task<'a, Page<Summary>>;

    /// One run; none if it is unknown, or was too old to keep.
    fn run<'a>(&'a self, id: &'a str) -> Task<'a, Option<Kept>>;

    /// The last run of a canary that passed and began before that time, of those that are kept in full.
    fn last_passed<'a>(&'a self, canary: &'a str, before: Timestamp) -> Task<'a, Option<Kept>>;

    /// What is known of each step of a canary since that time, in the order of the last run that was not filtered.
    /// Fixtures are left out: they are no test cases.
    fn steps<'a>(&'a self, canary: &'a str, since: Timestamp) -> Task<'a, Vec<StepStatistics>>;

    /// How one step went, newest first; never more than 10,000 times.
    fn step<'a>(&'a self, canary: &'a str, step: &'a str, limit: usize) -> Task<'a, Vec<StepPoint>>;

    /// How many runs of each canary ended how, per day (UTC), oldest first. Days without a run are left out; filtered
    /// runs are not counted.
    fn days<'a>(&'a self, since: Timestamp) -> Task<'a, Vec<Day>>;

    /// How many runs of a canary ended how that began within that time, by when they began: each count with the begin
    /// of its part of the time, all of which are so long and lie at multiples of that since 1970. Parts without a run
    /// are left out, filtered runs are not counted.
    fn outcomes<'a>(
        &'a self,
        canary: &'a str,
        from: Timestamp,
        until: Timestamp,
        part: SignedDuration,
    ) -> Task<'a, Vec<(Timestamp, Outcomes)>>;

    /// How many runs of each canary ended how, in all, also of those that are kept no more; what the last of each kind
    /// was. For counters that go on after a restart.
    fn totals(&self) -> Task<'_, Vec<Totals>>;

    /// The schedule's state as it was put last, one entry per canary.
    fn schedule(&self) -> Task<'_, Vec<Schedule>>;

    /// Keeps one canary's entry of the schedule.
    fn put_schedule<'a>(&'a self, entry: &'a Schedule) -> Task<'a, ()>;

    /// Removes what is too old or too much, by the store's own limits; says what it removed. To be asked every few
    /// minutes: until then every passed run is kept in full.
    fn sweep(&self, now: Timestamp) -> Task<'_, Swept>;

    /// Writes a copy of everything, whole and consistent, while others go on writing.
    fn backup<'a>(&'a self, to: &'a Path) -> Task<'a, ()>;

    /// How much room it takes, in bytes.
    fn size(&self) -> Task<'_, u64>;
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What came of it.
    pub record: Arc<RunRecord>,
    /// What started it.
    pub trigger: Trigger,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Its time had come.
    Schedule,
    /// A run before it had failed.
    Recheck,
    /// Somebody asked for it: `/run`.
    Request,
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this canary only.
    pub canary: Option<String>,
    /// With this verdict only.
    pub verdict: Option<Verdict>,
    /// Begun before that time only.
    pub before: Option<Timestamp>,
    /// Behind this place, as [`Page::next`] said.
    pub after: Option<String>,
    /// So many at most, and never more than 1,000.
    pub limit: usize,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The place behind it; none on the last page.
    pub next: Option<String>,
}

/// What is known of a run without its record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's id.
    pub run: String,
    /// Its canary.
    pub canary: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: Timestamp,
    /// From the start to the end of clean-up.
    pub duration_ms: f64,
    /// The product instance that it watched.
    pub target: String,
    /// Where it was made from.
    pub location: String,
    /// Whether only some steps were asked for.
    pub filtered: bool,
    /// How many steps ended how; fixtures count only where they did not pass.
    pub counts: Counts,
    /// The first step that failed or could not tell, as people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How many steps ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed, flaky ones included.
    pub passed: u32,
    /// Passed, but not at the first attempt.
    pub flaky: u32,
    /// Failed.
    pub failed: u32,
    /// Could not tell.
    pub inconclusive: u32,
    /// Stopped by another one.
    pub blocked: u32,
    /// Left out.
    pub skipped: u32,
}

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What is known without the record.
    pub summary: Summary,
    /// The record; without exchanges, notes, failures and what was undone without trouble if `full` is not set.
    pub record: RunRecord,
    /// Whether the whole record is kept. Failed runs are; passed ones only as long as they are among the newest.
    pub full: bool,
}

/// What is known of one step over many runs. Times are those of passed attempts in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepStatistics {
    /// The step.
    pub step: String,
    /// How many runs had it.
    pub runs: u64,
    /// How many of them it failed in.
    pub failed: u64,
    /// Half of all were not slower.
    pub p50_ms: f64,
    /// Nine of ten were not slower.
    pub p90_ms: f64,
    /// Ninety-nine of a hundred were not slower.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// How a step went once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepPoint {
    /// The run.
    pub run: String,
    /// When the run began.
    pub started: Timestamp,
    /// How the step ended.
    pub verdict: Verdict,
    /// Passed, but not at the first attempt.
    pub flaky: bool,
    /// How long all its attempts took.
    pub duration_ms: f64,
}

/// How many runs ended how. Those that checked nothing are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that could not tell.
    pub inconclusive: u64,
}

impl Outcomes {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            inconclusive: self.inconclusive + other.inconclusive,
        }
    }
}

/// How a day went for a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Its canary.
    pub canary: String,
    /// Which day, in UTC.
    pub day: jiff::civil::Date,
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that could not tell.
    pub inconclusive: u64,
}

/// How a canary has fared since the store exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// The canary.
    pub canary: String,
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that could not tell.
    pub inconclusive: u64,
    /// Runs that checked nothing.
    pub skipped: u64,
    /// The newest run of all.
    pub last: Option<Summary>,
    /// When the newest run that passed began.
    pub last_passed: Option<Timestamp>,
}

impl Totals {
    /// How many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.passed + self.failed + self.inconclusive + self.skipped
    }
}

/// What of a canary's schedule survives a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The canary.
    pub canary: String,
    /// When it is to run next.
    pub next: Option<Timestamp>,
    /// Since when it is paused, and why.
    pub paused: Option<Pause>,
    /// How many times it was not run because it was still running.
    pub skipped: u64,
    /// How many times its time passed unseen: the service was not running, or was too late.
    pub missed: u64,
}

/// Why a canary does not run by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// What was said.
    pub reason: String,
    /// When the schedule goes on by itself; none if somebody has to resume it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What a sweep has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Runs that are not kept at all any more.
    pub runs: u64,
    /// Records of which only the timings are left.
    pub thinned: u64,
}

/// How much a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs older than this go.
    pub age: Duration,
    /// So many of a canary's newest passed runs are kept in full.
    pub passed_in_full: u32,
    /// When the store is larger than this, the oldest runs go, in bytes.
    pub size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(400 * 24 * 3600), passed_in_full: 20, size: 4 << 30 }
    }
}

/// What went wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another process has it.
    Locked {
        /// Which one, if it is known.
        by: Option<u32>,
    },
    /// A newer version of this program wrote it.
    Newer {
        /// The version found.
        found: i64,
    },
    /// What was given as [`Filter::after`] is no place in the list. The one mistake that is the asker's.
    BadCursor,
    /// It cannot be read or written.
    Broken {
        /// What was to be done.
        what: &'static str,
        /// Why that was not possible.
        why: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { by } => {
                f.write_str("the store is in use by another process")?;
                by.map_or(Ok(()), |by| write!(f, " ({by})"))?;
                f.write_str("\n  remedy: end that one, or name another store with --store")
            }
            Self::Newer { found } => write!(
                f,
                "the store has version {found}, which this program does not know\n  remedy: update the program, or \
                 restore a backup that is older"
            ),
            Self::BadCursor => f.write_str(
                "the place to go on from is malformed\n  remedy: take it from `next` of the page before, unchanged, or \
                 leave it out to begin with the newest run",
            ),
            Self::Broken { what, why, remedy } => write!(f, "cannot {what}: {why}\n  remedy: {remedy}"),
        }
    }
}

impl std::error::Error for StoreError {}
