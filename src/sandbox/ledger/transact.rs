//! `transact`: builds, signs and submits in one go; and the list of what came of it (facts, section 10).

mod action;

use serde::Serialize;

use self::action::{Action, Draft};
use super::{Answer, Books, newest_first};
use crate::{
    codes,
    envelope::{Fields, Refusal, reply, wrong_type},
    random,
    values::{Millis, Tags},
    world::Context,
};

pub(super) const NAME: &str = "transact";
pub(super) const LIST: &str = "list-transactions";

/// The most actions of one transaction \[C, 14 row 20\].
const MOST_ACTIONS: usize = 1000;

/// A transaction, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Transaction {
    id: String,
    timestamp: Millis,
    sequence_number: u64,
    actions: Vec<Action>,
    tags: Tags,
}

pub(super) fn transact(books: &mut Books, cx: &Context, fields: &Fields) -> Result<Answer, Refusal> {
    let given = match fields.get("actions") {
        None => &[][..],
        Some(serde_json::Value::Array(given)) => given,
        Some(_) => return Err(wrong_type("actions", "an array")),
    };
    if given.is_empty() {
        return Err(codes::NO_ACTIONS.into());
    }
    if given.len() > MOST_ACTIONS {
        return Err(codes::TOO_BIG.because(format!("at most {MOST_ACTIONS} actions")));
    }
    let tags = Tags::from(fields.object("transaction_tags")?);

    let mut drafts = Vec::with_capacity(given.len());
    let mut refusals = Vec::new();
    let mut spent = action::Spent::default();
    for (index, action) in given.iter().enumerate() {
        let drafted = Draft::read(books, action).and_then(|draft| {
            draft.carry_out(&mut books.tokens, &mut spent, cx)?;
            Ok(draft)
        });
        match drafted {
            Ok(draft) => drafts.push(draft),
            Err(refusal) => {
                let shown = index + usize::from(cx.faults.on("error_index_off:transact"));
                refusals.push(refusal.data("index", shown));
            }
        }
    }

    if !refusals.is_empty() {
        if cx.faults.on("half_done:transact") && !drafts.is_empty() {
            record(books, cx, &drafts, tags);
        } else {
            books.tokens.undo();
        }
        return Err(failed(&refusals));
    }
    let time = record(books, cx, &drafts, tags);
    let transaction = books.transactions.last().expect("it has just been recorded");
    Ok(Answer { reply: reply(transaction), held_until_after: Some(time) })
}

/// The refusal of the whole: retriable only if every one of its parts is \[D, T, 10\].
fn failed(refusals: &[Refusal]) -> Refusal {
    let mut failed = Refusal::from(codes::ACTIONS);
    failed.retriable = refusals.iter().all(|refusal| refusal.retriable);
    let refusals: Vec<serde_json::Value> = refusals
        .iter()
        .map(|refusal| serde_json::to_value(refusal).expect("refusals have text keys"))
        .collect();
    failed.data("actions", refusals)
}

/// Keeps what the drafts did to the tokens, and writes the transaction down. Gives its time.
fn record(books: &mut Books, cx: &Context, drafts: &[Draft], tags: Tags) -> Millis {
    books.tokens.keep();
    // Times increase strictly, by at least a millisecond \[T, 7\].
    let time = Millis::from(cx.clock.now()).max(books.last.next());
    books.last = time;
    let timestamp = if cx.faults.on("times_repeat:transact") { time.second() } else { time };
    let id = random::hex::<32>();
    let actions = drafts.iter().map(|draft| draft.action(books, &id, timestamp, &tags)).collect();
    let sequence_number = books.transactions.len() as u64 + 1;
    books.transactions.push(Transaction { id, timestamp, sequence_number, actions, tags });
    time
}

pub(super) fn list_transactions(books: &mut Books, cx: &Context, fields: &Fields) -> Result<Answer, Refusal> {
    let query = books.query(cx, LIST, fields)?;
    let all = &books.transactions;
    let page = if cx.faults.on("oldest_first:list-transactions") {
        let from = query.from();
        let rest = (0_u64..).zip(all).skip(usize::try_from(from).unwrap_or(usize::MAX));
        query.cut(&cx.cursor_key, rest)
    } else {
        let rest = newest_first(&query, all);
        query.cut(&cx.cursor_key, rest)
    };
    Ok(reply(&page).into())
}
