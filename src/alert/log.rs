//! What has happened to an incident, line by line: what `canaries explain` tells.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::notifier::Action;

/// One thing that happened to an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The incident's id.
    pub incident: String,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// What can happen to an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "happened", rename_all = "snake_case")]
pub enum Happened {
    /// It was decided that something is wrong: the rule, in words, with the runs that it counted.
    Opened {
        /// For example `failed in 2 of the last 3 runs: 7k2m, 9q4x`.
        why: String,
    },
    /// Another step is part of it from now on.
    Joined {
        /// The step.
        step: String,
    },
    /// Nobody is told for now.
    Held {
        /// Why.
        why: String,
    },
    /// What held it is over.
    Released {
        /// What that was.
        why: String,
    },
    /// Somebody takes care of it.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// It is told again.
    Reminded {
        /// Which time this is.
        round: u32,
    },
    /// It is over.
    Closed {
        /// The rule, in words.
        why: String,
    },
    /// A notifier was asked to tell of it.
    Sent {
        /// Which one.
        notifier: String,
        /// What was to be told.
        action: Action,
        /// The how manieth attempt at this it was, from 1.
        attempt: u32,
        /// Whether the short form was sent, because the whole one had been refused.
        minimal: bool,
        /// How it ended.
        outcome: OutcomeWord,
        /// What the notifier answered, or why there is no answer.
        answer: String,
        /// How long it took.
        took_ms: f64,
    },
    /// Attempts that are not told one by one.
    More {
        /// Which notifier.
        notifier: String,
        /// How many failed meanwhile.
        attempts: u32,
        /// What the last of them ended with.
        answer: String,
    },
    /// Another notifier is told as well.
    Escalated {
        /// Which one did not take it.
        from: String,
        /// Which one is told instead.
        to: Option<String>,
        /// Why.
        why: String,
    },
    /// Nobody was told, and nobody will be.
    NotTold {
        /// Which notifier would have been.
        notifier: String,
        /// Why.
        why: String,
    },
    /// What a notifier had taken is not there.
    Swallowed {
        /// Which notifier.
        notifier: String,
        /// What was found.
        why: String,
    },
    /// Somebody has resolved it where it was told.
    ResolvedByHuman {
        /// Which notifier.
        notifier: String,
        /// Who, as far as that is known.
        by: String,
    },
    /// A notifier shows it as open.
    Confirmed {
        /// Which notifier.
        notifier: String,
        /// Where.
        place: String,
    },
}

/// How an attempt ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// Taken.
    Accepted,
    /// Not taken, and never will be in this form.
    Refused,
    /// Not taken for now.
    NotTaken,
    /// It may have been taken.
    Unknown,
}
