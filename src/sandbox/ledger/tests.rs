mod feeds;
mod filters;
mod lists;
mod paging;
mod property;
mod resets;
mod sums;
mod tags;
mod transact;

use std::{collections::HashSet, sync::Arc};

use jiff::SignedDuration;
use serde_json::json;

use crate::trial::{Trial, issue, retire};

#[tokio::test]
async fn keys() {
    let trial = Trial::start();
    let book = trial.book().await;
    assert_eq!(trial.call(&book, "create-key", json!({"id": "a"})).await.ok(), json!({"id": "a"}));
    trial.call(&book, "create-key", json!({"id": "a"})).await.refused(400, "SEQ050");
    let made = trial.call(&book, "create-key", json!({"id": null})).await.ok();
    assert!(made["id"].as_str().unwrap().starts_with("key"));
    trial.call(&book, "create-key", json!({"id": ""})).await.refused(400, "SEQ008");
    trial.call(&book, "create-key", json!({"id": 5})).await.refused(400, "SEQ008");
}

#[tokio::test]
async fn accounts_and_flavors() {
    let trial = Trial::start();
    let book = trial.book().await;
    for id in ["a", "b"] {
        trial.call(&book, "create-key", json!({"id": id})).await.ok();
    }
    for op in ["create-account", "create-flavor"] {
        let call = async |body| trial.call(&book, op, body).await;
        let tags = json!({"x": {"y": [1, "two", null]}, "n": 1.5});
        let full = json!({"id": "full", "key_ids": ["b", "a"], "quorum": 1, "tags": tags});
        assert_eq!(call(full.clone()).await.ok(), full);
        let plain = call(json!({"id": "plain", "key_ids": ["a", "b"], "tags": {}})).await.ok();
        assert_eq!(plain, json!({"id": "plain", "key_ids": ["a", "b"], "quorum": 2, "tags": null}));
        call(json!({"key_ids": ["a"]})).await.ok();

        call(full).await.refused(400, "SEQ050");
        call(json!({"id": "x"})).await.refused(400, "SEQ052");
        call(json!({"key_ids": []})).await.refused(400, "SEQ052");
        call(json!({"key_ids": ["nothing"]})).await.refused(400, "SEQ052");
        call(json!({"key_ids": [5], "quorum": 9})).await.refused(400, "SEQ052");
        call(json!({"key_ids": ["a", "a"]})).await.refused(400, "SEQ204");
        for quorum in [json!(0), json!(3), json!(-1), json!("1")] {
            call(json!({"key_ids": ["a", "b"], "quorum": quorum})).await.refused(400, "SEQ200");
        }
        call(json!({"key_ids": ["a"], "tags": 5})).await.refused(400, "SEQ003");
    }
    let stats = trial.call(&book, "stats", json!(null)).await.ok();
    assert_eq!(stats, json!({"account_count": 3, "flavor_count": 3, "tx_count": 0, "ledger_type": "dev"}));
}

#[tokio::test]
async fn repeated_keys_give_the_first_answer() {
    let trial = Trial::start();
    let book = trial.market().await;
    let other = trial.market().await;
    let first = trial.call_once(&book, "create-key", "k", json!({"id": "x"})).await.ok();
    assert_eq!(trial.call_once(&book, "create-key", "k", json!({"id": "x"})).await.ok(), first);
    assert_eq!(trial.call_once(&book, "create-key", "k", json!({"id": "y"})).await.ok(), first);
    trial.call_once(&book, "create-key", "l", json!({"id": "x"})).await.refused(400, "SEQ050");

    let body = json!({"actions": [issue("alice", 5)]});
    let first = trial.call_once(&book, "transact", "k", body.clone()).await.ok();
    assert_eq!(trial.call_once(&book, "transact", "k", body.clone()).await.ok(), first);
    assert_eq!(trial.gold(&book, "alice").await, 5);
    // A key counts for one ledger, and only after a success.
    assert_ne!(trial.call_once(&other, "transact", "k", body).await.ok()["id"], first["id"]);
    let retired = json!({"actions": [retire("alice", 6)]});
    trial.call_once(&book, "transact", "m", retired.clone()).await.refused(400, "SEQ706");
    trial.transact(&book, json!([issue("alice", 1)])).await.ok();
    trial.call_once(&book, "transact", "m", retired).await.ok();
    trial.sandbox.clock().advance(SignedDuration::from_hours(23));
    assert_eq!(trial.call_once(&book, "create-key", "k", json!({})).await.ok(), json!({"id": "x"}));
}

#[tokio::test]
async fn equal_keys_at_once_are_worked_on_once() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (trial, book) = (Arc::clone(&trial), book.clone());
            let body = json!({"actions": [issue("alice", 5)]});
            tokio::spawn(
                async move { trial.call_once(&book, "transact", "k", body).await.ok()["id"].clone() },
            )
        })
        .collect();
    let mut ids = HashSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(trial.gold(&book, "alice").await, 5);
}
