//! Processes that are killed, or run out of room, while they write.
//!
//! One binary is both sides: with a variable set, the test `child` is the process that will be killed.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use coalmine::{
    Verdict::{Failed, Passed},
    config::Environment,
    store::{Filter, Finished, Store, StoreError},
};

use super::{change, keeping_two, open, single, time};

/// How often a process is killed; STORE_KILLS says otherwise.
const KILLS: u32 = 30;

/// Set for the child: the store's path.
const PATH: &str = "STORE_CHILD_PATH";
/// Set for the child: a word that its runs' names begin with.
const NAME: &str = "STORE_CHILD_NAME";
/// What the child prints before the name of a run that is kept.
const KEPT: &str = "kept ";

/// A run of some KB, so that a transaction has several pages.
fn sizable(name: &str, number: i64) -> Finished {
    let verdict = if number % 3 == 0 { Failed } else { Passed };
    let mut random = fastrand::Rng::with_seed(number.unsigned_abs());
    let note: String = std::iter::repeat_with(|| random.alphanumeric()).take(8_000).collect();
    change(single(&format!("{name}-{number}"), number, verdict), |it| {
        it.steps[0].attempts[0].notes = vec![note]
    })
}

/// Adds runs without end, several at once, and sweeps in between.
#[test]
fn child() {
    let environment = Environment::of_process();
    let (Some(path), Some(name)) = (environment.get(PATH), environment.get(NAME)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(open(Path::new(path)).await);
        let mut adding = tokio::task::JoinSet::new();
        for task in 0..4 {
            let (store, name) = (store.clone(), name.to_owned());
            adding.spawn(async move {
                for number in (task..4_000).step_by(4) {
                    let run = sizable(&name, number);
                    let mut ended = store.add(&run).await;
                    if ended.is_ok() {
                        println!("{KEPT}{}", run.record.run);
                        if number % 40 == 7 {
                            ended = store.sweep(time(number)).await.map(drop);
                        }
                    }
                    if let Err(error) = ended {
                        println!("\nerror {}", error.to_string().replace('\n', " "));
                        break;
                    }
                }
            });
        }
        adding.join_all().await;
    });
}

/// Killed, should the test end before.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(path: &Path, name: &str, shell: &str) -> (Killed, BufReader<ChildStdout>) {
    let child = Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .env(PATH, path)
        .env(NAME, name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Killed(child.unwrap());
    let out = BufReader::new(child.0.stdout.take().unwrap());
    (child, out)
}

/// The shell becomes the child, so that the process that is killed is the one that writes.
const EXEC: &str = r#"exec "$0" --exact store::crash::child --nocapture"#;

fn names(out: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    // The first may stand behind what the test harness has printed.
    out.filter_map(|line| Some(line.split_once(KEPT)?.1.to_owned()))
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_reported_kept() {
    let kills = Environment::of_process().get("STORE_KILLS").map_or(KILLS, |it| it.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let mut all = 0;
    for round in 0..kills {
        let (mut child, out) = start(&path, &format!("round{round}"), EXEC);
        let mut lines = names(out.lines().map(Result::unwrap));
        // Now and then before anything is kept, perhaps before there is a store.
        let some = if round % 5 == 0 { 0 } else { fastrand::usize(1..60) };
        let mut kept: Vec<_> = lines.by_ref().take(some).collect();
        if some > 0 {
            let error = coalmine::store::SqliteStore::open(&path, keeping_two()).await.unwrap_err();
            assert_eq!(error, StoreError::Locked { by: Some(child.0.id()) });
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        kept.extend(lines);

        let store = open(&path).await;
        for name in &kept {
            let run = store.run(name).await.unwrap();
            let run = run.unwrap_or_else(|| panic!("round {round}: {name} was kept, and is gone"));
            assert!(run.full || run.summary.verdict == Passed);
        }
        all += kept.len();
        sums_agree(&store, all as u64).await;
        store.close().await;
    }
    assert!(all > 100, "something was written: {all}");
    // Reads every page.
    let copy = folder.path().join("copy.db");
    let store = open(&path).await;
    store.backup(&copy).await.unwrap();
    coalmine::store::sqlite::restore(&copy, &folder.path().join("new.db")).await.unwrap();
}

/// Demands that what is counted is what is there, and that it is as much.
async fn sums_agree(store: &coalmine::store::SqliteStore, at_least: u64) {
    let mut filter = Filter { limit: 1_000, ..Filter::default() };
    let (mut passed, mut failed) = (0, 0);
    loop {
        let page = store.runs(&filter).await.unwrap();
        for run in page.items {
            *if run.verdict == Passed { &mut passed } else { &mut failed } += 1;
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    let totals = store.totals().await.unwrap();
    let totals = totals.first().map_or((0, 0), |it| (it.passed, it.failed));
    let days = store.days(time(0)).await.unwrap();
    let days = days.iter().fold((0, 0), |sum, it| (sum.0 + it.passed, sum.1 + it.failed));
    assert_eq!(totals, (passed, failed));
    assert_eq!(days, (passed, failed));
    assert!(passed + failed >= at_least);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    // No file of the child may become larger than some hundred KB.
    let (mut child, out) = start(&path, "full", &format!("trap '' XFSZ; ulimit -f 800; {EXEC}"));
    let lines: Vec<_> = out.lines().map(Result::unwrap).collect();
    child.0.wait().unwrap();
    let errors: Vec<_> = lines.iter().filter(|it| it.starts_with("error ")).collect();
    assert!(!errors.is_empty(), "{lines:?}");
    for error in errors {
        assert!(error.contains("runs.db") && error.contains("remedy: see that the disk has room"), "{error}");
    }
    let kept: Vec<_> = names(lines.into_iter()).collect();
    assert!(!kept.is_empty());
    let store = open(&path).await;
    for name in &kept {
        assert!(store.run(name).await.unwrap().is_some(), "{name}");
    }
    sums_agree(&store, kept.len() as u64).await;
    store.add(&single("after", 0, Passed)).await.unwrap();
}
