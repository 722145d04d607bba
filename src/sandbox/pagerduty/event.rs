//! What may be sent to the Events API, and the literal complaints about what may not.
//!
//! Where only the pattern of a complaint is known, ours follow it \[C\]; clients show them to people and go by the
//! status.

use std::sync::Arc;

use jiff::{Timestamp, civil::DateTime};
use serde_json::{Map, Value};

use super::incident::Severity;

/// The largest event, in bytes \[V\].
pub(super) const LARGEST: usize = 512 * 1024;

/// The longest summary, in characters \[V\].
const LONGEST_SUMMARY: usize = 1024;

/// The longest key of an incident, in characters \[V\].
const LONGEST_KEY: usize = 255;

/// The length of a routing key \[V\].
const ROUTING_KEY: usize = 32;

/// What an event wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Trigger,
    Acknowledge,
    Resolve,
}

/// An event that PagerDuty takes.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) verb: Verb,
    /// Always there unless it is a trigger.
    pub(super) key: Option<String>,
    /// Empty unless it is a trigger.
    pub(super) summary: String,
    /// Means nothing unless it is a trigger.
    pub(super) severity: Severity,
    pub(super) has_details: bool,
    /// The event as it came.
    pub(super) text: Arc<str>,
}

/// A body that is a JSON object with a well-formed routing key: enough to know whose limit it counts for.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) routing_key: String,
    fields: Map<String, Value>,
    text: Arc<str>,
}

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// It cannot be read \[V\].
    Unrecognized,
    /// It can be read, and these are the complaints.
    Because(Vec<String>),
}

/// Whether PagerDuty gives routing keys of this form.
pub(super) fn is_routing_key(key: &str) -> bool {
    key.len() == ROUTING_KEY && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Envelope {
    /// Reads a body as far as the routing key.
    pub(super) fn open(body: &[u8]) -> Result<Envelope, Invalid> {
        if body.len() > LARGEST {
            // That it is 400 is hearsay [S]; the text is ours [C].
            return Err(Invalid::Because(vec!["Event is too large (maximum is 512 KB)".to_owned()]));
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Err(Invalid::Unrecognized);
        };
        let mut complaints = Complaints::default();
        let routing_key = complaints.required("", "routing_key", &fields).unwrap_or_default().to_owned();
        if !routing_key.is_empty() {
            if routing_key.chars().count() != ROUTING_KEY {
                complaints.say("Length of 'routing_key' is incorrect (should be 32 characters)");
            }
            if !routing_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                complaints.say("'routing_key' cannot contain non-alphanumeric characters.");
            }
        }
        complaints.none()?;
        Ok(Envelope { routing_key, fields, text: String::from_utf8_lossy(body).into() })
    }

    /// Reads the rest as an event.
    pub(super) fn event(self) -> Result<Event, Invalid> {
        let Envelope { routing_key: _, fields, text } = self;
        let mut complaints = Complaints::default();
        let verb = match complaints.required("", "event_action", &fields) {
            Some("trigger") => Some(Verb::Trigger),
            Some("acknowledge") => Some(Verb::Acknowledge),
            Some("resolve") => Some(Verb::Resolve),
            Some(_) => {
                complaints.say(
                    "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')",
                );
                None
            }
            None => None,
        };
        let key = match verb {
            Some(Verb::Acknowledge | Verb::Resolve) => complaints.required("", "dedup_key", &fields),
            Some(Verb::Trigger) | None => complaints.optional("", "dedup_key", &fields),
        };
        if key.is_some_and(|key| key.chars().count() > LONGEST_KEY) {
            complaints.say("'dedup_key' is too long (maiximum is 255 characters)");
        }
        let mut event = Event {
            verb: verb.unwrap_or(Verb::Resolve),
            key: key.map(str::to_owned),
            summary: String::new(),
            severity: Severity::Critical,
            has_details: false,
            text,
        };
        if verb == Some(Verb::Trigger) {
            match fields.get("payload") {
                Some(Value::Object(payload)) => complaints.trigger(payload, &mut event),
                Some(Value::Null) | None => complaints.say("'payload' is missing or blank"),
                Some(_) => complaints.say("'payload' is not an object"),
            }
            complaints.each("images", "src", &fields);
            complaints.each("links", "href", &fields);
            complaints.optional("", "client", &fields);
            complaints.optional("", "client_url", &fields);
        }
        complaints.none()?;
        Ok(event)
    }

    /// Reads the rest as a change event, of which nothing else is wanted.
    pub(super) fn change(self) -> Result<(), Invalid> {
        let mut complaints = Complaints::default();
        match self.fields.get("payload") {
            Some(Value::Object(payload)) => {
                complaints.summary(payload);
                complaints.optional("payload.", "source", payload);
                complaints.details(payload);
            }
            Some(Value::Null) | None => complaints.say("'payload' is missing or blank"),
            Some(_) => complaints.say("'payload' is not an object"),
        }
        complaints.each("images", "src", &self.fields);
        complaints.each("links", "href", &self.fields);
        complaints.none()
    }
}

