//! Feeds: durable reading positions over actions or transactions (facts, section 11).
//!
//! A position is the number of items of the ledger that are acknowledged, whether they match the filter or not. A
//! feed starts at the ledger's beginning \[T\]. Reading never moves it; only an acknowledgement does.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Answer, Books, Call,
    filter::{Bends, Filter, Kind},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, missing, ok, reply},
    paging::{seal, unseal},
    random,
    values::id_or_else,
    world::Context,
};

/// The most items of one answer \[C\].
const MOST_ITEMS: usize = 100;

/// All feeds of a ledger.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    by_id: HashMap<String, u64>,
    /// By serial number, and so by age. A number is never used again: somebody may wait for the feed that had it.
    feeds: BTreeMap<u64, Feed>,
    last: u64,
}

#[derive(Debug)]
struct Feed {
    id: String,
    of: Items,
    /// As given.
    filter: Option<String>,
    filter_params: Vec<Value>,
    /// What the filter means, in the name set that the feed was created under \[C, 3\].
    compiled: Filter,
    /// How many items are acknowledged.
    position: u64,
    /// From the position up to here nothing matches, so that waiting readers need not look at it again.
    nothing_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Items {
    Action,
    Transaction,
}

/// What a feed's cursor says.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    ledger: String,
    feed: u64,
    position: u64,
}

impl Feeds {
    pub(super) fn len(&self) -> usize {
        self.feeds.len()
    }

    /// What did not match may match now.
    pub(super) fn look_again(&mut self) {
        for feed in self.feeds.values_mut() {
            feed.nothing_before = feed.position;
        }
    }

    /// Puts all feeds back to the beginning.
    pub(super) fn rewind(&mut self) {
        for feed in self.feeds.values_mut() {
            (feed.position, feed.nothing_before) = (0, 0);
        }
    }

    fn serial(&self, id: &str) -> Result<u64, Refusal> {
        self.by_id
            .get(id)
            .copied()
            .ok_or_else(|| codes::NOT_FOUND.because(format!("there is no feed `{id}`")))
    }
}

impl Feed {
    fn shown(&self, cursor: &str) -> Value {
        json!({
            "id": self.id,
            "type": self.of,
            "filter": self.filter,
            "filter_params": self.filter_params,
            // Present from the start: clients send it back as `previous_cursor` \[S\].
            "cursor": cursor,
        })
    }
}

impl Books {
    fn mark(&self, cx: &Context, feed: u64, position: u64) -> String {
        seal(&cx.cursor_key, &Mark { ledger: self.scope(), feed, position })
    }

    /// The position that a cursor of this feed means.
    fn position(&self, call: &Call<'_>, feed: u64, name: &str) -> Result<u64, Refusal> {
        let mark = unseal::<Mark>(&call.cx.cursor_key, call.fields.required(name)?);
        let any = call.fault("foreign_cursor_accepted");
        let own = mark.filter(|mark| (mark.feed == feed || any) && mark.ledger == self.scope());
        let mark = own.ok_or_else(|| codes::CURSOR.because("not a cursor of this feed").field(name))?;
        Ok(mark.position)
    }

    fn shown_feed(&self, cx: &Context, serial: u64) -> Value {
        let feed = &self.feeds.feeds[&serial];
        feed.shown(&self.mark(cx, serial, feed.position))
    }

    /// What a feed has to tell: nothing, if there is nothing new.
    pub(super) fn news_of(&mut self, cx: &Context, serial: u64) -> Result<Option<Reply>, Refusal> {
        let gone = || codes::NOT_FOUND.because("the feed is gone");
        if self.closed {
            return Err(gone());
        }
        let feed = self.feeds.feeds.get(&serial).ok_or_else(gone)?;
        let everything = Filter::default();
        let filter = if cx.faults.on("feed_filter_ignored") { &everything } else { &feed.compiled };
        let start = feed.position.max(feed.nothing_before);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let skipped = usize::from(cx.faults.on("feed_skips_item"));

        // Oldest first; actions of a transaction in request order \[T\].
        let (found, end): (Vec<(usize, Value)>, usize) = match feed.of {
            Items::Action => {
                let all = self.history.actions.all();
                let rest = (start..all.len()).filter(|place| filter.passes(&all[*place]));
                let found = rest.skip(skipped).take(MOST_ITEMS).map(|place| (place, json!(all[place])));
                (found.collect(), all.len())
            }
            Items::Transaction => {
                let rest =
                    (start..self.history.len()).filter(|place| filter.passes(&self.history.at(*place)));
                let found =
                    rest.skip(skipped).take(MOST_ITEMS).map(|place| (place, json!(self.history.at(place))));
                let mut found: Vec<_> = found.collect();
                if cx.faults.on("transactions_newest_first:stream-feed-items") {
                    found.reverse();
                }
                (found, self.history.len())
            }
        };
        if found.is_empty() {
            if skipped == 0
                && let Some(feed) = self.feeds.feeds.get_mut(&serial)
            {
                feed.nothing_before = end as u64;
            }
            return Ok(None);
        }
        let cursors: Vec<String> =
            found.iter().map(|(place, _)| self.mark(cx, serial, *place as u64 + 1)).collect();
        if cx.faults.on("feed_acks_on_read")
            && let Some(feed) = self.feeds.feeds.get_mut(&serial)
        {
            feed.position = found.last().map_or(feed.position, |(place, _)| *place as u64 + 1);
        }
        let items: Vec<Value> = found.into_iter().map(|(_, item)| item).collect();
        Ok(Some(reply(&json!({"items": items, "cursors": cursors}))))
    }
}

