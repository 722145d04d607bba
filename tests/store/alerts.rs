//! What alerts remember: kept with the run that decided it or not at all, and never replaced by what is older.

use std::{fs, time::Duration};

use coalmine::{
    Verdict::{Failed, Passed},
    store::{
        AlertRows, Document, IncidentFilter, IncidentRow, LogRow, Retention, SqliteStore, Store, StoreError,
    },
};

use super::{open, single, time};

fn document(name: &str, revision: u64, body: Option<&str>) -> Document {
    Document { name: name.to_owned(), revision, body: body.map(ToOwned::to_owned) }
}

fn incident(id: &str, opened: i64, closed: Option<i64>, revision: u64) -> IncidentRow {
    IncidentRow {
        id: id.to_owned(),
        key: format!("shop/home/{id}"),
        canary: if id.starts_with('a') { "api" } else { "front" }.to_owned(),
        opened: time(opened),
        closed: closed.map(time),
        revision,
        body: format!("{{\"id\":\"{id}\",\"revision\":{revision}}}"),
    }
}

fn log(incident: &str, number: u64) -> LogRow {
    LogRow { incident: incident.to_owned(), number, at: time(0), body: format!("{{\"number\":{number}}}") }
}

fn rows(documents: Vec<Document>, incidents: Vec<IncidentRow>, log: Vec<LogRow>) -> AlertRows {
    AlertRows { documents, incidents, log }
}

async fn ids(store: &SqliteStore, filter: IncidentFilter) -> Vec<String> {
    let filter = IncidentFilter { limit: 100, ..filter };
    store.incidents(&filter).await.unwrap().into_iter().map(|it| it.id).collect()
}

#[tokio::test]
async fn a_run_and_what_it_has_decided_are_kept_together_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = open(&path).await;
    let decided = rows(
        vec![document("canary/api", 2, Some("{\"x\":1}"))],
        vec![incident("a1", 10, None, 3)],
        vec![log("a1", 1)],
    );
    let run = single("r1", 10, Failed);
    store.commit(Some(&run), &decided).await.unwrap();
    // As after an answer that did not come.
    store.commit(Some(&run), &decided).await.unwrap();
    store.close().await;

    let store = open(&path).await;
    assert_eq!(store.documents().await.unwrap(), decided.documents);
    let (row, log) = store.incident("a1").await.unwrap().unwrap();
    assert_eq!((row, log), (decided.incidents[0].clone(), vec!["{\"number\":1}".to_owned()]));
    assert_eq!(store.totals().await.unwrap()[0].failed, 1, "the run counts once");
    assert_eq!(store.incident("a2").await.unwrap(), None);
}

#[tokio::test]
async fn neither_is_kept_where_one_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    open(&path).await.close().await;
    let reader = SqliteStore::open_to_read(&path).await.unwrap();
    let decided = rows(vec![document("canary/api", 1, Some("{}"))], Vec::new(), Vec::new());
    let refused = reader.commit(Some(&single("r1", 0, Failed)), &decided).await.unwrap_err();
    assert!(matches!(refused, StoreError::Broken { .. }), "{refused}");
    assert_eq!(reader.documents().await.unwrap(), []);
    assert_eq!(reader.run("r1").await.unwrap(), None);
}

#[tokio::test]
async fn what_is_older_replaces_nothing_and_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = open(&path).await;
    let keep = async |rows: AlertRows| store.commit(None, &rows).await.unwrap();
    keep(rows(vec![document("line/a", 5, Some("new"))], vec![incident("a1", 1, Some(9), 6)], vec![])).await;
    keep(rows(vec![document("line/a", 4, Some("old"))], vec![incident("a1", 1, None, 2)], vec![])).await;
    assert_eq!(store.documents().await.unwrap()[0].body.as_deref(), Some("new"));
    assert_eq!(store.incident("a1").await.unwrap().unwrap().0.closed, Some(time(9)));

    keep(rows(vec![document("line/a", 8, None)], vec![], vec![])).await;
    keep(rows(vec![document("line/a", 7, Some("late"))], vec![], vec![])).await;
    assert_eq!(store.documents().await.unwrap(), []);
    // In the next process nobody has anything older left.
    store.close().await;
    let store = open(&path).await;
    store.commit(None, &rows(vec![document("line/a", 1, Some("again"))], vec![], vec![])).await.unwrap();
    assert_eq!(store.documents().await.unwrap()[0].body.as_deref(), Some("again"));
}

#[tokio::test]
async fn incidents_are_found_and_the_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Retention { age: Duration::from_secs(1_000), ..Retention::default() };
    let store = SqliteStore::open(folder.path().join("runs.db"), keep).await.unwrap();
    let all = vec![
        incident("a1", 10, Some(20), 1),
        incident("f1", 30, None, 2),
        incident("a2", 40, Some(1_500), 3),
        incident("a3", 50, None, 4),
    ];
    let logs = vec![log("a1", 1), log("a2", 2), log("a2", 3)];
    store.commit(None, &rows(vec![], all, logs)).await.unwrap();
    let any = IncidentFilter::default;
    assert_eq!(ids(&store, any()).await, ["a3", "a2", "f1", "a1"]);
    assert_eq!(ids(&store, IncidentFilter { open: Some(true), ..any() }).await, ["a3", "f1"]);
    assert_eq!(ids(&store, IncidentFilter { open: Some(false), ..any() }).await, ["a2", "a1"]);
    assert_eq!(ids(&store, IncidentFilter { canary: Some("front".into()), ..any() }).await, ["f1"]);
    assert_eq!(ids(&store, IncidentFilter { before: Some(time(40)), ..any() }).await, ["f1", "a1"]);

    // Closed for longer than runs are kept; what is open stays, however old.
    store.sweep(time(1_100)).await.unwrap();
    assert_eq!(ids(&store, any()).await, ["a3", "a2", "f1"]);
    assert_eq!(store.incident("a2").await.unwrap().unwrap().1.len(), 2);
}

/// A store of the first version is brought to the second when it is opened, with all that is in it.
#[tokio::test]
async fn a_store_of_the_first_version_keeps_alerts_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store/v1-runs.db"), &path).unwrap();
    let store = open(&path).await;
    assert_eq!(store.documents().await.unwrap(), []);
    let run = single("r9", 90_000, Passed);
    let decided = rows(vec![document("canary/api", 1, Some("{}"))], vec![incident("a1", 1, None, 2)], vec![]);
    store.commit(Some(&run), &decided).await.unwrap();
    assert_eq!(store.totals().await.unwrap()[0].passed, 4);
    assert_eq!(ids(&store, IncidentFilter::default()).await, ["a1"]);
}
