//! Feeds: every item is given again until it is acknowledged.

use std::time::Duration;

use coalmine::{Cause, Failure, Out, Result, ensure, ensure_eq};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{filters::CamelTaken, workspace::Stage};
use crate::sequence::{Action, Feed, FeedItems, Ledger, Names, Sequence, Transaction};

/// A reader is told of what is there within this time.
const SOON: Duration = Duration::from_secs(2);

/// By then who has begun to read waits. Who does not finds what there is when they come.
const UNTIL_WAITING: Duration = Duration::from_millis(200);

/// A feed that nobody reads.
pub(super) struct FeedMade(pub Feed);

/// Feeds can be looked at.
pub(super) struct FeedGot;

/// Feeds can be read.
pub(super) struct FeedRead;

/// Feeds give again what is not acknowledged.
pub(super) struct FeedReread;

/// Feeds can be acknowledged.
pub(super) struct FeedAcked;

/// Those who wait for a feed are told of what comes.
pub(super) struct ReadersWoken;

/// Those who wait for a feed are told of its end.
pub(super) struct ReadersEnded;

/// Feeds can be deleted.
pub(super) struct FeedDeleted;

pub(super) async fn create_feed(sequence: Sequence, stage: Out<Stage>) -> Result<FeedMade> {
    let body = json!({
        "id": "feed", "type": "transaction", "filter": "actions(flavor_id = $1)", "filter_params": ["none"],
    });
    let feed = stage.ledger(&sequence).create_feed(&body).await?;
    ensure_eq!(feed.id, "feed", "id of the new feed");
    ensure_eq!(feed.kind, "transaction", "type of the new feed");
    ensure_eq!(feed.filter.as_deref(), body["filter"].as_str(), "filter of the new feed");
    ensure_eq!(feed.filter_params, [json!("none")], "parameters of the new feed");
    ensure!(!feed.cursor.is_empty(), "expected a cursor from the start, got an empty one");
    Ok(FeedMade(feed))
}

pub(super) async fn get_feed(sequence: Sequence, stage: Out<Stage>, made: Out<FeedMade>) -> Result<FeedGot> {
    let feed: Feed = stage.ledger(&sequence).call("get-feed", &json!({ "id": made.0.id })).await?.ok()?;
    ensure_eq!(feed, made.0, "the feed as it was made");
    Ok(FeedGot)
}

pub(super) async fn read_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _made: Out<FeedMade>,
) -> Result<FeedRead> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "read", &[1, 2]).await?;
    // As soon as somebody else's action would come along as well, the filter does not work.
    let read: FeedItems<Action> = soon(&ledger, &feed).await?;
    ensure_eq!(amounts(&read), [1, 2], "amounts of the actions that match, oldest first");
    ensure_eq!(read.cursors.len(), 2, "cursors, one for each item");
    Ok(FeedRead)
}

pub(super) async fn read_feed_again(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<FeedRead>,
) -> Result<FeedReread> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "reread", &[1, 2]).await?;
    for _ in 0..2 {
        ensure_eq!(amounts(&soon(&ledger, &feed).await?), [1, 2], "amounts of what is not acknowledged");
    }
    Ok(FeedReread)
}

pub(super) async fn ack_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _got: Out<FeedGot>,
    _read: Out<FeedReread>,
) -> Result<FeedAcked> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "acked", &[1, 2, 3]).await?;
    let read: FeedItems<Action> = soon(&ledger, &feed).await?;
    ensure_eq!(read.cursors.len(), 3, "cursors, one for each item");
    // An acknowledgement covers all items before it.
    ledger.call("ack-feed", &ack(&feed, &feed.cursor, &read.cursors[1])).await?.done()?;
    let moved: Feed = ledger.call("get-feed", &json!({ "id": feed.id })).await?.ok()?;
    ensure_eq!(moved.cursor, read.cursors[1], "cursor of the feed after acknowledging the second item");
    ensure_eq!(amounts(&soon(&ledger, &feed).await?), [3], "amounts after acknowledging two of three");
    Ok(FeedAcked)
}

pub(super) async fn delete_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _got: Out<FeedGot>,
) -> Result<FeedDeleted> {
    let ledger = stage.ledger(&sequence);
    let feed = ledger.create_feed(&json!({ "id": "short-lived", "type": "action" })).await?;
    ledger.call("delete-feed", &json!({ "id": feed.id })).await?.done()?;
    ledger.call("get-feed", &json!({ "id": feed.id })).await?.refused(404, "SEQ002")?;
    Ok(FeedDeleted)
}

