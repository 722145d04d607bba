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
    label::{Draft, Label, LabelError, Labels},
    query::Words,
};
use crate::clock::Clock;

/// History id of an empty mailbox. Real ones never start at nought either.
const FIRST_HISTORY_ID: u64 = 1000;

/// Every mailbox of one sandbox.
pub(super) struct Store {
    clock: Clock,
    /// The address of the one mailbox that can be read through the API; lower case.
    address: String,
    /// How long changes can be asked for.
    history_kept: SignedDuration,
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
    /// Ascending by id, which is the order in which they were filed.
    mails: Vec<Arc<Mail>>,
    labels: Labels,
    /// Ascending by id, oldest first.
    changes: VecDeque<Change>,
    /// Id of the newest change.
    newest: u64,
    /// Id of the newest change that is no longer in `changes`: from there on back nothing can be asked.
    forgotten: u64,
}

/// One mail, as it lies in its mailbox. It is never changed: a mail with other labels takes its place.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    /// Shown as 16 hexadecimal digits [V]. Later mails have higher ids.
    pub(super) id: u64,
    /// The last change of the mailbox that touched this mail.
    pub(super) history_id: u64,
    /// The ids of its labels.
    pub(super) labels: Vec<String>,
    /// When the host took the mail, or when it is said to have taken it.
    pub(super) received: Timestamp,
    /// When it came into this mailbox.
    pub(super) filed: Timestamp,
    /// The address of RCPT, with its tag and in the sender's spelling.
    pub(super) recipient: String,
    /// The whole mail, the headers of the last hop included.
    pub(super) raw: Arc<[u8]>,
    /// What a search looks at.
    pub(super) words: Arc<Words>,
}

/// One entry of a mailbox's history.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) at: Timestamp,
    pub(super) kind: ChangeKind,
    /// The mail as the change left it, or as it was before it was deleted.
    pub(super) mail: Arc<Mail>,
}

/// What happened to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// It arrived.
    Added,
    /// It is gone for good.
    Deleted,
    /// It was given these labels, which it did not have.
    LabelsAdded(Vec<String>),
    /// It lost these labels, which it had.
    LabelsRemoved(Vec<String>),
}

/// A history was asked for from a point that is too far back, or that never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// A mail was to be given a label that cannot be given; this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoSuchLabel(pub(super) String);

/// Where a mail is filed on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    Inbox,
    Spam,
}

/// The labels that mails are to be given and to lose, by their ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Relabel<'a> {
    pub(super) add: &'a [String],
    pub(super) remove: &'a [String],
}

impl Store {
    /// A store whose readable mailbox is `address`, and whose history goes back so far.
    pub(super) fn new(clock: Clock, address: &str, history_kept: SignedDuration) -> Store {
        Store { clock, address: address.to_lowercase(), history_kept, inner: Mutex::default() }
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
        let mail = Mail {
            id: inner.next_mail_id(now),
            history_id: 0,
            labels,
            received,
            filed: now,
            recipient: recipient.to_owned(),
            raw: raw.into(),
            words: Arc::new(words),
        };
        inner.boxes.entry(self.mailbox_of(recipient)).or_default().file(mail, now);
    }

    /// Puts a mail into the readable mailbox as it is. `received` is when it is said to have come; now if `None`.
    pub(super) fn insert(
        &self,
        raw: &[u8],
        received: Option<Timestamp>,
        labels: &[String],
    ) -> Result<Arc<Mail>, NoSuchLabel> {
        let now = self.clock.now();
        let words = Words::of(raw);
        let mut inner = self.lock();
        let id = inner.next_mail_id(now);
        let mailbox = inner.boxes.entry(self.address.clone()).or_default();
        mailbox.check(labels)?;
        let mail = Mail {
            id,
            history_id: 0,
            labels: distinct(labels),
            received: received.unwrap_or(now),
            filed: now,
            recipient: words.delivered_to.lines().next().unwrap_or_default().to_owned(),
            raw: raw.into(),
            words: Arc::new(words),
        };
        Ok(mailbox.file(mail, now))
    }

    /// Changes the labels of the mails `ids` of the readable mailbox; gives those that there are, as they are then.
    pub(super) fn relabel(&self, ids: &[u64], labels: Relabel<'_>) -> Result<Vec<Arc<Mail>>, NoSuchLabel> {
        self.change(|mailbox, now| {
            mailbox.check(labels.add)?;
            mailbox.check(labels.remove)?;
            Ok(ids.iter().filter_map(|id| mailbox.relabel(*id, labels, now)).collect())
        })
    }

    /// Deletes the mails `ids` of the readable mailbox for good; gives how many there were.
    pub(super) fn delete(&self, ids: &[u64]) -> usize {
        self.change(|mailbox, now| ids.iter().filter(|id| mailbox.delete(**id, now)).count())
    }

    /// The mails that reached exactly `address`, whatever the case, in the order of arrival.
    pub(super) fn delivered(&self, address: &str) -> Vec<Vec<u8>> {
        let address = address.to_lowercase();
        let mails = self.mails_in(&self.mailbox_of(&address));
        let reached = mails.iter().filter(|mail| mail.recipient.to_lowercase() == address);
        reached.map(|mail| mail.raw.to_vec()).collect()
    }

    /// The mails of the readable mailbox, in the order in which they were filed.
    pub(super) fn mails(&self) -> Vec<Arc<Mail>> {
        self.mails_in(&self.address)
    }

