//! The library's only reader of the time.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

/// Wall-clock time: the machine's, or one that a test sets. Clones share it.
///
/// Durations are measured with [`Clock::instant`], which always runs; sockets and timeouts use real time too.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Manual>>>);

/// A clock that a test moves.
struct Manual {
    now: Timestamp,
    /// How many times it has been moved.
    moves: u64,
    /// Tasks that wait for the next move.
    waiting: Vec<Waker>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is advanced.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(Mutex::new(Manual { now: start, moves: 0, waiting: Vec::new() }))))
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one file that reads the time")]
            None => Timestamp::now(),
            Some(manual) => lock(manual).now,
        }
    }

    /// Moves a manual clock forward, or back by a negative time, and wakes who waits for that; the machine's clock is
    /// left alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Some(manual) = &self.0 {
            let mut manual = lock(manual);
            manual.now = manual.now.checked_add(by).unwrap_or(Timestamp::MAX);
            manual.moves += 1;
            let waiting = std::mem::take(&mut manual.waiting);
            drop(manual);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits until a manual clock is moved after this call; the machine's clock never is.
    #[must_use]
    pub fn moved(&self) -> Moved {
        Moved { clock: self.clone(), seen: self.0.as_ref().map_or(0, |it| lock(it).moves) }
    }

    /// Whether it only moves when it is told to.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// A monotonic instant, for measuring.
    #[must_use]
    pub fn instant() -> Instant {
        Instant::now()
    }
}

fn lock(manual: &Mutex<Manual>) -> MutexGuard<'_, Manual> {
    manual.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See [`Clock::moved`].
#[derive(Debug)]
pub struct Moved {
    clock: Clock,
    seen: u64,
}

impl Future for Moved {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(manual) = &self.clock.0 else { return Poll::Pending };
        let mut manual = lock(manual);
        if manual.moves != self.seen {
            return Poll::Ready(());
        }
        if !manual.waiting.iter().any(|it| it.will_wake(cx.waker())) {
            manual.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(manual)" } else { "Clock(system)" })
    }
}
