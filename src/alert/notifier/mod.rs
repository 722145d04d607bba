//! Ways out for a page. Each is a pure payload function with a thin sender.

pub mod alertmanager;
mod configured;
pub(super) mod http;
pub mod mail;
pub mod pagerduty;
pub mod slack;
pub mod webhook;

use std::{future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{log::OutcomeWord, page::Page};

/// What a notifier is asked to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Something is wrong; or it still is.
    Trigger,
    /// Somebody takes care of it.
    Acknowledge,
    /// It is over.
    Resolve,
}

impl Action {
    /// The action's word, as it stands in JSON, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

/// What came of asking a notifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has taken it.
    Accepted {
        /// What it said.
        answer: String,
    },
    /// It has not taken it, and never will in this form: a 400.
    Refused {
        /// What it said.
        answer: String,
    },
    /// It has not taken it for now, for certain: nobody there, too many requests.
    NotTaken {
        /// Why.
        why: String,
        /// When to ask again, if it says so.
        retry_after: Option<Duration>,
    },
    /// It may have taken it: time-out, a connection cut after the request, a 5xx.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// In one word.
    #[must_use]
    pub fn word(&self) -> OutcomeWord {
        match self {
            Self::Accepted { .. } => OutcomeWord::Accepted,
            Self::Refused { .. } => OutcomeWord::Refused,
            Self::NotTaken { .. } => OutcomeWord::NotTaken,
            Self::Unknown { .. } => OutcomeWord::Unknown,
        }
    }

    /// What was said, or why nothing was.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Accepted { answer } | Self::Refused { answer } => answer,
            Self::NotTaken { why, .. } | Self::Unknown { why } => why,
        }
    }
}

/// How a notifier behaves, as far as delivery has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// What settings and logs call it: `pagerduty`, `slack`.
    pub name: String,
    /// It keeps a state per key: a trigger sent twice is one, a resolve of nothing is dropped. What has an unknown
    /// outcome may be sent again to it without harm, and a resolve is repeated. Others show each message to somebody.
    pub absorbs: bool,
    /// Whether it is told that somebody has acknowledged.
    pub acknowledges: bool,
    /// It forgets what it is not told again within so long (Alertmanager): what is open is sent again so often.
    pub refresh: Option<Duration>,
    /// So many requests may be made at once.
    pub burst: u32,
    /// So many more a minute.
    pub per_minute: u32,
}

/// What is done when it is done.
pub type Sending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way out for a page.
pub trait Notifier: Send + Sync + 'static {
    /// How it behaves.
    fn manner(&self) -> &Manner;

    /// Tells of an incident. Takes no longer than a limit of its own. `minimal` asks for the shortest form that says
    /// what is wrong, after the whole one was refused.
    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome>;

    /// Where what was told can be looked up, if it can.
    fn remote(&self) -> Option<&dyn Remote> {
        None
    }
}

/// Where a notifier's incidents can be looked up.
pub trait Remote: Send + Sync {
    /// All that is open there whose key begins so.
    fn open<'a>(&'a self, prefix: &'a str) -> Sending<'a, Result<Vec<RemoteIncident>, String>>;

    /// What became of a key since that time, newest first, resolved ones included.
    fn of_key<'a>(
        &'a self,
        key: &'a str,
        since: Timestamp,
    ) -> Sending<'a, Result<Vec<RemoteIncident>, String>>;
}

/// An incident as the notifier's own service shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteIncident {
    /// Its id there.
    pub id: String,
    /// The key that we gave it.
    pub key: String,
    /// How it stands.
    pub status: RemoteStatus,
    /// When it was made there.
    pub created: Timestamp,
    /// When it was resolved there.
    pub resolved: Option<Timestamp>,
    /// Who acknowledged or resolved it last, if that was a person and is known.
    pub by: Option<String>,
    /// Its page there.
    pub url: Option<String>,
}

/// How an incident stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteStatus {
    /// Open.
    Triggered,
    /// Open, and somebody takes care of it.
    Acknowledged,
    /// Over.
    Resolved,
}
