#![doc = include_str!("../docs/library.md")]

// Values: no I/O, no tokio.
pub mod clock;
mod ensure;
pub mod failure;
pub mod record;
pub mod redact;
pub mod secret;
pub mod verdict;

// The engine: knows steps; no HTTP, no disk.
pub mod suite;

pub use clock::Clock;
pub use failure::{Context as FailureContext, Failure, Result};
pub use record::RunRecord;
pub use redact::Redactor;
pub use secret::Secret;
pub use suite::{Canary, Cleanup, Context, Ends, FromContext, Needs, Out, Resources, Suite, Undo};
pub use verdict::{Cause, Severity, Verdict};

// What steps hold.
#[cfg(feature = "gmail")]
pub mod inbox;

// What reads a record and writes a format.
pub mod report;

// What assembles things.
#[cfg(feature = "drill")]
pub mod drill;
