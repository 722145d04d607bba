//! What a book hands out to be kept, and how one is made of what was kept.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{Book, BookOptions, Changed};
use crate::{
    alert::{
        Audience, Closed, Ending, Incident, Silence,
        drill::DrillState,
        log::{Happened, LogEntry},
        post::{Line, LineId, Post},
        rules::{self, CanaryState},
    },
    store::{AlertRows, Document, IncidentRow, LogRow},
};

/// What was kept of a book.
#[derive(Debug, Default)]
pub struct KeptBook {
    /// Its documents.
    pub documents: Vec<Document>,
    /// Incidents: all that were open, and as many of the newest others as may still be spoken of.
    pub incidents: Vec<IncidentRow>,
}

const CANARY: &str = "canary";
const LINE: &str = "line";
const SILENCE: &str = "silence";
const DRILL: &str = "drill";
/// Counts what is handed out, so that no number is given twice.
const COUNTER: &str = "counter";

impl Book {
    /// A book as it was kept, or an empty one.
    ///
    /// What was on its way when the process ended may have arrived; canaries and steps that are no part of the suite any
    /// more take their incidents with them. Says what could not be read: that is begun anew.
    #[must_use]
    pub fn restore(options: BookOptions, kept: KeptBook, now: Timestamp) -> (Self, Vec<String>) {
        let BookOptions { context, watched, routes, second, ids } = options;
        let KeptBook { documents, incidents } = kept;
        let mut reader = Reader::default();
        let mut states: BTreeMap<String, CanaryState> = BTreeMap::new();
        let mut silences: Vec<Silence> = Vec::new();
        let mut lines: Vec<Line> = Vec::new();
        let mut drill = DrillState::default();
        let mut revision = incidents.iter().map(|it| it.revision).max().unwrap_or_default();
        for Document { name, revision: of, body } in documents {
            revision = revision.max(of);
            let body = body.unwrap_or_default();
            match name.split_once('/').unwrap_or((&name, "")) {
                (CANARY, canary) => {
                    states.extend(reader.read(&name, &body).map(|it| (canary.to_owned(), it)));
                }
                (LINE, _) => lines.extend(reader.read::<Line>(&name, &body)),
                (SILENCE, _) => silences.extend(reader.read::<Silence>(&name, &body)),
                (DRILL, _) => drill = reader.read(&name, &body).unwrap_or_default(),
                _ => {}
            }
        }
        silences.sort_by_key(|it| it.until);
        let closed: HashMap<String, Incident> = incidents
            .iter()
            .filter(|it| it.closed.is_some())
            .filter_map(|it| reader.read::<Incident>(&it.id, &it.body))
            .map(|it| (it.id.clone(), it))
            .collect();
        let open: Vec<Incident> =
            states.values().flat_map(|it| &it.incidents).chain(&drill.running).cloned().collect();
        let told = [Audience::OnCall, Audience::Owners];
        let told = told.into_iter().filter(|it| routes.iter().any(|route| route.tells(*it))).collect();
        let post = Post::restored(routes, second, lines, &open, now);
        let mut book = Self {
            context,
            watched,
            states,
            silences,
            post,
            told,
            drill,
            closed,
            revision,
            changed: Changed::default(),
            ids,
        };
        book.agree(&incidents, &mut reader, now);
        book.remove_what_is_gone(now);
        let log = book.post.log();
        book.note(log);
        book.forget_closed();
        book.tick(now);
        (book, reader.problems)
    }

    /// Brings rows and states together. Each is kept whole, but a process that is killed may have kept a state, which
    /// changes for many reasons, and not the run that changed it before.
    fn agree(&mut self, rows: &[IncidentRow], reader: &mut Reader, now: Timestamp) {
        let open: Vec<Incident> = self.open().cloned().collect();
        for row in rows.iter().filter(|it| it.closed.is_none() && open.iter().all(|open| open.id != it.id)) {
            let Some(mut incident) = reader.read::<Incident>(&row.id, &row.body) else { continue };
            incident.closed = Some(Closed { at: now, why: Ending::Green, run: None });
            let why = "it was over when the service was killed, and the run that had closed it is lost";
            let what = Happened::Closed { why: why.to_owned() };
            self.note(vec![LogEntry { incident: incident.id.clone(), at: now, what }]);
            self.closed.insert(incident.id.clone(), incident.clone());
            self.changed.incidents.insert(incident.id.clone(), incident);
        }
        for incident in open {
            if rows.iter().all(|it| it.id != incident.id) {
                self.changed.incidents.insert(incident.id.clone(), incident);
            }
        }
    }

    /// Closes the incidents of canaries and steps that are no part of the suite any more.
    fn remove_what_is_gone(&mut self, now: Timestamp) {
        let canaries: Vec<String> = self.states.keys().cloned().collect();
        for canary in canaries {
            let Some(state) = self.states.get_mut(&canary) else { continue };
            let watched = self.watched.iter().find(|it| it.canary == canary);
            let before = state.clone();
            let effects = rules::removed(state, watched, now);
            if *state != before {
                self.changed.canaries.insert(canary.clone());
            }
            let changed =
                state.incidents.iter().filter(|it| !before.incidents.contains(it)).cloned().collect();
            self.take(effects, changed, now);
        }
    }

    /// What has changed since this was called last, to be kept, all or nothing.
    #[must_use = "what is not kept is lost with the process"]
    pub fn rows(&mut self) -> AlertRows {
        let Changed { canaries, silences, drill, incidents, log } = std::mem::take(&mut self.changed);
        let lines = self.post.dirty();
        let mut rows = AlertRows { log, ..AlertRows::default() };
        for canary in canaries {
            let body = self.states.get(&canary).filter(|it| **it != CanaryState::default()).map(json);
            rows.documents.push(self.document(format!("{CANARY}/{canary}"), body));
        }
        for (LineId { key, notifier }, line) in lines {
            rows.documents.push(self.document(format!("{LINE}/{notifier}/{key}"), line.as_ref().map(json)));
        }
        for (id, silence) in silences {
            rows.documents.push(self.document(format!("{SILENCE}/{id}"), silence.as_ref().map(json)));
        }
        if drill {
            let body = Some(json(&self.drill));
            rows.documents.push(self.document(DRILL.to_owned(), body));
        }
        for incident in incidents.into_values() {
            self.revision += 1;
            rows.incidents.push(IncidentRow {
                id: incident.id.clone(),
                key: incident.key.clone(),
                canary: incident.canary.clone(),
                opened: incident.opened,
                closed: incident.closed.as_ref().map(|it| it.at),
                revision: self.revision,
                body: json(&incident),
            });
        }
        if !rows.is_empty() {
            let counter = self.document(COUNTER.to_owned(), Some("{}".to_owned()));
            rows.documents.push(counter);
        }
        rows
    }

    /// Takes note of what has happened.
    pub(super) fn note(&mut self, log: Vec<LogEntry>) {
        for entry in log {
            self.revision += 1;
            self.changed.log.push(LogRow {
                incident: entry.incident.clone(),
                number: self.revision,
                at: entry.at,
                body: json(&entry),
            });
        }
    }

    fn document(&mut self, name: String, body: Option<String>) -> Document {
        self.revision += 1;
        Document { name, revision: self.revision, body }
    }
}

/// Reads what it can.
#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn read<T: DeserializeOwned>(&mut self, name: &str, body: &str) -> Option<T> {
        serde_json::from_str(body).map_err(|error| self.problems.push(format!("`{name}`: {error}"))).ok()
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data with names for keys is JSON")
}
