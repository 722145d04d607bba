//! Delivery: what is sent to which notifier, when, and until it has arrived.
//!
//! It drives what notifiers have *confirmed* to what is *wanted*, per key and notifier, and replays no queue: a page
//! that opened and closed while nobody could be reached is history, and a page that is still open is told however many
//! attempts that takes. All of it is a value without I/O. Its owner
//!
//! 1. tells it what incidents have become ([`Post::want`]),
//! 2. takes what is to be sent ([`Post::due`]),
//! 3. **keeps the changed lines ([`Post::dirty`]) before it sends anything**: an attempt that is not on disk when the
//!    process is killed would be one that nobody knows of, and its page would stay open for ever,
//! 4. sends, and tells how that ended ([`Post::ended`]), for every attempt, however late,
//! 5. comes back at [`Post::wake`], or when anything has happened.
//!
//! Log entries come back from most calls; those of a call that returns something else come with the next one, or from
//! [`Post::log`].

mod bucket;
mod choice;
mod escalate;
mod health;
mod line;
mod outcome;
mod reconcile;
mod step;
mod want;
mod way;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use health::NotifierHealth;
pub use line::{Again, Flight, Line, Rest, There, Told, Tries, Wanted, Why};
pub use reconcile::Finding;
pub use way::Route;

use super::{
    Incident,
    log::LogEntry,
    notifier::{Action, Outcome},
};
use way::Way;

/// A clock that goes back by less than that is one that was read by two at once.
const NOTHING: SignedDuration = SignedDuration::from_secs(1);

/// All lines, and the notifiers that they lead to.
#[derive(Clone, Debug)]
pub struct Post {
    ways: Vec<Way>,
    /// Who is told of what another notifier has not taken.
    second: Option<String>,
    /// By key; one per notifier. Only those that something is wanted of, or may be open at.
    lines: BTreeMap<String, Vec<Line>>,
    /// Were handed out to be kept, and are no more.
    gone: BTreeSet<LineId>,
    log: Vec<LogEntry>,
    /// Of the line that was handed out last.
    revision: u64,
    /// The latest time it was told.
    now: Option<Timestamp>,
}

/// Names a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineId {
    /// The constant key.
    pub key: String,
    /// The notifier.
    pub notifier: String,
}

/// Something to send, and begun with that: [`Post::ended`] has to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// By which notifier.
    pub notifier: String,
    /// Under which key.
    pub key: String,
    /// Which incident it is about. None for a resolve of whatever may be open under the key.
    pub incident: Option<String>,
    /// What is told.
    pub action: Action,
    /// The how manieth time the incident is told; 0 if that does not matter.
    pub round: u32,
    /// Whether in the shortest form, because the whole one was refused.
    pub minimal: bool,
    /// The how manieth attempt at this, from 1.
    pub number: u32,
    /// Why it comes this way, if it should have come another one.
    pub instead: Option<String>,
}

impl Post {
    /// Without lines. `second` names the route that is told of what another one does not take.
    #[must_use]
    pub fn new(routes: Vec<Route>, second: Option<String>) -> Self {
        Self {
            ways: routes.into_iter().map(Way::new).collect(),
            second,
            lines: BTreeMap::new(),
            gone: BTreeSet::new(),
            log: Vec::new(),
            revision: 0,
            now: None,
        }
    }

