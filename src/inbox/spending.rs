//! What the calls of one mailbox cost: taken from the budget before each, and counted.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::budget::{self, Budget};
use crate::clock::Clock;

/// The budget that all calls share, and what they have taken of it.
pub(super) struct Spending {
    budget: Mutex<Budget>,
    /// How many calls wait for the budget now.
    held_up: AtomicUsize,
    units: AtomicU64,
    pub(super) counts: Counts,
}

/// Calls so far, by their kind.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) polls: AtomicU64,
    pub(super) searches: AtomicU64,
    pub(super) headers: AtomicU64,
    pub(super) mails: AtomicU64,
}

/// What reading a mailbox has cost so far, see [`Mailbox::usage`](super::Mailbox::usage).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Units of Gmail's quota, in all.
    pub units: u64,
    /// Pages of history that were asked for.
    pub polls: u64,
    /// Pages of searches.
    pub searches: u64,
    /// Mails whose headers were asked for.
    pub seen: u64,
    /// Mails that were read whole, because they were for somebody here.
    pub read: u64,
}

/// How much of a share of the quota is used, in hundredths: Google counts a call in the minute in which it arrives, which may
/// be the one after that in which it was paid for.
const USED: u64 = 95;

/// That the units of one mail's call have been taken.
pub(super) struct Paid;

impl Spending {
    pub(super) fn new(units_per_minute: u32) -> Self {
        let used = u64::from(units_per_minute) * USED / 100;
        Self {
            budget: Mutex::new(Budget::new(u32::try_from(used).unwrap_or(u32::MAX), Clock::instant())),
            held_up: AtomicUsize::new(0),
            units: AtomicU64::new(0),
            counts: Counts::default(),
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let Counts { polls, searches, headers, mails } = &self.counts;
        let read = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Usage {
            units: read(&self.units),
            polls: read(polls),
            searches: read(searches),
            seen: read(headers),
            read: read(mails),
        }
    }

    /// The least pause between two polls that the budget asks for.
    pub(super) fn pause(&self) -> Duration {
        self.budget().pause(Clock::instant())
    }

    /// Whether a call waits for the budget.
    pub(super) fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::Relaxed) > 0
    }

    /// Whether the budget is too small now for reading one mail, or a call waits for it.
    pub(super) fn is_short(&self) -> bool {
        let level = self.budget().level(Clock::instant());
        self.is_held_up() || level < f64::from(budget::MESSAGE + budget::HISTORY)
    }

    /// Takes the units of one mail's call, or says when they will be there.
    pub(super) fn pay_for_mail(&self) -> Result<Paid, Duration> {
        self.take(budget::MESSAGE).map(|()| Paid)
    }

    /// Takes units as soon as they are there.
    pub(super) async fn pay(&self, units: u32) {
        while let Err(wait) = self.take(units) {
            let _held_up = HeldUp::new(&self.held_up);
            tokio::time::sleep(wait).await;
        }
    }

    fn take(&self, units: u32) -> Result<(), Duration> {
        self.budget().take(units, Clock::instant())?;
        self.units.fetch_add(units.into(), Ordering::Relaxed);
        Ok(())
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call among those that wait for the budget, until dropped.
struct HeldUp<'c>(&'c AtomicUsize);

impl<'c> HeldUp<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for HeldUp<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
