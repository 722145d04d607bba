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
    let suite = coalmine::Suite::new("sequence").canary(api::canary()).canary(onboarding::canary());
    match sequence::surface() {
        Ok(surface) => suite.operations(surface.operations().names()),
        // The configuration says what is wrong with the document.
        Err(_) => suite,
    }
}