    /// One mail of the readable mailbox.
    pub(super) fn mail(&self, id: u64) -> Option<Arc<Mail>> {
        let inner = self.lock();
        let mailbox = inner.boxes.get(&self.address)?;
        Some(Arc::clone(&mailbox.mails[mailbox.position(id)?]))
    }

    /// The labels of the readable mailbox.
    pub(super) fn labels(&self) -> Vec<Label> {
        self.change(|mailbox, _| mailbox.labels.all())
    }

    pub(super) fn create_label(&self, draft: Draft) -> Result<Label, LabelError> {
        self.change(|mailbox, _| mailbox.labels.create(draft))
    }

    pub(super) fn patch_label(&self, id: &str, draft: Draft) -> Result<Label, LabelError> {
        self.change(|mailbox, _| mailbox.labels.patch(id, draft))
    }

    /// Removes a label, and takes it off every mail.
    pub(super) fn delete_label(&self, id: &str) -> Result<(), LabelError> {
        self.change(|mailbox, now| {
            mailbox.labels.remove(id)?;
            let gone = [id.to_owned()];
            let ids: Vec<_> = mailbox.mails.iter().map(|mail| mail.id).collect();
            for mail in ids {
                mailbox.relabel(mail, Relabel { add: &[], remove: &gone }, now);
            }
            Ok(())
        })
    }

    /// The newest history id of the readable mailbox.
    pub(super) fn history_id(&self) -> u64 {
        self.change(|mailbox, _| mailbox.newest)
    }

    /// What changed in the readable mailbox after `start`, oldest first, and the newest history id.
    pub(super) fn history(&self, start: u64) -> Result<(Vec<Change>, u64), Gone> {
        self.change(|mailbox, now| {
            mailbox.forget(now, self.history_kept);
            if start < mailbox.forgotten || start > mailbox.newest {
                return Err(Gone);
            }
            let changes = mailbox.changes.iter().filter(|change| change.id > start).cloned().collect();
            Ok((changes, mailbox.newest))
        })
    }

    /// Does something in the readable mailbox, at an instant.
    fn change<T>(&self, change: impl FnOnce(&mut Mailbox, Timestamp) -> T) -> T {
        let now = self.clock.now();
        change(self.lock().boxes.entry(self.address.clone()).or_default(), now)
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
            labels: Labels::default(),
            changes: VecDeque::new(),
            newest: FIRST_HISTORY_ID,
            forgotten: FIRST_HISTORY_ID,
        }
    }
}

impl Mailbox {
    /// Files a new mail, whose id is the highest so far.
    fn file(&mut self, mut mail: Mail, now: Timestamp) -> Arc<Mail> {
        mail.history_id = self.next_history_id();
        let mail = Arc::new(mail);
        self.mails.push(Arc::clone(&mail));
        self.record(ChangeKind::Added, Arc::clone(&mail), mail.history_id, now);
        mail
    }

    /// Gives a mail labels and takes others; only what that changes is recorded. `None` if there is no such mail.
    fn relabel(&mut self, id: u64, labels: Relabel<'_>, now: Timestamp) -> Option<Arc<Mail>> {
        let at = self.position(id)?;
        let had = &self.mails[at].labels;
        let mut added = distinct(labels.add);
        added.retain(|label| !had.contains(label));
        let mut removed = distinct(labels.remove);
        removed.retain(|label| had.contains(label));
        for kind in [ChangeKind::LabelsAdded(added), ChangeKind::LabelsRemoved(removed)] {
            let mut mail = Mail::clone(&self.mails[at]);
            match &kind {
                ChangeKind::LabelsAdded(labels) if !labels.is_empty() => {
                    mail.labels.extend_from_slice(labels)
                }
                ChangeKind::LabelsRemoved(labels) if !labels.is_empty() => {
                    mail.labels.retain(|label| !labels.contains(label));
                }
                _ => continue,
            }
            mail.history_id = self.next_history_id();
            let mail = Arc::new(mail);
            self.mails[at] = Arc::clone(&mail);
            self.record(kind, Arc::clone(&mail), mail.history_id, now);
        }
        Some(Arc::clone(&self.mails[at]))
    }

    /// Deletes a mail; whether there was one.
    fn delete(&mut self, id: u64, now: Timestamp) -> bool {
        let Some(at) = self.position(id) else { return false };
        let mail = self.mails.remove(at);
        let change = self.next_history_id();
        self.record(ChangeKind::Deleted, mail, change, now);
        true
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.mails.binary_search_by_key(&id, |mail| mail.id).ok()
    }

    fn check(&self, labels: &[String]) -> Result<(), NoSuchLabel> {
        let unknown = labels.iter().find(|label| !self.labels.can_be_put(label));
        unknown.map_or(Ok(()), |label| Err(NoSuchLabel(label.clone())))
    }

    fn record(&mut self, kind: ChangeKind, mail: Arc<Mail>, id: u64, now: Timestamp) {
        self.changes.push_back(Change { id, at: now, kind, mail });
    }

    /// The id of the next change. Ids grow with gaps [V], so that nobody gets used to adding one.
    fn next_history_id(&mut self) -> u64 {
        self.newest += 3 + self.newest % 29;
        self.newest
    }

    /// Drops the changes that are too old to be asked for.
    fn forget(&mut self, now: Timestamp, kept: SignedDuration) {
        while let Some(change) = self.changes.front()
            && now.duration_since(change.at) > kept
        {
            self.forgotten = change.id;
            self.changes.pop_front();
        }
    }
}

/// The labels in their order, each once.
fn distinct(labels: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for label in labels {
        if !distinct.contains(label) {
            distinct.push(label.clone());
        }
    }
    distinct
}
