//! Somebody wants to know now.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Service, actor::Command};
use crate::{
    record::RunRecord,
    store::{Summary, Trigger},
};

/// How somebody asks for a run.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Only a run will do that starts after the question: after a deploy, for example. Otherwise the run in flight, if
    /// there is one.
    pub fresh: bool,
    /// What the run is started by, if it takes a new one.
    pub trigger: Trigger,
    /// How long the asker waits. The run goes on all the same. With nothing, the answer is the run's id, at once.
    pub limit: Duration,
}

impl Default for Ask {
    fn default() -> Self {
        Self { fresh: false, trigger: Trigger::Request, limit: Duration::from_secs(15 * 60) }
    }
}

/// What somebody who asked is told.
#[derive(Clone, Debug)]
pub enum Answered {
    /// The run has ended.
    Ended {
        /// What is known without the record.
        summary: Arc<Summary>,
        /// All of it.
        record: Arc<RunRecord>,
    },
    /// It is still running, or will start as soon as the run in flight has ended; the asker's time is over.
    Running {
        /// The run's id.
        run: String,
        /// When it began, if it had begun when somebody asked.
        since: Option<Timestamp>,
    },
}

/// Why there is no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such canary.
    UnknownCanary {
        /// The name asked for.
        name: String,
        /// The one that was most likely meant.
        nearest: Option<String>,
    },
    /// The service is stopping.
    Stopping,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCanary { name, nearest: Some(nearest) } => {
                write!(f, "there is no canary `{name}`; did you mean `{nearest}`?")
            }
            Self::UnknownCanary { name, nearest: None } => {
                write!(f, "there is no canary `{name}`; the status page lists them")
            }
            Self::Stopping => f.write_str("the service is stopping; ask again when it has started"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A run that somebody waits for.
pub(super) struct Accepted {
    pub(super) run: String,
    /// When it began, if it has.
    pub(super) since: Option<Timestamp>,
    pub(super) end: watch::Receiver<Option<Ended>>,
}

/// A run that has ended, for those who wait.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) summary: Arc<Summary>,
    pub(super) record: Arc<RunRecord>,
}

impl Service {
    /// Runs a canary now, or joins the run in flight, and waits for its end.
    ///
    /// The run belongs to the service: whoever stops waiting changes nothing about it.
    ///
    /// # Errors
    /// If there is no such canary, or the service is stopping.
    pub async fn run(&self, canary: &str, ask: Ask) -> Result<Answered, Refusal> {
        let Ask { fresh, trigger, limit } = ask;
        let accepted = self.command(canary, |reply| Command::Ask { fresh, trigger, reply }).await?;
        let Accepted { run, since, mut end } = accepted;
        match tokio::time::timeout(limit, end.wait_for(Option::is_some)).await {
            Ok(Ok(ended)) => match ended.as_ref() {
                Some(Ended { summary, record }) => {
                    Ok(Answered::Ended { summary: Arc::clone(summary), record: Arc::clone(record) })
                }
                None => Err(Refusal::Stopping),
            },
            // Nobody runs it any more.
            Ok(Err(_)) => Err(Refusal::Stopping),
            Err(_) => Ok(Answered::Running { run, since }),
        }
    }
}
