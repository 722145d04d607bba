//! One process has the store. The lock is the operating system's, so that it ends with the process, however that ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crate::store::StoreError;

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// Locked. The file stays: whoever removed it could take it from under the next one's lock.
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started has it too, for a moment.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Locks the store at that path, without waiting.
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store, ".lock");
        let broken = |error: &std::io::Error| {
            super::fault::of_io(
                "lock the store",
                &path,
                error,
                "let this program write to the folder, or name another store",
            )
        };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| broken(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only for the message: on some systems a locked file cannot be read.
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::Locked { by: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(broken(&error)),
        }
        // The number of the process is for people; the lock holds without it.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { file })
    }
}

/// The file of that name with something added to it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
