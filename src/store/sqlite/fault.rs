//! What SQLite and the disk complain of, with a remedy.

use std::{io, path::Path};

use crate::store::StoreError;

const ACCESS: &str = "let this program read and write the file and its folder, or name another store";
const DAMAGED: &str = "the file is damaged and was left as it is: put a backup into its place";
const FULL: &str = "make room on the disk, or let the store keep less; nothing was half written";
const DISK: &str = "see that the disk has room and is sound; nothing was half written";
const BUSY: &str = "end the other program that has the file open";
const CLOSED: &str = "the program is about to end; nothing is to be done";
const UNKNOWN: &str =
    "if it comes again, put a backup into the file's place, and report this as a mistake of the program";

/// What went wrong, and where.
pub(super) fn of(what: &'static str, place: &str, error: &sqlx::Error) -> StoreError {
    let (why, remedy) = match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|it| it.parse::<i32>().ok()).unwrap_or_default();
            (format!("{} ({code})", error.message()), remedy(code))
        }
        sqlx::Error::PoolTimedOut => ("no connection became free in time".to_owned(), BUSY),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => ("the store is closed".to_owned(), CLOSED),
        sqlx::Error::Io(error) => (error.to_string(), DISK),
        other => (other.to_string(), UNKNOWN),
    };
    StoreError::Broken { what, why: format!("`{place}`: {why}"), remedy }
}

/// By SQLite's primary result code, the lowest byte of each.
fn remedy(code: i32) -> &'static str {
    match code & 0xff {
        3 | 8 | 14 | 23 => ACCESS,
        5 | 6 => BUSY,
        10 => DISK,
        11 | 26 => DAMAGED,
        13 => FULL,
        _ => UNKNOWN,
    }
}

/// The same for files that are no database's.
pub(super) fn of_io(what: &'static str, place: &Path, error: &io::Error, remedy: &'static str) -> StoreError {
    StoreError::Broken { what, why: format!("`{}`: {error}", place.display()), remedy }
}

/// Something in the store is not what this program writes.
pub(super) fn damaged(what: &'static str, place: &str, why: &str) -> StoreError {
    StoreError::Broken { what, why: format!("`{place}`: {why}"), remedy: DAMAGED }
}

/// The store was closed while it was asked.
pub(super) fn closed(what: &'static str, place: &str) -> StoreError {
    of(what, place, &sqlx::Error::PoolClosed)
}
