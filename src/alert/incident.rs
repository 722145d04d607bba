//! What is open, or was: plain data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::verdict::{Cause, Severity};

/// Something that is wrong for longer than a moment, from its opening to its close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Unique, and short enough to be typed: `i-7k2m9q4x`.
    pub id: String,
    /// What it is about, the same for each incident about the same: `suite/location/canary/step`. PagerDuty's
    /// `dedup_key`.
    pub key: String,
    /// Whom it concerns, and why.
    pub kind: Kind,
    /// The canary; empty where it is about the service itself.
    pub canary: String,
    /// The failed steps that everything else follows from; of [`Kind::Step`] exactly one. The newest evidence of each.
    pub roots: Vec<Evidence>,
    /// The loudest of its roots.
    pub severity: Severity,
    /// When the first run began that speaks for it.
    pub since: Timestamp,
    /// When it was decided.
    pub opened: Timestamp,
    /// The run that decided it.
    pub run: Option<String>,
    /// The last run before it in which all was well.
    pub last_green: Option<Green>,
    /// Who takes care of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// How many times it is to be told: 1 when it opens, one more with each reminder. Who is told of a higher number
    /// than before is told again.
    pub rounds: u32,
    /// When it is to be told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// Why nobody is told of it at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// When it ended, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// Whom an incident concerns, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One step has failed.
    Step,
    /// Many steps have failed at once, or another one from run to run: one page for the whole canary.
    Canary,
    /// No run could tell anything for a long time: for the canary's owners.
    Inconclusive,
    /// What runs created could not be removed: for the canary's owners.
    Leftovers,
    /// The canary does not run when it should: for the canary's owners.
    Missed,
    /// A page to try the way: labelled as such, resolved as soon as it has been seen to exist.
    Drill,
}

impl Kind {
    /// Who is told.
    #[must_use]
    pub fn audience(self) -> Audience {
        match self {
            Self::Step | Self::Canary | Self::Drill => Audience::OnCall,
            Self::Inconclusive | Self::Leftovers | Self::Missed => Audience::Owners,
        }
    }

    /// The kind's word, as it stands in JSON and keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Canary => "canary",
            Self::Inconclusive => "inconclusive",
            Self::Leftovers => "leftovers",
            Self::Missed => "missed",
            Self::Drill => "drill",
        }
    }
}

/// Who is told of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The product's engineer on call.
    OnCall,
    /// Those who own the canary. Nobody is woken.
    Owners,
}

/// What one run says against one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The step as people read it: `sign_up`, or `fixture workspace`.
    pub step: String,
    /// What it promises.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub promise: String,
    /// How loud it is.
    pub severity: Severity,
    /// Why it failed.
    pub cause: Cause,
    /// What was expected and what was found, one sentence.
    pub message: String,
    /// What to do about it, if the failure says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The request that it is about: method, address, status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The product's own id of that request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// Steps that it blocked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// The run.
    pub run: String,
    /// The run's W3C trace id.
    pub trace: String,
    /// When the run began.
    pub started: Timestamp,
}

/// A run in which all was well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Green {
    /// The run.
    pub run: String,
    /// When it began.
    pub started: Timestamp,
}

/// Somebody takes care of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Since when.
    pub at: Timestamp,
    /// Who, as they are called where they said so.
    pub by: String,
}

/// Why nobody is told of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Held {
    /// A maintenance window or a mute.
    Silence {
        /// Its id.
        silence: String,
        /// Whether it was planned.
        kind: super::silence::SilenceKind,
        /// What was said.
        reason: String,
        /// When it ends.
        until: Timestamp,
    },
    /// Somebody has resolved it where it was told, although the canary is still down. It is told anew at that time.
    Resolved {
        /// Who.
        who: String,
        /// When it is told anew if the canary is still down.
        until: Option<Timestamp>,
    },
    /// The canary is paused: nobody sees how it goes on, and nobody is reminded.
    Paused,
}

/// The end of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Ending,
    /// The run that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Why an incident has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Enough runs in a row have passed.
    Green,
    /// The step or the canary is no part of the suite any more.
    Removed,
    /// It has become part of the page for the whole canary.
    Merged,
    /// It was a drill, and is over.
    Drilled,
}
