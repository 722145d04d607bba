//! What Sequence promises: its OpenAPI document, read once for the whole process.

use std::sync::Arc;

use coalmine::{
    operations::Operations,
    surface::{DocumentError, Surface},
};
use once_cell::sync::Lazy;

/// The document: every operation with its answers, refusals included. `codes.json` beside it lists the codes.
pub const DOCUMENT: &str = include_str!("sequence.openapi.json");

/// Shared by all canaries and clients of the process, and by all trials of a drill: schemas are compiled once.
static SURFACE: Lazy<Result<Arc<Surface>, DocumentError>> =
    Lazy::new(|| Surface::parse(DOCUMENT).map(Arc::new));

/// The product's surface.
///
/// # Errors
/// If the document has a mistake: the first one, with its place.
pub fn surface() -> Result<Arc<Surface>, DocumentError> {
    SURFACE.clone()
}

/// The product's operations; none if the document has a mistake, which [`surface`] tells.
#[must_use]
pub fn operations() -> Operations {
    surface().map(|it| it.operations().clone()).unwrap_or_default()
}
