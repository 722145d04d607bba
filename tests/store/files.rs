//! Files that cannot be used, and what is said of them.

use std::{fs, path::Path};

use coalmine::{
    Verdict::Passed,
    store::{Retention, SqliteStore, Store, StoreError},
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{keeping_two, open, single};

async fn refused(path: &Path) -> StoreError {
    SqliteStore::open(path, Retention::default()).await.expect_err("it cannot be opened")
}

/// Demands that a message names the file, what is wrong with it and what to do.
#[track_caller]
fn says(error: &StoreError, path: &Path, parts: &[&str]) {
    let text = error.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(text.contains("\n  remedy: "), "{text}");
}

async fn change(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// As a later version of this program would leave it.
pub(super) async fn make_newer(path: &Path) {
    change(
        path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'from the future', TRUE, x'00', 0)",
    )
    .await;
}

#[tokio::test]
async fn a_store_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = open(&path).await;
    let error = refused(&path).await;
    assert_eq!(error, StoreError::Locked { by: Some(std::process::id()) });
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    store.close().await;
    open(&path).await;
}

#[tokio::test]
async fn a_store_that_was_dropped_is_free_when_all_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = open(&path).await;
    store.add(&single("r1", 0, Passed)).await.unwrap();
    drop(store);
    // The task that writes has the lock until it has noticed.
    let store = loop {
        match SqliteStore::open(&path, keeping_two()).await {
            Ok(store) => break store,
            Err(StoreError::Locked { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(store.run("r1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("runs.db")).await;
    store.close().await;
    store.close().await;
    let error = store.add(&single("r1", 0, Passed)).await.unwrap_err();
    assert!(error.to_string().contains("the store is closed"), "{error}");
    let error = store.totals().await.unwrap_err();
    assert!(error.to_string().contains("the store is closed"), "{error}");
}

#[tokio::test]
async fn a_newer_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    open(&path).await.close().await;
    make_newer(&path).await;
    let before = fs::read(&path).unwrap();
    let error = refused(&path).await;
    assert_eq!(error, StoreError::Newer { found: 99 });
    assert!(error.to_string().contains("remedy: update the program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("music.db");
    change(&path, "CREATE TABLE song (name TEXT)").await;
    let before = fs::read(&path).unwrap();
    says(&refused(&path).await, &path, &["is a database, but none of runs", "name another file"]);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "dear diary\n".repeat(1_000);
    fs::write(&path, &text).unwrap();
    says(&refused(&path).await, &path, &["file is not a database (26)", "put a backup into its place"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_store_that_was_cut_short_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    open(&path).await.close().await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..5_000]).unwrap();
    says(&refused(&path).await, &path, &["malformed", "put a backup into its place"]);
    assert_eq!(fs::read(&path).unwrap(), &whole[..5_000]);
}

#[tokio::test]
async fn a_folder_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    says(&refused(folder.path()).await, folder.path(), &["is a folder", "name a file in it"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("deep");
    says(&refused(&below.join("runs.db")).await, &below, &["cannot create the store's folder"]);
}

/// In a folder in which not even the administrator can create a file.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_named() {
    let path = Path::new("/sys/runs.db");
    says(&refused(path).await, path, &["cannot lock the store", "let this program write to the folder"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    open(&path).await.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        return; // The administrator may write all the same.
    }
    says(&refused(&path).await, &path, &["let this program read and write the file"]);
}

#[tokio::test]
async fn damage_inside_is_reported_by_what_meets_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = open(&path).await;
    store.add(&single("r1", 0, Passed)).await.unwrap();
    store.add(&single("r2", 1, Passed)).await.unwrap();
    store.close().await;
    change(
        &path,
        "UPDATE record SET body = x'ff' WHERE run = 1; UPDATE run SET timings = x'00' WHERE id = 1",
    )
    .await;
    let store = open(&path).await;
    says(&store.run("r1").await.unwrap_err(), &path, &["run r1: its record"]);
    says(
        &store.steps("api", super::time(0)).await.unwrap_err(),
        &path,
        &["run r1: its timings are cut short"],
    );
    assert!(store.run("r2").await.unwrap().is_some(), "the others are not touched");
}

#[tokio::test]
async fn one_run_that_cannot_be_written_does_not_take_others_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = std::sync::Arc::new(open(&path).await);
    // As a full disk does, this ends the whole transaction.
    change(
        &path,
        "CREATE TRIGGER refuse BEFORE INSERT ON run WHEN new.name LIKE '%bad%' \
         BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
    )
    .await;
    let mut adding = tokio::task::JoinSet::new();
    for number in 0..60 {
        let name = if number % 10 == 3 { format!("bad{number}") } else { format!("r{number}") };
        let store = store.clone();
        adding.spawn(async move { (number % 10 == 3, store.add(&single(&name, number, Passed)).await) });
    }
    while let Some(ended) = adding.join_next().await {
        let (bad, ended) = ended.unwrap();
        match ended {
            Ok(()) => assert!(!bad),
            Err(error) => {
                assert!(bad, "{error}");
                says(&error, &path, &["cannot keep a run", "no room"]);
            }
        }
    }
    assert_eq!(store.totals().await.unwrap()[0].passed, 54);
}

#[tokio::test]
#[cfg(unix)]
async fn a_file_that_is_gone_or_another_takes_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("runs.db"), folder.path().join("away.db"));
    let store = open(&path).await;
    store.add(&single("r1", 0, Passed)).await.unwrap();
    fs::rename(&path, &away).unwrap();
    says(&store.add(&single("r2", 1, Passed)).await.unwrap_err(), &path, &["is no longer there", "restart"]);
    fs::write(&path, "").unwrap();
    says(&store.add(&single("r2", 1, Passed)).await.unwrap_err(), &path, &["is another file"]);
    fs::rename(&away, &path).unwrap();
    store.add(&single("r2", 1, Passed)).await.unwrap();
    assert_eq!(store.totals().await.unwrap()[0].passed, 2);
}