pub(super) async fn read_transaction_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<FeedRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, _, to) = stage.pair(&ledger, "whole").await?;
    let body = json!({ "id": "whole", "type": "transaction", "filter": "actions(flavor_id = 'whole')" });
    let feed = ledger.create_feed(&body).await?;
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(ledger.transact(json!([issue(&flavor.id, 1, &to.id)])).await?.id);
    }
    let read: FeedItems<Transaction> = soon(&ledger, &feed).await?;
    let read: Vec<_> = read.items.into_iter().map(|it| it.id).collect();
    ensure_eq!(read, made, "transactions that match, oldest first");
    Ok(())
}

pub(super) async fn wake_readers(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<FeedReread>,
) -> Result<ReadersWoken> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "woken", &[]).await?;
    let news = async {
        tokio::time::sleep(UNTIL_WAITING).await;
        ledger.transact(json!([issue("woken", 1, "bob")])).await
    };
    let readers = async { tokio::try_join!(soon::<Action>(&ledger, &feed), soon(&ledger, &feed)) };
    let ((one, other), _) = tokio::try_join!(readers, news)?;
    ensure_eq!((amounts(&one), amounts(&other)), (vec![1], vec![1]), "amounts that two readers are told of");
    Ok(ReadersWoken)
}

pub(super) async fn end_readers_of_deleted_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _woken: Out<ReadersWoken>,
    _deleted: Out<FeedDeleted>,
) -> Result<ReadersEnded> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "ended", &[]).await?;
    ends_readers(&ledger, &feed, "delete-feed", &json!({ "id": feed.id })).await?;
    Ok(ReadersEnded)
}

/// Demands that somebody who waits for a feed is told at once when `operation` ends it.
pub(super) async fn ends_readers(ledger: &Ledger, feed: &Feed, operation: &str, body: &Value) -> Result<()> {
    let end = async {
        tokio::time::sleep(UNTIL_WAITING).await;
        ledger.call(operation, body).await?.done()
    };
    let waiting = json!({ "id": feed.id });
    let reader = within(SOON + UNTIL_WAITING, ledger.call("stream-feed-items", &waiting));
    let (reply, ()) = tokio::try_join!(reader, end)?;
    reply.refused(404, "SEQ002").map(drop)
}

pub(super) async fn keep_names_of_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<FeedRead>,
    _taken: Out<CamelTaken>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, _, to) = stage.pair(&ledger, "names-kept").await?;
    let body = json!({ "id": "names-kept", "type": "action", "filter": "flavorId = 'names-kept'" });
    let feed = ledger.spelling(Names::Camel).create_feed(&body).await?;
    ledger.transact(json!([issue(&flavor.id, 1, &to.id)])).await?;
    ensure_eq!(amounts(&soon(&ledger, &feed).await?), [1], "amounts, read with names of the other spelling");
    Ok(())
}

pub(super) async fn refuse_late_consumer(
    sequence: Sequence,
    stage: Out<Stage>,
    _acked: Out<FeedAcked>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "shared", &[1, 2, 3]).await?;
    let read: FeedItems<Action> = soon(&ledger, &feed).await?;
    ledger.call("ack-feed", &ack(&feed, &feed.cursor, &read.cursors[0])).await?.done()?;
    // Another consumer has read the same, and does not know.
    let late = ack(&feed, &feed.cursor, &read.cursors[1]);
    ledger.call("ack-feed", &late).await?.refused(409, "SEQ620")?;
    let left: FeedItems<Action> = soon(&ledger, &feed).await?;
    ensure_eq!(amounts(&left), [2, 3], "amounts that are not acknowledged after the refusal");
    Ok(())
}

