//! All incidents of one service, and the one place where they change: by events, by people and by time.
//!
//! Time is not watched: whoever looks or changes something says what time it is, and what was due until then is done
//! first, at the instant at which it was due.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Event, Verb},
    incident::{Action, Agent, Entry, Incident, Status},
};

/// How many incidents are remembered; the oldest that are resolved go first.
const KEPT: usize = 20_000;

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Opens an incident.
    Opens,
    /// Is written down with the open incident and changes nothing.
    Logged,
    /// Somebody has the incident.
    Acknowledges,
    /// Ends the incident.
    Resolves,
    /// Nothing at all; the sender is not told \[V\].
    Dropped,
}

/// What an event does to the open incident of its key, if there is one \[V\]. A resolved one is as good as none.
fn effect(open: Option<Status>, verb: Verb) -> Effect {
    match (open, verb) {
        (None | Some(Status::Resolved), Verb::Trigger) => Effect::Opens,
        (None | Some(Status::Resolved), Verb::Acknowledge | Verb::Resolve) => Effect::Dropped,
        (Some(Status::Triggered), Verb::Acknowledge) => Effect::Acknowledges,
        (Some(Status::Triggered | Status::Acknowledged), Verb::Trigger)
        | (Some(Status::Acknowledged), Verb::Acknowledge) => Effect::Logged,
        (Some(Status::Triggered | Status::Acknowledged), Verb::Resolve) => Effect::Resolves,
    }
}

/// What time does to incidents that people leave alone; `None` for nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// After so long an incident is resolved. From its opening \[M\].
    pub(super) auto_resolve: Option<SignedDuration>,
    /// After so long whoever has acknowledged has it no more \[V\].
    pub(super) acknowledgement: Option<SignedDuration>,
}

impl Timeouts {
    /// What is the next to happen to an open incident, and when.
    fn next(&self, incident: &Incident) -> Option<(Timestamp, Action)> {
        let after = |since: Timestamp, span: SignedDuration| since.checked_add(span).ok();
        let resolve = self.auto_resolve.and_then(|span| after(incident.created_at, span));
        let acknowledged = incident.acknowledged_at.filter(|_| incident.status == Status::Acknowledged);
        let unacknowledge =
            acknowledged.zip(self.acknowledgement).and_then(|(since, span)| after(since, span));
        match (resolve, unacknowledge) {
            (Some(resolve), Some(other)) if other < resolve => Some((other, Action::Unacknowledge)),
            (Some(resolve), _) => Some((resolve, Action::Resolve)),
            (None, Some(other)) => Some((other, Action::Unacknowledge)),
            (None, None) => None,
        }
    }
}

/// All incidents of one service.
#[derive(Debug)]
pub(super) struct Incidents {
    timeouts: Timeouts,
    /// By number, and so by age.
    by_number: BTreeMap<u64, Incident>,
    /// The number of the open incident of each key that has one.
    open: HashMap<String, u64>,
    /// No time-out is due before this instant.
    next_due: Timestamp,
    opened: u64,
}

impl Incidents {
    pub(super) fn new(timeouts: Timeouts) -> Incidents {
        Incidents {
            timeouts,
            by_number: BTreeMap::new(),
            open: HashMap::new(),
            next_due: Timestamp::MAX,
            opened: 0,
        }
    }

    /// Takes an event. Whether new incidents may be opened is the service's affair.
    pub(super) fn take(&mut self, now: Timestamp, event: &Event, key: &str, opens: bool) -> Effect {
        self.settle(now);
        let number = self.open.get(key).copied();
        let incident = number.and_then(|number| self.by_number.get_mut(&number));
        let effect = effect(incident.as_ref().map(|incident| incident.status), event.verb);
        let entry = Entry {
            at: now,
            by: Agent::Event,
            action: match event.verb {
                Verb::Trigger => Action::Trigger,
                Verb::Acknowledge => Action::Acknowledge,
                Verb::Resolve => Action::Resolve,
            },
            body: Some(Arc::clone(&event.text)),
        };
        match (effect, incident) {
            (Effect::Opens, _) if opens => self.open(event, key, entry),
            (Effect::Acknowledges | Effect::Resolves, Some(_)) => {
                if let Some(number) = number {
                    self.change(number, entry);
                }
            }
            (Effect::Logged, Some(incident)) => incident.record(entry),
            (
                Effect::Opens | Effect::Acknowledges | Effect::Resolves | Effect::Logged | Effect::Dropped,
                _,
            ) => {}
        }
        effect
    }

    /// A person acknowledges or resolves an incident. Whether it was open.
    pub(super) fn person(&mut self, now: Timestamp, number: u64, action: Action) -> bool {
        self.settle(now);
        let open = self.by_number.get(&number).is_some_and(|incident| incident.status != Status::Resolved);
        if open {
            self.change(number, Entry { at: now, by: Agent::Person, action, body: None });
        }
        open
    }

