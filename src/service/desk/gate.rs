//! Nobody is told of a run before it is kept.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// A run that has been looked at and is not kept yet. Dropped when it is, when the store is in trouble, or when whoever
/// keeps it has panicked: nobody must wait for it for ever.
pub(super) struct Ticket<'g> {
    gate: &'g Gate,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.number);
    }
}

/// Runs that have been looked at and are not kept yet, by number.
pub(super) struct Gate {
    state: Mutex<State>,
    /// The lowest number that is not kept yet.
    lowest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    next: u64,
    inside: BTreeSet<u64>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { state: Mutex::default(), lowest: watch::Sender::new(0) }
    }
}

impl Gate {
    /// A run has been looked at.
    pub(super) fn enter(&self) -> Ticket<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.inside.insert(number);
        Ticket { gate: self, number }
    }

    fn leave(&self, number: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.inside.remove(&number);
        let lowest = state.inside.first().copied().unwrap_or(state.next);
        self.lowest.send_replace(lowest);
    }

    /// What the next number will be: all that has been looked at has a lower one.
    pub(super) fn last(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Waits until all with a lower number are kept.
    pub(super) async fn left(&self, number: u64) {
        // The sender lives as long as this.
        let _ = self.lowest.subscribe().wait_for(|lowest| *lowest >= number).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_let_through_when_all_before_have_left() {
        let gate = Gate::default();
        gate.left(gate.last()).await;
        let (first, second) = (gate.enter(), gate.enter());
        let last = gate.last();
        let mut waiting = Box::pin(gate.left(last));
        drop(second);
        let still =
            tokio::select! { biased; () = &mut waiting => false, () = std::future::ready(()) => true };
        assert!(still);
        let _third = gate.enter();
        drop(first);
        waiting.await;
    }
}
