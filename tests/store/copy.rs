//! Backups, and what is put back.

use std::{fs, path::Path, sync::Arc};

use coalmine::{
    Verdict::{Failed, Passed},
    store::{Filter, SqliteStore, Store, StoreError, sqlite::restore},
};

use super::{keeping_two, open, single};

async fn count(store: &SqliteStore) -> usize {
    store.runs(&Filter { limit: 1_000, ..Filter::default() }).await.unwrap().items.len()
}

/// A store with so many runs, closed.
async fn filled(path: &Path, runs: i64) {
    let store = open(path).await;
    for number in 0..runs {
        store.add(&single(&format!("r{number}"), number, Failed)).await.unwrap();
    }
    store.close().await;
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| !it.ends_with(".lock"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_is_made_while_runs_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("runs.db")).await);
    let add = async {
        for number in 0..100 {
            store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
        }
    };
    store.add(&single("first", 0, Passed)).await.unwrap();
    let to = folder.path().join("backup.db");
    let (backup, ()) = tokio::join!(store.backup(&to), add);
    backup.unwrap();
    let copy = open(&to).await;
    let kept = count(&copy).await;
    assert!((1..=101).contains(&kept), "{kept}");
    assert_eq!(copy.totals().await.unwrap()[0].passed, kept as u64, "one moment, not several");
}

#[tokio::test]
async fn a_backup_never_replaces_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    let to = folder.path().join("precious");
    fs::write(&to, "precious").unwrap();
    let error = store.backup(&to).await.unwrap_err().to_string();
    assert!(
        error.contains("precious` exists") && error.contains("remedy: name a file that does not"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&to).unwrap(), "precious");
    let error = store.backup(&folder.path().join("no/where.db")).await.unwrap_err().to_string();
    assert!(
        error.contains("no/where.db") && error.contains("remedy: see that the folder is there"),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["precious"], "nothing half done is left");
}

#[tokio::test]
async fn what_was_restored_is_what_was_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("runs.db"), folder.path().join("backup.db"));
    let store = open(&path).await;
    store.add(&single("r1", 0, Failed)).await.unwrap();
    store.backup(&copy).await.unwrap();
    store.add(&single("r2", 0, Failed)).await.unwrap();

    let error = restore(&copy, &path).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { by: Some(_) }), "{error}");
    store.close().await;

    let old = restore(&copy, &path).await.unwrap().unwrap();
    assert_eq!(names(folder.path()), ["backup.db", "runs.db", "runs.db.old-1"]);
    let store = open(&path).await;
    assert_eq!(count(&store).await, 1);
    store.add(&single("r3", 0, Failed)).await.unwrap();
    store.close().await;
    assert_eq!(count(&open(&old).await).await, 2, "the old one is whole too");

    let old = restore(&copy, &path).await.unwrap().unwrap();
    assert!(old.ends_with("runs.db.old-2"), "an older one is not replaced: {}", old.display());
    assert_eq!(restore(&copy, &folder.path().join("new.db")).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_is_read_while_another_has_it_and_written_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let missing = SqliteStore::open_to_read(&path).await.unwrap_err().to_string();
    assert!(missing.contains("there is no store in") && missing.contains("remedy: "), "{missing}");
    assert_eq!(names(folder.path()), [""; 0], "and none is made");

    let store = open(&path).await;
    for number in 0..3 {
        store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
    }
    let reader = SqliteStore::open_to_read(&path).await.unwrap();
    let contents = reader.contents().await.unwrap();
    let [api] = &contents.canaries[..] else { panic!("{contents:?}") };
    assert_eq!((api.canary.as_str(), api.runs, api.in_full), ("api", 3, 3));
    assert_eq!((api.oldest, api.newest), (super::time(0), super::time(2)));
    assert!(contents.used > 0 && contents.used <= reader.size().await.unwrap());
    // What is written meanwhile is seen.
    store.add(&single("r3", 3, Passed)).await.unwrap();
    store.sweep(super::time(4)).await.unwrap();
    let api = reader.contents().await.unwrap().canaries.remove(0);
    assert_eq!((api.runs, api.in_full), (4, 2), "two are kept in full");

    // It writes nothing, though nobody has locked it out.
    assert!(reader.add(&single("r4", 4, Passed)).await.is_err());
    assert!(reader.sweep(super::time(500 * 86_400)).await.is_err());
    assert_eq!(count(&reader).await, 4);
    reader.close().await;
    store.close().await;
    assert_eq!(names(folder.path()), ["runs.db"]);

    // Of one that was not closed, no log is left by who has only looked.
    let reader = SqliteStore::open_to_read(&path).await.unwrap();
    assert_eq!(count(&reader).await, 4);
    reader.close().await;
    assert_eq!(names(folder.path()), ["runs.db"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_restored_store_can_be_used_by_those_who_had_the_old_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("runs.db"), folder.path().join("backup.db"));
    filled(&path, 1).await;
    filled(&copy, 2).await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    restore(&copy, &path).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o664);
    let error = restore(&path, &folder.path().join("./runs.db")).await.unwrap_err().to_string();
    assert!(error.contains("is the store itself") && error.contains("remedy: "), "{error}");
}

