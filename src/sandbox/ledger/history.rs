//! What has happened: transactions and their actions, and the lists and sums of them (facts, section 10).

use serde::Serialize;

use super::{
    Answer, Books, Call,
    filter::{Kind, Look, Root, Subject},
    newest_first,
    objects::Objects,
    sums::Sums,
    transact::Action,
};
use crate::{
    envelope::{Refusal, reply},
    values::{Millis, Tags},
};

/// How many actions the fault takes for all.
const FIRST_PAGE: usize = 100;

/// All transactions of a ledger, oldest first. Their actions stand in one row, so that lists and feeds of actions
/// need not look for them.
#[derive(Debug, Default)]
pub(super) struct History {
    transactions: Vec<Transaction>,
    pub(super) actions: Objects<Action>,
    /// The time of the last transaction; the next one is later \[T, 7\].
    last: Millis,
}

/// A transaction. Its actions are in the history.
#[derive(Debug)]
struct Transaction {
    id: String,
    timestamp: Millis,
    tags: Tags,
    /// The place of its first action.
    first: usize,
    count: usize,
}

/// A transaction as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    id: &'a str,
    timestamp: Millis,
    sequence_number: u64,
    actions: &'a [Action],
    tags: &'a Tags,
}

impl Subject for Shown<'_> {
    fn look(&self, root: Root) -> Look<'_> {
        match root {
            Root::Id => Look::Text(self.id),
            Root::Timestamp => Look::Time(self.timestamp),
            Root::SequenceNumber => Look::Number(self.sequence_number.into()),
            Root::Tags => Look::Tags(self.tags),
            _ => Look::Absent,
        }
    }

    fn any_action(&self, test: &mut dyn FnMut(&dyn Subject) -> bool) -> bool {
        self.actions.iter().any(|action| test(action))
    }
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn last(&self) -> Millis {
        self.last
    }

    /// Makes all times later than `last`.
    pub(super) fn start_after(&mut self, last: Millis) {
        self.last = last;
    }

    /// The time of the next transaction: times increase strictly, by at least a millisecond \[T, 7\].
    pub(super) fn next_time(&mut self, now: Millis) -> Millis {
        self.last = now.max(self.last.next());
        self.last
    }

    pub(super) fn record(&mut self, id: String, timestamp: Millis, tags: Tags, actions: Vec<Action>) {
        let (first, count) = (self.actions.len(), actions.len());
        for action in actions {
            let id = action.id.clone();
            self.actions.add(&id, action).expect("ids of actions are too random to be in use");
        }
        self.transactions.push(Transaction { id, timestamp, tags, first, count });
    }

    /// The transaction at a place.
    pub(super) fn at(&self, place: usize) -> Shown<'_> {
        let Transaction { id, timestamp, tags, first, count } = &self.transactions[place];
        Shown {
            id,
            timestamp: *timestamp,
            sequence_number: place as u64 + 1,
            actions: &self.actions.all()[*first..*first + *count],
            tags,
        }
    }

    /// Gives an account other tags in all that has happened: what must never be done \[T\].
    pub(super) fn rewrite_snapshots(&mut self, account: &str, tags: &Tags) {
        for place in 0..self.actions.len() {
            self.actions.at_mut(place).rewrite_snapshot(account, tags);
        }
    }
}

pub(super) fn list_transactions(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::Transaction)?;
    let (history, count) = (&books.history, books.history.len());
    let shown = |place: usize| (place as u64, history.at(place));
    let page = if call.cx.faults.on("oldest_first:list-transactions") {
        let from = usize::try_from(query.from()).unwrap_or(usize::MAX).min(count);
        let rest = (from..count).map(shown).filter(|(_, transaction)| filter.passes(transaction));
        query.cut(call.cx, rest)
    } else {
        let end = usize::try_from(query.below()).unwrap_or(usize::MAX).min(count);
        let rest = (0..end).rev().map(shown).filter(|(_, transaction)| filter.passes(transaction));
        query.cut(call.cx, rest)
    };
    Ok(reply(&page).into())
}

pub(super) fn list_actions(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::Action)?;
    let rest = newest_first(&query, &filter, books.history.actions.all());
    Ok(reply(&query.cut(call.cx, rest)).into())
}

/// History: tokens that are retired by now still count \[10\].
pub(super) fn sum_actions(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::Action)?;
    let mut sums = Sums::new(&query, call, Kind::Action)?;
    let most = if call.fault("sum_first_page_only") { FIRST_PAGE } else { usize::MAX };
    let newest_first = books.history.actions.all().iter().rev();
    for action in newest_first.filter(|action| filter.passes(*action)).take(most) {
        sums.add(action, action.amount.into());
    }
    Ok(sums.answer(query, call))
}
