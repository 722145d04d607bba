use serde_json::{Value, json};

use super::check;
use crate::trial::{Trial, column, issue, transfer};

/// Whether a transaction of one issue with this amount is accepted.
async fn accepts(trial: &Trial, amount: Value) -> bool {
    let book = trial.market().await;
    let mut action = issue("alice", 1);
    action["amount"] = amount;
    let answer = trial.transact(&book, json!([action])).await;
    if answer.status != 200 {
        answer.refused(400, "SEQ706");
        return false;
    }
    true
}

/// The first nested error of a transaction that is refused.
async fn nested(trial: &Trial, action: Value) -> Value {
    let book = trial.market().await;
    let refusal = trial.transact(&book, json!([action])).await.refused(400, "SEQ706");
    refusal["data"]["actions"][0].clone()
}

probes! {
    earlier_actions_unseen: "earlier_actions_unseen:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        let actions = json!([issue("alice", 5), transfer("alice", "bob", 5)]);
        let refused = trial.transact(&book, actions).await.status != 200;
        trial.transact(&book, json!([issue("bob", 1)])).await.ok();
        assert_eq!(trial.gold(&book, "bob").await, if refused { 1 } else { 6 });
        refused
    };
    text_amount: "text_amount_accepted:transact" => async |trial: &Trial| {
        assert!(!accepts(trial, json!("x")).await);
        accepts(trial, json!("1")).await
    };
    negative_amount: "negative_amount_accepted:transact" => async |trial: &Trial| accepts(trial, json!(-1)).await;
    fraction_cut: "fraction_cut:transact" => async |trial: &Trial| accepts(trial, json!(1.5)).await;
    zero: "zero_accepted:transact" => async |trial: &Trial| accepts(trial, json!(0)).await;
    empty_transaction: "empty_transaction_accepted:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!([])).await.status == 200
    };
    too_many_actions: "too_many_actions_accepted:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!(vec![issue("alice", 1); 1000])).await.ok();
        trial.transact(&book, json!(vec![issue("alice", 1); 1001])).await.status == 200
    };
    bad_action_unnamed: "bad_action_unnamed:transact" => async |trial: &Trial| {
        let codes = [
            nested(trial, json!("no object")).await["seq_code"].clone(),
            nested(trial, json!({"type": "steal"})).await["seq_code"].clone(),
        ];
        assert!(codes == ["SEQ703", "SEQ701"] || codes == ["SEQ003", "SEQ003"]);
        codes[0] == "SEQ003"
    };
    wrong_field_misnamed: "wrong_field_misnamed:transact" => async |trial: &Trial| {
        nested(trial, issue("nobody", 1)).await["data"]["error_fields"] == "source_account_id"
    };
    missing_fields_unnamed: "missing_fields_unnamed:transact" => async |trial: &Trial| {
        nested(trial, json!({"type": "issue"})).await["data"]["missing_fields"].is_null()
    };
    reserved_is_missing: "reserved_is_missing:transact" => async |trial: &Trial| {
        let book = super::rich(trial).await;
        let actions = json!([transfer("alice", "bob", 60), transfer("alice", "bob", 60)]);
        let refusal = trial.transact(&book, actions).await.refused(400, "SEQ706");
        refusal["data"]["actions"][0]["seq_code"] == "SEQ760"
    };
    mixed_refusal_retriable: "mixed_refusal_retriable:transact" => async |trial: &Trial| {
        let book = super::rich(trial).await;
        let actions =
            json!([transfer("alice", "bob", 60), transfer("alice", "bob", 60), transfer("alice", "bob", 900)]);
        trial.transact(&book, actions).await.refused(400, "SEQ706")["retriable"] == true
    };
    transfer_to_oneself_lost: "transfer_to_oneself_lost:transact" => async |trial: &Trial| {
        let book = super::rich(trial).await;
        let mut again = transfer("alice", "alice", 100);
        again["token_tags"] = json!({"lot": 1});
        trial.transact(&book, json!([again])).await.ok();
        let groups = trial.call(&book, "list-tokens", json!({})).await.ok();
        assert_eq!(column(&groups, "amount"), [100]);
        groups["items"][0]["tags"].is_null()
    };
    equal_tokens_apart: "equal_tokens_apart:transact" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, json!([issue("alice", 1), issue("alice", 2)])).await.ok();
        let groups = trial.call(&book, "list-tokens", json!({})).await.ok();
        assert_eq!(trial.gold(&book, "alice").await, 3);
        column(&groups, "amount").len() == 2
    };
    key_twice: "key_twice_accepted:create-account" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-account", json!({"key_ids": ["key", "key"]})).await.status == 200
    };
    keys_unchecked: "keys_unchecked:create-flavor" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-flavor", json!({"key_ids": ["no-such-key"]})).await.status == 200
    };
    quorum_unreachable: "quorum_unreachable:create-flavor" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-flavor", json!({"key_ids": ["key"], "quorum": 2})).await.status == 200
    };
    tags_not_cleared: "tags_not_cleared:update-flavor-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "update-flavor-tags", json!({"id": "gold", "tags": {"a": 1}})).await.ok();
        trial.call(&book, "update-flavor-tags", json!({"id": "gold"})).await.ok();
        !trial.call(&book, "list-flavors", json!({})).await.ok()["items"][0]["tags"].is_null()
    };
    nobody_retagged: "nobody_retagged:update-account-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "update-account-tags", json!({"id": "nobody"})).await.status == 200
    };
    missing_id: "missing_field_malformed:update-action-tags" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "update-action-tags", json!({})).await.body["seq_code"] == "SEQ003"
    };
}
