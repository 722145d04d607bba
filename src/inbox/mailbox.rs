//! What all who wait for mail in one mailbox share: its address, who waits for what, and where its history stands.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::{
    gmail::{Gmail, GmailConfig, Profile},
    poller,
    registered::{ORDER_FOR, Registered},
    spending::Usage,
    trouble::{Kind, Trouble, impatience, over_budget},
    waiter::{Status, Waiter},
};
use crate::{clock::Clock, failure::Failure, redact::Redactor};

/// One Gmail mailbox, to be given to runs as a resource. Clones share it; nothing is called before the first
/// address is asked for.
///
/// It is only ever read: nothing is marked, moved or deleted, so that several processes can use it at once.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

pub(super) struct Shared {
    pub(super) gmail: Gmail,
    /// Real time: what the API says and when it is to be asked again are on it.
    pub(super) clock: Clock,
    /// Held while the mailbox is opened, so that many who come at once open it once.
    opening: tokio::sync::Mutex<()>,
    pub(super) state: Mutex<State>,
    /// What the poller has come to; written by it, read by all who wait.
    pub(super) status: watch::Sender<Status>,
    /// Wakes the poller: somebody has begun or ceased to wait.
    pub(super) waiters_changed: Notify,
}

/// Guarded by one lock, which is never held while something waits.
#[derive(Default)]
pub(super) struct State {
    /// The mailbox's own address, local part and domain, once it was opened.
    address: Option<(String, String)>,
    /// History id up to which all is known. Set before an address is given out, moved on by the poller.
    pub(super) history: u64,
    /// When that history id was first fetched, in real time.
    pub(super) since: Timestamp,
    /// Until when a search is made beside the history: after the history was lost, as a search lags behind.
    pub(super) search_until: Option<Instant>,
    /// Addresses that somebody still holds, by their tag.
    registered: HashMap<String, Weak<Registered>>,
    /// Mails that need not be looked at again.
    pub(super) seen: HashSet<String>,
    /// When the next of these searches is due.
    pub(super) next_search: Option<Instant>,
    /// Mails to be read, in the order in which they were heard of.
    pub(super) pending: BTreeMap<u64, Pending>,
    /// The place of the next one.
    next_order: u64,
    /// Mails that came for nobody of this process, ever.
    pub(super) foreign: u64,
    /// How many wait now.
    pub(super) waiters: usize,
    /// Somebody has begun to wait since the poller last looked.
    pub(super) eager: bool,
    /// Whether a poller runs. It is started by whoever waits first and ends when nobody waits.
    pub(super) polling: bool,
    /// The API has asked not to be called before.
    pub(super) not_before: Option<Instant>,
    /// The last trouble in opening the mailbox, for those who never got their turn.
    opening_trouble: Option<Trouble>,
}

/// A mail that the mailbox has named and that is still to be read.
pub(super) struct Pending {
    pub(super) id: String,
    /// When it was first heard of.
    pub(super) heard: Instant,
    /// When the poll began that heard of it.
    pub(super) polled: Instant,
    /// It was asked for and is not there yet.
    pub(super) missing: bool,
    /// Not to be asked for before.
    pub(super) again_at: Option<Instant>,
    /// Whose it is, once its headers were read.
    pub(super) holders: Option<Vec<Weak<Registered>>>,
}

impl Mailbox {
    /// A mailbox that is not open yet: does no I/O.
    ///
    /// The redactor is the process's; it learns the credential now and access tokens as they come.
    #[must_use]
    pub fn new(config: GmailConfig, redactor: &Redactor) -> Self {
        Self(Arc::new(Shared {
            gmail: Gmail::new(config, redactor.clone()),
            clock: Clock::system(),
            opening: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            status: watch::Sender::default(),
            waiters_changed: Notify::new(),
        }))
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// What this process has used of Gmail's quota so far, with this mailbox.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.0.gmail.spending.usage()
    }

