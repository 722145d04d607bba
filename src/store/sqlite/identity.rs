//! Whether the file under a store's name is still the one that was opened.
//!
//! A file that was removed, or that another one took the name of, can be written to as before, and everything in it is
//! gone when the process ends. SQLite does not look.

use std::{fs, path::Path};

use crate::store::StoreError;

/// Which file it was, when the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    number: u64,
}

impl Identity {
    /// The file that has that name now; none if there is none, or it cannot be looked at.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Some(Self { device: found.dev(), number: found.ino() })
        }
        #[cfg(not(unix))]
        {
            drop(found);
            Some(Self {})
        }
    }

    /// Demands that the name still belongs to this file.
    pub(super) fn check(self, what: &'static str, path: &Path) -> Result<(), StoreError> {
        let happened = match Self::of(path) {
            Some(found) if found == self => return Ok(()),
            Some(_) => "is another file than the one that was opened",
            None => "is no longer there",
        };
        Err(StoreError::Broken {
            what,
            why: format!("`{}` {happened}", path.display()),
            remedy: "restart the service, so that it opens what is there; what waits in memory will be lost",
        })
    }
}
