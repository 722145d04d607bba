//! Feeds: whose positions there are, and who is told of what.

use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, issue};

/// A feed `f` of actions, read after two of them: with its cursor and theirs.
async fn read(trial: &Trial) -> (Book, Value, Value) {
    let book = trial.market().await;
    let feed = trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    trial.transact(&book, json!([issue("alice", 1), issue("alice", 2)])).await.ok();
    let read = trial.call(&book, "stream-feed-items", json!({"id": "f"})).await.ok();
    (book, feed["cursor"].clone(), read["cursors"].clone())
}

/// Whether somebody who waits for a feed is not told that `operation` ends it.
async fn keeps_waiting(trial: &Trial, operation: &str) -> bool {
    let book = trial.market().await;
    trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    let end = async {
        trial.waiting(1).await;
        trial.call(&book, operation, json!({"id": "f"})).await.ok()
    };
    let reader = trial.call(&book, "stream-feed-items", json!({"id": "f"}));
    // At the end of its time a reader that was not told gets nothing, and no refusal.
    tokio::join!(reader, end).0.status == 200
}

fn ack(previous: &Value, cursor: &Value) -> Value {
    json!({"id": "f", "previous_cursor": previous, "cursor": cursor})
}

probes! {
    newest_first: "transactions_newest_first:stream-feed-items" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-feed", json!({"id": "f", "type": "transaction"})).await.ok();
        for _ in 0..2 {
            trial.transact(&book, json!([issue("alice", 1)])).await.ok();
        }
        let read = trial.call(&book, "stream-feed-items", json!({"id": "f"})).await.ok();
        read["items"][0]["sequence_number"] == 2
    };
    foreign_cursor: "foreign_cursor_accepted:ack-feed" => async |trial: &Trial| {
        let (book, start, _) = read(trial).await;
        let other = trial.call(&book, "create-feed", json!({"id": "g", "type": "action"})).await.ok();
        trial.call(&book, "ack-feed", ack(&start, &other["cursor"])).await.status == 200
    };
    acked_backwards: "acked_backwards:ack-feed" => async |trial: &Trial| {
        let (book, start, cursors) = read(trial).await;
        trial.call(&book, "ack-feed", ack(&start, &cursors[1])).await.ok();
        trial.call(&book, "ack-feed", ack(&cursors[1], &cursors[0])).await.status == 200
    };
    missing_cursor: "missing_field_malformed:ack-feed" => async |trial: &Trial| {
        let (book, ..) = read(trial).await;
        trial.call(&book, "ack-feed", json!({"id": "f"})).await.body["seq_code"] == "SEQ003"
    };
    unknown_feed_deleted: "unknown_feed_deleted:delete-feed" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "delete-feed", json!({"id": "nowhere"})).await.status == 200
    };
    feed_type_unchecked: "feed_type_unchecked:create-feed" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "create-feed", json!({"type": "token"})).await.status == 200
    };
    feed_filter_unread: "feed_filter_unread:create-feed" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "create-feed", json!({"type": "action", "filter": "x ="})).await.status == 200
    };
    feed_names_forgotten: "feed_names_forgotten" => async |trial: &Trial| {
        let book = trial.market().await;
        let path = format!("/{}/{}/create-feed", book.team, book.ledger);
        let headers = [("credential", book.secret.as_str()), ("name-set", "camel")];
        let body = json!({"id": "f", "type": "action", "filter": "flavorId='gold'"});
        trial.post(&path, &headers, &body).await.ok();
        trial.transact(&book, json!([issue("alice", 1)])).await.ok();
        trial.call(&book, "stream-feed-items", json!({"id": "f"})).await.status != 200
    };
    readers_of_deleted_feed: "readers_kept_waiting:delete-feed" => async |trial: &Trial| {
        keeps_waiting(trial, "delete-feed").await
    };
    readers_at_reset: "readers_kept_waiting:reset" => async |trial: &Trial| keeps_waiting(trial, "reset").await;
    ledgers_leak: "ledgers_leak:get-feed" => async |trial: &Trial| {
        let (own, other) = (trial.book().await, trial.book().await);
        trial.call(&other, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
        trial.call(&own, "get-feed", json!({"id": "f"})).await.status == 200
    };
}