#[tokio::test]
async fn a_store_gives_room_back_after_a_restore_too() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("runs.db"), folder.path().join("backup.db"));
    let store = open(&path).await;
    store.backup(&copy).await.unwrap();
    store.close().await;
    restore(&copy, &path).await.unwrap();
    // An empty store has its tables already.
    filled(&path, 400).await;
    let store = open(&path).await;
    let full = store.size().await.unwrap();
    store.sweep(super::time(500 * 86_400)).await.unwrap();
    let left = store.size().await.unwrap();
    assert!(left < full / 2, "{left} of {full}");
}

#[tokio::test]
async fn a_copy_is_put_back_where_there_is_nothing_yet() {
    let folder = tempfile::tempdir().unwrap();
    let (copy, path) = (folder.path().join("backup.db"), folder.path().join("srv/canaries/runs.db"));
    filled(&copy, 3).await;
    let error = restore(&folder.path().join("none"), &path).await.unwrap_err().to_string();
    assert!(error.contains("none`: No such file"), "{error}");
    assert_eq!(names(folder.path()), ["backup.db"], "nothing is made for a copy that is not there");
    assert_eq!(restore(&copy, &path).await, Ok(None));
    assert_eq!(count(&open(&path).await).await, 3);
}

#[tokio::test]
async fn only_a_whole_store_is_put_into_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    filled(&path, 60).await;
    let whole = fs::read(&path).unwrap();
    let mut torn = whole.clone();
    let half = torn.len() / 2;
    torn[half..half + 8_192].fill(0xa5);
    let from = folder.path().join("from");
    for (bytes, expected) in [
        (&torn[..], "damaged"),
        (&whole[..whole.len() - 4_096], "damaged"),
        (b"", "is empty"),
        (b"hello, this is no database at all", "not a database"),
    ] {
        fs::write(&from, bytes).unwrap();
        let error = restore(&from, &path).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&*from.to_string_lossy()), "{expected}: {error}");
        assert_eq!(names(folder.path()), ["from", "runs.db"], "{expected}");
        assert!(fs::read(&path).unwrap() == whole, "{expected}: the old store is where it was");
    }
    fs::write(&from, &whole).unwrap();
    super::files::make_newer(&from).await;
    assert_eq!(restore(&from, &path).await, Err(StoreError::Newer { found: 99 }));
    assert!(fs::read(&path).unwrap() == whole);
    let error = restore(&folder.path().join("none"), &path).await.unwrap_err().to_string();
    assert!(error.contains("none`: No such file"), "{error}");
}

#[tokio::test]
async fn a_damaged_store_is_replaced_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("runs.db"), folder.path().join("backup.db"));
    filled(&copy, 3).await;
    fs::write(&path, "no database").unwrap();
    fs::write(folder.path().join("runs.db-wal"), "no log").unwrap();
    let old = restore(&copy, &path).await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(&old).unwrap(), "no database");
    assert_eq!(count(&open(&path).await).await, 3);
}
