//! Faults that are on from the start.

use crate::{config::ConfigError, world::World};

/// Switches them on.
///
/// # Errors
/// If there is no fault of that name, or nothing that may be broken.
pub(super) fn switch(faults: &[String], world: Option<&dyn World>) -> Result<(), ConfigError> {
    for fault in faults {
        world.ok_or_else(|| unbreakable("--fault"))?.switch(fault, true).map_err(|error| {
            let remedy = "take one from the list that `sandbox --fault list` prints";
            ConfigError::one("--fault", error.to_string(), remedy)
        })?;
    }
    Ok(())
}

/// The target is none that may be broken, so this option makes no sense.
pub(super) fn unbreakable(option: &str) -> ConfigError {
    let found = "faults can be switched in the sandbox inside the process only";
    ConfigError::one(option, found, "leave it out, or unset what names the target")
}
