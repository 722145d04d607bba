//! Keys, accounts and flavors: things with an id that are made once and stay.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Answer, Books, Call,
    filter::{Filter, Kind, Look, Root, Subject},
    newest_first,
};
use crate::{
    codes,
    envelope::{Refusal, reply},
    random,
    values::{Tags, id_or_else},
};

/// Things of one kind, in the order in which they were made. Ids are unique per ledger and kind \[T, 7\].
#[derive(Debug)]
pub(super) struct Objects<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Objects<T> {
    fn default() -> Objects<T> {
        Objects { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Objects<T> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(super) fn at(&self, place: usize) -> &T {
        &self.items[place]
    }

    pub(super) fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.items[place]
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> &[T] {
        &self.items
    }

    /// Adds something under an id that is free.
    pub(super) fn add(&mut self, id: &str, item: T) -> Result<&T, Refusal> {
        if self.places.contains_key(id) {
            return Err(codes::IN_USE.because(format!("`{id}` is in use")).field("id"));
        }
        self.places.insert(id.to_owned(), self.items.len());
        self.items.push(item);
        Ok(&self.items[self.items.len() - 1])
    }
}

/// A key. It signs inside the service; clients only name it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Key {
    id: String,
}

/// An account or a flavor: they have the same shape.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Holder {
    pub(super) id: String,
    key_ids: Vec<String>,
    quorum: u64,
    pub(super) tags: Tags,
    /// The tags before the last update, only for the fault that goes on showing them.
    #[serde(skip)]
    pub(super) former_tags: Tags,
}

impl Subject for Holder {
    fn look(&self, root: Root) -> Look<'_> {
        match root {
            Root::Id => Look::Text(&self.id),
            Root::Quorum => Look::Number(self.quorum.into()),
            Root::Tags => Look::Tags(&self.tags),
            _ => Look::Absent,
        }
    }
}

impl Subject for Key {
    fn look(&self, _: Root) -> Look<'_> {
        Look::Absent
    }
}

pub(super) fn create_key(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = id_or_else(call.fields.get("id"), || format!("key{}", random::hex::<8>()))?;
    let key = Key { id: id.clone() };
    if books.keys.place(&id).is_some() && call.cx.faults.on("key_id_reused:create-key") {
        return Ok(reply(&key).into());
    }
    Ok(reply(books.keys.add(&id, key)?).into())
}

pub(super) fn create_account(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = holder(books, call, "acc")?;
    if call.cx.faults.on("tags_dropped:create-account") {
        account.tags = Tags::default();
    }
    let id = account.id.clone();
    Ok(reply(books.accounts.add(&id, account)?).into())
}

pub(super) fn create_flavor(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut flavor = holder(books, call, "flv")?;
    if call.cx.faults.on("quorum_ignored:create-flavor") {
        flavor.quorum = 1;
    }
    let id = flavor.id.clone();
    Ok(reply(books.flavors.add(&id, flavor)?).into())
}

/// Reads an account or flavor; the keys are judged first \[C, 10\].
fn holder(books: &Books, call: &Call<'_>, prefix: &str) -> Result<Holder, Refusal> {
    let fields = call.fields;
    let key_ids = key_ids(books, call)?;
    let highest = if call.fault("quorum_unreachable") { u64::MAX } else { key_ids.len() as u64 };
    let quorum = match fields.get("quorum") {
        None => key_ids.len() as u64,
        Some(quorum) => quorum.as_u64().filter(|quorum| (1..=highest).contains(quorum)).ok_or_else(|| {
            codes::QUORUM.because("`quorum` must be from 1 to the number of keys").field("quorum")
        })?,
    };
    let tags = Tags::from(fields.object("tags")?);
    let id = id_or_else(fields.get("id"), || format!("{prefix}{}", random::hex::<8>()))?;
    Ok(Holder { id, key_ids, quorum, former_tags: tags.clone(), tags })
}

fn key_ids(books: &Books, call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let refused = |detail: String| codes::KEY_IDS.because(detail).field("key_ids");
    let given = match call.fields.get("key_ids") {
        None => &[][..],
        Some(Value::Array(given)) => given,
        Some(_) => return Err(refused("`key_ids` must be an array of ids".to_owned())),
    };
    if given.is_empty() && !call.fault("keys_optional") {
        return Err(refused("`key_ids` must name at least one key".to_owned()));
    }
    let mut key_ids: Vec<String> = Vec::with_capacity(given.len());
    for id in given {
        match id.as_str() {
            Some(id) if books.keys.place(id).is_some() || call.fault("keys_unchecked") => {
                key_ids.push(id.to_owned());
            }
            Some(id) => return Err(refused(format!("there is no key `{id}`"))),
            None => return Err(refused("`key_ids` must be an array of ids".to_owned())),
        }
    }
    let mut sorted: Vec<&String> = key_ids.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1])
        && !call.fault("key_twice_accepted")
    {
        return Err(codes::KEY_TWICE.because(format!("key `{}` is given twice", twice[0])).field("key_ids"));
    }
    Ok(key_ids)
}

/// A filter on keys is ignored \[C, 10\].
pub(super) fn list_keys(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let query = books.query(call)?;
    let all = Filter::default();
    let rest = newest_first(&query, &all, books.keys.all());
    Ok(reply(&query.cut(call.cx, rest)).into())
}

pub(super) fn list_accounts(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    list_with_strangers(books, call, &[])
}

/// The list of accounts, and on its last page those of other ledgers, which should never be there.
pub(super) fn list_with_strangers(
    books: &Books,
    call: &Call<'_>,
    strangers: &[Holder],
) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::Holder)?;
    let skipped = usize::from(query.continues() && call.cx.faults.on("list_skips_one:list-accounts"));
    let (query, passed) = if call.fault("pages_by_count") { query.by_count() } else { (query, 0) };
    let rest = newest_first(&query, &filter, books.accounts.all()).skip(passed + skipped);
    let mut page = query.cut(call.cx, rest);
    if page.last_page {
        page.items.extend(strangers.iter().filter(|account| filter.passes(*account)));
    }
    if call.cx.faults.on("full_page_is_last:list-accounts") {
        page.last_page = true;
    }
    Ok(reply(&page).into())
}

pub(super) fn list_flavors(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::Holder)?;
    let rest = newest_first(&query, &filter, books.flavors.all());
    Ok(reply(&query.cut(call.cx, rest)).into())
}
