//! Which of the sandbox's own faults are switched on.
//!
//! These are the faults of the product's *domain* (a transfer that loses tokens, a mail that goes to the wrong
//! person). Faults of any HTTP API (an error status, a missing field) are made by a proxy in front of it and are
//! not known here.

mod catalogue;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

pub use self::catalogue::CATALOGUE;

/// The faults of one sandbox; clones share the switches.
#[derive(Clone, Debug)]
pub struct Faults {
    /// All that there are, by name and effect.
    catalogue: &'static [(&'static str, &'static str)],
    /// Names that are on. Written by [`Faults::switch`], read by the handlers.
    on: Arc<RwLock<BTreeSet<&'static str>>>,
}

impl Default for Faults {
    /// Those of the product.
    fn default() -> Faults {
        Faults::of(CATALOGUE)
    }
}

impl Faults {
    /// Switches for the faults of `catalogue`, all off.
    pub(crate) fn of(catalogue: &'static [(&'static str, &'static str)]) -> Faults {
        Faults { catalogue, on: Arc::default() }
    }

    /// Whether `fault` is on. Handlers ask at the place where the product would go wrong.
    #[must_use]
    pub fn on(&self, fault: &'static str) -> bool {
        debug_assert!(
            self.catalogue.iter().any(|(name, _)| *name == fault),
            "`{fault}` is not in the catalogue"
        );
        self.on.read().unwrap_or_else(PoisonError::into_inner).contains(fault)
    }

    /// Whether the fault `kind` of one operation is on, for kinds that many operations have.
    pub(crate) fn on_for(&self, kind: &str, operation: &str) -> bool {
        let on = self.on.read().unwrap_or_else(PoisonError::into_inner);
        on.iter().any(|name| name.split_once(':') == Some((kind, operation)))
    }

    /// The names of the faults that are on, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.on.read().unwrap_or_else(PoisonError::into_inner).iter().map(|it| (*it).to_owned()).collect()
    }

    /// Switches one fault on or off, from now on.
    ///
    /// # Errors
    /// If there is no fault of that name.
    pub fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        let Some((name, _)) = self.catalogue.iter().find(|(name, _)| *name == fault) else {
            return Err(UnknownFault(fault.to_owned()));
        };
        let mut switched = self.on.write().unwrap_or_else(PoisonError::into_inner);
        if on {
            switched.insert(name);
        } else {
            switched.remove(name);
        }
        Ok(())
    }
}

/// A fault was named that this sandbox does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(pub String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox has no fault `{}`", self.0)
    }
}

impl std::error::Error for UnknownFault {}

#[cfg(test)]
mod tests;
