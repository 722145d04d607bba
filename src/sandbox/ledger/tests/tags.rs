use serde_json::{Value, json};

use crate::trial::{Trial, issue, transfer};

#[tokio::test]
async fn tags_are_replaced_as_a_whole() {
    let trial = Trial::start();
    let book = trial.market().await;
    for (update, list, id) in
        [("update-account-tags", "list-accounts", "alice"), ("update-flavor-tags", "list-flavors", "gold")]
    {
        let tags = async || {
            let filter = json!({"filter": "id=$1", "filter_params": [id]});
            trial.call(&book, list, filter).await.ok()["items"][0]["tags"].clone()
        };
        let set = async |tags: Value| trial.call(&book, update, json!({"id": id, "tags": tags})).await;
        assert_eq!(set(json!({"a": 1, "b": {"c": 2}})).await.ok(), json!({"message": "ok"}));
        assert_eq!(tags().await, json!({"a": 1, "b": {"c": 2}}));
        set(json!({"d": 3})).await.ok();
        assert_eq!(tags().await, json!({"d": 3}));
        for empty in [json!(null), json!({})] {
            set(json!({"d": 3})).await.ok();
            set(empty).await.ok();
            assert_eq!(tags().await, json!(null));
        }
        set(json!({"d": 3})).await.ok();
        trial.call(&book, update, json!({"id": id})).await.ok();
        assert_eq!(tags().await, json!(null));

        set(json!(5)).await.refused(400, "SEQ003");
        for missing in [json!({"tags": {}}), json!({"id": null}), json!({"id": ""})] {
            trial.call(&book, update, missing).await.refused(400, "SEQ008");
        }
        trial.call(&book, update, json!({"id": "nobody", "tags": {}})).await.refused(404, "SEQ002");
    }
}

#[tokio::test]
async fn snapshots_stay() {
    let trial = Trial::start();
    let book = trial.market().await;
    let tag = async |op: &str, id: &Value, tags: Value| {
        trial.call(&book, op, json!({"id": id, "tags": tags})).await.ok();
    };
    tag("update-account-tags", &json!("alice"), json!({"v": 1})).await;
    tag("update-flavor-tags", &json!("gold"), json!({"v": 2})).await;
    let mut issued = issue("alice", 5);
    issued["action_tags"] = json!({"v": 3});
    issued["token_tags"] = json!({"v": 4});
    let body = json!({"actions": [issued, transfer("alice", "bob", 1)], "transaction_tags": {"v": 5}});
    let made = trial.call(&book, "transact", body).await.ok();
    let then = made["actions"][0]["snapshot"].clone();
    assert_eq!(
        then,
        json!({"destination_account_tags": {"v": 1}, "flavor_tags": {"v": 2}, "action_tags": {"v": 3},
            "token_tags": {"v": 4}, "transaction_tags": {"v": 5}})
    );
    tag("update-account-tags", &json!("alice"), json!({"v": 10})).await;
    tag("update-flavor-tags", &json!("gold"), json!(null)).await;
    tag("update-action-tags", &made["actions"][0]["id"], json!({"v": 30})).await;

    // Current tags move, also inside of the transaction; the snapshot does not.
    let action =
        trial.call(&book, "list-actions", json!({"filter": "type='issue'"})).await.ok()["items"][0].clone();
    assert_eq!((&action["tags"], &action["snapshot"]), (&json!({"v": 30}), &then));
    let listed = trial.call(&book, "list-transactions", json!({})).await.ok()["items"][0].clone();
    assert_eq!(listed["actions"][0], action);
    let group = trial.call(&book, "list-tokens", json!({"filter": "account_id='alice'"})).await.ok();
    let group = &group["items"][0];
    assert_eq!(
        (&group["account_tags"], &group["flavor_tags"], &group["tags"]),
        (&json!({"v": 10}), &json!(null), &json!({"v": 4}))
    );
    let next = trial.transact(&book, json!([issue("alice", 1)])).await.ok();
    let snapshot = &next["actions"][0]["snapshot"];
    assert_eq!(
        (&snapshot["destination_account_tags"], &snapshot["flavor_tags"]),
        (&json!({"v": 10}), &json!(null))
    );

    for (filter, count) in [
        ("tags.v=30", 1),
        ("tags.v=3", 0),
        ("snapshot.action_tags.v=3", 1),
        ("snapshot.action_tags.v=30", 0),
        ("snapshot.destination_account_tags.v=1", 1),
        ("snapshot.source_account_tags.v=1", 1),
        ("snapshot.transaction_tags.v=5", 2),
        ("snapshot.token_tags.v=4", 1),
        ("snapshot.flavor_tags.v=2", 2),
    ] {
        let page = trial.call(&book, "list-actions", json!({"filter": filter})).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{filter}");
    }
    trial.call(&book, "update-action-tags", json!({"tags": {}})).await.refused(400, "SEQ008");
    trial.call(&book, "update-action-tags", json!({"id": "x"})).await.refused(404, "SEQ002");
}
