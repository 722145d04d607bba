use serde_json::{Value, json};

use crate::trial::{Book, Trial, issue};

const LISTS: [&str; 9] = [
    "list-keys",
    "list-accounts",
    "list-flavors",
    "list-transactions",
    "list-actions",
    "list-tokens",
    "sum-actions",
    "sum-tokens",
    "list-feeds",
];

#[tokio::test]
async fn a_reset_leaves_nothing() {
    let trial = Trial::start();
    let book = trial.market().await;
    let before = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    let page = trial.call(&book, "list-accounts", json!({})).await.ok();
    trial.call_once(&book, "create-key", "k", json!({"id": "old"})).await.ok();
    trial.call_once(&book, "reset", "r", json!({})).await.ok();

    let stats = trial.call(&book, "stats", json!({})).await.ok();
    assert_eq!(stats, json!({"account_count": 0, "flavor_count": 0, "tx_count": 0, "ledger_type": "dev"}));
    for op in LISTS {
        assert_eq!(trial.call(&book, op, json!({})).await.ok()["items"], json!([]), "{op}");
    }
    assert_eq!(
        trial.sandbox.census().contents[&format!("{}/{}", book.team, book.ledger)],
        Default::default()
    );
    trial.call(&book, "list-accounts", json!({"cursor": page["cursor"]})).await.refused(400, "SEQ600");
    trial.call(&book, "get-feed", json!({"id": "f"})).await.refused(404, "SEQ002");

    // Remembered answers went too, but for that of the reset itself.
    assert_eq!(
        trial.call_once(&book, "create-key", "k", json!({"id": "key"})).await.ok(),
        json!({"id": "key"})
    );
    trial.call_once(&book, "reset", "r", json!({})).await.ok();
    for op in ["create-account", "create-flavor"] {
        trial
            .call(
                &book,
                op,
                json!({"id": if op == "create-flavor" { "gold" } else { "alice" }, "key_ids": ["key"]}),
            )
            .await
            .ok();
    }
    let after = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    assert_eq!(after["sequence_number"], 1);
    assert!(after["timestamp"].as_str() > before["timestamp"].as_str());
}

#[tokio::test]
async fn a_production_ledger_stays() {
    let trial = Trial::start();
    let (admin, team) = (trial.admin().await, trial.sandbox.team().to_owned());
    let ledger = json!({"team": team, "name": "p", "type": "prod"});
    assert_eq!(trial.dash(&admin, "create-ledger", ledger).await.ok()["type"], "prod");
    let book =
        Book { team: team.clone(), ledger: "p".to_owned(), secret: trial.sandbox.credential().to_owned() };
    trial.call(&book, "create-key", json!({"id": "key"})).await.ok();
    assert_eq!(trial.call(&book, "stats", json!(null)).await.ok()["ledger_type"], "prod");
    trial.call(&book, "reset", json!({})).await.refused(403, "SEQ011");
    trial.dash(&admin, "delete-ledger", json!({"team": team, "name": "p"})).await.refused(403, "SEQ011");
    trial.dash(&admin, "delete-team", json!({"team": team, "confirm": team})).await.refused(400, "SEQ906");
    assert_eq!(trial.call(&book, "list-keys", json!({})).await.ok()["items"], json!([{"id": "key"}]));
}

#[tokio::test]
async fn every_changing_operation_remembers() {
    let trial = Trial::start();
    let book = trial.market().await;
    let made = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    let action = &made["actions"][0]["id"];
    let feed = trial.call(&book, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    let read = trial.call(&book, "stream-feed-items", json!({"id": "f"})).await.ok();
    let ack = json!({"id": "f", "cursor": read["cursors"][0], "previous_cursor": feed["cursor"]});
    let holder = |id: &str| json!({"id": id, "key_ids": ["key"]});
    let calls: [(&str, Value); 11] = [
        ("create-key", json!({"id": "k2"})),
        ("create-account", holder("a2")),
        ("create-flavor", holder("f2")),
        ("transact", json!({"actions": [issue("alice", 1)]})),
        ("update-account-tags", json!({"id": "alice"})),
        ("update-flavor-tags", json!({"id": "gold"})),
        ("update-action-tags", json!({"id": action})),
        ("create-feed", json!({"id": "g", "type": "transaction"})),
        ("ack-feed", ack),
        ("delete-feed", json!({"id": "f"})),
        ("reset", json!({})),
    ];
    let changing = super::super::operations::OPERATIONS.iter().filter(|it| it.changes).count();
    assert_eq!(calls.len(), changing);
    for (op, body) in calls {
        let first = trial.call_once(&book, op, "again", body.clone()).await.ok();
        assert_eq!(trial.call_once(&book, op, "again", body).await.ok(), first, "{op}");
    }
}
