//! What a run is made with.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    redact::Redactor,
    suite::{CLEANUP_LIMIT, Journal, NoJournal, Resources},
    verdict::Verdict,
};

/// How long a run waits for what does not end by itself. The defaults are for real targets; a test of what happens
/// at a limit sets a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All the time that clean-up has, waiting for requests in flight included.
    pub cleanup: Duration,
    /// How much of it may go into waiting for requests of steps that were given up.
    pub in_flight: Duration,
    /// How long a step that was given up has to reach its next `.await`, where it stops. The run waits for that, so
    /// that nothing which comes after a step meets the step itself.
    pub stop: Duration,
    /// How long a step may be overdue before its thread counts as blocked: timers of a healthy runtime fire within
    /// milliseconds.
    pub starved: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cleanup: CLEANUP_LIMIT,
            in_flight: Duration::from_secs(2),
            stop: Duration::from_millis(500),
            starved: Duration::from_secs(2),
        }
    }
}

/// Told of each step's end, with its number and verdict, before anybody else hears of it. It is called on the step's
/// task, so it must not wait.
pub type Observer = Arc<dyn Fn(usize, Verdict) + Send + Sync>;

/// What a run is made with.
#[derive(Clone)]
pub struct RunOptions {
    /// The run's id, where somebody had to know it before there was a run; see [`new_run_id`](super::new_run_id).
    pub id: Option<String>,
    /// The product instance under watch, for people and as the journal's key.
    pub target: String,
    /// Where the run is made from.
    pub location: String,
    /// Steps to run, with what they pull in; `None` for all that are not ignored.
    pub selected: Option<Vec<usize>>,
    /// No step may take longer than this, whatever it says itself: for drills, where waiting a minute for a mail that
    /// is known not to come would be wasted.
    pub patience: Option<Duration>,
    /// Limits the steps in flight; shared between runs that share the limit.
    pub limit: Option<Arc<Semaphore>>,
    /// What is secret already.
    pub redactor: Redactor,
    /// Where intents to create something are written.
    pub journal: Arc<dyn Journal>,
    /// What the steps hold.
    pub resources: Resources,
    /// Gives the record its times.
    pub clock: Clock,
    /// Cancelled from outside to stop the run; clean-up is still done.
    pub cancel: CancellationToken,
    /// How long the run waits for what does not end by itself.
    pub limits: Limits,
    /// Who follows the run.
    pub observer: Option<Observer>,
}

impl RunOptions {
    /// All steps of a run against `target`, without a journal or a limit.
    #[must_use]
    pub fn new(target: &str, resources: Resources) -> Self {
        Self {
            id: None,
            target: target.to_owned(),
            location: "local".to_owned(),
            selected: None,
            patience: None,
            limit: None,
            redactor: Redactor::new(),
            journal: Arc::new(NoJournal),
            resources,
            clock: Clock::system(),
            cancel: CancellationToken::new(),
            limits: Limits::default(),
            observer: None,
        }
    }
}
