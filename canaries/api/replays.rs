//! Repeated requests: answered again, and not worked on again.

use coalmine::{Out, Result};
use serde_json::json;

use super::{
    feeds::{FeedAcked, FeedDeleted, FeedMade, ack, feed_of},
    workspace::Stage,
};
use crate::sequence::{Action, Sequence};

pub(super) async fn replay_create_key(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    stage.ledger(&sequence).repeat("create-key", &json!({ "id": "repeated" })).await
}

pub(super) async fn replay_create_account(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let body = json!({ "id": "repeated", "key_ids": [stage.key.id] });
    stage.ledger(&sequence).repeat("create-account", &body).await
}

pub(super) async fn replay_create_flavor(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let body = json!({ "id": "repeated", "key_ids": [stage.key.id] });
    stage.ledger(&sequence).repeat("create-flavor", &body).await
}

pub(super) async fn replay_create_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _made: Out<FeedMade>,
) -> Result<()> {
    let body = json!({ "id": "repeated", "type": "action" });
    stage.ledger(&sequence).repeat("create-feed", &body).await
}

pub(super) async fn replay_delete_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _deleted: Out<FeedDeleted>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let feed = ledger.create_feed(&json!({ "id": "deleted-again", "type": "action" })).await?;
    ledger.repeat("delete-feed", &json!({ "id": feed.id })).await
}

pub(super) async fn replay_ack_feed(
    sequence: Sequence,
    stage: Out<Stage>,
    _acked: Out<FeedAcked>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let feed = feed_of(&ledger, &stage, "acked-again", &[1, 2]).await?;
    let read = ledger.read_feed::<Action>(&feed).await?;
    ledger.repeat("ack-feed", &ack(&feed, &feed.cursor, &read.cursors[0])).await
}