    /// The API behind it.
    pub(super) fn gmail(&self) -> &Gmail {
        &self.0.gmail
    }

    /// Makes the credential and the present access token known to a run.
    pub(super) fn teach(&self, redactor: &Redactor) {
        self.0.gmail.teach(redactor);
    }

    /// The address with this tag, registered: what comes for it from now on is kept as long as somebody holds it.
    pub(super) async fn address(
        &self,
        run: &str,
        tag: String,
        clock: &Clock,
        limit: Duration,
    ) -> Result<Arc<Registered>, Failure> {
        let deadline = Clock::instant() + limit;
        let opened = tokio::time::timeout_at(deadline.into(), async {
            let _turn = self.0.opening.lock().await;
            if let Some(registered) = self.0.lock().live(&tag) {
                return Ok::<_, Trouble>(registered);
            }
            // Nobody holds an address, so nobody cares for what came before: start from now.
            if self.0.lock().is_idle() {
                let profile = self.0.open(deadline).await?;
                self.0.lock().start(profile, self.0.clock.now());
            }
            Ok(self.0.lock().register(run, tag, clock.now()))
        });
        match opened.await {
            Ok(Ok(registered)) => Ok(registered),
            Ok(Err(trouble)) => Err(trouble.failure()),
            Err(_) => {
                let trouble = self.0.lock().opening_trouble.clone();
                let silent = || match self.0.gmail.spending.is_held_up() {
                    true => over_budget(0),
                    false => impatience(limit),
                };
                Err(trouble.unwrap_or_else(silent).failure())
            }
        }
    }

    /// Joins those who wait; the poller runs from now on, until the last one leaves.
    pub(super) fn wait(&self) -> Waiter {
        let mut state = self.0.lock();
        state.waiters += 1;
        state.eager = true;
        let waiter = Waiter::new(&self.0);
        if !state.polling {
            state.polling = true;
            poller::start(&self.0);
        }
        drop(state);
        self.0.waiters_changed.notify_one();
        waiter
    }

    /// Mails that came since `registered` was made and are for nobody here.
    pub(super) fn foreign(&self, registered: &Registered) -> u64 {
        self.0.lock().foreign - registered.foreign_before
    }

    /// What the mailbox had named until then and has not been read yet.
    pub(super) fn unread(&self, until: Instant) -> Unread {
        let state = self.0.lock();
        let (mut missing, mut waiting) = (0, 0);
        for mail in state.pending.values().filter(|it| it.heard <= until) {
            *(if mail.missing { &mut missing } else { &mut waiting }) += 1;
        }
        Unread { missing, waiting }
    }

    /// Whether our own budget is too small now for what is to be read.
    pub(super) fn is_short(&self) -> bool {
        self.0.gmail.spending.is_short()
    }

    /// Whether a mail to this address may turn up that came before the one with this order: several are read at a
    /// time. Only for a moment.
    pub(super) fn awaits_before(&self, registered: &Registered, order: u64) -> bool {
        let now = Clock::instant();
        let unknown = |it: &Pending| it.holders.is_none() && !it.missing && now - it.heard < ORDER_FOR;
        self.0.lock().pending.range(..order).any(|(_, it)| unknown(it))
            || registered.awaits_before(order, now)
    }

    /// Address and subject of what came for other addresses of the same run.
    pub(super) fn of_same_run(&self, registered: &Arc<Registered>) -> Vec<(String, String)> {
        let siblings: Vec<_> = {
            let state = self.0.lock();
            let live = state.registered.values().filter_map(Weak::upgrade);
            live.filter(|it| it.run == registered.run && !Arc::ptr_eq(it, registered)).collect()
        };
        let mut mails: Vec<_> = siblings
            .iter()
            .flat_map(|it| {
                it.mails().into_iter().map(|mail| (it.address.clone(), mail.content.subject.clone()))
            })
            .collect();
        mails.extend(registered.strays());
        mails.sort();
        mails
    }
}

