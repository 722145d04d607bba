//! One notifier, as far as all its lines share it: how many requests it takes, and whether it is there at all.

use jiff::{SignedDuration, Timestamp};

use super::{
    bucket::{Bucket, later},
    outcome::{back_off, short},
};
use crate::alert::{
    Audience,
    notifier::{Manner, Outcome},
};

/// So many attempts in a row that found nobody, and the notifier is taken to be away.
const AWAY: u32 = 3;

/// A notifier, and who is told by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// How it behaves, and what it is called.
    pub manner: Manner,
    /// It tells the product's engineer on call.
    pub on_call: bool,
    /// It tells those who own the canaries.
    pub owners: bool,
}

impl Route {
    /// Whether it tells them.
    #[must_use]
    pub fn tells(&self, audience: Audience) -> bool {
        match audience {
            Audience::OnCall => self.on_call,
            Audience::Owners => self.owners,
        }
    }
}

/// A notifier as it is used.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) route: Route,
    pub(super) bucket: Bucket,
    /// How many attempts have begun and not ended.
    pub(super) in_flight: usize,
    /// Attempts in a row that were not accepted, for whatever reason.
    pub(super) failures: u32,
    /// Attempts in a row that found nobody, or got no answer.
    away: u32,
    /// Probes in a row that failed.
    probes: u32,
    /// While it is away, the next attempt is not made before.
    probe_at: Option<Timestamp>,
    pub(super) last_accepted: Option<Timestamp>,
    pub(super) last_error: Option<(Timestamp, String)>,
}

impl Way {
    pub(super) fn new(route: Route) -> Self {
        let bucket = Bucket::full(route.manner.burst, route.manner.per_minute);
        Self {
            route,
            bucket,
            in_flight: 0,
            failures: 0,
            away: 0,
            probes: 0,
            probe_at: None,
            last_accepted: None,
            last_error: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.route.manner.name
    }

    pub(super) fn is_away(&self) -> bool {
        self.away >= AWAY
    }

    /// When an attempt may begin at all; never while a probe is in flight.
    pub(super) fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        match self.is_away() {
            false => Some(now),
            true if self.in_flight > 0 => None,
            true => Some(self.probe_at.unwrap_or(now).max(now)),
        }
    }

    /// An attempt has ended. Whether the notifier is back from being away.
    pub(super) fn ended(&mut self, outcome: &Outcome, probe: bool, now: Timestamp) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Outcome::Accepted { .. } = outcome {
            let back = self.is_away();
            (self.failures, self.away, self.probes, self.probe_at) = (0, 0, 0, None);
            self.last_accepted = Some(now);
            return back;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some((now, short(outcome.text())));
        match outcome {
            // It is there, and means this one request: others may go as before.
            Outcome::Accepted { .. } | Outcome::Refused { .. } => (),
            Outcome::NotTaken { .. } | Outcome::Unknown { .. } => self.away = self.away.saturating_add(1),
        }
        if self.is_away() {
            // Only probes count: the burst that found out would count as many.
            self.probes = self.probes.saturating_add(u32::from(probe));
            self.probe_at = Some(later(now, back_off(self.probes.saturating_add(1))));
        }
        false
    }

    /// The clock has gone back by so much.
    pub(super) fn turn_back(&mut self, by: SignedDuration) {
        self.bucket.turn_back(by);
        self.probe_at = self.probe_at.and_then(|it| it.checked_sub(by).ok());
    }
}
