//! One ledger: its books, and the operations on them.
//!
//! An operation is a function on the books that has no other way to the outside, so it needs no network to be tried.
//! The books are behind one lock that is held for one operation and never across an await.

mod feeds;
mod filter;
mod history;
mod objects;
mod operations;
mod retag;
mod sums;
#[cfg(test)]
mod tests;
mod tokens;
mod transact;
mod wait;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::watch;

use self::{
    feeds::Feeds,
    filter::{Bends, Filter, Kind, Subject},
    history::History,
    objects::{Holder, Key, Objects},
    tokens::Tokens,
};
pub(crate) use self::{
    operations::Operation,
    wait::{LONG_POLL, Wait},
};
use crate::{
    census::Contents,
    codes,
    envelope::{Fields, Refusal, Reply, ok, reply, wrong_type},
    memory::{Memory, Slot},
    name_set::NameSet,
    paging::{Query, Wanted, refuse_large_page},
    values::Millis,
    world::Context,
};

/// Whether a ledger can be emptied and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LedgerKind {
    Dev,
    Prod,
}

impl LedgerKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LedgerKind::Dev => "dev",
            LedgerKind::Prod => "prod",
        }
    }
}

impl Serialize for LedgerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One ledger of a team.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) name: String,
    pub(crate) kind: LedgerKind,
    pub(crate) created: Millis,
    books: Mutex<Books>,
}

/// What a ledger holds.
#[derive(Debug)]
struct Books {
    serial: u64,
    /// How often the ledger was emptied.
    resets: u64,
    kind: LedgerKind,
    keys: Objects<Key>,
    accounts: Objects<Holder>,
    flavors: Objects<Holder>,
    history: History,
    tokens: Tokens,
    feeds: Feeds,
    /// Tells waiting readers that they should look again. Sent to under the lock, so that nobody misses it.
    news: watch::Sender<()>,
    /// The ledger is deleted; somebody may be waiting for it all the same.
    closed: bool,
    memory: Memory<Answer>,
    /// Keys whose first answer is not given yet, only for the fault that works on them twice.
    unanswered: HashSet<Slot>,
    /// Cursors that were used, only for the fault that wants each of them once.
    used_cursors: HashSet<String>,
}

/// One request to a ledger.
pub(crate) struct Call<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) operation: &'static Operation,
    pub(crate) fields: &'a Fields,
    pub(crate) names: NameSet,
    pub(crate) idempotency_key: Option<&'a str>,
    /// The other ledgers of the team, only for the fault that mixes them up.
    pub(crate) neighbours: Vec<Arc<Ledger>>,
}

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// The answer is not to be given before this millisecond is over \[T, 7\].
    pub(crate) held_until_after: Option<Millis>,
    /// There is nothing to tell yet: the feed with this serial number is to be waited for.
    waits_for: Option<(u64, watch::Receiver<()>)>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer { reply, held_until_after: None, waits_for: None }
    }
}

impl Call<'_> {
    fn fault(&self, kind: &str) -> bool {
        self.cx.faults.on_for(kind, self.operation.name)
    }

    fn slot(&self) -> Option<Slot> {
        let key = self.idempotency_key.filter(|_| self.operation.changes)?;
        Some((self.operation.name, String::new(), key.to_owned()))
    }
}

impl Ledger {
    pub(crate) fn new(name: &str, kind: LedgerKind, created: Timestamp, serial: u64) -> Ledger {
        let books = Books::new(serial, kind);
        Ledger { name: name.to_owned(), kind, created: created.into(), books: Mutex::new(books) }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out one operation, or gives the first answer again.
    pub(crate) fn call(&self, call: &Call<'_>) -> Result<Answer, Refusal> {
        // Before the lock is taken: two ledgers may be each other's neighbours.
        let of_accounts = call.neighbours.iter().filter(|_| call.operation.name == "list-accounts");
        let strangers: Vec<Holder> = of_accounts.flat_map(|it| it.books().accounts.all().to_vec()).collect();
        let of_feeds = call.neighbours.iter().filter(|_| call.operation.name == "get-feed");
        let strange_feed = of_feeds.filter_map(|it| feeds::get_feed(&mut it.books(), call).ok()).next();
        let mut books = self.books();
        let slot = call.slot();
        if let Some(slot) = &slot
            && !call.fault("repeat_doubles")
            && !books.unanswered.contains(slot)
            && let Some(answer) = books.memory.recall(slot)
        {
            return Ok(answer);
        }
        if call.fault("cursor_works_once")
            && let Some(cursor) = call.fields.text("cursor")?
            && !books.used_cursors.insert(cursor.to_owned())
        {
            return Err(codes::CURSOR.because("the cursor was used"));
        }
        let answer = if strangers.is_empty() {
            (call.operation.work)(&mut books, call)
        } else {
            objects::list_with_strangers(&books, call, &strangers)
        };
        let vague = |refusal: Refusal| {
            if call.fault("missing_field_malformed") { refusal.vague() } else { refusal }
        };
        let answer = answer.or_else(|refusal| strange_feed.ok_or(vague(refusal)))?;
        if let Some(slot) = slot {
            if call.fault("concurrent_repeat_doubles") {
                books.unanswered.insert(slot.clone());
            }
            books.memory.remember(call.cx.clock.now(), slot, answer.clone());
        }
        Ok(answer)
    }

    /// The answer to `call` was given, so that a repetition does not run beside it any more.
    pub(crate) fn answered(&self, call: &Call<'_>) {
        if let Some(slot) = call.slot() {
            self.books().unanswered.remove(&slot);
        }
    }

    /// Sends those away who wait for news: the ledger is deleted.
    pub(crate) fn close(&self) {
        let mut books = self.books();
        books.closed = true;
        books.tell();
    }

    pub(crate) fn contents(&self) -> Contents {
        let books = self.books();
        Contents {
            keys: books.keys.len(),
            accounts: books.accounts.len(),
            flavors: books.flavors.len(),
            transactions: books.history.len(),
            feeds: books.feeds.len(),
        }
    }
}

impl Books {
    fn new(serial: u64, kind: LedgerKind) -> Books {
        Books {
            serial,
            resets: 0,
            kind,
            keys: Objects::default(),
            accounts: Objects::default(),
            flavors: Objects::default(),
            history: History::default(),
            tokens: Tokens::default(),
            feeds: Feeds::default(),
            news: watch::Sender::default(),
            closed: false,
            memory: Memory::default(),
            unanswered: HashSet::new(),
            used_cursors: HashSet::new(),
        }
    }

