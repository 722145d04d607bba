//! What all who wait for mail in one mailbox share: its address, who waits for what, and where its history stands.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::{
    gmail::{Gmail, GmailConfig, Profile},
    mail::Content,
    poller,
    trouble::{Kind, Trouble},
};
use crate::{clock::Clock, failure::Failure, redact::Redactor};

/// How long to wait before a call that went wrong is made again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What to do when there is no answer at all.
const SILENT: &str = "check the network between here and the mail API";

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
    /// Mails to be read, with when they were first heard of.
    pub(super) pending: VecDeque<(String, Instant)>,
    /// Mails that came for nobody of this process, ever.
    pub(super) foreign: u64,
    /// How many wait now.
    waiters: usize,
    /// Whether a poller runs. It is started by whoever waits first and ends when nobody waits.
    pub(super) polling: bool,
    /// The API has asked not to be called before.
    pub(super) not_before: Option<Instant>,
    /// The last trouble in opening the mailbox, for those who never got their turn.
    opening_trouble: Option<Trouble>,
}

/// What the poller has come to.
#[derive(Clone, Default)]
pub(super) struct Status {
    /// Rounds that have ended, well or not.
    pub(super) rounds: u64,
    /// When the last round that went well began.
    pub(super) good: Option<Instant>,
    /// What was wrong with the last round.
    pub(super) trouble: Option<Trouble>,
    /// A trouble that no further round will mend, with the number of its round.
    pub(super) fatal: Option<(u64, Trouble)>,
}

/// An address that was given out, and what came for it.
pub(super) struct Registered {
    pub(super) address: String,
    /// What stands behind the `+`.
    tag: String,
    /// What the tags of the whole run begin with.
    run: String,
    /// When it was made, by the run's clock.
    pub(super) made: Timestamp,
    /// [`State::foreign`] at that time.
    foreign_before: u64,
    /// In the order of arrival; only ever added to, by the poller.
    mails: Mutex<Vec<Arc<Content>>>,
    /// Address and subject of mails to addresses of the same run that nobody holds.
    strays: Mutex<Vec<(String, String)>>,
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
                let profile = self.0.open().await?;
                self.0.lock().start(profile, self.0.clock.now());
            }
            Ok(self.0.lock().register(run, tag, clock.now()))
        });
        match opened.await {
            Ok(Ok(registered)) => Ok(registered),
            Ok(Err(trouble)) => Err(trouble.failure()),
            Err(_) => {
                let trouble = self.0.lock().opening_trouble.clone();
                let silent = || Trouble::new(Kind::Passing, format!("no answer within {limit:.1?}"), SILENT);
                Err(trouble.unwrap_or_else(silent).failure())
            }
        }
    }

    /// Joins those who wait; the poller runs from now on, until the last one leaves.
    pub(super) fn wait(&self) -> Waiter {
        let mut state = self.0.lock();
        state.waiters += 1;
        let mut status = self.0.status.subscribe();
        let since = status.borrow_and_update().rounds;
        if !state.polling {
            state.polling = true;
            poller::start(&self.0);
        }
        drop(state);
        self.0.waiters_changed.notify_one();
        Waiter { shared: Arc::clone(&self.0), status, since, began: Clock::instant() }
    }

    /// Mails that came since `registered` was made and are for nobody here, and mails that cannot be read yet.
    pub(super) fn others(&self, registered: &Registered) -> (u64, usize) {
        let state = self.0.lock();
        (state.foreign - registered.foreign_before, state.pending.len())
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
            .flat_map(|it| it.mails().into_iter().map(|mail| (it.address.clone(), mail.subject.clone())))
            .collect();
        mails.extend(registered.strays.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        mails.sort();
        mails
    }
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

    /// The profile, asked for until there is one; the caller limits the time.
    async fn open(&self) -> Result<Profile, Trouble> {
        let (mut pause, most) = AGAIN;
        loop {
            let trouble = match self.gmail.profile().await {
                Ok(profile) => return Ok(profile),
                Err(trouble) => trouble,
            };
            match trouble.kind {
                Kind::Fatal | Kind::NotFound | Kind::Unauthorized => return Err(trouble),
                Kind::Busy(_) | Kind::Passing => self.lock().opening_trouble = Some(trouble),
            }
            tokio::time::sleep(pause).await;
            pause = most.min(pause * 2);
        }
    }

    /// Files a mail by the tags it is addressed to. Tells whether it must be read: somebody holds its address.
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
                let stray = (state.full(tag), subject.to_owned());
                registered.strays.lock().unwrap_or_else(PoisonError::into_inner).push(stray);
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
        self.seen.clear();
        self.pending.clear();
        self.opening_trouble = None;
    }

    fn full(&self, tag: &str) -> String {
        let (local, domain) = self.address.as_ref().map_or(("", ""), |(local, domain)| (local, domain));
        format!("{local}+{tag}@{domain}")
    }

    fn register(&mut self, run: &str, tag: String, made: Timestamp) -> Arc<Registered> {
        let registered = Arc::new(Registered {
            address: self.full(&tag),
            run: format!("{run}-"),
            made,
            foreign_before: self.foreign,
            mails: Mutex::default(),
            strays: Mutex::default(),
            tag,
        });
        self.registered.insert(registered.tag.clone(), Arc::downgrade(&registered));
        registered
    }
}

impl Registered {
    /// What the step calls the addressee: what the tag ends with, behind run and attempt.
    pub(super) fn role(&self) -> &str {
        let rest = self.tag.strip_prefix(&self.run).unwrap_or(&self.tag);
        rest.split_once('-').map_or(rest, |(_, role)| role)
    }

    /// Since when a mail could be expected: since the address was made, or since the mail to it before this one.
    pub(super) fn awaited_since(&self, mail: &Content) -> Timestamp {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let before = mails.iter().map(|it| it.received).filter(|it| *it < mail.received).max();
        before.map_or(self.made, |it| it.max(self.made))
    }

    /// What has come so far.
    pub(super) fn mails(&self) -> Vec<Arc<Content>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep(&self, mail: Arc<Content>) {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
    }
}

/// One who waits. Leaves when dropped, however the waiting ends.
pub(super) struct Waiter {
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    /// Rounds that had ended when the waiting began: their troubles are old ones.
    since: u64,
    pub(super) began: Instant,
}

impl Waiter {
    /// Waits until the poller has something to say.
    pub(super) async fn changed(&mut self) {
        // The sender lives in `shared`, which this waiter holds.
        let _ = self.status.changed().await;
    }

    /// What ends the waiting at once: a trouble that came after it began and stays.
    pub(super) fn fatal(&mut self) -> Option<Trouble> {
        let status = self.status.borrow_and_update();
        status.fatal.as_ref().filter(|(round, _)| *round > self.since).map(|(_, trouble)| trouble.clone())
    }

    /// The present status.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.shared.lock().waiters -= 1;
        self.shared.waiters_changed.notify_one();
    }
}