/// How many mails of the mailbox could still be the one that somebody waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unread {
    /// Named by the history, and not there.
    pub(super) missing: usize,
    /// Not asked for yet, or just now.
    pub(super) waiting: usize,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn nobody_waits(&self) -> bool {
        self.lock().waiters == 0
    }

    /// The profile, asked for until there is one or it is clear that there will be none in time.
    async fn open(&self, deadline: Instant) -> Result<Profile, Trouble> {
        let mut failures = 0;
        loop {
            {
                let state = self.lock();
                let held_back = state.not_before.is_some_and(|until| until > deadline);
                if let Some(trouble) = state.opening_trouble.as_ref().filter(|_| held_back) {
                    return Err(trouble.clone());
                }
            }
            let trouble = match self.gmail.profile().await {
                Ok(profile) => return Ok(profile),
                Err(trouble) => trouble,
            };
            let Some(pause) = poller::backoff(&trouble, failures, self.clock.now()) else {
                return Err(trouble);
            };
            failures += 1;
            let until = Clock::instant() + pause;
            {
                let mut state = self.lock();
                state.opening_trouble = Some(trouble.clone());
                if let Kind::Busy(_) = trouble.kind {
                    state.not_before = Some(until);
                }
            }
            if until > deadline {
                return Err(trouble);
            }
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// Files a mail by the tags it is addressed to. Tells who holds its address; if nobody does, it need not be read.
    pub(super) fn claim(&self, tags: &[String], subject: &str) -> Vec<Arc<Registered>> {
        let mut state = self.lock();
        let holders: Vec<_> = tags.iter().filter_map(|tag| state.live(tag)).collect();
        if !holders.is_empty() {
            return holders;
        }
        let mut ours = false;
        for registered in state.registered.values().filter_map(Weak::upgrade) {
            if let Some(tag) = tags.iter().find(|tag| tag.starts_with(&registered.run)) {
                ours = true;
                registered.stray(state.full(tag), subject.to_owned());
            }
        }
        if !ours {
            state.foreign += 1;
        }
        Vec::new()
    }
}

impl State {
    fn live(&self, tag: &str) -> Option<Arc<Registered>> {
        self.registered.get(tag)?.upgrade()
    }

    fn is_idle(&mut self) -> bool {
        self.registered.retain(|_, it| it.strong_count() > 0);
        self.registered.is_empty()
    }

    /// Mails that were named, now or before; those that are new will be read.
    pub(super) fn hear_of(&mut self, ids: Vec<String>, polled: Instant, heard: Instant) {
        for id in ids {
            if self.seen.insert(id.clone()) {
                let pending = Pending { id, heard, polled, missing: false, again_at: None, holders: None };
                self.pending.insert(self.next_order, pending);
                self.next_order += 1;
            }
        }
    }

    /// Whether nobody waits; then the poller that asked is no longer the poller.
    pub(super) fn leave_if_idle(&mut self) -> bool {
        if self.waiters == 0 {
            self.polling = false;
        }
        self.waiters == 0
    }

    fn start(&mut self, profile: Profile, now: Timestamp) {
        let Profile { address, history } = profile;
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        self.address = Some((local.to_owned(), domain.to_owned()));
        self.history = history;
        self.since = now;
        self.search_until = None;
        self.next_search = None;
        self.seen.clear();
        self.pending.clear();
        self.opening_trouble = None;
    }

    fn full(&self, tag: &str) -> String {
        let (local, domain) = self.address.as_ref().map_or(("", ""), |(local, domain)| (local, domain));
        format!("{local}+{tag}@{domain}")
    }

    fn register(&mut self, run: &str, tag: String, made: Timestamp) -> Arc<Registered> {
        let (address, run) = (self.full(&tag), format!("{run}-"));
        let registered = Arc::new(Registered::new(address, tag, run, made, self.foreign));
        self.registered.insert(registered.tag.clone(), Arc::downgrade(&registered));
        registered
    }
}
