//! How everything stands: what pages and metrics are made of.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;

use super::{Lateness, Measures, StoreHealth};
use crate::{
    store::{Schedule, Summary, Totals, Trigger},
    trace::TraceCounts,
    verdict::Verdict,
};

/// How many of a canary's last runs are at hand.
pub const RECENT: usize = 100;

/// How everything stands.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The suite's name.
    pub suite: Arc<str>,
    /// The product instance under watch, without secrets.
    pub target: String,
    /// Where runs are made from.
    pub location: String,
    /// When the service started.
    pub started: Timestamp,
    /// All canaries, in the order of the table of contents.
    pub canaries: Vec<Arc<CanaryView>>,
    /// Whether runs are being kept.
    pub store: StoreHealth,
    /// What has become of the traces of runs.
    pub traces: TraceCounts,
    /// Whether the service is stopping.
    pub closing: bool,
}

/// How one canary stands.
#[derive(Clone, Debug)]
pub struct CanaryView {
    /// Its name.
    pub canary: Arc<str>,
    /// When it runs by itself, for people; none if only somebody's asking runs it.
    pub rhythm: Option<String>,
    /// Its last runs, newest first, at most [`RECENT`].
    pub runs: VecDeque<Arc<Summary>>,
    /// How it has fared since the store exists.
    pub totals: Totals,
    /// Its schedule.
    pub schedule: Schedule,
    /// When it is run once more because it has failed.
    pub recheck: Option<Timestamp>,
    /// The run in flight.
    pub running: Option<Running>,
    /// How late its runs on schedule have started, since the service started.
    pub lateness: Lateness,
    /// How its runs went since the service started. Here and not with those who read events, because these may lose
    /// some, and a counter must not.
    pub measures: Arc<Measures>,
}

/// A run in flight.
#[derive(Clone, Debug)]
pub struct Running {
    /// The run's id.
    pub run: String,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub since: Timestamp,
    /// How many steps and fixtures it has.
    pub steps: usize,
    pub(super) ended: Arc<AtomicUsize>,
}

impl Running {
    /// How many steps have ended by now.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

impl CanaryView {
    pub(super) fn new(canary: &str, rhythm: Option<String>, schedule: Schedule) -> Self {
        Self {
            canary: canary.into(),
            rhythm,
            runs: VecDeque::new(),
            totals: Totals { canary: canary.to_owned(), ..Totals::default() },
            schedule,
            recheck: None,
            running: None,
            lateness: Lateness::default(),
            measures: Arc::default(),
        }
    }

    /// The newest run, if there is any.
    #[must_use]
    pub fn last(&self) -> Option<&Summary> {
        self.runs.front().map(|it| &**it).or(self.totals.last.as_ref())
    }

    /// When the last run began that passed.
    #[must_use]
    pub fn last_passed(&self) -> Option<Timestamp> {
        self.totals.last_passed
    }

    /// Takes a run in that has ended.
    pub(super) fn add(&mut self, run: &Arc<Summary>) {
        let Totals { canary: _, passed, failed, inconclusive, skipped, last, last_passed } = &mut self.totals;
        let count = match run.verdict {
            Verdict::Passed => passed,
            Verdict::Failed => failed,
            Verdict::Inconclusive => inconclusive,
            Verdict::Blocked | Verdict::Skipped => skipped,
        };
        *count += 1;
        if run.verdict == Verdict::Passed {
            *last_passed = Some(run.started);
        }
        *last = Some((**run).clone());
        self.runs.push_front(Arc::clone(run));
        self.runs.truncate(RECENT);
    }
}
