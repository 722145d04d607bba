//! One who waits for mail, and what the poller tells all of them.

use std::{sync::Arc, time::Instant};

use tokio::sync::watch;

use super::{mailbox::Shared, trouble::Trouble};
use crate::clock::Clock;

/// What the poller has come to.
#[derive(Clone, Default)]
pub(super) struct Status {
    /// Rounds that have ended, well or not.
    pub(super) rounds: u64,
    /// When the last round that went well began.
    pub(super) good: Option<Instant>,
    /// What was wrong with the last round.
    pub(super) trouble: Option<Trouble>,
    /// A trouble that no further round will mend, with the number of its round.
    pub(super) fatal: Option<(u64, Trouble)>,
}

/// One who waits. Leaves when dropped, however the waiting ends.
pub(super) struct Waiter {
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    /// Rounds that had ended when the waiting began: their troubles are old ones.
    since: u64,
    pub(super) began: Instant,
}

impl Waiter {
    /// One of those who are counted already.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let mut status = shared.status.subscribe();
        let since = status.borrow_and_update().rounds;
        Self { shared: Arc::clone(shared), status, since, began: Clock::instant() }
    }

    /// Waits until the poller has something to say.
    pub(super) async fn changed(&mut self) {
        // The sender lives in `shared`, which this waiter holds.
        let _ = self.status.changed().await;
    }

    /// What ends the waiting at once: a trouble that came after it began and stays.
    pub(super) fn fatal(&mut self) -> Option<Trouble> {
        let status = self.status.borrow_and_update();
        status.fatal.as_ref().filter(|(round, _)| *round > self.since).map(|(_, trouble)| trouble.clone())
    }

    /// The present status.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.shared.lock().waiters -= 1;
        self.shared.waiters_changed.notify_one();
    }
}
