use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, amount, column, issue, transfer};

/// A production ledger in a team of its own, since it can never be deleted: with its admin's session.
async fn production(trial: &Trial) -> (Book, String) {
    let ((_, session), team) = (trial.user().await, trial.name("team"));
    trial.dash(&session, "create-team", json!({"name": team})).await.ok();
    trial.dash(&session, "create-ledger", json!({"team": team, "name": "p", "type": "prod"})).await.ok();
    let made = trial.dash(&session, "create-credential", json!({"team": team})).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    (Book { team, ledger: "p".to_owned(), secret }, session)
}

async fn tags(trial: &Trial, book: &Book, op: &str, id: &str) -> Value {
    let body = json!({"filter": "id=$1", "filter_params": [id]});
    trial.call(book, op, body).await.ok()["items"][0]["tags"].clone()
}

async fn merges(trial: &Trial, update: &str, list: &str, id: &str) -> bool {
    let book = trial.market().await;
    for tags in [json!({"a": 1}), json!({"b": 2})] {
        trial.call(&book, update, json!({"id": id, "tags": tags})).await.ok();
    }
    tags(trial, &book, list, id).await == json!({"a": 1, "b": 2})
}

/// A market in which alice has 5 with tags and 7 without.
async fn lots(trial: &Trial) -> Book {
    let book = trial.market().await;
    let mut tagged = issue("alice", 5);
    tagged["token_tags"] = json!({"lot": 1});
    trial.transact(&book, json!([tagged, issue("alice", 7)])).await.ok();
    book
}

probes! {
    big_amount_rounded: "big_amount_rounded:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        let made = trial.transact(&book, json!([issue("alice", i64::MAX.unsigned_abs())])).await.ok();
        amount(&made["actions"][0]["amount"]) != u128::from(i64::MAX.unsigned_abs())
    };
    above_limit_accepted: "above_limit_accepted:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!([issue("alice", 1 << 63)])).await.status == 200
    };
    snapshot_moves: "snapshot_moves:update-account-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!([issue("alice", 5)])).await.ok();
        trial.call(&book, "update-account-tags", json!({"id": "alice", "tags": {"a": 1}})).await.ok();
        let page = trial.call(&book, "list-actions", json!({})).await.ok();
        !page["items"][0]["snapshot"]["destination_account_tags"].is_null()
    };
    tags_merge_accounts: "tags_merge:update-account-tags" => async |trial: &Trial| {
        merges(trial, "update-account-tags", "list-accounts", "alice").await
    };
    tags_merge_flavors: "tags_merge:update-flavor-tags" => async |trial: &Trial| {
        merges(trial, "update-flavor-tags", "list-flavors", "gold").await
    };
    tag_update_lost: "tag_update_lost:update-action-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        let made = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
        let id = made["actions"][0]["id"].as_str().unwrap();
        trial.call(&book, "update-action-tags", json!({"id": id, "tags": {"a": 1}})).await.ok();
        tags(trial, &book, "list-actions", id).await.is_null()
    };
    tags_survive_transfer: "tags_survive_transfer:transact" => async |trial: &Trial| {
        let book = lots(trial).await;
        trial.transact(&book, json!([transfer("alice", "bob", 5)])).await.ok();
        let page = trial.call(&book, "list-tokens", json!({"filter": "account_id='bob'"})).await.ok();
        assert_eq!(column(&page, "amount"), [5]);
        page["items"][0]["tags"] == json!({"lot": 1})
    };
    transfer_filter_ignored: "transfer_filter_ignored:transact" => async |trial: &Trial| {
        let book = lots(trial).await;
        let mut limited = transfer("alice", "bob", 6);
        limited["filter"] = json!("tags.lot=1");
        trial.transact(&book, json!([limited])).await.status == 200
    };
    null_refused: "null_refused" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "list-keys", json!(null)).await.ok();
        trial.call(&book, "list-keys", json!({"filter": null})).await.status != 200
    };
    unknown_field_refused: "unknown_field_refused" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "list-keys", json!({"page_size": 1, "cursor": null})).await.ok();
        trial.call(&book, "list-keys", json!({"timeout": 0})).await.status != 200
    };
    reset_keeps_accounts: "reset_keeps_accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "reset", json!({})).await.ok();
        assert_eq!(trial.call(&book, "list-keys", json!({})).await.ok()["items"], json!([]));
        trial.call(&book, "list-accounts", json!({})).await.ok()["items"] != json!([])
    };
    prod_reset_allowed: "prod_reset_allowed" => async |trial: &Trial| {
        let (book, _) = production(trial).await;
        trial.call(&book, "reset", json!({})).await.status == 200
    };
}
