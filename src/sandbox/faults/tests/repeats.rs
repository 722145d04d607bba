//! Repeated idempotency keys, one probe for each operation that changes something.

pub(super) mod dashboard;

use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, issue};

/// Whether the second of two equal calls is answered otherwise than the first.
async fn differs(trial: &Trial, book: &Book, op: &str, body: Value) -> bool {
    let key = trial.name("key");
    let first = trial.call_once(book, op, &key, body.clone()).await.ok();
    let second = trial.call_once(book, op, &key, body).await;
    second.status != 200 || second.body != first
}

/// Whether a repeated update of tags undoes what came in between.
async fn undoes(trial: &Trial, book: &Book, update: &str, list: &str, id: &Value) -> bool {
    let key = trial.name("key");
    let tags = |tags: Value| json!({"id": id, "tags": tags});
    trial.call_once(book, update, &key, tags(json!({"v": 1}))).await.ok();
    trial.call(book, update, tags(json!({"v": 2}))).await.ok();
    trial.call_once(book, update, &key, tags(json!({"v": 1}))).await.ok();
    let body = json!({"filter": "id=$1", "filter_params": [id]});
    trial.call(book, list, body).await.ok()["items"][0]["tags"]["v"] == 1
}

probes! {
    create_key: "repeat_doubles:create-key" => async |trial: &Trial| {
        differs(trial, &trial.book().await, "create-key", json!({})).await
    };
    create_account: "repeat_doubles:create-account" => async |trial: &Trial| {
        differs(trial, &trial.market().await, "create-account", json!({"key_ids": ["key"]})).await
    };
    create_flavor: "repeat_doubles:create-flavor" => async |trial: &Trial| {
        differs(trial, &trial.market().await, "create-flavor", json!({"key_ids": ["key"]})).await
    };
    update_account_tags: "repeat_doubles:update-account-tags" => async |trial: &Trial| {
        undoes(trial, &trial.market().await, "update-account-tags", "list-accounts", &json!("alice")).await
    };
    update_flavor_tags: "repeat_doubles:update-flavor-tags" => async |trial: &Trial| {
        undoes(trial, &trial.market().await, "update-flavor-tags", "list-flavors", &json!("gold")).await
    };
    update_action_tags: "repeat_doubles:update-action-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        let made = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
        undoes(trial, &book, "update-action-tags", "list-actions", &made["actions"][0]["id"]).await
    };
    create_feed: "repeat_doubles:create-feed" => async |trial: &Trial| {
        differs(trial, &trial.book().await, "create-feed", json!({"type": "action"})).await
    };
    delete_feed: "repeat_doubles:delete-feed" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
        differs(trial, &book, "delete-feed", json!({"id": "f"})).await
    };
    ack_feed: "repeat_doubles:ack-feed" => async |trial: &Trial| {
        let book = trial.market().await;
        let feed = trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
        trial.transact(&book, json!([issue("alice", 5)])).await.ok();
        let news = trial.call(&book, "stream-feed-items", json!({"id": "f"})).await.ok();
        let ack = json!({"id": "f", "cursor": news["cursors"][0], "previous_cursor": feed["cursor"]});
        differs(trial, &book, "ack-feed", ack).await
    };
    reset: "repeat_doubles:reset" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call_once(&book, "reset", "r", json!({})).await.ok();
        trial.call(&book, "create-key", json!({})).await.ok();
        trial.call_once(&book, "reset", "r", json!({})).await.ok();
        trial.call(&book, "list-keys", json!({})).await.ok()["items"] == json!([])
    };
}
