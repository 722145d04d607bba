//! The suite that watches Sequence: what is watched, and how it is reached.
//!
//! Start with [`api::canary`] and [`onboarding::canary`]: they are the table of contents.

pub mod api;
pub mod config;
pub mod onboarding;
pub mod sequence;
pub mod standalone;
pub mod world;

pub use config::Config;

/// Both canaries.
#[must_use]
pub fn suite() -> coalmine::Suite {
    coalmine::Suite::new("sequence")
        .operations(sequence::OPERATIONS.iter().map(|(name, ..)| *name))
        .canary(api::canary())
        .canary(onboarding::canary())
}