    /// With the lines that an earlier process has kept, and all incidents that are open now. What was in flight may
    /// have arrived. What is wanted of an incident that is open no more, is wanted no more: the earlier process may
    /// have been killed between the one and the other.
    #[must_use]
    pub fn restored(
        routes: Vec<Route>,
        second: Option<String>,
        lines: Vec<Line>,
        open: &[Incident],
        now: Timestamp,
    ) -> Self {
        let mut post = Self::new(routes, second);
        let now = post.clock(now);
        for way in &mut post.ways {
            way.bucket.halve();
        }
        let ids: BTreeSet<&str> =
            open.iter().filter(|it| it.closed.is_none()).map(|it| it.id.as_str()).collect();
        for mut line in lines {
            line.stored = true;
            post.revision = post.revision.max(line.revision);
            let Some(way) = post.ways.iter().find(|it| it.name() == line.notifier) else {
                post.gone.insert(LineId { key: line.key.clone(), notifier: line.notifier.clone() });
                if let Some(wanted) = &line.wanted {
                    let told = match line.there {
                        Some(_) => "what it was told of stays open there",
                        None => "it was not told",
                    };
                    let why = format!("it is not configured any more; {told}");
                    line.not_told(&wanted.incident, why, now, &mut post.log);
                }
                continue;
            };
            let manner = &way.route.manner;
            if line.in_flight.is_some() {
                let why = "the service was stopped before there was an answer".to_owned();
                line.ended(&Outcome::Unknown { why }, Duration::ZERO, manner, now, &mut post.log);
            }
            line.wake_up(manner, now);
            if line.wanted.as_ref().is_some_and(|it| !ids.contains(it.incident.as_str())) {
                line.unwant(now, &mut post.log);
            }
            post.lines.entry(line.key.clone()).or_default().push(line);
        }
        for incident in open {
            post.take_over(incident, now);
        }
        let keys: Vec<String> = post.lines.keys().cloned().collect();
        for key in &keys {
            post.tidy(key);
        }
        post
    }

    /// Takes over what an incident has become: to be called whenever one has changed, closed ones included. Calling it
    /// again changes nothing.
    pub fn want(&mut self, incident: &Incident, now: Timestamp) -> Vec<LogEntry> {
        let now = self.clock(now);
        self.take_over(incident, now);
        self.tidy(&incident.key);
        self.log()
    }

