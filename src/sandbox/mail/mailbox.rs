//! The mailboxes: which mails are in them, and the history that tells a reader what changed.
//!
//! One lock guards everything. It is held for the length of a push or of a copy of pointers and never while
//! something waits; readers work on the copy.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    envelope::{Envelope, domain},
    query::Words,
};
use crate::clock::Clock;

/// How long changes can be asked for: "usually at least a week" [V].
const HISTORY_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// History id of an empty mailbox. Real ones never start at nought either.
const FIRST_HISTORY_ID: u64 = 1000;

/// Every mailbox of one sandbox.
pub(super) struct Store {
    clock: Clock,
    /// The address of the one mailbox that can be read through the API; lower case.
    address: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By lower-case address. A mailbox comes to be with its first mail.
    boxes: BTreeMap<String, Mailbox>,
    /// Id of the newest mail of all.
    newest_mail: u64,
}

/// One mailbox.
struct Mailbox {
    /// In the order of arrival.
    mails: Vec<Arc<Mail>>,
    /// Ascending by id, none older than [`HISTORY_KEPT`].
    changes: VecDeque<Change>,
    /// Id of the newest change.
    newest: u64,
    /// Id of the newest change that is no longer in `changes`: from there on back nothing can be asked.
    forgotten: u64,
}

/// One mail, as it lies in its mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    /// Shown as 16 hexadecimal digits [V]. Later mails have higher ids.
    pub(super) id: u64,
    /// The last change of the mailbox that touched this mail.
    pub(super) history_id: u64,
    pub(super) labels: Vec<String>,
    /// When the host took the mail.
    pub(super) received: Timestamp,
    /// The address of RCPT, with its tag and in the sender's spelling.
    pub(super) recipient: String,
    /// The whole mail, the headers of the last hop included.
    pub(super) raw: Vec<u8>,
    /// What a search looks at.
    pub(super) words: Words,
}

/// One entry of a mailbox's history.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) at: Timestamp,
    pub(super) kind: ChangeKind,
    /// The mail as it was when it changed.
    pub(super) mail: Arc<Mail>,
}

/// What happened to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// It arrived.
    Added,
}

/// A history was asked for from a point that is too far back, or that never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// Where a mail is filed on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    Inbox,
    Spam,
}

impl Store {
    /// A store whose readable mailbox is `address`.
    pub(super) fn new(clock: Clock, address: &str) -> Store {
        Store { clock, address: address.to_lowercase(), inner: Mutex::default() }
    }

    /// The address of the readable mailbox, in lower case.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Files one mail for one recipient. Once this returns, the mail can be read.
    ///
    /// A mail to several tags of one mailbox is filed once for each, so that whoever waits for a tag finds it.
    pub(super) fn deliver(&self, envelope: &Envelope, recipient: &str, sent: &[u8], folder: Folder) {
        let now = self.clock.now();
        // All that takes long is done before the lock is taken.
        let received = envelope.taken(now);
        let raw = envelope.stamp(recipient, received, sent);
        let words = Words::of(&raw);
        let labels = match folder {
            Folder::Inbox => ["UNREAD", "CATEGORY_PERSONAL", "INBOX"].as_slice(),
            Folder::Spam => ["UNREAD", "SPAM"].as_slice(),
        };
        let labels = labels.iter().map(|&label| label.to_owned()).collect();

        let mut inner = self.lock();
        let id = inner.next_mail_id(now);
        let mailbox = inner.boxes.entry(self.mailbox_of(recipient)).or_default();
        let history_id = mailbox.next_history_id();
        let recipient = recipient.to_owned();
        let mail = Arc::new(Mail { id, history_id, labels, received, recipient, raw, words });
        mailbox.mails.push(Arc::clone(&mail));
        mailbox.changes.push_back(Change { id: history_id, at: now, kind: ChangeKind::Added, mail });
        mailbox.forget(now);
    }

    /// The mails that reached exactly `address`, whatever the case, in the order of arrival.
    pub(super) fn delivered(&self, address: &str) -> Vec<Vec<u8>> {
        let address = address.to_lowercase();
        let mails = self.mails_in(&self.mailbox_of(&address));
        let reached = mails.iter().filter(|mail| mail.recipient.to_lowercase() == address);
        reached.map(|mail| mail.raw.clone()).collect()
    }

    /// The mails of the readable mailbox, in the order of arrival.
    pub(super) fn mails(&self) -> Vec<Arc<Mail>> {
        self.mails_in(&self.address)
    }

    /// One mail of the readable mailbox.
    pub(super) fn mail(&self, id: u64) -> Option<Arc<Mail>> {
        self.lock().boxes.get(&self.address)?.mails.iter().find(|mail| mail.id == id).cloned()
    }

    /// The newest history id of the readable mailbox.
    pub(super) fn history_id(&self) -> u64 {
        self.lock().boxes.get(&self.address).map_or(FIRST_HISTORY_ID, |mailbox| mailbox.newest)
    }

    /// What changed in the readable mailbox after `start`, oldest first, and the newest history id.
    pub(super) fn history(&self, start: u64) -> Result<(Vec<Change>, u64), Gone> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let mailbox = inner.boxes.entry(self.address.clone()).or_default();
        mailbox.forget(now);
        if start < mailbox.forgotten || start > mailbox.newest {
            return Err(Gone);
        }
        let changes = mailbox.changes.iter().filter(|change| change.id > start).cloned().collect();
        Ok((changes, mailbox.newest))
    }

    fn mails_in(&self, mailbox: &str) -> Vec<Arc<Mail>> {
        self.lock().boxes.get(mailbox).map(|mailbox| mailbox.mails.clone()).unwrap_or_default()
    }

    /// The mailbox that takes the mail for `recipient`: the readable one for every tag of its address, else one
    /// of the recipient's own name.
    fn mailbox_of(&self, recipient: &str) -> String {
        let recipient = recipient.to_lowercase();
        let local = recipient.rsplit_once('@').map_or("", |(local, _)| local);
        let untagged = local.split_once('+').map_or(local, |(untagged, _)| untagged);
        let untagged = format!("{untagged}@{}", domain(&recipient));
        if untagged == self.address { self.address.clone() } else { recipient }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The id of the next mail: 16 hexadecimal digits [V], higher than all before it.
    ///
    /// The upper part is the time and the lower 20 bits are free for mails of one millisecond.
    fn next_mail_id(&mut self, now: Timestamp) -> u64 {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or_default();
        self.newest_mail = (millisecond << 20).max(self.newest_mail + 1);
        self.newest_mail
    }
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox {
            mails: Vec::new(),
            changes: VecDeque::new(),
            newest: FIRST_HISTORY_ID,
            forgotten: FIRST_HISTORY_ID,
        }
    }
}

impl Mailbox {
    /// The id of the next change. Ids grow with gaps [V], so that nobody gets used to adding one.
    fn next_history_id(&mut self) -> u64 {
        self.newest += 3 + self.newest % 29;
        self.newest
    }

    /// Drops the changes that are too old to be asked for.
    fn forget(&mut self, now: Timestamp) {
        while let Some(change) = self.changes.front()
            && now.duration_since(change.at) > HISTORY_KEPT
        {
            self.forgotten = change.id;
            self.changes.pop_front();
        }
    }
}
