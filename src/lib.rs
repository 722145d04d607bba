#![doc = include_str!("../docs/library.md")]

// Values: no I/O, no tokio.
pub mod clock;
mod ensure;
pub mod failure;
pub mod record;
pub mod redact;
pub mod secret;
pub mod verdict;

pub mod operations;
mod policy;

// The engine: knows steps; no HTTP, no disk.
pub mod suite;

pub use clock::Clock;
pub use failure::{Context as FailureContext, Failure, Result};
pub use policy::{AlertPolicy, PolicyChoice};
pub use record::RunRecord;
pub use redact::Redactor;
pub use secret::Secret;
pub use suite::{Canary, Cleanup, Context, Ends, FromContext, Needs, Out, Resources, Suite, Undo};
pub use verdict::{Cause, Severity, Verdict};

// What steps hold.
pub mod config;
pub mod http;
#[cfg(feature = "gmail")]
pub mod inbox;
pub mod journal;
#[cfg(feature = "surface")]
pub mod surface;
pub mod world;

// What reads a record and writes a format.
#[cfg(feature = "harness")]
pub mod harness;
pub mod report;
#[cfg(feature = "harness")]
pub mod trace;

// The service: what runs canaries on a schedule and tells of it.
#[cfg(feature = "server")]
pub mod alert;
#[cfg(feature = "server")]
pub mod pages;
#[cfg(feature = "server")]
pub mod schedule;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
pub mod store;

// What assembles things.
#[cfg(all(feature = "harness", feature = "drill", feature = "surface"))]
pub mod cli;
#[cfg(feature = "drill")]
pub mod drill;

/// The known name that a mistyped one most likely stands for.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|it| (strsim::damerau_levenshtein(name, it), it))
        .filter(|(distance, it)| *distance <= it.len().max(6) / 3)
        .min()
        .map(|(_, it)| it)
}
