//! The pager drill: on a schedule a labelled test incident goes the real way. That it exists is confirmed, then it is
//! resolved. A pager that was last proven a month ago is a guess.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Closed, Ending, Incident, Kind};
use crate::verdict::Severity;

/// How long a drill may take until it has failed. Longer than it takes until the second notifier is told.
pub const DRILL_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// How the pager has fared in drills. Kept beyond the end of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DrillState {
    /// The drill that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Incident>,
    /// When a page was last seen to exist where it should: of a drill, or a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Timestamp>,
    /// When a drill last failed, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<(Timestamp, String)>,
    /// How many drills have succeeded.
    #[serde(default)]
    pub succeeded: u64,
    /// How many have failed.
    #[serde(default)]
    pub failures: u64,
    /// When the next one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

impl DrillState {
    /// Begins a drill, unless one goes on.
    pub fn begin(&mut self, id: String, key: String, now: Timestamp) -> Option<&Incident> {
        if self.running.is_some() {
            return None;
        }
        self.running = Some(Incident {
            id,
            key,
            kind: Kind::Drill,
            canary: String::new(),
            roots: Vec::new(),
            // It goes the way that wakes people, and says in its first word that it is a drill; what it may wake is for
            // the notifier's own settings to say, by this.
            severity: Severity::Warning,
            since: now,
            opened: now,
            run: None,
            last_green: None,
            acknowledged: None,
            rounds: 1,
            remind_at: None,
            held: None,
            closed: None,
        });
        self.running.as_ref()
    }

    /// A page was seen to exist. Gives back the drill, closed, if it was that one.
    pub fn seen(&mut self, incident: &str, now: Timestamp) -> Option<Incident> {
        self.proven = Some(now);
        let drill = self.running.take_if(|it| it.id == incident)?;
        self.succeeded += 1;
        self.failed = None;
        Some(ended(drill, now))
    }

    /// Gives back the drill, closed, if it has taken too long.
    pub fn overdue(&mut self, now: Timestamp, why: impl FnOnce() -> String) -> Option<Incident> {
        let late = |it: &mut Incident| now.duration_since(it.opened) >= DRILL_LIMIT;
        let drill = self.running.take_if(late)?;
        self.failures += 1;
        self.failed = Some((now, why()));
        Some(ended(drill, now))
    }

    /// When the drill that goes on has failed.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.running.as_ref()?.opened.checked_add(DRILL_LIMIT).ok()
    }
}

fn ended(drill: Incident, now: Timestamp) -> Incident {
    Incident { closed: Some(Closed { at: now, why: Ending::Drilled, run: None }), ..drill }
}
