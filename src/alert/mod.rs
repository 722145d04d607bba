//! Who is told of what, when, and until it has arrived.
//!
//! Rules are pure: (state, run, now) → incidents. Delivery drives what notifiers have confirmed to what is wanted, per
//! key and notifier; it replays no queue. Both are values that others persist.

mod facts;
mod incident;
pub mod log;
pub mod notifier;
mod page;
pub mod rules;
mod silence;

pub use facts::{RunFacts, StepFacts};
pub use incident::{Acknowledged, Audience, Closed, Ending, Evidence, Green, Held, Incident, Kind};
pub use page::{Page, PageContext};
pub use silence::{Scope, Silence, SilenceKind};
