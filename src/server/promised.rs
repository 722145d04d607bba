//! Runs that somebody was told to look at later, so that their address means something before they have ended.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// How many are remembered.
const REMEMBERED: usize = 1024;

#[derive(Default)]
pub(super) struct Promised(Mutex<VecDeque<String>>);

impl Promised {
    pub(super) fn add(&self, run: &str) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !runs.iter().any(|it| it == run) {
            runs.push_back(run.to_owned());
            if runs.len() > REMEMBERED {
                runs.pop_front();
            }
        }
    }

    pub(super) fn has(&self, run: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|it| it == run)
    }
}
