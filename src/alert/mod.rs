//! Who is told of what, when, and until it has arrived.
//!
//! Rules are pure: (state, run, now) → incidents. Delivery drives what notifiers have confirmed to what is wanted, per
//! key and notifier; it replays no queue. Both are values that others persist.

pub mod book;
pub mod drill;
mod facts;
pub mod heartbeat;
mod incident;
pub mod log;
pub mod notifier;
pub mod page;
pub mod post;
pub mod rules;
mod silence;

pub use book::{Book, BookOptions, KeptBook, Telling};
pub use facts::{RunFacts, StepFacts};
pub use incident::{Acknowledged, Audience, Closed, Ending, Evidence, Green, Held, Incident, Kind};
pub use page::{Page, PageContext, specimen};
pub use silence::{Scope, Silence, SilenceKind};