pub(super) async fn refuse_bad_acks(
    sequence: Sequence,
    stage: Out<Stage>,
    _acked: Out<FeedAcked>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "strict", &[1, 2]).await?;
    // Its item is later, so that its cursor is only wrong for being of another feed.
    let other = feed_of(&ledger, &stage, "strange", &[1]).await?;
    let (read, others) = tokio::try_join!(soon::<Action>(&ledger, &feed), soon::<Action>(&ledger, &other))?;
    ledger.call("ack-feed", &ack(&feed, &feed.cursor, &read.cursors[1])).await?.done()?;
    let (here, before) = (&read.cursors[1], &read.cursors[0]);
    ledger
        .refuses(&[
            ("ack-feed", json!({ "id": feed.id, "previous_cursor": here }), 400, "SEQ008"),
            ("ack-feed", json!({ "id": feed.id, "cursor": here }), 400, "SEQ008"),
            ("ack-feed", ack(&feed, here, before), 400, "SEQ600"),
            ("ack-feed", ack(&feed, here, &others.cursors[0]), 400, "SEQ600"),
            ("ack-feed", ack(&feed, here, "no-such-cursor"), 400, "SEQ600"),
            ("ack-feed", json!({ "id": {}, "previous_cursor": here, "cursor": here }), 400, "SEQ003"),
        ])
        .await
}

pub(super) async fn refuse_bad_feeds(
    sequence: Sequence,
    stage: Out<Stage>,
    made: Out<FeedMade>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let feed = json!({ "id": "bad", "type": "action" });
    ledger.nowhere().refuses(&[("create-feed", feed, 404, "SEQ002")]).await?;
    ledger
        .refuses(&[
            ("create-feed", json!({ "id": made.0.id, "type": "action" }), 400, "SEQ050"),
            ("create-feed", json!({ "id": "bad" }), 400, "SEQ008"),
            ("create-feed", json!({ "id": "bad", "type": "token" }), 400, "SEQ008"),
            ("create-feed", json!({ "id": "bad", "type": "action", "filter": "tags.kind =" }), 400, "SEQ602"),
        ])
        .await
}

pub(super) async fn refuse_unknown_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _got: Out<FeedGot>,
    _read: Out<FeedRead>,
    _acked: Out<FeedAcked>,
    _deleted: Out<FeedDeleted>,
) -> Result<()> {
    let unknown = json!({ "id": "no-such-feed" });
    let acked = json!({ "id": "no-such-feed", "previous_cursor": "x", "cursor": "y" });
    stage
        .ledger(&sequence)
        .refuses(&[
            ("get-feed", unknown.clone(), 404, "SEQ002"),
            ("stream-feed-items", unknown.clone(), 404, "SEQ002"),
            ("delete-feed", unknown, 404, "SEQ002"),
            ("ack-feed", acked, 404, "SEQ002"),
            ("get-feed", json!({}), 400, "SEQ008"),
            ("stream-feed-items", json!({}), 400, "SEQ008"),
            ("delete-feed", json!({}), 400, "SEQ008"),
            ("get-feed", json!({ "id": {} }), 400, "SEQ003"),
            ("stream-feed-items", json!({ "id": {} }), 400, "SEQ003"),
            ("delete-feed", json!({ "id": {} }), 400, "SEQ003"),
        ])
        .await
}

/// A feed over the actions of a flavor of its own, and these amounts issued of it. The feed is made first, because
/// where a new one begins is not agreed upon.
pub(super) async fn feed_of(ledger: &Ledger, stage: &Stage, name: &str, issued: &[u64]) -> Result<Feed> {
    let (flavor, _, to) = stage.pair(ledger, name).await?;
    let body = json!({
        "id": name, "type": "action", "filter": "flavor_id = $1", "filter_params": [flavor.id],
    });
    let feed = ledger.create_feed(&body).await?;
    let issues: Vec<_> = issued.iter().map(|amount| issue(&flavor.id, *amount, &to.id)).collect();
    if !issues.is_empty() {
        ledger.transact(Value::Array(issues)).await?;
    }
    Ok(feed)
}

/// Reads a feed that has something to tell.
async fn soon<T: DeserializeOwned>(ledger: &Ledger, feed: &Feed) -> Result<FeedItems<T>> {
    within(SOON, ledger.read_feed(feed)).await
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        Err(Failure::of(
            Cause::Latency,
            format_args!("expected an answer to a reader within {limit:?}, got none"),
        ))
    })
}

pub(super) fn ack(feed: &Feed, previous: &str, cursor: &str) -> Value {
    json!({ "id": feed.id, "previous_cursor": previous, "cursor": cursor })
}

fn amounts(read: &FeedItems<Action>) -> Vec<u64> {
    read.items.iter().map(|it| it.amount).collect()
}

fn issue(flavor: &str, amount: u64, to: &str) -> Value {
    json!({ "type": "issue", "flavor_id": flavor, "amount": amount, "destination_account_id": to })
}
