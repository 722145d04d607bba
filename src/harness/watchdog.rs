//! A plain thread outside the runtime: if the runtime is starved, nobody inside it can notice.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use super::Reporter;
use crate::{clock::Clock, suite::CLEANUP_LIMIT};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(200);

/// Stops the watchdog when dropped.
pub(super) struct Watchdog(#[expect(dead_code, reason = "it is there to be dropped")] Sender<()>);

/// Watches the runs: when a step blocks its thread and the runtime can no longer enforce limits, or when a run is
/// past its whole time, it writes the reports and ends the process.
pub(super) fn watch(reporter: Arc<Reporter>) -> Watchdog {
    let (alive, stopped) = channel();
    let limit = reporter.runs.iter().map(|run| run.plan().time_limit()).max().unwrap_or_default();
    // Time limits are enforced inside; this one is for what gets past them.
    let latest = Clock::instant() + limit + CLEANUP_LIMIT * 2;
    thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(PERIOD) {
            let starved: Vec<_> = reporter.runs.iter().flat_map(|run| run.starved()).collect();
            if starved.is_empty() && Clock::instant() < latest {
                continue;
            }
            match starved.as_slice() {
                [] => eprintln!("error: the run is past its limit of {limit:?}; giving it up"),
                steps => eprintln!(
                    "error: the runtime is starved by {}: time limits can no longer be enforced; giving the run up",
                    steps.join(", ")
                ),
            }
            let verdict = reporter.report();
            #[expect(
                clippy::disallowed_methods,
                reason = "nothing inside the runtime can be waited for any more"
            )]
            std::process::exit(i32::from(verdict.exit_code().max(1)));
        }
    });
    Watchdog(alive)
}
