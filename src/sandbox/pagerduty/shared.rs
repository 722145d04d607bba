//! What all handlers of PagerDuty share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Counts, UnknownKey, incidents::Incidents, window::Window};
use crate::{clock::Clock, faults::Faults};

/// The state of PagerDuty. No two of its locks are ever held together.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    /// `https://` and the address, for links.
    pub(super) root: String,
    pub(super) routing_key: String,
    pub(super) api_token: String,
    /// The one user's address.
    pub(super) email: String,
    pub(super) auto_resolve_timeout: Option<u32>,
    pub(super) acknowledgement_timeout: Option<u32>,
    pub(super) events_per_minute: u32,
    pub(super) api_calls_per_minute: u32,
    pub(super) unknown_key: UnknownKey,
    /// How late the answers are of the fault that is named so.
    pub(super) slow: Duration,
    /// Counts whatever may have changed something; only to wake those who wait.
    pub(super) changed: watch::Sender<u64>,
    pub(super) incidents: Mutex<Incidents>,
    pub(super) counts: Mutex<Counts>,
    pub(super) windows: Mutex<Windows>,
}

/// What happened in the last minute.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Requests to the Events API, however they ended.
    requests: Window,
    /// Events under the routing key that were within its limit.
    events: Window,
    /// Calls of the REST API that were within its limit.
    calls: Window,
}

impl Shared {
    pub(super) fn incidents(&self) -> MutexGuard<'_, Incidents> {
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to the Events API was read.
    pub(super) fn note_request(&self, now: Timestamp) {
        let busy = {
            let mut windows = self.windows();
            windows.requests.note(now);
            windows.requests.count(now)
        };
        let mut counts = self.counts();
        counts.busiest_minute = counts.busiest_minute.max(busy);
    }

    /// Whether one more event is within the limit.
    pub(super) fn admits_event(&self, now: Timestamp) -> bool {
        self.windows().events.admits(now, self.events_per_minute)
    }

    /// Whether one more call is within the limit, how many are left, and after how many seconds one more will be.
    pub(super) fn admits_call(&self, now: Timestamp) -> (bool, u32, i64) {
        let limit = self.api_calls_per_minute;
        let mut windows = self.windows();
        let admitted = windows.calls.admits(now, limit);
        let made = u32::try_from(windows.calls.count(now)).unwrap_or(u32::MAX);
        (admitted, limit.saturating_sub(made), windows.calls.resets_in(now))
    }

    pub(super) fn nobody_on_call(&self) -> bool {
        self.faults.on("pagerduty_swallows")
    }

    pub(super) fn in_maintenance(&self) -> bool {
        self.faults.on("pagerduty_maintenance")
    }
}