    /// Tells this ledger's cursors from those of others, of those that had its name before, and of its own from
    /// before a reset.
    fn scope(&self) -> String {
        format!("{}.{}", self.serial, self.resets)
    }

    /// Wakes everybody who waits for a feed.
    fn tell(&self) {
        self.news.send_replace(());
    }

    /// The query of a list operation: the cursor's, or else that of the fields.
    fn query(&self, call: &Call<'_>) -> Result<Query, Refusal> {
        let mut query = match Query::resume(call.cx, call.operation.name, call.fields)? {
            Some(mut query) if query.scope == self.scope() => {
                if call.fault("cursor_forgets_filter") {
                    (query.wanted.filter, query.wanted.parameters) = (None, Vec::new());
                }
                query
            }
            Some(_) => return Err(codes::CURSOR.because("the cursor belongs to another ledger")),
            None => {
                if call.fault("large_page_refused") {
                    refuse_large_page(call.fields)?;
                }
                let query = Query::first(call.operation.name, &self.scope(), call.fields)?;
                query.wanting(wanted(call)?)
            }
        };
        if call.fault("page_size_ignored") {
            query.usual_size();
        }
        if call.fault("page_repeats_one") {
            query.step_back();
        }
        Ok(query)
    }

    /// The same for a list that can be filtered.
    fn selection(&self, call: &Call<'_>, kind: Kind) -> Result<(Query, Filter), Refusal> {
        let query = self.query(call)?;
        let Wanted { filter, parameters, names, .. } = &query.wanted;
        let bends = Bends::of(call.cx, call.operation.name);
        match Filter::read(filter.as_deref(), parameters, kind, *names, bends) {
            Err(_) if call.fault("filter_unread") => Ok((query, Filter::default())),
            Ok(_) if call.fault("filter_ignored") => Ok((query, Filter::default())),
            filter => Ok((query, filter?)),
        }
    }
}

/// What the fields of a list operation ask for. Only the type of each is judged here.
fn wanted(call: &Call<'_>) -> Result<Wanted, Refusal> {
    let group_by = call.fields.list("group_by")?.iter().map(|name| match name {
        Value::String(name) => Ok(name.clone()),
        _ => Err(wrong_type("group_by", "an array of strings")),
    });
    Ok(Wanted {
        filter: call.fields.text("filter")?.map(str::to_owned),
        parameters: call.fields.list("filter_params")?.to_vec(),
        group_by: group_by.collect::<Result<_, _>>()?,
        names: call.names,
    })
}

/// Items with their places as positions, newest first, from where the query goes on, as far as they pass.
fn newest_first<'a, T: Subject>(
    query: &Query,
    filter: &'a Filter,
    items: &'a [T],
) -> impl Iterator<Item = (u64, &'a T)> + use<'a, T> {
    let end = usize::try_from(query.below()).map_or(items.len(), |below| below.min(items.len()));
    let rest = items[..end].iter().enumerate().rev().map(|(place, item)| (place as u64, item));
    rest.filter(|(_, item)| filter.passes(*item))
}

fn stats(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let new = books.resets == 0 && books.keys.len() == 0;
    let ghost = usize::from(new && call.fault("new_ledger_not_empty"));
    let times = if call.fault("accounts_counted_twice") { 2 } else { 1 };
    let counts = json!({
        "flavor_count": books.flavors.len(),
        "account_count": times * books.accounts.len() + ghost,
        "tx_count": books.history.len(),
        "ledger_type": books.kind,
    });
    Ok(reply(&counts).into())
}

/// Empties a development ledger, also of remembered answers \[T, D; C, 6\].
fn reset(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    if books.kind == LedgerKind::Prod && !call.cx.faults.on("prod_reset_allowed") {
        return Err(codes::FORBIDDEN.because("a production ledger stays"));
    }
    let mut emptied = Books::new(books.serial, books.kind);
    emptied.resets = books.resets + 1;
    emptied.news = books.news.clone();
    // Times go on rising, so that nobody sees the same one twice.
    emptied.history.start_after(books.history.last());
    if call.cx.faults.on("reset_keeps_accounts") {
        emptied.accounts = std::mem::take(&mut books.accounts);
    }
    if call.cx.faults.on("reset_keeps_feeds") {
        emptied.feeds = std::mem::take(&mut books.feeds);
        emptied.feeds.rewind();
    }
    *books = emptied;
    books.tell();
    Ok(ok().into())
}
