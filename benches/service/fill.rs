//! A store with as many runs as are wanted, the newest of them from now.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use coalmine::{
    Clock, Verdict,
    store::{Finished, Retention, SqliteStore, Store},
};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::{Outcome, made};

/// How many runs are handed over at once.
const AT_ONCE: u32 = 64;
/// From one run to the next.
const STEP: SignedDuration = SignedDuration::from_secs(50);
/// The newest are kept with their exchanges, as a service has them.
const IN_FULL: u32 = 300;

/// Where the store is; made if there is none of today.
pub(crate) async fn store(runs: u32) -> Outcome<PathBuf> {
    let now = Clock::system().now();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("service-{runs}-{}.db", now.strftime("%F")));
    if path.exists() {
        return Ok(path);
    }
    let begun = Instant::now();
    let half = folder.join(format!("service-{runs}.half"));
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", half.display()));
    }
    let store = SqliteStore::open(&half, Retention { size: u64::MAX, ..Retention::default() }).await?;
    let store = Arc::new(store);
    for from in (0..runs).step_by(AT_ONCE as usize) {
        let mut adding = JoinSet::new();
        for number in from..runs.min(from + AT_ONCE) {
            let run = run(number, runs, now);
            let store = store.clone();
            adding.spawn(async move { store.add(&run).await });
        }
        while let Some(added) = adding.join_next().await {
            added??;
        }
        if from % 4096 == 0 {
            store.sweep(now).await?;
        }
    }
    store.sweep(now).await?;
    store.close().await;
    fs::rename(&half, &path)?;
    println!("{runs} runs made in {:.0?}", begun.elapsed());
    Ok(path)
}

fn run(number: u32, of: u32, now: Timestamp) -> Finished {
    let mut run = made::run(number);
    let record = Arc::make_mut(&mut run.record);
    let before = STEP * i32::try_from(of - number).unwrap_or(i32::MAX);
    record.started = now.saturating_sub(before).unwrap_or(now);
    // Old runs that passed lose them anyway, and they are what takes time.
    if record.verdict == Verdict::Passed && number + IN_FULL < of {
        for attempt in record.steps.iter_mut().flat_map(|it| &mut it.attempts) {
            attempt.exchanges = Vec::new();
        }
    }
    run
}
