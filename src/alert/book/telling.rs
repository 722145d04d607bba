//! What pages and people are told of a book.

use jiff::Timestamp;
use serde::Serialize;

use super::Book;
use crate::alert::{
    Incident, Silence,
    post::{Line, NotifierHealth},
};

/// How an incident stands with one of those who are to be told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// Whom.
    pub notifier: String,
    /// When it took what it was told last; none as long as it has not.
    pub told: Option<Timestamp>,
    /// Since when it is to be told something that it has not taken.
    pub waiting: Option<Timestamp>,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// It is told because another one did not take it.
    pub instead: Option<String>,
    /// It was seen to be shown there.
    pub seen: bool,
}

impl Book {
    /// What is open, in the order of canaries.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.states.values().flat_map(|it| &it.incidents).chain(&self.drill.running)
    }

    /// An incident that is open, or of which somebody is still to be told that it has closed.
    #[must_use]
    pub fn incident(&self, id: &str) -> Option<&Incident> {
        self.open().find(|it| it.id == id).or_else(|| self.closed.get(id))
    }

    /// The silences that hold, or will.
    #[must_use]
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// How each notifier stands.
    #[must_use]
    pub fn health(&self, now: Timestamp) -> Vec<NotifierHealth> {
        self.post.health(now)
    }

    /// Since when a page waits that nobody at all has taken, and how many such pages there are.
    #[must_use]
    pub fn undelivered(&self, now: Timestamp) -> Option<(Timestamp, usize)> {
        self.post.undelivered(now)
    }

    /// How many attempts have begun and not ended.
    #[must_use]
    pub fn on_their_way(&self) -> usize {
        self.post.lines().filter(|it| it.in_flight.is_some()).count()
    }

    /// Whether everything has arrived.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.post.health(now).iter().all(|it| it.waiting == 0)
    }

    /// Who has been told of an incident.
    #[must_use]
    pub fn tellings(&self, incident: &str) -> Vec<Telling> {
        let lines = self.post.lines().filter(|it| incidents(it).any(|it| it == incident));
        lines
            .map(|line| {
                let there = line.there.as_ref().filter(|it| it.incident.as_deref() == Some(incident));
                let wanted = line.wanted.as_ref().filter(|it| it.incident == incident);
                let told = there.filter(|it| it.round > 0);
                let done = match wanted {
                    Some(wanted) => told.is_some_and(|it| it.round >= wanted.round) || line.rest.is_some(),
                    None => there.is_none(),
                };
                Telling {
                    notifier: line.notifier.clone(),
                    told: told.map(|it| it.at),
                    waiting: (!done).then_some(line.since),
                    trouble: line.trouble.clone(),
                    instead: wanted.and_then(|it| it.instead.clone()),
                    seen: wanted.is_some_and(|it| it.seen),
                }
            })
            .collect()
    }

    /// Why no page was seen in a drill.
    pub(super) fn why_unproven(&self) -> String {
        let Some(drill) = &self.drill().running else { return "the drill was lost".to_owned() };
        let troubles: Vec<String> = self
            .tellings(&drill.id)
            .into_iter()
            .map(|Telling { notifier, told, trouble, .. }| match (told, trouble) {
                (_, Some(trouble)) => format!("{notifier}: {trouble}"),
                (Some(_), None) => format!("{notifier} has taken it and does not show it"),
                (None, None) => format!("{notifier} has not taken it"),
            })
            .collect();
        if troubles.is_empty() { "nobody is told of pages".to_owned() } else { troubles.join("; ") }
    }
}

/// The incidents that a line speaks of.
pub(super) fn incidents(line: &Line) -> impl Iterator<Item = &str> {
    let wanted = line.wanted.as_ref().map(|it| it.incident.as_str());
    let there = line.there.as_ref().and_then(|it| it.incident.as_deref());
    let again = line.again.as_ref().and_then(|it| it.incident.as_deref());
    let flies = line.in_flight.as_ref().and_then(|it| it.incident.as_deref());
    [wanted, there, again, flies].into_iter().flatten()
}