/// What is wrong with one event, in the order of looking.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn say(&mut self, complaint: impl Into<String>) {
        self.0.push(complaint.into());
    }

    fn none(self) -> Result<(), Invalid> {
        if self.0.is_empty() { Ok(()) } else { Err(Invalid::Because(self.0)) }
    }

    /// A text that may be absent; blank is as good as absent.
    fn optional<'a>(&mut self, prefix: &str, name: &str, fields: &'a Map<String, Value>) -> Option<&'a str> {
        match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
            Some(_) => {
                self.say(format!("'{prefix}{name}' is not a string"));
                None
            }
        }
    }

    /// A text that must be there.
    fn required<'a>(&mut self, prefix: &str, name: &str, fields: &'a Map<String, Value>) -> Option<&'a str> {
        let before = self.0.len();
        let text = self.optional(prefix, name, fields);
        if text.is_none() && self.0.len() == before {
            self.say(format!("'{prefix}{name}' is missing or blank"));
        }
        text
    }

    fn trigger(&mut self, payload: &Map<String, Value>, event: &mut Event) {
        event.summary = self.summary(payload);
        self.required("payload.", "source", payload);
        let severity = self.required("payload.", "severity", payload);
        match severity.map(Severity::parse) {
            Some(Some(severity)) => event.severity = severity,
            Some(None) => self.say(
                "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
            ),
            None => {}
        }
        for name in ["component", "group", "class"] {
            self.optional("payload.", name, payload);
        }
        event.has_details = self.details(payload);
    }

    fn summary(&mut self, payload: &Map<String, Value>) -> String {
        let summary = self.required("payload.", "summary", payload).unwrap_or_default();
        if summary.chars().count() > LONGEST_SUMMARY {
            // The misspelling is the server's [S].
            self.say("'summary' is too long (maiximum is 1024 characters)");
        }
        summary.to_owned()
    }

    /// The optional parts that events and change events have in common. Whether there are custom details.
    fn details(&mut self, payload: &Map<String, Value>) -> bool {
        let timestamp = self.optional("payload.", "timestamp", payload);
        if timestamp.is_some_and(|text| !is_time(text)) {
            self.say("'payload.timestamp' is invalid");
        }
        match payload.get("custom_details") {
            None | Some(Value::Null) => false,
            Some(Value::Object(_)) => true,
            Some(_) => {
                self.say("'payload.custom_details' is not an object");
                true
            }
        }
    }

    /// A list of objects, each with one text that must be there: an address.
    fn each(&mut self, list: &str, name: &str, fields: &Map<String, Value>) {
        let items = match fields.get(list) {
            None | Some(Value::Null) => return,
            Some(Value::Array(items)) => items,
            Some(_) => return self.say(format!("'{list}' is not an array")),
        };
        for (at, item) in items.iter().enumerate() {
            match item {
                Value::Object(fields) => {
                    let prefix = format!("{list}[{at}].");
                    let address = self.required(&prefix, name, fields);
                    // Images must not be mixed content on the page [V].
                    if list == "images" && address.is_some_and(|address| !address.starts_with("https://")) {
                        self.say(format!("'{prefix}{name}' is invalid (must be https)"));
                    }
                }
                _ => self.say(format!("'{list}[{at}]' is not an object")),
            }
        }
    }
}

/// ISO 8601, with an offset in any form or without \[V\].
fn is_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok()
}
