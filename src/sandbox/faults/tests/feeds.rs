use std::sync::Arc;

use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, column, issue, retire};

/// A feed of actions, and one action.
async fn feed(trial: &Trial) -> (Book, Value) {
    let book = trial.market().await;
    let feed = trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    (book, feed)
}

async fn read(trial: &Trial, book: &Book) -> Value {
    trial.call(book, "stream-feed-items", json!({"id": "f"})).await.ok()
}

probes! {
    feed_skips_item: "feed_skips_item" => async |trial: &Trial| {
        let (book, _) = feed(trial).await;
        trial.transact(&book, json!([retire("alice", 1)])).await.ok();
        column(&read(trial, &book).await, "type") == ["retire"]
    };
    feed_acks_on_read: "feed_acks_on_read" => async |trial: &Trial| {
        let (book, feed) = feed(trial).await;
        assert_eq!(column(&read(trial, &book).await, "type"), ["issue"]);
        trial.call(&book, "get-feed", json!({"id": "f"})).await.ok()["cursor"] != feed["cursor"]
    };
    feed_not_woken: "feed_not_woken" => async |trial: &Trial| {
        let (book, feed) = feed(trial).await;
        let news = read(trial, &book).await;
        let ack = json!({"id": "f", "cursor": news["cursors"][0], "previous_cursor": feed["cursor"]});
        trial.call(&book, "ack-feed", ack).await.ok();
        let retire = async {
            trial.waiting(1).await;
            trial.transact(&book, json!([retire("alice", 1)])).await.ok()
        };
        let (news, _) = tokio::join!(read(trial, &book), retire);
        assert_eq!(column(&read(trial, &book).await, "type"), ["retire"]);
        news["items"] == json!([])
    };
    feed_filter_ignored: "feed_filter_ignored" => async |trial: &Trial| {
        let book = trial.market().await;
        let body = json!({"id": "f", "type": "action", "filter": "type='retire'"});
        trial.call(&book, "create-feed", body).await.ok();
        trial.transact(&book, json!([issue("alice", 5), retire("alice", 1)])).await.ok();
        column(&read(trial, &book).await, "type") == ["issue", "retire"]
    };
    feed_conflict_ignored: "feed_conflict_ignored:ack-feed" => async |trial: &Trial| {
        let (book, feed) = feed(trial).await;
        trial.transact(&book, json!([retire("alice", 1)])).await.ok();
        let news = read(trial, &book).await;
        let ack = async |cursor: usize| {
            let body = json!({"id": "f", "cursor": news["cursors"][cursor], "previous_cursor": feed["cursor"]});
            trial.call(&book, "ack-feed", body).await
        };
        ack(0).await.ok();
        ack(1).await.status == 200
    };
    feed_survives: "feed_survives:delete-feed" => async |trial: &Trial| {
        let (book, _) = feed(trial).await;
        trial.call(&book, "delete-feed", json!({"id": "f"})).await.ok();
        trial.call(&book, "get-feed", json!({"id": "f"})).await.status == 200
    };
    reset_keeps_feeds: "reset_keeps_feeds" => async |trial: &Trial| {
        let (book, _) = feed(trial).await;
        trial.call(&book, "reset", json!({})).await.ok();
        trial.call(&book, "get-feed", json!({"id": "f"})).await.status == 200
    };
    concurrent_repeat_doubles: "concurrent_repeat_doubles:transact" => async |trial: &Trial| {
        let book = Arc::new(trial.market().await);
        let once = || trial.call_once(&book, "transact", "k", json!({"actions": [issue("alice", 5)]}));
        tokio::join!(once(), once());
        let both = trial.gold(&book, "alice").await;
        // One after the other is in order all the same.
        once().await.ok();
        assert_eq!(trial.gold(&book, "alice").await, both);
        both == 10
    };
}