    /// Does what has become due until now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        if now < self.next_due {
            return;
        }
        let open: Vec<u64> = self.open.values().copied().collect();
        for number in open {
            while let Some(incident) = self.by_number.get(&number)
                && incident.status != Status::Resolved
                && let Some((due, action)) = self.timeouts.next(incident)
                && due <= now
            {
                self.change(number, Entry { at: due, by: Agent::Timeout, action, body: None });
            }
        }
        let left = self.open.values().filter_map(|number| self.by_number.get(number));
        self.next_due = left
            .filter_map(|incident| self.timeouts.next(incident))
            .map(|(due, _)| due)
            .min()
            .unwrap_or(Timestamp::MAX);
    }

    /// The number of the open incident of a key.
    pub(super) fn open_number(&self, key: &str) -> Option<u64> {
        self.open.get(key).copied()
    }

    /// The keys that have an open incident.
    pub(super) fn open_keys(&self) -> impl Iterator<Item = &str> {
        self.open.keys().map(String::as_str)
    }

    /// All that are remembered, oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.by_number.values()
    }

    /// The one that the REST API calls so.
    pub(super) fn by_id(&self, id: &str) -> Option<&Incident> {
        self.by_number.get(&number_of(id)?)
    }

    /// How many have been opened, remembered or not.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    fn open(&mut self, event: &Event, key: &str, entry: Entry) {
        self.opened += 1;
        let number = self.opened;
        let mut incident = Incident {
            id: id_of(number),
            number,
            key: key.to_owned(),
            title: event.summary.clone(),
            status: Status::Triggered,
            urgency: event.severity.urgency(),
            severity: event.severity,
            created_at: entry.at,
            acknowledged_at: None,
            resolved_at: None,
            resolved_by: None,
            changed: (entry.at, entry.by),
            log: Vec::new(),
            events: 0,
        };
        incident.record(entry);
        self.note_due(&incident);
        self.open.insert(key.to_owned(), number);
        self.by_number.insert(number, incident);
        if self.by_number.len() > KEPT {
            let oldest = self.by_number.values().find(|incident| incident.status == Status::Resolved);
            if let Some(number) = oldest.map(|incident| incident.number) {
                self.by_number.remove(&number);
            }
        }
    }

    /// Changes the status of an open incident.
    fn change(&mut self, number: u64, entry: Entry) {
        let Some(incident) = self.by_number.get_mut(&number) else { return };
        let Entry { at, by, action, body: _ } = entry;
        incident.changed = (at, by);
        match action {
            Action::Trigger => {}
            Action::Acknowledge => {
                incident.status = Status::Acknowledged;
                incident.acknowledged_at = Some(at);
            }
            Action::Unacknowledge => {
                incident.status = Status::Triggered;
                incident.acknowledged_at = None;
            }
            Action::Resolve => {
                incident.status = Status::Resolved;
                incident.resolved_at = Some(at);
                incident.resolved_by = Some(by);
                self.open.remove(&incident.key);
            }
        }
        incident.record(entry);
        let due = self.timeouts.next(incident).filter(|_| incident.status != Status::Resolved);
        self.next_due = due.map_or(self.next_due, |(due, _)| due.min(self.next_due));
    }

    fn note_due(&mut self, incident: &Incident) {
        if let Some((due, _)) = self.timeouts.next(incident) {
            self.next_due = due.min(self.next_due);
        }
    }
}

/// The id of an incident: of the form that PagerDuty's have \[S\], and its number in disguise.
fn id_of(number: u64) -> String {
    let mut digits = Vec::new();
    let mut left = number;
    while left > 0 {
        digits.push(char::from_digit(u32::try_from(left % 36).unwrap_or_default(), 36).unwrap_or('0'));
        left /= 36;
    }
    let digits: String = digits.iter().rev().collect();
    format!("Q{:0>13}", digits.to_uppercase())
}

fn number_of(id: &str) -> Option<u64> {
    let number = u64::from_str_radix(id.strip_prefix('Q')?, 36).ok()?;
    (id_of(number) == id).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pagerduty::Severity;

    #[test]
    fn an_id_leads_to_its_number() {
        for number in [1, 35, 36, 123_456_789, u64::MAX] {
            let id = id_of(number);
            assert_eq!((id.len(), number_of(&id)), (14, Some(number)), "{id}");
        }
        for other in ["", "Q", "Q1", "q0000000000001", "Q00000000000-1", "P0000000000001"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }

    #[test]
    fn every_event_has_one_effect_on_every_status() {
        use super::{Effect::*, Status::*, Verb::*};
        let table = [
            (None, Trigger, Opens),
            (None, Acknowledge, Dropped),
            (None, Resolve, Dropped),
            (Some(Triggered), Trigger, Logged),
            (Some(Triggered), Acknowledge, Acknowledges),
            (Some(Triggered), Resolve, Resolves),
            (Some(Acknowledged), Trigger, Logged),
            (Some(Acknowledged), Acknowledge, Logged),
            (Some(Acknowledged), Resolve, Resolves),
            (Some(Resolved), Trigger, Opens),
            (Some(Resolved), Acknowledge, Dropped),
            (Some(Resolved), Resolve, Dropped),
        ];
        for (open, verb, expected) in table {
            assert_eq!(effect(open, verb), expected, "{verb:?} while {open:?}");
        }
    }

    #[test]
    fn the_oldest_that_are_resolved_are_forgotten_and_no_open_one() {
        let mut incidents = Incidents::new(Timeouts { auto_resolve: None, acknowledgement: None });
        let mut send = |verb, key: &str| {
            let event = Event {
                verb,
                key: None,
                summary: String::new(),
                severity: Severity::Info,
                has_details: false,
                text: "{}".into(),
            };
            incidents.take(Timestamp::UNIX_EPOCH, &event, key, true)
        };
        send(Verb::Trigger, "open");
        for _ in 0..KEPT + 1 {
            assert_eq!(send(Verb::Trigger, "k"), Effect::Opens);
            assert_eq!(send(Verb::Resolve, "k"), Effect::Resolves);
        }
        let numbers: Vec<u64> = incidents.all().map(|incident| incident.number).collect();
        assert_eq!((numbers.len(), &numbers[..2]), (KEPT, &[1, 4][..]));
        assert_eq!((incidents.opened(), incidents.by_id(&id_of(2)).is_none()), (KEPT as u64 + 2, true));
    }
}