pub(super) fn create_feed(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let fields = call.fields;
    let unchecked = call.fault("feed_type_unchecked");
    let (of, kind) = match fields.get("type") {
        Some(Value::String(of)) if of == "action" => (Items::Action, Kind::Action),
        Some(Value::String(of)) if of == "transaction" => (Items::Transaction, Kind::Transaction),
        Some(_) | None if unchecked => (Items::Action, Kind::Action),
        Some(_) => return Err(codes::MISSING.because("`type` is action or transaction").field("type")),
        None => return Err(missing(&["type"])),
    };
    let filter = fields.text("filter")?;
    let filter_params = fields.list("filter_params")?;
    let compiled = match Filter::read(filter, filter_params, kind, call.names, Bends::default()) {
        Err(_) if call.fault("feed_filter_unread") => Filter::default(),
        compiled => compiled?,
    };
    let id = id_or_else(fields.get("id"), || format!("feed{}", random::hex::<8>()))?;
    if books.feeds.by_id.contains_key(&id) {
        return Err(codes::IN_USE.because(format!("`{id}` is in use")).field("id"));
    }
    books.feeds.last += 1;
    let serial = books.feeds.last;
    let feed = Feed {
        id: id.clone(),
        of,
        filter: filter.map(str::to_owned),
        filter_params: filter_params.to_vec(),
        compiled,
        position: 0,
        nothing_before: 0,
    };
    books.feeds.by_id.insert(id, serial);
    books.feeds.feeds.insert(serial, feed);
    Ok(reply(&books.shown_feed(call.cx, serial)).into())
}

pub(super) fn get_feed(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let serial = books.feeds.serial(call.fields.required("id")?)?;
    Ok(reply(&books.shown_feed(call.cx, serial)).into())
}

/// Newest first \[T\]; a filter is ignored \[C, 9\].
pub(super) fn list_feeds(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let query = books.query(call)?;
    let feeds = books.feeds.feeds.range(..query.below()).rev();
    let rest = feeds.map(|(serial, _)| (*serial, books.shown_feed(call.cx, *serial)));
    Ok(reply(&query.cut(call.cx, rest)).into())
}

pub(super) fn delete_feed(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.fields.required("id")?;
    let serial = match books.feeds.serial(id) {
        Err(_) if call.fault("unknown_feed_deleted") => return Ok(ok().into()),
        serial => serial?,
    };
    if !call.fault("feed_survives") {
        books.feeds.by_id.remove(id);
        books.feeds.feeds.remove(&serial);
        books.tell();
    }
    Ok(ok().into())
}

pub(super) fn stream_feed_items(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let serial = books.feeds.serial(call.fields.required("id")?)?;
    if call.cx.faults.on("feed_names_forgotten") {
        let feed = &books.feeds.feeds[&serial];
        let kind = if feed.of == Items::Action { Kind::Action } else { Kind::Transaction };
        Filter::read(feed.filter.as_deref(), &feed.filter_params, kind, call.names, Bends::default())?;
    }
    match books.news_of(call.cx, serial)? {
        Some(reply) => Ok(reply.into()),
        None => {
            // Before the lock is released, so that nothing that comes now is missed.
            let waits_for = Some((serial, books.news.subscribe()));
            Ok(Answer { waits_for, ..reply(&json!({"items": [], "cursors": []})).into() })
        }
    }
}

/// Moves the position. `previous_cursor` tells two consumers of one feed apart \[S, C\].
pub(super) fn ack_feed(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let given = |name: &&str| call.fields.get(name).is_none_or(|value| value.as_str() == Some(""));
    let absent: Vec<&str> = ["id", "cursor", "previous_cursor"].into_iter().filter(given).collect();
    if !absent.is_empty() {
        return Err(missing(&absent));
    }
    let serial = books.feeds.serial(call.fields.required("id")?)?;
    let new = books.position(call, serial, "cursor")?;
    let previous = books.position(call, serial, "previous_cursor")?;
    let feed = books.feeds.feeds.get_mut(&serial).expect("it was just found");
    if previous != feed.position && !call.fault("feed_conflict_ignored") {
        return Err(codes::FEED_CONFLICT.because("`previous_cursor` is not the feed's position"));
    }
    if new < feed.position && !call.fault("acked_backwards") {
        return Err(codes::CURSOR.because("the cursor is behind the feed's position").field("cursor"));
    }
    feed.position = new;
    feed.nothing_before = feed.nothing_before.max(new);
    Ok(ok().into())
}
