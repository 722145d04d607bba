//! An incident and what happened to it, as plain data: what tests look at.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

/// An incident. It has one alert, as incidents that are made by events have \[V\], so that the two are one thing here.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What the REST API calls it.
    pub id: String,
    /// Counted from 1, in the order in which they were opened.
    pub number: u64,
    /// The key by which events name it.
    pub key: String,
    /// The summary of the trigger that opened it; later ones change nothing \[V\].
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// How loud people are called.
    pub urgency: Urgency,
    /// What the trigger that opened it said.
    pub severity: Severity,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last acknowledged; none if that has timed out since.
    pub acknowledged_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Who resolved it.
    pub resolved_by: Option<Agent>,
    /// When it last changed its status, and who changed it.
    pub changed: (Timestamp, Agent),
    /// What happened to it, oldest first. Of more than [`Incident::LOG`] things, the first and the latest are kept.
    pub log: Vec<Entry>,
    /// How many events there were for it, whatever the log has kept.
    pub events: u64,
}

impl Incident {
    /// The length of the longest log.
    pub const LOG: usize = 32;

    /// Writes down what happened.
    pub(super) fn record(&mut self, entry: Entry) {
        if entry.by == Agent::Event {
            self.events += 1;
        }
        if self.log.len() == Incident::LOG {
            self.log.remove(1);
        }
        self.log.push(entry);
    }
}

/// One thing that happened to an incident.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: Agent,
    /// What.
    pub action: Action,
    /// The event as it came, if one did it.
    pub body: Option<Arc<str>>,
}

impl Entry {
    /// The event, read; `null` if it was none.
    #[must_use]
    pub fn json(&self) -> Value {
        self.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// People are being called.
    Triggered,
    /// Somebody has it.
    Acknowledged,
    /// It is over, for good: the next trigger opens another one \[V\].
    Resolved,
}

impl Status {
    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
        }
    }
}

/// How bad an event says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `info`
    Info,
    /// `warning`
    Warning,
    /// `error`
    Error,
    /// `critical`
    Critical,
}

impl Severity {
    /// As the API spells it; only in lower case \[V\].
    #[must_use]
    pub fn parse(name: &str) -> Option<Severity> {
        [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical]
            .into_iter()
            .find(|severity| severity.name() == name)
    }

    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }

    /// What a service makes of it that goes by severity \[M\].
    #[must_use]
    pub fn urgency(self) -> Urgency {
        match self {
            Severity::Info | Severity::Warning => Urgency::Low,
            Severity::Error | Severity::Critical => Urgency::High,
        }
    }
}

/// How loud people are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It rings.
    High,
    /// It can wait.
    Low,
}

impl Urgency {
    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Urgency::High => "high",
            Urgency::Low => "low",
        }
    }
}

/// Who does something to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// A program, by the Events API.
    Event,
    /// A person, on the page or by the REST API.
    Person,
    /// Time.
    Timeout,
}

/// What is done to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens it, or says once more what is known.
    Trigger,
    /// Takes it.
    Acknowledge,
    /// Ends it.
    Resolve,
    /// Gives it back: whoever had it has not ended it in time.
    Unacknowledge,
}
