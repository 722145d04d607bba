//! What a store keeps of alerts: rows whose bodies it does not look into.

use jiff::Timestamp;

/// What is to be kept of alerts, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertRows {
    /// State that is small and changes often.
    pub documents: Vec<Document>,
    /// Incidents, open and closed.
    pub incidents: Vec<IncidentRow>,
    /// What has happened to them.
    pub log: Vec<LogRow>,
}

/// A piece of state under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Larger than that of everything handed over before. What is older than what is there is not written.
    pub revision: u64,
    /// JSON; none if it is gone.
    pub body: Option<String>,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    /// Its id.
    pub id: String,
    /// Its constant key.
    pub key: String,
    /// Its canary.
    pub canary: String,
    /// When it opened.
    pub opened: Timestamp,
    /// When it closed.
    pub closed: Option<Timestamp>,
    /// As of [`Document::revision`].
    pub revision: u64,
    /// The whole as JSON.
    pub body: String,
}

/// Something that has happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The incident's id.
    pub incident: String,
    /// Its place in the order. What is handed over a second time under the same number is not kept twice.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The whole as JSON.
    pub body: String,
}

/// Which incidents are wanted.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Of this canary only.
    pub canary: Option<String>,
    /// Only open ones, or only closed ones.
    pub open: Option<bool>,
    /// Opened before that time only.
    pub before: Option<Timestamp>,
    /// So many at most, newest first, and never more than 10,000.
    pub limit: usize,
}

impl AlertRows {
    /// Nothing to keep.
    pub const NONE: &'static Self = &Self { documents: Vec::new(), incidents: Vec::new(), log: Vec::new() };

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { documents, incidents, log } = self;
        documents.is_empty() && incidents.is_empty() && log.is_empty()
    }

    /// Takes what was to be kept later than this into it. Of what has changed twice, the newest is left.
    pub fn merge(&mut self, later: Self) {
        let Self { documents, incidents, log } = later;
        for document in documents {
            match self.documents.iter_mut().find(|it| it.name == document.name) {
                Some(known) if known.revision > document.revision => {}
                Some(known) => *known = document,
                None => self.documents.push(document),
            }
        }
        for incident in incidents {
            match self.incidents.iter_mut().find(|it| it.id == incident.id) {
                Some(known) if known.revision > incident.revision => {}
                Some(known) => *known = incident,
                None => self.incidents.push(incident),
            }
        }
        self.log.extend(log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_changed_twice_the_newest_is_left() {
        let document = |name: &str, revision, body: &str| Document {
            name: name.into(),
            revision,
            body: Some(body.into()),
        };
        let mut rows = AlertRows { documents: vec![document("a", 3, "new")], ..AlertRows::default() };
        assert!(!rows.is_empty() && AlertRows::NONE.is_empty());
        rows.merge(AlertRows {
            documents: vec![document("a", 2, "old"), document("b", 1, "other"), document("b", 4, "newer")],
            ..AlertRows::default()
        });
        assert_eq!(rows.documents, [document("a", 3, "new"), document("b", 4, "newer")]);
    }
}
