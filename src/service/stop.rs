//! Stopping: no new runs, those in flight are waited for and then cancelled, and what came of them is kept.

use std::time::Duration;

use super::{Service, lock};
use crate::clock::Clock;

/// How long the last pages may take. What has not arrived is told by the next service with the same store.
const FLUSH: Duration = Duration::from_secs(5);

/// What has become of everything when the service has stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Runs that were in flight and have ended by themselves.
    pub ended: Vec<String>,
    /// Runs that were cancelled; their clean-up was done, and they are kept.
    pub cancelled: Vec<String>,
    /// Runs that could not even be cancelled in time. What they have created is in the journal.
    pub given_up: Vec<String>,
    /// How many runs the store has not taken.
    pub not_kept: usize,
}

impl Service {
    /// Stops the service, and waits until it has stopped or [`ServiceOptions::end`](super::ServiceOptions::end) is over.
    ///
    /// Whoever waits for a run in flight is answered; whoever waits for one that has not begun is refused.
    pub async fn shutdown(&self) -> Stopped {
        let shared = &self.shared;
        let started = Clock::instant();
        let left = |of: Duration| of.saturating_sub(started.elapsed());
        let (patience, end) = (shared.options.patience, shared.options.end);
        shared.closing.cancel();
        shared.actors.close();
        let in_flight = self.in_flight();

        let mut cancelled = Vec::new();
        if tokio::time::timeout(left(patience), shared.actors.wait()).await.is_err() {
            cancelled = self.in_flight();
            shared.cancel.cancel();
            let _ = tokio::time::timeout(left(end), shared.actors.wait()).await;
        }
        let given_up = self.in_flight();
        // What the last runs have decided is told, if somebody is there to hear it.
        shared.desk.close(left(end).min(FLUSH)).await;
        let not_kept = shared.keeper.close(left(end)).await;
        Stopped {
            ended: without(in_flight, &cancelled),
            cancelled: without(cancelled, &given_up),
            given_up,
            not_kept,
        }
    }

    fn in_flight(&self) -> Vec<String> {
        let running =
            |view| lock::<std::sync::Arc<super::CanaryView>>(view).running.as_ref().map(|it| it.run.clone());
        self.shared.views.iter().filter_map(running).collect()
    }
}

fn without(mut all: Vec<String>, some: &[String]) -> Vec<String> {
    all.retain(|it| !some.contains(it));
    all
}
