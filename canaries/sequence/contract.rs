//! What Sequence promises: its OpenAPI document, read once for the whole process.

use std::sync::Arc;

use coalmine::{config::ConfigError, operations::Operations, surface::Surface};
use once_cell::sync::Lazy;

/// The document: every operation with its answers, refusals included. `codes.json` beside it lists the codes.
pub const DOCUMENT: &str = include_str!("sequence.openapi.json");

/// Shared by all canaries and clients of the process, and by all trials of a drill: schemas are compiled once.
static SURFACE: Lazy<Result<Arc<Surface>, ConfigError>> = Lazy::new(|| read(DOCUMENT).map(Arc::new));

/// The product's surface.
///
/// # Errors
/// If the document has a mistake: the first one, with its place.
pub fn surface() -> Result<Arc<Surface>, ConfigError> {
    SURFACE.clone()
}

/// Reads the text of the document.
///
/// # Errors
/// If it has a mistake: the first one, with its place.
pub fn read(document: &str) -> Result<Surface, ConfigError> {
    Surface::parse(document).map_err(|error| {
        ConfigError::one("sequence.openapi.json", error.to_string(), "correct the document at that place")
    })
}

/// The product's operations; none if the document has a mistake, which [`surface`] tells.
#[must_use]
pub fn operations() -> Operations {
    surface().map(|it| it.operations().clone()).unwrap_or_default()
}
