//! The status page: what the store keeps, as HTML.
//!
//! Everything is a pure function from plain data to text; who asks says what time it is. The page of a run is in
//! [`report::html`](crate::report::html), because it needs no store.

mod alerts;
mod canary;
mod chart;
mod control;
mod incident;
mod incidents;
mod message;
mod overview;
mod row;
mod silence;
mod step;
mod story;
mod surface;
mod timeline;
mod uptime;

pub use alerts::{Alerts, OpenIncident, Pager};
pub use canary::{CanaryView, RunsShown, StepRow, canary};
pub(crate) use control::REASON;
pub use incident::{IncidentView, incident};
pub use incidents::{IncidentsView, PastIncident, incidents};
pub use message::{Login, Message, login, message};
pub use overview::{Overview, overview};
pub use row::{CanaryRow, Running};
pub use step::{StepFailure, StepView, step};
pub use surface::{OperationRow, SurfaceView, surface};
pub use uptime::Tally;

use crate::{
    report::html::RunView,
    store::{Kept, Trigger},
};

/// A run as the store has it, for its page; what stands beside it is added by who knows it.
#[must_use]
pub fn run_view(kept: &Kept) -> RunView<'_> {
    let trigger = match kept.summary.trigger {
        Trigger::Schedule => "schedule",
        Trigger::Recheck => "recheck after a failure",
        Trigger::Request => "request",
    };
    RunView { full: kept.full, trigger: Some(trigger), ..RunView::new(&kept.record) }
}

/// How many bytes of a name are shown.
const NAME: usize = 200;

/// How many bytes of a sentence are shown.
const SENTENCE: usize = 500;
