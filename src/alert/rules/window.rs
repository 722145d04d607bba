//! What counts: the last runs of a step, how old they may be, and what a burst of them is worth.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Watched;
use crate::{alert::RunFacts, schedule::between};

/// A counted run, as a window remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) run: String,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) failed: bool,
    /// In the window of the whole canary: the steps that failed, as long as no incident has explained them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unexplained: Vec<String>,
}

impl Slot {
    pub(super) fn of(facts: &RunFacts, failed: bool) -> Self {
        let RunFacts { run, started, ended, .. } = facts;
        Self { run: run.clone(), started: *started, ended: *ended, failed, unexplained: Vec::new() }
    }
}

/// The last slots, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Window(Vec<Slot>);

impl Window {
    /// Takes one more slot, and forgets what is too far back or too old.
    ///
    /// A failure lapses after as many intervals as the window has slots. A run that takes longer than the interval
    /// delays the next one, so that its duration is added. Ages come from clocks that may go back: below nought is
    /// nought.
    pub(super) fn push(&mut self, slot: Slot, watched: &Watched) {
        let now = slot.started;
        self.0.push(slot);
        let of = watched.policy.of;
        let excess = self.0.len().saturating_sub(usize::try_from(of).unwrap_or(usize::MAX));
        self.0.drain(..excess);
        if let Some(interval) = watched.interval {
            let longest = self.0.iter().map(|it| between(it.started, it.ended)).max().unwrap_or_default();
            let limit = interval.saturating_add(longest).saturating_mul(of);
            self.0.retain(|it| !it.failed || between(it.started, now) <= limit);
        }
    }

    /// How many runs it remembers.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.0
    }

    pub(super) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.0
    }

    /// The failures, oldest first.
    pub(super) fn failures(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(|it| it.failed)
    }

    /// Whether there are as many failures as it takes.
    pub(super) fn down(&self, watched: &Watched) -> bool {
        u32::try_from(self.failures().count()).unwrap_or(u32::MAX) >= watched.policy.fail
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How one thing went: its window, and how many times in a row it has been well since it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) window: Window,
    #[serde(default)]
    pub(super) well: u32,
}

impl Course {
    pub(super) fn push(&mut self, slot: Slot, watched: &Watched) {
        self.well = if slot.failed { 0 } else { self.well.saturating_add(1) };
        self.window.push(slot, watched);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty()
    }
}

/// The time after a failure in which further ones say little more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Burst {
    since: Timestamp,
    /// Whether one more failure has been counted in it.
    full: bool,
}

/// Whether a run that could tell takes a slot. The first failure opens a span as long as it takes until a run is made
/// once more; one further failure counts within it, and no third one.
pub(super) fn takes_slot(
    burst: &mut Option<Burst>,
    failed: bool,
    started: Timestamp,
    watched: &Watched,
) -> bool {
    if !failed {
        *burst = None;
        return true;
    }
    let span = watched.interval.map_or(watched.recheck, |interval| interval.min(watched.recheck));
    match burst {
        // A span that begins only later was opened before the clock went back. If it held, nothing would count until
        // the clock is there again.
        Some(Burst { since, full }) if *since <= started && between(*since, started) < span => {
            !std::mem::replace(full, true)
        }
        _ => {
            *burst = Some(Burst { since: started, full: false });
            true
        }
    }
}

/// Whether so much time has passed.
pub(super) fn lasted(from: Timestamp, to: Timestamp, limit: Duration) -> bool {
    between(from, to) >= limit
}
