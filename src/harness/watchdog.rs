//! A plain thread outside the runtime: if the runtime is starved, nobody inside it can notice.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Handle;

use super::session::Reporter;
use crate::{
    clock::Clock,
    suite::{CLEANUP_LIMIT, CanaryPlan},
};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(200);

/// Stops the watchdog when dropped.
pub(super) struct Watchdog(#[expect(dead_code, reason = "it is there to be dropped")] Sender<()>);

/// Watches the runs: when a step blocks its thread and the runtime can no longer enforce limits, or when a run is
/// past its whole time, it writes the reports and ends the process. `limited` means that steps wait for one another's
/// turn.
pub(super) fn watch(reporter: Arc<Reporter>, limited: bool, runtime: Handle) -> Watchdog {
    let (alive, stopped) = channel();
    let limit = time_limit(reporter.runs.iter().map(|run| &**run.plan()), limited);
    // Time limits are enforced inside; this one is for what gets past them.
    let latest = Clock::instant().checked_add(limit.saturating_add(CLEANUP_LIMIT * 2));
    thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(PERIOD) {
            // If the thread that watches timers and sockets is taken by a step that blocks it, the idle ones sleep on
            // and nobody watches. Something to do wakes one, and it takes over.
            runtime.spawn(std::future::ready(()));
            let starved: Vec<_> = reporter.runs.iter().flat_map(|run| run.starved()).collect();
            if starved.is_empty() && latest.is_none_or(|latest| Clock::instant() < latest) {
                continue;
            }
            let why = match starved.as_slice() {
                [] => format!("error: the run is past its limit of {limit:?}; giving it up"),
                steps => format!(
                    "error: the runtime is starved by {}: time limits can no longer be enforced; giving the run up",
                    steps.join(", ")
                ),
            };
            reporter.front.say(&why);
            let code = reporter.report();
            #[expect(
                clippy::disallowed_methods,
                reason = "nothing inside the runtime can be waited for any more"
            )]
            std::process::exit(i32::from(code.max(1)));
        }
    });
    Watchdog(alive)
}

/// How long runs that began together may take: as long as the longest, or the sum of all steps if there is a limit
/// on how many run at once.
fn time_limit<'p>(plans: impl Iterator<Item = &'p CanaryPlan>, limited: bool) -> Duration {
    if !limited {
        return plans.map(CanaryPlan::time_limit).max().unwrap_or_default();
    }
    let steps = plans.flat_map(|plan| &plan.steps).map(|planned| &planned.step);
    steps.fold(Duration::ZERO, |sum, step| sum.saturating_add(step.timeout.saturating_mul(step.retries + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Canary, Result, Suite};

    #[test]
    fn steps_that_wait_for_their_turn_may_take_the_sum() {
        async fn passes() -> Result<()> {
            Ok(())
        }
        let canary = |name| {
            let canary = Canary::new(name).step("a", passes).timeout(Duration::from_secs(5)).retry(1);
            canary.step("b", passes).timeout(Duration::from_secs(7))
        };
        let plan = Suite::new("shop").canary(canary("front")).canary(canary("back")).plan().unwrap();
        let limit = |limited| time_limit(plan.canaries.iter().map(|it| &**it), limited);
        assert_eq!(limit(false), Duration::from_secs(10));
        assert_eq!(limit(true), Duration::from_secs(34));
    }
}
