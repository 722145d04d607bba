//! When somebody is to be told: pure functions from what is known of a canary, and what has come about, to its
//! incidents. Time is an argument; nothing here waits, reads or writes.
//!
//! [`CanaryState`] is all that is remembered of one canary. [`observe`] takes a finished run, [`missed`] one that did
//! not start, [`tick`] the time that has come ([`wake`] says when), and people [`acknowledge`] what is open or resolve
//! it elsewhere. What these say, in their order:
//!
//! * `window`: what counts. Each step has its last N slots; a burst of failures takes two; old failures lapse.
//! * `product`: what opens and closes for the engineer on call.
//! * `owners`: what opens and closes for those who own the canary.
//! * `hold`: who is not told for now, and who is told again.
//!
//! Nothing is said twice for one run, so that a run may be observed again by somebody who does not know whether it was.

mod hold;
mod key;
mod observe;
mod owners;
mod people;
mod product;
mod state;
mod window;

use std::time::Duration;

pub use hold::{tick, wake};
pub use key::key;
pub use observe::{missed, observe};
pub use people::{acknowledge, removed, resolved_by_human, unacknowledge};
pub use state::CanaryState;

use super::{Incident, log::LogEntry};
use crate::{policy::AlertPolicy, suite::CanaryPlan};

/// What the suite says of a canary now.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name.
    pub canary: String,
    /// What the keys of all its incidents begin with: `suite/location/canary`.
    pub prefix: String,
    /// Its steps and fixtures as people read them, in reading order.
    pub steps: Vec<String>,
    /// When somebody is told of it.
    pub policy: AlertPolicy,
    /// From one run to the next; none if it runs only when somebody asks.
    pub interval: Option<Duration>,
    /// How long after a first failure it runs once more.
    pub recheck: Duration,
    /// Whether its schedule is paused.
    pub paused: bool,
}

impl Watched {
    /// What the plan of a canary says. Steps that no run includes are as good as gone: what is open about them would
    /// never end. The interval is the schedule's to know: see
    /// [`Timetable::interval`](crate::schedule::Timetable::interval).
    #[must_use]
    pub fn of(
        suite: &str,
        location: &str,
        canary: &CanaryPlan,
        interval: Option<Duration>,
        paused: bool,
    ) -> Self {
        let cases = canary.cases().map(|(step, _)| step);
        let included = canary.closure(cases.filter(|step| canary.ignored(*step).is_none()));
        Self {
            canary: canary.name().to_owned(),
            prefix: format!("{suite}/{location}/{}", canary.name()),
            steps: (0..canary.len()).filter(|step| included[*step]).map(|step| canary.title(step)).collect(),
            policy: canary.alert().clone(),
            interval,
            recheck: canary.recheck(),
            paused,
        }
    }
}

/// What has come of something, beside the new state.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Effects {
    /// What happened to which incident, in this order.
    pub log: Vec<LogEntry>,
    /// What is over, and no part of the state any more.
    pub closed: Vec<Incident>,
}