    /// Resolves, without haste, whatever may still be open under keys that are green: at a start, for all of them.
    pub fn sweep<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>, now: Timestamp) {
        let now = self.clock(now);
        for key in keys {
            let lines = self.lines.entry(key.to_owned()).or_default();
            if lines.iter().all(|it| it.wanted.is_none()) {
                for way in self.ways.iter().filter(|it| it.route.manner.absorbs) {
                    if lines.iter().all(|it| it.notifier != way.name()) {
                        let mut line = Line::new(key, way.name(), now);
                        line.again = Some(Again { incident: None, at: now, until: now });
                        lines.push(line);
                    }
                }
            }
            self.tidy(key);
        }
    }

    /// What is to be sent now. Each of them has begun: its end has to be told. The changed lines have to be kept before
    /// anything is sent.
    pub fn due(&mut self, now: Timestamp) -> Vec<Attempt> {
        let now = self.clock(now);
        self.escalate(now);
        let chosen = self.choose(now);
        let mut attempts = Vec::with_capacity(chosen.len());
        for (way, key, at, step) in chosen {
            let (Some(way), Some(lines)) = (self.ways.get_mut(way), self.lines.get_mut(&key)) else {
                continue;
            };
            let Some(line) = lines.get_mut(at) else { continue };
            way.in_flight += 1;
            let Flight { action, incident, round, minimal, number, .. } =
                line.begin(step, way.is_away()).clone();
            let instead = line.wanted.as_ref().and_then(|it| it.instead.clone());
            attempts.push(Attempt {
                notifier: line.notifier.clone(),
                key,
                incident,
                action,
                round,
                minimal,
                number,
                instead: instead.filter(|_| action != Action::Resolve),
            });
        }
        attempts
    }

    /// An attempt has ended.
    pub fn ended(
        &mut self,
        attempt: &Attempt,
        outcome: &Outcome,
        took: Duration,
        now: Timestamp,
    ) -> Vec<LogEntry> {
        let now = self.clock(now);
        let Attempt { notifier, key, incident, action, number, .. } = attempt;
        let is_it = |it: &Flight| (it.action, &it.incident, it.number) == (*action, incident, *number);
        let line = self.lines.get_mut(key).and_then(|it| it.iter_mut().find(|it| it.notifier == *notifier));
        let way = self.ways.iter_mut().find(|it| it.name() == notifier);
        if let (Some(line), Some(way)) = (line, way)
            && let Some(flight) = line.in_flight.as_ref().filter(|it| is_it(it))
        {
            let back = way.ended(outcome, flight.probe, now);
            let gave_up = line.ended(outcome, took, &way.route.manner, now, &mut self.log);
            if gave_up {
                let why = format!("{notifier} has refused it: {}", outcome::short(outcome.text()));
                self.escalate_line(key, notifier, &why, now);
            }
            if back {
                self.release(notifier);
            }
            self.tidy(key);
        }
        self.log()
    }

    /// The lines that have changed since this was called last, to be kept; without a line, one to be removed.
    #[must_use = "what is not kept is lost with the process"]
    pub fn dirty(&mut self) -> Vec<(LineId, Option<Line>)> {
        let mut rows: Vec<_> = std::mem::take(&mut self.gone).into_iter().map(|id| (id, None)).collect();
        for line in self.lines.values_mut().flatten() {
            if !std::mem::take(&mut line.changed) || line.is_sweep() {
                continue;
            }
            self.revision += 1;
            line.revision = self.revision;
            line.stored = true;
            let id = LineId { key: line.key.clone(), notifier: line.notifier.clone() };
            rows.push((id, Some(line.clone())));
        }
        rows
    }

    /// The log entries that no call has returned yet.
    #[must_use = "each entry is told once"]
    pub fn log(&mut self) -> Vec<LogEntry> {
        std::mem::take(&mut self.log)
    }

    /// All lines, for pages and for tests.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values().flatten()
    }

    fn take_over(&mut self, incident: &Incident, now: Timestamp) {
        let audience = incident.kind.audience();
        let told = incident.rounds > 0 && incident.closed.is_none() && incident.held.is_none();
        let lines = self.lines.entry(incident.key.clone()).or_default();
        for way in self.ways.iter().filter(|it| told && it.route.tells(audience)) {
            if lines.iter().all(|it| it.notifier != way.name()) {
                lines.push(Line::new(&incident.key, way.name(), now));
            }
        }
        for line in lines {
            let mine = self.ways.iter().any(|it| it.name() == line.notifier && it.route.tells(audience));
            line.want(incident, mine, now, &mut self.log);
        }
    }

    fn way_of(&self, line: &Line) -> Option<(usize, &Way)> {
        self.ways.iter().enumerate().find(|(_, it)| it.name() == line.notifier)
    }

    fn line_mut(&mut self, key: &str, notifier: &str) -> Option<&mut Line> {
        self.lines.get_mut(key)?.iter_mut().find(|it| it.notifier == notifier)
    }

    /// A notifier is back: whatever waits for it, waits no longer.
    fn release(&mut self, notifier: &str) {
        for line in self.lines.values_mut().flatten().filter(|it| it.notifier == notifier) {
            line.changed |= line.not_before.take().is_some();
        }
    }

    /// Forgets the lines of a key that have nothing left to do.
    fn tidy(&mut self, key: &str) {
        let Some(lines) = self.lines.get_mut(key) else { return };
        lines.retain(|line| {
            if line.is_idle() && line.stored {
                self.gone.insert(LineId { key: line.key.clone(), notifier: line.notifier.clone() });
            }
            !line.is_idle()
        });
        if lines.is_empty() {
            self.lines.remove(key);
        }
    }

    /// What time it is. If the clock has gone back, all times go back with it, or everything would wait for the old one.
    fn clock(&mut self, now: Timestamp) -> Timestamp {
        let last = *self.now.get_or_insert(now);
        let back = last.duration_since(now);
        if back > SignedDuration::ZERO && back < NOTHING {
            return last;
        }
        if back > SignedDuration::ZERO {
            for line in self.lines.values_mut().flatten() {
                line.turn_back(back);
            }
            for way in &mut self.ways {
                way.turn_back(back);
            }
        }
        self.now = Some(now);
        now
    }
}
