//! What older versions wrote. The files under `tests/fixtures/store` were written by the version in their names and
//! never change; a new form of the store adds one.

use std::{fs, path::Path};

use coalmine::{
    RunRecord,
    Verdict::{Failed, Passed, Skipped},
    config::Environment,
    store::{Filter, Finished, Kept, Schedule, SqliteStore, Store, Trigger},
};

use super::{change, keeping_two, open, run, step, time};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store");

/// What is in `v1-runs.db`: three passed runs, of which the oldest is thinned, and a failed one.
fn version_1() -> Vec<Finished> {
    let passed = |id, second| {
        let mut left_out = step("refund", Skipped, 0.0);
        left_out.reason = Some("not on Sundays".into());
        run(id, second, vec![step("buy", Passed, 12.5), step("sell", Passed, 7.25), left_out])
    };
    let failed = run("r2", 60, vec![step("buy", Failed, 30.0), step("sell", Passed, 8.0)]);
    vec![
        passed("r1", 0),
        Finished { trigger: Trigger::Recheck, ..failed },
        change(passed("r3", 86_400), |it| it.filtered = true),
        passed("r4", 86_460),
    ]
}

fn schedule() -> Schedule {
    Schedule { canary: "api".into(), next: Some(time(86_520)), paused: None, skipped: 1, missed: 2 }
}

/// Writes the fixture, if STORE_FIXTURE names a file; for the author of a new form.
#[tokio::test]
async fn fixture() {
    let environment = Environment::of_process();
    let Some(to) = environment.get("STORE_FIXTURE") else { return };
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    for run in version_1() {
        store.add(&run).await.unwrap();
    }
    store.sweep(time(86_500)).await.unwrap();
    store.put_schedule(&schedule()).await.unwrap();
    store.backup(Path::new(to)).await.unwrap();
}

#[tokio::test]
async fn a_store_of_version_1_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    fs::copy(format!("{FOLDER}/v1-runs.db"), &path).unwrap();
    let store = open(&path).await;

    let runs = store.runs(&Filter { limit: 10, ..Filter::default() }).await.unwrap().items;
    let runs: Vec<_> = runs.iter().map(|it| (it.run.as_str(), it.verdict, it.trigger)).collect();
    let expected = [
        ("r4", Passed, Trigger::Schedule),
        ("r3", Passed, Trigger::Schedule),
        ("r2", Failed, Trigger::Recheck),
        ("r1", Passed, Trigger::Schedule),
    ];
    assert_eq!(runs, expected);
    for run in version_1() {
        let Kept { summary, record, full } = store.run(&run.record.run).await.unwrap().unwrap();
        assert_eq!(full, run.record.run != "r1");
        assert_eq!(summary.counts, coalmine::store::Counts::of(&run.record));
        if full {
            assert_eq!(record, *run.record);
        } else {
            assert_eq!(record.steps[2].reason.as_deref(), Some("not on Sundays"));
            assert_eq!(record.steps[1].duration_ms, 7.25);
        }
    }
    let totals = &store.totals().await.unwrap()[0];
    assert_eq!((totals.passed, totals.failed, totals.last_passed), (3, 1, Some(time(86_460))));
    assert_eq!(totals.last.as_ref().unwrap().run, "r4");
    assert_eq!(store.days(time(0)).await.unwrap().len(), 2);
    assert_eq!(store.steps("api", time(0)).await.unwrap()[0].max_ms, 12.5);
    assert_eq!(store.schedule().await.unwrap(), [schedule()]);
    store.add(&run("r5", 90_000, vec![step("buy", Passed, 1.0)])).await.unwrap();
    assert_eq!(store.totals().await.unwrap()[0].passed, 4);
}

/// A record from another program, or of before some of its fields were thought of.
#[tokio::test]
async fn a_record_with_fields_missing_is_kept() {
    let text = fs::read_to_string(format!("{FOLDER}/v1-record.json")).unwrap();
    let record = RunRecord::from_json(&text).unwrap();
    let store = SqliteStore::in_memory(keeping_two()).await.unwrap();
    let old = Finished { record: record.into(), trigger: Trigger::Request };
    store.add(&old).await.unwrap();
    let kept = store.run("r1").await.unwrap().unwrap();
    assert_eq!(kept.record, *old.record);
    assert_eq!(kept.summary.root.as_deref(), Some("buy"));
    let steps = store.steps("api", time(0)).await.unwrap();
    assert_eq!(steps.iter().map(|it| it.step.as_str()).collect::<Vec<_>>(), ["buy", "sell"]);
    assert_eq!(steps[1].max_ms, 3.5, "of a step without attempts its own time counts");
}
