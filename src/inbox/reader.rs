//! Reading the mails that the mailbox has named: headers first, and the whole of those that are for somebody here.
//!
//! Several at a time, so that many who wait get their mails soon; no more than the budget of quota units allows, and
//! not for so long that the next poll comes late.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{
    mail::Content,
    mailbox::Shared,
    registered::{Arrived, Registered},
    spending::Paid,
    trouble::{Kind, Trouble},
};
use crate::clock::Clock;

/// How many calls for mails are under way at once.
pub(super) const WIDTH: usize = 8;

/// How long calls for mails are begun before the history is asked for again.
const BEGUN_FOR: Duration = Duration::from_secs(2);

/// How long a mail that the history names may be missing: the parts of Gmail do not learn of it at once.
const UNREADABLE_FOR: Duration = Duration::from_secs(30);

/// How long to wait before it is asked for again, at first and at most: each time costs as much as a mail.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(4));

/// Reads what was heard of, oldest first. What cannot be read yet stays.
pub(super) async fn read_pending(shared: &Arc<Shared>, width: usize) -> Result<(), Trouble> {
    let now = Clock::instant();
    let mut queue: VecDeque<u64> = {
        let state = shared.lock();
        state
            .pending
            .iter()
            .filter(|(_, it)| it.again_at.is_none_or(|at| at <= now))
            .map(|it| *it.0)
            .collect()
    };
    let mut reads = JoinSet::new();
    let mut worst: Option<Trouble> = None;
    let stop = Clock::instant() + BEGUN_FOR;
    loop {
        let mut affordable_at = None;
        while reads.len() < width && Clock::instant() < stop && worst.as_ref().is_none_or(passes) {
            let Some(order) = queue.front().copied() else { break };
            match shared.gmail.spending.pay_for_mail() {
                Ok(paid) => {
                    queue.pop_front();
                    reads.spawn(read(Arc::clone(shared), order, paid));
                }
                Err(wait) => {
                    affordable_at = Some(Clock::instant() + wait);
                    break;
                }
            }
        }
        let ended = tokio::select! {
            Some(ended) = reads.join_next() => ended,
            () = until(affordable_at), if affordable_at.is_some_and(|it| it <= stop) => continue,
            else => break,
        };
        match ended {
            // The whole of a mail goes before the headers of the next one: somebody waits for it.
            Ok(Ok(Some(order))) => queue.push_front(order),
            Ok(Ok(None)) => (),
            Ok(Err(trouble)) => {
                if worst.as_ref().is_none_or(passes) {
                    worst = Some(trouble);
                }
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => (),
        }
    }
    worst.map_or(Ok(()), Err)
}

/// Whether the other mails may be read all the same.
fn passes(trouble: &Trouble) -> bool {
    trouble.kind == Kind::Passing
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// Makes the next call for a mail. Tells whether there is one more to make.
async fn read(shared: Arc<Shared>, order: u64, paid: Paid) -> Result<Option<u64>, Trouble> {
    let taken = shared.lock().pending.get(&order).map(|it| (it.id.clone(), it.holders.clone()));
    let Some((id, holders)) = taken else { return Ok(None) };
    let outcome = match holders {
        None => headers(&shared, order, &id, paid).await,
        Some(holders) => whole(&shared, order, &id, &holders, paid).await,
    };
    match outcome {
        Err(trouble) if trouble.kind == Kind::NotFound => {
            let mut state = shared.lock();
            if let Some(pending) = state.pending.get_mut(&order) {
                let since = pending.heard.elapsed();
                if since >= UNREADABLE_FOR {
                    state.pending.remove(&order);
                } else {
                    pending.missing = true;
                    // As long as it has been missing already: twice as long each time.
                    pending.again_at = Some(Clock::instant() + since.clamp(AGAIN.0, AGAIN.1));
                }
            }
            Ok(None)
        }
        outcome => {
            // Those who wait look at once, not when the whole round is over.
            shared.status.send_modify(|_| ());
            outcome
        }
    }
}

/// Finds out whose a mail is.
async fn headers(shared: &Shared, order: u64, id: &str, paid: Paid) -> Result<Option<u64>, Trouble> {
    let headers = shared.gmail.headers(id, paid).await?;
    let values = |name: &str| headers.get(name).into_iter().flatten().map(String::as_str);
    // What the host says goes before what the sender wrote, for a mail to several tags comes once for each.
    let mut tags: Vec<String> = values("delivered-to").flat_map(tags_in).collect();
    if tags.is_empty() {
        tags = values("to").chain(values("cc")).flat_map(tags_in).collect();
    }
    tags.sort();
    tags.dedup();
    let holders = shared.claim(&tags, values("subject").next().unwrap_or_default());
    let now = Clock::instant();
    holders.iter().for_each(|holder| holder.announce(order, now));
    let mut state = shared.lock();
    if holders.is_empty() {
        state.pending.remove(&order);
        return Ok(None);
    }
    if let Some(pending) = state.pending.get_mut(&order) {
        pending.missing = false;
        pending.again_at = None;
        pending.holders = Some(holders.iter().map(Arc::downgrade).collect());
    }
    Ok(Some(order))
}

/// Reads a mail for those who hold its address.
async fn whole(
    shared: &Shared,
    order: u64,
    id: &str,
    holders: &[Weak<Registered>],
    paid: Paid,
) -> Result<Option<u64>, Trouble> {
    let mail = shared.gmail.raw(id, paid).await?;
    let received = mail.internal_date.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    // Taken out first: a mail that makes the reader panic must not meet the next one.
    let polled = shared.lock().pending.remove(&order).map(|it| it.polled);
    let content = Arc::new(Content::read(
        &mail.raw.unwrap_or_default(),
        mail.label_ids.unwrap_or_default(),
        received.unwrap_or_else(|| shared.clock.now()),
    ));
    let read_in = polled.map(|polled| polled.elapsed()).unwrap_or_default();
    for holder in holders.iter().filter_map(Weak::upgrade) {
        holder.keep(Arrived { content: Arc::clone(&content), order, read_in });
    }
    Ok(None)
}

/// The tags of all addresses in a header, in lower case: `x` of `local+x@domain`.
pub(super) fn tags_in(header: &str) -> Vec<String> {
    header
        .split(|c: char| c.is_whitespace() || "<>(),;:\"".contains(c))
        .filter_map(|word| {
            let (local, _) = word.rsplit_once('@')?;
            let (_, tag) = local.split_once('+')?;
            Some(tag.to_ascii_lowercase())
        })
        .collect()
}
