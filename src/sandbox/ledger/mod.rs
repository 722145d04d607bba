//! One ledger: its books, and the operations on them.
//!
//! An operation is a function on the books that has no other way to the outside, so it needs no network to be tried.
//! The books are behind one lock that is held for one operation and never across an await.

mod objects;
#[cfg(test)]
mod tests;
mod tokens;
mod transact;

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::json;

use self::{
    objects::{Holder, Key, Objects},
    tokens::Tokens,
    transact::Transaction,
};
use crate::{
    census::Contents,
    codes,
    envelope::{Fields, Refusal, Reply, reply},
    memory::Memory,
    paging::{self, Query},
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
    /// Tells this ledger's cursors from those of others, also of others that had its name before.
    scope: String,
    kind: LedgerKind,
    keys: Objects<Key>,
    accounts: Objects<Holder>,
    flavors: Objects<Holder>,
    transactions: Vec<Transaction>,
    tokens: Tokens,
    /// The time of the last transaction; the next one is later \[T, 7\].
    last: Millis,
    memory: Memory<Answer>,
}

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// The answer is not to be given before this millisecond is over \[T, 7\].
    pub(crate) held_until_after: Option<Millis>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer { reply, held_until_after: None }
    }
}

/// One operation of the ledger API.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Changing operations are closed to readers, and remembered by idempotency key.
    pub(crate) changes: bool,
    work: fn(&mut Books, &Context, &Fields) -> Result<Answer, Refusal>,
}

/// Every operation there is.
static OPERATIONS: [Operation; 8] = [
    Operation { name: "create-key", changes: true, work: objects::create_key },
    Operation { name: "create-account", changes: true, work: objects::create_account },
    Operation { name: "create-flavor", changes: true, work: objects::create_flavor },
    Operation { name: transact::NAME, changes: true, work: transact::transact },
    Operation { name: objects::LIST_ACCOUNTS, changes: false, work: objects::list_accounts },
    Operation { name: transact::LIST, changes: false, work: transact::list_transactions },
    Operation { name: tokens::LIST, changes: false, work: tokens::list_tokens },
    Operation { name: "stats", changes: false, work: stats },
];

impl Operation {
    pub(crate) fn named(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }
}

impl Ledger {
    pub(crate) fn new(name: &str, kind: LedgerKind, created: Timestamp, serial: u64) -> Ledger {
        let books = Books {
            scope: serial.to_string(),
            kind,
            keys: Objects::default(),
            accounts: Objects::default(),
            flavors: Objects::default(),
            transactions: Vec::new(),
            tokens: Tokens::default(),
            last: Millis::BEGINNING,
            memory: Memory::default(),
        };
        Ledger { name: name.to_owned(), kind, created: created.into(), books: Mutex::new(books) }
    }

    /// Carries out one operation, or gives the first answer again.
    pub(crate) fn call(
        &self,
        cx: &Context,
        operation: &'static Operation,
        fields: &Fields,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = idempotency_key
            .filter(|_| operation.changes)
            .map(|key| (operation.name, String::new(), key.to_owned()));
        if let Some(slot) = &slot
            && !(operation.name == transact::NAME && cx.faults.on("repeat_doubles:transact"))
            && let Some(answer) = books.memory.recall(slot)
        {
            return Ok(answer);
        }
        let answer = (operation.work)(&mut books, cx, fields)?;
        if let Some(slot) = slot {
            books.memory.remember(cx.clock.now(), slot, answer.clone());
        }
        Ok(answer)
    }

    pub(crate) fn contents(&self) -> Contents {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        Contents {
            keys: books.keys.len(),
            accounts: books.accounts.len(),
            flavors: books.flavors.len(),
            transactions: books.transactions.len(),
        }
    }
}

impl Books {
    /// The query of a list operation: the cursor's, or else the fields'.
    fn query(&self, cx: &Context, op: &str, fields: &Fields) -> Result<Query, Refusal> {
        match Query::resume(&cx.cursor_key, op, fields)? {
            Some(query) if query.scope == self.scope => Ok(query),
            Some(_) => Err(codes::CURSOR.because("the cursor belongs to another ledger")),
            None => {
                paging::no_filter(fields)?;
                Query::first(op, &self.scope, fields)
            }
        }
    }
}

/// Items with their places as positions, newest first, from where the query goes on.
fn newest_first<'a, T>(query: &Query, items: &'a [T]) -> impl Iterator<Item = (u64, &'a T)> + use<'a, T> {
    let end = usize::try_from(query.below()).map_or(items.len(), |below| below.min(items.len()));
    items[..end].iter().enumerate().rev().map(|(place, item)| (place as u64, item))
}

fn stats(books: &mut Books, cx: &Context, _: &Fields) -> Result<Answer, Refusal> {
    let ghost = usize::from(cx.faults.on("new_ledger_not_empty:stats"));
    let counts = json!({
        "flavor_count": books.flavors.len(),
        "account_count": books.accounts.len() + ghost,
        "tx_count": books.transactions.len(),
        "ledger_type": books.kind,
    });
    Ok(reply(&counts).into())
}
