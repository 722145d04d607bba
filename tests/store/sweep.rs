//! What goes, and that the file becomes smaller.

use std::{fs, sync::Arc, time::Duration};

use coalmine::{
    Verdict::{Failed, Passed},
    store::{Filter, Finished, Retention, Schedule, SqliteStore, Store},
};

use super::{change, single, time};

/// A failed run that cannot be compressed much: some 20 KB.
fn large(number: i64) -> Finished {
    let mut random = fastrand::Rng::with_seed(number.unsigned_abs());
    let note: String = std::iter::repeat_with(|| random.alphanumeric()).take(25_000).collect();
    change(single(&format!("r{number}"), number, Failed), |it| it.steps[0].attempts[0].notes = vec![note])
}

#[tokio::test]
async fn a_store_that_is_too_large_loses_its_oldest_runs() {
    const LIMIT: u64 = 2_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = SqliteStore::open(&path, Retention { size: LIMIT, ..Retention::default() }).await.unwrap();
    for number in 0..300 {
        store.add(&large(number)).await.unwrap();
    }
    let before = store.size().await.unwrap();
    assert!(before > 2 * LIMIT, "{before}");
    let swept = store.sweep(time(400)).await.unwrap();
    let after = store.size().await.unwrap();
    assert!(after <= LIMIT && after > LIMIT * 8 / 10, "{after}: not more than needed went");
    assert!(fs::metadata(&path).unwrap().len() <= LIMIT, "the file itself is shorter");
    let left = store.runs(&Filter { limit: 1_000, ..Filter::default() }).await.unwrap().items;
    assert_eq!(left.len() as u64, 300 - swept.runs);
    assert_eq!(left[0].run, "r299");
    assert_eq!(left.last().unwrap().run, format!("r{}", swept.runs), "the oldest went");
    assert_eq!(store.totals().await.unwrap()[0].failed, 300);
    assert_eq!(store.sweep(time(400)).await.unwrap().runs, 0, "there is nothing left to do");
}

#[tokio::test]
async fn old_runs_go_and_the_file_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Retention { age: Duration::from_secs(1_000), ..Retention::default() };
    let store = SqliteStore::open(folder.path().join("runs.db"), keep).await.unwrap();
    for number in 0..100 {
        store.add(&large(number)).await.unwrap();
    }
    let swept = store.sweep(time(1_098)).await.unwrap();
    assert_eq!(swept.runs, 98, "those that are exactly as old as allowed stay");
    assert!(store.size().await.unwrap() < 400_000);
}

#[tokio::test]
async fn runs_are_added_while_a_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Retention { passed_in_full: 1, ..Retention::default() };
    let store = Arc::new(SqliteStore::open(folder.path().join("runs.db"), keep).await.unwrap());
    let add = |from: i64, to: i64| {
        let store = store.clone();
        async move {
            for number in from..to {
                store.add(&single(&format!("r{number}"), number, Passed)).await.unwrap();
            }
        }
    };
    add(0, 300).await;
    let (swept, ()) = tokio::join!(store.sweep(time(1_000)), add(300, 400));
    let more = store.sweep(time(1_000)).await.unwrap();
    assert_eq!(swept.unwrap().thinned + more.thinned, 399);
    assert_eq!(store.totals().await.unwrap()[0].passed, 400);
}

#[tokio::test]
async fn the_schedule_is_what_was_put_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = SqliteStore::open(&path, Retention::default()).await.unwrap();
    let entry = |canary: &str, skipped| Schedule {
        canary: canary.into(),
        next: Some(time(60)),
        paused: None,
        skipped,
        missed: 0,
    };
    for it in [entry("signup", 1), entry("api", 1), entry("api", 2)] {
        store.put_schedule(&it).await.unwrap();
    }
    store.close().await;
    let store = SqliteStore::open(&path, Retention::default()).await.unwrap();
    assert_eq!(store.schedule().await.unwrap(), [entry("api", 2), entry("signup", 1)]);
}
