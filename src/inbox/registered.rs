//! An address that was given out, and what came for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::mail::Content;

/// How long a mail that was read first waits for one that came before it. Mails are read several at a time, and one
/// that hangs must not keep the others.
pub(super) const ORDER_FOR: Duration = Duration::from_secs(1);

/// An address that somebody holds.
pub(super) struct Registered {
    pub(super) address: String,
    /// What stands behind the `+`.
    pub(super) tag: String,
    /// What the tags of the whole run begin with.
    pub(super) run: String,
    /// When it was made, by the run's clock.
    pub(super) made: Timestamp,
    /// How many mails for nobody of this process had come at that time.
    pub(super) foreign_before: u64,
    shelf: Mutex<Shelf>,
    /// Address and subject of mails to addresses of the same run that nobody holds.
    strays: Mutex<Vec<(String, String)>>,
}

/// What came, and what is on its way from the API.
#[derive(Default)]
struct Shelf {
    /// In the order in which the mailbox named them.
    arrived: Vec<Arrived>,
    /// Mails that are known to be for this address and are being read, by their order, and since when.
    announced: BTreeMap<u64, Instant>,
}

/// A mail that has been read.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) content: Arc<Content>,
    /// Its place among all mails of the mailbox that this process has heard of.
    pub(super) order: u64,
    /// From the beginning of the poll that heard of it until it was read.
    pub(super) read_in: Duration,
}

impl Registered {
    pub(super) fn new(
        address: String,
        tag: String,
        run: String,
        made: Timestamp,
        foreign_before: u64,
    ) -> Self {
        let (shelf, strays) = (Mutex::default(), Mutex::default());
        Self { address, tag, run, made, foreign_before, shelf, strays }
    }

    /// What the step calls the addressee: what the tag ends with, behind run and attempt.
    pub(super) fn role(&self) -> &str {
        let rest = self.tag.strip_prefix(&self.run).unwrap_or(&self.tag);
        rest.split_once('-').map_or(rest, |(_, role)| role)
    }

    /// Since when a mail could be expected: since the address was made, or since the mail to it before this one.
    pub(super) fn awaited_since(&self, mail: &Content) -> Timestamp {
        let shelf = self.shelf();
        let received = shelf.arrived.iter().map(|it| it.content.received);
        let before = received.filter(|it| *it < mail.received).max();
        before.map_or(self.made, |it| it.max(self.made))
    }

    /// What has come so far.
    pub(super) fn mails(&self) -> Vec<Arrived> {
        self.shelf().arrived.clone()
    }

    /// How many have come so far.
    pub(super) fn count(&self) -> usize {
        self.shelf().arrived.len()
    }

    /// A mail is for this address and will be read now.
    pub(super) fn announce(&self, order: u64, now: Instant) {
        self.shelf().announced.insert(order, now);
    }

    pub(super) fn keep(&self, mail: Arrived) {
        let mut shelf = self.shelf();
        shelf.announced.remove(&mail.order);
        let place = shelf.arrived.partition_point(|it| it.order < mail.order);
        shelf.arrived.insert(place, mail);
    }

    /// Whether a mail that came before this one is still being read, though not for too long.
    pub(super) fn awaits_before(&self, order: u64, now: Instant) -> bool {
        self.shelf().announced.range(..order).any(|(_, since)| now - *since < ORDER_FOR)
    }

    pub(super) fn stray(&self, address: String, subject: String) {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).push((address, subject));
    }

    pub(super) fn strays(&self) -> Vec<(String, String)> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
