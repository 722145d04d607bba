//! All of the product's state, and the few things that every handler goes by.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    clock::Clock,
    dashboard::{Directory, Mailer},
    faults::Faults,
};

/// What handlers go by, beside the state they work on.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    /// Signs cursors.
    pub(crate) cursor_key: [u8; 32],
    /// Every confirmation code, unless they are random.
    pub(crate) code: Option<String>,
    /// How long a feed's reader is kept waiting for something new.
    pub(crate) long_poll: Duration,
    /// How many readers are waiting right now. They count themselves in and out.
    pub(crate) waiting: watch::Sender<usize>,
}

#[cfg(test)]
impl Context {
    /// Without faults and without waiting.
    pub(crate) fn for_tests() -> Context {
        Context {
            clock: Clock::default(),
            faults: Faults::default(),
            cursor_key: [7; 32],
            code: None,
            long_poll: Duration::ZERO,
            waiting: watch::Sender::default(),
        }
    }
}

/// The product.
pub(crate) struct World {
    pub(crate) cx: Context,
    pub(crate) mailer: Mailer,
    /// The address that `/hello` announces, unless it is the one that was asked.
    pub(crate) announce: Option<String>,
    /// People, teams and what belongs to them. Ledgers have locks of their own, taken after this one if at all.
    directory: Mutex<Directory>,
}

impl World {
    pub(crate) fn new(cx: Context, mailer: Mailer, announce: Option<String>, directory: Directory) -> World {
        World { cx, mailer, announce, directory: Mutex::new(directory) }
    }

    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
