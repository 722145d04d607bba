//! What happens, as it happens: for pages that live, and for progress.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{
    alert::{Incident, notifier::Action},
    store::{Schedule, Summary, Trigger},
    verdict::Verdict,
};

/// How many events somebody may be behind before the oldest are lost to them.
const KEPT: usize = 4096;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run has begun.
    RunStarted {
        /// Its canary.
        canary: String,
        /// Its id.
        run: String,
        /// What started it.
        trigger: Trigger,
    },
    /// A step of a run has ended.
    StepEnded {
        /// The canary.
        canary: String,
        /// The run's id.
        run: String,
        /// The step, as people read it.
        step: String,
        /// How it ended.
        verdict: Verdict,
    },
    /// A run has ended, and is in the store unless that is in trouble.
    RunEnded(Box<Summary>),
    /// Something about a canary's schedule is different.
    ScheduleChanged(Schedule),
    /// A canary that should have run did not, for so long that somebody should hear of it.
    MissedRun {
        /// The canary.
        canary: String,
        /// When it should have started.
        planned: Timestamp,
        /// How late it is.
        late_ms: f64,
    },
    /// An incident has opened, closed, or is different otherwise.
    IncidentChanged(Box<Incident>),
    /// A notifier was asked to tell something.
    Told {
        /// The incident; none if whatever may be open is resolved.
        incident: Option<String>,
        /// What it is about.
        key: String,
        /// The notifier.
        notifier: String,
        /// What was to be told.
        action: Action,
        /// Whether it has taken it.
        accepted: bool,
        /// What it said, or why it said nothing.
        answer: String,
        /// How long it took.
        took_ms: f64,
    },
    /// The store does not take what it is given.
    StoreTrouble {
        /// What it says.
        error: String,
    },
    /// The store has everything again.
    StoreWell,
    /// The store was in trouble for so long that a run is lost.
    RunLost {
        /// The canary.
        canary: String,
        /// The run's id.
        run: String,
    },
}

/// Tells events to whoever listens.
#[derive(Clone)]
pub(super) struct Events(broadcast::Sender<Arc<Event>>);

impl Events {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    pub(super) fn tell(&self, event: Event) {
        // That nobody listens is no mistake.
        let _ = self.0.send(Arc::new(event));
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }
}
