use serde_json::{Value, json};

use crate::trial::{Trial, issue, retire, transfer};

fn tagged(mut action: Value, tags: Value) -> Value {
    action["action_tags"] = tags.clone();
    action["token_tags"] = tags;
    action
}

#[tokio::test]
async fn sums_of_actions() {
    let trial = Trial::start();
    let book = trial.market().await;
    let sum = async |body: Value| trial.call(&book, "sum-actions", body).await.ok()["items"].clone();
    assert_eq!(sum(json!({})).await, json!([]));
    assert_eq!(sum(json!({"group_by": ["type"]})).await, json!([]));
    let actions = json!([
        tagged(issue("alice", 10), json!({"one": "a", "two": 1})),
        tagged(issue("alice", 20), json!({"one": "a", "two": 2})),
        tagged(issue("bob", 40), json!({"one": "b"})),
        tagged(issue("bob", 80), json!({"one": null})),
        issue("bob", 160),
        transfer("alice", "bob", 5),
        retire("bob", 3),
    ]);
    trial.transact(&book, actions).await.ok();

    assert_eq!(sum(json!({})).await, json!([{"amount": 318}]));
    assert_eq!(sum(json!({"filter": "type='issue'"})).await, json!([{"amount": 310}]));
    assert_eq!(
        sum(json!({"group_by": ["type"]})).await,
        json!([{"type": "issue", "amount": 310}, {"type": "retire", "amount": 3}, {"type": "transfer", "amount": 5}])
    );
    // Those without the path are a group of their own, and nothing else shows in `tags`.
    assert_eq!(
        sum(json!({"group_by": ["tags.one"], "filter": "type='issue'"})).await,
        json!([
            {"tags": {"one": "a"}, "amount": 30},
            {"tags": {"one": "b"}, "amount": 40},
            {"tags": {"one": null}, "amount": 240},
        ])
    );
    assert_eq!(
        sum(json!({"group_by": ["tags.one", "snapshot.action_tags.two"], "filter": "tags.one='a'"})).await,
        json!([
            {"tags": {"one": "a"}, "snapshot": {"action_tags": {"two": 1}}, "amount": 10},
            {"tags": {"one": "a"}, "snapshot": {"action_tags": {"two": 2}}, "amount": 20},
        ])
    );
    // Whole objects: equal JSON is one group.
    assert_eq!(
        sum(json!({"group_by": ["tags"], "filter": "destination_account_id='bob' AND type='issue'"})).await,
        json!([
            {"tags": null, "amount": 160},
            {"tags": {"one": "b"}, "amount": 40},
            {"tags": {"one": null}, "amount": 80},
        ])
    );
    assert_eq!(
        sum(json!({"group_by": ["source_account_id"], "filter": "amount=3 OR amount=10"})).await,
        json!([{"source_account_id": "bob", "amount": 3}, {"source_account_id": null, "amount": 10}])
    );
    assert_eq!(sum(json!({"group_by": ["snapshot"]})).await.as_array().unwrap().len(), 7);
    for bad in ["amount", "nothing", "tags.", "flavorId", "type.x", "account_id"] {
        trial.call(&book, "sum-actions", json!({"group_by": [bad]})).await.refused(400, "SEQ602");
    }
    trial.call(&book, "sum-actions", json!({"group_by": [5]})).await.refused(400, "SEQ003");
    trial.call(&book, "sum-actions", json!({"group_by": "type"})).await.refused(400, "SEQ003");
    trial.call(&book, "sum-actions", json!({"filter": "type="})).await.refused(400, "SEQ602");
}

#[tokio::test]
async fn sums_of_tokens_are_balances() {
    let trial = Trial::start();
    let book = trial.market().await;
    trial
        .call(&book, "create-flavor", json!({"id": "iron", "key_ids": ["key"], "tags": {"k": "v"}}))
        .await
        .ok();
    let mut iron = issue("alice", 7);
    iron["flavor_id"] = json!("iron");
    let actions =
        json!([tagged(issue("alice", 10), json!({"t": 1})), issue("alice", 20), issue("bob", 40), iron]);
    trial.transact(&book, actions).await.ok();
    let sum = async |body: Value| trial.call(&book, "sum-tokens", body).await.ok()["items"].clone();
    assert_eq!(
        sum(json!({"filter": "account_id=$1", "filter_params": ["alice"], "group_by": ["flavor_id"]})).await,
        json!([{"flavor_id": "gold", "amount": 30}, {"flavor_id": "iron", "amount": 7}])
    );
    assert_eq!(sum(json!({})).await, json!([{"amount": 77}]));
    assert_eq!(
        sum(json!({"group_by": ["flavor_tags.k", "tags"]})).await,
        json!([
            {"flavor_tags": {"k": "v"}, "tags": null, "amount": 7},
            {"flavor_tags": {"k": null}, "tags": null, "amount": 60},
            {"flavor_tags": {"k": null}, "tags": {"t": 1}, "amount": 10},
        ])
    );
    assert_eq!(sum(json!({"filter": "account_id='nobody'"})).await, json!([]));
    trial.transact(&book, json!([retire("bob", 40)])).await.ok();
    assert_eq!(
        sum(json!({"group_by": ["account_id"]})).await,
        json!([{"account_id": "alice", "amount": 37}])
    );
}

#[tokio::test]
async fn sums_are_wider_than_amounts() {
    let trial = Trial::start();
    let book = trial.market().await;
    let largest = i64::MAX.unsigned_abs();
    trial.transact(&book, Value::from(vec![issue("alice", largest); 3])).await.ok();
    for op in ["sum-tokens", "sum-actions"] {
        let answer = trial.call(&book, op, json!({"group_by": ["flavor_id"]})).await;
        assert!(answer.text.contains("\"amount\":27670116110564327421"), "{}", answer.text);
    }
}

#[tokio::test]
async fn sums_come_in_pages() {
    let trial = Trial::start();
    let book = trial.market().await;
    let actions: Vec<Value> = (0..5).map(|tag| tagged(issue("alice", tag + 1), json!({"t": tag}))).collect();
    trial.transact(&book, actions.into()).await.ok();
    for op in ["sum-tokens", "sum-actions"] {
        let mut body = json!({"group_by": ["tags.t"], "page_size": 2});
        let mut seen = Vec::new();
        loop {
            let page = trial.call(&book, op, body).await.ok();
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| (item["tags"]["t"].clone(), item["amount"].clone())));
            assert_eq!(page["last_page"], items.len() < 2);
            if page["last_page"] == true {
                break;
            }
            // The cursor carries the grouping.
            body = json!({"cursor": page["cursor"], "group_by": ["type"]});
        }
        let all: Vec<_> = (0..5).map(|tag| (json!(tag), json!(tag + 1))).collect();
        assert_eq!(seen, all, "{op}");
    }
}
