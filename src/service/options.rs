//! What a service is made with, and why it would not start.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    alert::{heartbeat::Heartbeat, notifier::Notifier},
    clock::Clock,
    config::{Anchor, Start},
    redact::Redactor,
    schedule::{Rhythm, RhythmError},
    store::StoreError,
    suite::{Journal, Limits, NoJournal, PlanError, Resources},
    trace::Traces,
};

/// What a service is made with.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The product instance under watch.
    pub target: String,
    /// What steps hold.
    pub resources: Resources,
    /// Knows every configured secret.
    pub redactor: Redactor,
    /// Where intents to create something are written.
    pub journal: Arc<dyn Journal>,
    /// Where runs are made from.
    pub location: String,
    /// Drives the schedule.
    pub clock: Clock,
    /// Runs every canary this often, whatever it says itself.
    pub every: Option<Duration>,
    /// By how much times of cron expressions are shifted at most, so that canaries with the same one do not all start
    /// in the same instant.
    pub jitter: Duration,
    /// The limits of each run.
    pub limits: Limits,
    /// How long a run that has ended waits for the store before it is told of all the same. It is kept later, then.
    pub keep: Duration,
    /// How long a stopping service waits for runs in flight before it cancels them.
    pub patience: Duration,
    /// How long stopping takes at most, cancelling and keeping included.
    pub end: Duration,
    /// Where the traces of finished runs go.
    pub traces: Option<Traces>,
    /// Who is told of what fails.
    pub alerts: Alerts,
    /// What answers as long as the network of this machine works. If one of them has fallen silent, a target that
    /// cannot be reached has not failed. Of no use for a target on this machine.
    pub anchors: Vec<Anchor>,
}

/// Who is told of what fails. By default nobody is.
#[derive(Clone, Default)]
pub struct Alerts {
    /// All notifiers.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// The names of those that tell the engineer on call.
    pub notify: Vec<String>,
    /// The name of the one that is told what another one does not take.
    pub second: Option<String>,
    /// The names of those that tell the owners of canaries.
    pub owners: Vec<String>,
    /// When the pager is drilled.
    pub drills: Option<Rhythm>,
    /// What is pinged while all is well with the service itself.
    pub heartbeat: Option<Arc<Heartbeat>>,
}

impl ServiceOptions {
    /// Against the target of `start`, without a journal.
    #[must_use]
    pub fn new(start: &Start) -> Self {
        Self {
            resources: start.resources.clone(),
            redactor: start.redactor.clone(),
            ..Self::watching(&start.target)
        }
    }

    /// Against a target with this name, with nothing for steps to hold and no secrets.
    #[must_use]
    pub fn watching(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            resources: Resources::new(),
            redactor: Redactor::new(),
            journal: Arc::new(NoJournal),
            location: "local".to_owned(),
            clock: Clock::system(),
            every: None,
            jitter: Duration::from_secs(1),
            limits: Limits::default(),
            keep: Duration::from_secs(10),
            // Who stops services gives them half a minute, often.
            patience: Duration::from_secs(10),
            end: Duration::from_secs(25),
            traces: None,
            alerts: Alerts::default(),
            anchors: Vec::new(),
        }
    }
}

/// Why a service does not start. Nothing has run.
#[derive(Debug)]
pub enum ServiceError {
    /// What canaries say of their schedules cannot be followed.
    Schedule(Vec<RhythmError>),
    /// Steps need what they would not be given.
    Plan(PlanError),
    /// The store cannot be read.
    Store(StoreError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule(mistakes) => {
                f.write_str("the schedule cannot be followed:")?;
                mistakes.iter().try_for_each(|it| write!(f, "\n- {it}"))
            }
            Self::Plan(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServiceError {}

impl From<PlanError> for ServiceError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
