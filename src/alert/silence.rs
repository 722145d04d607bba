//! Maintenance windows and mutes: times in which nobody is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time in which nobody is told of what fails. Runs go on, and evidence is gathered: what is still down at its end is
/// told then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Unique, and short enough to be typed.
    pub id: String,
    /// Whether it was planned.
    pub kind: SilenceKind,
    /// What it covers.
    pub scope: Scope,
    /// From when on.
    pub from: Timestamp,
    /// Until when; it ends then, or when somebody lifts it.
    pub until: Timestamp,
    /// What was said.
    pub reason: String,
    /// Who said it, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Whether a silence was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceKind {
    /// A maintenance window.
    Maintenance,
    /// A mute.
    Mute,
}

/// What a silence covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All canaries.
    Everything,
    /// One canary with all its steps.
    Canary(String),
    /// One step, as `canary` and the step as people read it.
    Step(String, String),
}

impl Scope {
    /// Reads `*`, `api` or `api::list_keys`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "" => None,
            "*" => Some(Self::Everything),
            text => Some(match text.split_once("::") {
                None => Self::Canary(text.to_owned()),
                Some(("", _) | (_, "")) => return None,
                Some((canary, step)) => Self::Step(canary.to_owned(), step.to_owned()),
            }),
        }
    }

    /// Whether it covers a step of a canary.
    #[must_use]
    pub fn covers(&self, canary: &str, step: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Canary(it) => it == canary,
            Self::Step(it, only) => it == canary && only == step,
        }
    }

    /// Whether it covers the canary as a whole.
    #[must_use]
    pub fn covers_all_of(&self, canary: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Canary(it) => it == canary,
            Self::Step(..) => false,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Canary(canary) => f.write_str(canary),
            Self::Step(canary, step) => write!(f, "{canary}::{step}"),
        }
    }
}

impl Silence {
    /// Whether it holds at that time.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}
