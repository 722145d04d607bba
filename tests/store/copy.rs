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
async fn a_store_gives_room_back_after_a_restore_too() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("runs.db"), folder.path().join("backup.db"));
    let store = open(&path).await;
    store.backup(&copy).await.unwrap();
    store.close().await;
    restore(&copy, &path).await.unwrap();
    filled(&path, 200).await;
    let store = open(&path).await;
    let full = store.size().await.unwrap();
    store.sweep(super::time(500 * 86_400)).await.unwrap();
    assert!(store.size().await.unwrap() < full / 2);
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
