//! Copies of a whole store: one is made while it is in use, and put into its place when nobody uses it.

#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::{ConnectOptions as _, Connection as _, SqlitePool, sqlite::SqliteConnectOptions};
use tempfile::{Builder, TempPath};

use super::{
    fault,
    lock::{Lock, beside},
    schema::{self, Found},
};
use crate::store::StoreError;

const BACKUP: &str = "back the store up";
const RESTORE: &str = "restore the store";
const ROOM: &str = "see that the folder is there, has room, and can be written to";

/// Writes everything to a new file. It appears under its name when it is whole.
pub(super) async fn backup(pool: &SqlitePool, to: &Path) -> Result<(), StoreError> {
    let made = new_file_for(to, BACKUP)?;
    let place = to.display().to_string();
    let name = made.to_str().ok_or_else(|| StoreError::Broken {
        what: BACKUP,
        why: format!("`{place}` is not UTF-8"),
        remedy: "name a file whose folders are plain text",
    })?;
    // Reads one state of the store, however long it takes, while others go on writing.
    sqlx::query("VACUUM INTO ?")
        .bind(name)
        .execute(pool)
        .await
        .map_err(|error| fault::of(BACKUP, &place, &error))?;
    put_into_place(made, to, BACKUP)
}

/// Puts a copy that [`Store::backup`](crate::store::Store::backup) made into the place of a store, after it has been
/// looked through from its first page to its last. Returns where the old store now is, if there was one.
///
/// # Errors
/// If the copy is damaged, no store or of a newer version, the store is in use, or a file cannot be written. Then the
/// old store is where it was.
pub async fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>, StoreError> {
    let log = beside(from, "-wal");
    if fs::metadata(&log).is_ok_and(|it| it.len() > 0) {
        return Err(StoreError::Broken {
            what: RESTORE,
            why: format!("`{}` is in use, or was not closed: there is `{}`", from.display(), log.display()),
            remedy: "restore from a backup, not from a store",
        });
    }
    let same = fs::canonicalize(from).ok().filter(|from| fs::canonicalize(to).is_ok_and(|to| to == *from));
    if same.is_some() {
        return Err(StoreError::Broken {
            what: RESTORE,
            why: format!("`{}` is the store itself", from.display()),
            remedy: "name a file that a backup has made",
        });
    }
    // Before anything is made for it: a name that was mistyped must leave nothing behind.
    fs::metadata(from)
        .map_err(|error| fault::of_io(RESTORE, from, &error, "name a file that a backup has made"))?;
    // The machine may be new.
    fs::create_dir_all(folder(to)).map_err(|error| fault::of_io(RESTORE, to, &error, ROOM))?;
    let _lock = Lock::take(to)?;
    let copy = temporary_for(to, RESTORE)?;
    fs::copy(from, &copy).map_err(|error| {
        fault::of_io(
            RESTORE,
            from,
            &error,
            "name a file that a backup has made, and see that the disk has room",
        )
    })?;
    looked_through(&copy, from).await?;
    sync(&copy).map_err(|error| fault::of_io(RESTORE, &copy, &error, ROOM))?;
    let kept = if to.exists() { Some(keep(to).await?) } else { None };
    like(to, &copy);
    let broken = |error: io::Error| fault::of_io(RESTORE, to, &error, ROOM);
    copy.persist(to).map_err(|error| broken(error.error))?;
    sync_folder(to).map_err(broken)?;
    Ok(kept)
}

/// Gives a copy to those who had the store: somebody else may put a backup back than runs the service.
fn like(store: &Path, copy: &Path) {
    let Ok(old) = fs::metadata(store) else { return };
    // Only some may give files away; where this one may not, it is theirs whose store it was, mostly.
    #[cfg(unix)]
    let _ = std::os::unix::fs::chown(copy, Some(old.uid()), Some(old.gid()));
    let _ = fs::set_permissions(copy, old.permissions());
}

/// Demands that a copy of `from` is a whole store that this program can read.
async fn looked_through(copy: &Path, from: &Path) -> Result<(), StoreError> {
    let place = from.display().to_string();
    let fault = |error: sqlx::Error| fault::of(RESTORE, &place, &error);
    let found = schema::look(copy).await.map_err(|error| named(error, copy, from))?;
    if found == Found::Empty {
        return Err(StoreError::Broken {
            what: RESTORE,
            why: format!("`{place}` is empty"),
            remedy: "name a file that a backup has made",
        });
    }
    let mut connection = options(copy).connect().await.map_err(fault)?;
    let checked = schema::check(&mut connection, &place).await;
    connection.close().await.map_err(fault)?;
    checked
}

/// Messages name the file that was given, not the copy that was looked at.
fn named(error: StoreError, copy: &Path, from: &Path) -> StoreError {
    match error {
        StoreError::Broken { what: _, why, remedy } => StoreError::Broken {
            what: RESTORE,
            why: why.replace(&copy.display().to_string(), &from.display().to_string()),
            remedy,
        },
        StoreError::Locked { .. } | StoreError::Newer { .. } | StoreError::BadCursor => error,
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    schema::options(path)
}

/// Gives the old store a second name, under which it stays.
async fn keep(store: &Path) -> Result<PathBuf, StoreError> {
    // Moves what is in the log into the file, and removes the log: it must never meet the new file. A store that is
    // damaged, which may be why it is being replaced, keeps its log under the new name.
    if let Ok(mut connection) = options(store).connect().await {
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        let _ = connection.close().await;
    }
    let name = |number: u32| beside(store, &format!(".old-{number}"));
    let number =
        (1..).find(|it| !name(*it).exists() && !beside(&name(*it), "-wal").exists()).unwrap_or(u32::MAX);
    let kept = name(number);
    let broken = |error: io::Error| fault::of_io("keep the old store", &kept, &error, ROOM);
    // With two names there is no moment without a store. Where a file cannot have two it is copied.
    fs::hard_link(store, &kept).or_else(|_| fs::copy(store, &kept).map(drop)).map_err(broken)?;
    let log = beside(store, "-wal");
    if log.exists() {
        fs::rename(&log, beside(&kept, "-wal")).map_err(broken)?;
    }
    let _ = fs::remove_file(beside(store, "-shm"));
    Ok(kept)
}

/// An empty file beside `to`, which must not exist.
fn new_file_for(to: &Path, what: &'static str) -> Result<TempPath, StoreError> {
    if to.try_exists().unwrap_or(true) {
        return Err(exists(to, what));
    }
    temporary_for(to, what)
}

fn temporary_for(to: &Path, what: &'static str) -> Result<TempPath, StoreError> {
    let made = Builder::new().prefix(".coalmine-").suffix(".part").tempfile_in(folder(to));
    made.map(tempfile::NamedTempFile::into_temp_path).map_err(|error| fault::of_io(what, to, &error, ROOM))
}

fn put_into_place(made: TempPath, to: &Path, what: &'static str) -> Result<(), StoreError> {
    let broken = |error: io::Error| fault::of_io(what, to, &error, ROOM);
    sync(&made).map_err(broken)?;
    made.persist_noclobber(to).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => exists(to, what),
        _ => broken(error.error),
    })?;
    sync_folder(to).map_err(broken)
}

fn exists(to: &Path, what: &'static str) -> StoreError {
    StoreError::Broken {
        what,
        why: format!("`{}` exists", to.display()),
        remedy: "name a file that does not exist, or remove this one first",
    }
}

fn sync(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()
}

/// A name is only safe from the loss of power when its folder is.
fn sync_folder(file: &Path) -> io::Result<()> {
    if cfg!(unix) { sync(folder(file)) } else { Ok(()) }
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
