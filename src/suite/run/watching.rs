//! What those see of a run who watch it from outside while it goes on.

use std::time::Duration;

use super::{Cell, Run};

impl Run {
    /// Whether the run has anything to do with a step: it is selected, or pulled in.
    #[must_use]
    pub fn wants(&self, step: usize) -> bool {
        self.wanted[step]
    }

    /// How long it took, once it has cleaned up.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.ended.get().copied()
    }

    /// The steps and fixtures whose body runs now, those that began first leading.
    #[must_use]
    pub fn running(&self) -> Vec<usize> {
        let since = |cell: &Cell| cell.live().as_ref()?.current.as_ref().map(|it| it.started);
        let steps = self.cells.iter().enumerate();
        let mut running: Vec<_> =
            steps.filter_map(|(step, cell)| since(cell).map(|since| (since, step))).collect();
        running.sort_unstable();
        running.into_iter().map(|(_, step)| step).collect()
    }
}
