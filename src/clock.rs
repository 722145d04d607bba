//! The library's only reader of the time.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

/// Wall-clock time: the machine's, or one that a test sets or shifts. Clones share it.
///
/// Durations are measured with [`Clock::instant`], which always runs; sockets and timeouts use real time too.
#[derive(Clone, Default)]
pub struct Clock(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    System,
    /// By how many milliseconds it differs from the machine's.
    Shifted(Arc<AtomicI64>),
    Manual(Arc<Mutex<Manual>>),
}

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
        Self(Kind::System)
    }

    /// The machine's clock as it is when somebody sets it: it runs by itself, and [`Clock::advance`] makes it jump.
    #[must_use]
    pub fn shifted() -> Self {
        Self(Kind::Shifted(Arc::default()))
    }

    /// A clock that stands still until it is advanced.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Kind::Manual(Arc::new(Mutex::new(Manual { now: start, moves: 0, waiting: Vec::new() }))))
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => machine(),
            Kind::Shifted(shift) => {
                let shift = SignedDuration::from_millis(shift.load(Ordering::SeqCst));
                machine().checked_add(shift).unwrap_or(Timestamp::MAX)
            }
            Kind::Manual(manual) => lock(manual).now,
        }
    }

    /// Moves a manual clock forward, or back by a negative time, and wakes who waits for that; makes a shifted one jump.
    /// The machine's clock is left alone.
    pub fn advance(&self, by: SignedDuration) {
        match &self.0 {
            Kind::System => {}
            Kind::Shifted(shift) => {
                shift.fetch_add(i64::try_from(by.as_millis()).unwrap_or_default(), Ordering::SeqCst);
            }
            Kind::Manual(manual) => {
                let mut manual = lock(manual);
                manual.now = manual.now.checked_add(by).unwrap_or(Timestamp::MAX);
                manual.moves += 1;
                let waiting = std::mem::take(&mut manual.waiting);
                drop(manual);
                waiting.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Waits until a manual clock is moved after this call; the machine's clock never is.
    #[must_use]
    pub fn moved(&self) -> Moved {
        let seen = match &self.0 {
            Kind::System | Kind::Shifted(_) => 0,
            Kind::Manual(manual) => lock(manual).moves,
        };
        Moved { clock: self.clone(), seen }
    }

    /// Whether it only moves when it is told to.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        matches!(self.0, Kind::Manual(_))
    }

    /// A monotonic instant, for measuring.
    #[must_use]
    pub fn instant() -> Instant {
        Instant::now()
    }
}

fn machine() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one file that reads the time")]
    Timestamp::now()
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
        let Kind::Manual(manual) = &self.clock.0 else { return Poll::Pending };
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
        f.write_str(match &self.0 {
            Kind::System => "Clock(system)",
            Kind::Shifted(_) => "Clock(shifted)",
            Kind::Manual(_) => "Clock(manual)",
        })
    }
}
