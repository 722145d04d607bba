//! `transact`: builds, signs and submits in one go (facts, section 10).

mod action;

pub(super) use self::action::Action;
use self::action::Draft;
use super::{Answer, Books, Call};
use crate::{
    codes,
    envelope::{Refusal, reply, wrong_type},
    random,
    values::{Millis, Tags},
};

/// The most actions of one transaction \[C, 14 row 20\].
const MOST_ACTIONS: usize = 1000;

pub(super) fn transact(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (cx, fields) = (call.cx, call.fields);
    let given = match fields.get("actions") {
        None => &[][..],
        Some(serde_json::Value::Array(given)) => given,
        Some(_) => return Err(wrong_type("actions", "an array")),
    };
    if given.is_empty() && !cx.faults.on("empty_transaction_accepted:transact") {
        return Err(codes::NO_ACTIONS.into());
    }
    if given.len() > MOST_ACTIONS && !cx.faults.on("too_many_actions_accepted:transact") {
        return Err(codes::TOO_BIG.because(format!("at most {MOST_ACTIONS} actions")));
    }
    let tags = Tags::from(fields.object("transaction_tags")?);

    let mut drafts = Vec::with_capacity(given.len());
    let mut refusals = Vec::new();
    let mut spent = action::Spent::default();
    for (index, action) in given.iter().enumerate() {
        let drafted = Draft::read(books, action, call).and_then(|draft| {
            draft.carry_out(books, &mut spent, cx)?;
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
            record(books, call, &drafts, tags);
        } else {
            books.tokens.undo();
        }
        return Err(failed(&refusals, cx.faults.on("mixed_refusal_retriable:transact")));
    }
    for (content, amount) in spent.late {
        books.tokens.put(content, amount, false);
    }
    let time = record(books, call, &drafts, tags);
    let transaction = books.history.at(books.history.len() - 1);
    Ok(Answer { held_until_after: Some(time), ..reply(&transaction).into() })
}

/// The refusal of the whole: retriable only if every one of its parts is \[D, T, 10\].
fn failed(refusals: &[Refusal], one_is_enough: bool) -> Refusal {
    let mut failed = Refusal::from(codes::ACTIONS);
    let mut parts = refusals.iter().map(|refusal| refusal.retriable);
    failed.retriable = if one_is_enough { parts.any(|it| it) } else { parts.all(|it| it) };
    let refusals: Vec<serde_json::Value> = refusals
        .iter()
        .map(|refusal| serde_json::to_value(refusal).expect("refusals have text keys"))
        .collect();
    failed.data("actions", refusals)
}

/// Keeps what the drafts did to the tokens, and writes the transaction down. Gives its time.
fn record(books: &mut Books, call: &Call<'_>, drafts: &[Draft], tags: Tags) -> Millis {
    books.tokens.keep();
    let time = books.history.next_time(call.cx.clock.now().into());
    let timestamp = if call.cx.faults.on("times_repeat:transact") { time.second() } else { time };
    let id = random::hex::<32>();
    let actions = drafts.iter().map(|draft| draft.action(books, &id, timestamp, &tags)).collect();
    books.history.record(id, timestamp, tags, actions);
    books.tell();
    time
}
