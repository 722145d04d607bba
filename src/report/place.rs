//! A report at a place of somebody's choice: a file, or something that takes what is written to it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::files::{ReportError, Temporary};

/// Whether something can be written to that place. Leaves what is there as it is.
pub(crate) fn check(path: &Path) -> Result<(), ReportError> {
    let fault = |error: &dyn fmt::Display| ReportError::file(path, error);
    if path.is_dir() {
        return Err(fault(&"it is a folder"));
    }
    if is_stream(path) {
        return Ok(());
    }
    let probe = Temporary::write(&folder(path), "").map_err(|error| fault(&error))?;
    drop(probe);
    Ok(())
}

/// Writes a report to a place of somebody's choice: whole, or not at all.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), ReportError> {
    let put = || {
        if is_stream(path) {
            return fs::write(path, text);
        }
        // The file that a link leads to is replaced, not the link.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Temporary::write(&folder(&file), text)?.rename(&file)
    };
    put().map_err(|error| ReportError::file(path, &error))
}

/// Whether it is a pipe or a device, which can neither be replaced nor written to twice.
pub(crate) fn is_stream(path: &Path) -> bool {
    let system = ["/dev", "/proc"].iter().any(|it| path.starts_with(it));
    fs::metadata(path).is_ok_and(|it| system || !it.is_file() && !it.is_dir())
}

fn folder(file: &Path) -> PathBuf {
    file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
