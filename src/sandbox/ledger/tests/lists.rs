use serde_json::{Value, json};

use crate::trial::{Trial, column, issue, retire, transfer};

#[tokio::test]
async fn keys_accounts_and_flavors_newest_first() {
    let trial = Trial::start();
    let book = trial.book().await;
    for id in ["a", "b", "c"] {
        trial.call(&book, "create-key", json!({"id": id})).await.ok();
        for op in ["create-account", "create-flavor"] {
            trial.call(&book, op, json!({"id": id, "key_ids": [id], "tags": {"of": id}})).await.ok();
        }
    }
    let list = async |op: &str, body: Value| trial.call(&book, op, body).await;
    for op in ["list-keys", "list-accounts", "list-flavors"] {
        let page = list(op, json!({"page_size": 2})).await.ok();
        assert_eq!((column(&page, "id"), &page["last_page"]), (vec![json!("c"), json!("b")], &json!(false)));
        let page = list(op, json!({"cursor": page["cursor"]})).await.ok();
        assert_eq!((column(&page, "id"), &page["last_page"]), (vec![json!("a")], &json!(true)));
    }
    // On keys a filter means nothing.
    let page = list("list-keys", json!({"filter": "nonsense", "filter_params": [1]})).await.ok();
    assert_eq!(column(&page, "id"), ["c", "b", "a"]);
    assert_eq!(page["items"][0], json!({"id": "c"}));
    for op in ["list-accounts", "list-flavors"] {
        for (filter, parameters, ids) in [
            ("id='b'", json!([]), json!(["b"])),
            ("tags.of=$1 OR id=$2", json!(["a", "c"]), json!(["c", "a"])),
            ("quorum=1", json!([]), json!(["c", "b", "a"])),
            ("quorum=2", json!([]), json!([])),
        ] {
            let page = list(op, json!({"filter": filter, "filter_params": parameters})).await.ok();
            assert_eq!(json!(column(&page, "id")), ids, "{filter}");
        }
        list(op, json!({"filter": "id="})).await.refused(400, "SEQ602");
        list(op, json!({"filter": "id=$1"})).await.refused(400, "SEQ601");
        list(op, json!({"filter": 5})).await.refused(400, "SEQ003");
        list(op, json!({"filter_params": "a"})).await.refused(400, "SEQ003");
    }
}

/// What the three official clients send with every list.
#[tokio::test]
async fn clutter_is_tolerated() {
    let trial = Trial::start();
    let book = trial.market().await;
    trial.transact(&book, json!([issue("alice", 1)])).await.ok();
    let java = json!({"filter_params": [], "page_size": 0, "timeout": 0, "start_time": 0, "end_time": 0,
        "timestamp": 0, "sum_by": [], "group_by": []});
    let ruby = json!({"filter": null, "filter_params": null, "group_by": null, "size": null, "cursor": null,
        "page_size": null});
    for op in [
        "list-keys",
        "list-accounts",
        "list-flavors",
        "list-transactions",
        "list-actions",
        "list-tokens",
        "sum-actions",
        "sum-tokens",
        "list-feeds",
    ] {
        for body in [java.clone(), ruby.clone(), json!({}), json!(null)] {
            let page = trial.call(&book, op, body).await.ok();
            assert!(page["items"].is_array() && page["last_page"] == true, "{op}");
        }
    }
    let mut action = issue("alice", 1);
    for name in ["filter", "filter_params", "source_account_id"] {
        action[name] = Value::Null;
    }
    action["token_tags"] = json!({});
    action["filter"] = json!("");
    let body = json!({"actions": [action], "transaction_tags": {}, "timeout": 0});
    assert_eq!(trial.call(&book, "transact", body).await.ok()["tags"], json!(null));
}

#[tokio::test]
async fn actions() {
    let trial = Trial::start();
    let book = trial.market().await;
    let first = json!([issue("alice", 10), transfer("alice", "bob", 4)]);
    let first = trial.transact(&book, first).await.ok();
    let second = trial.transact(&book, json!([retire("bob", 1)])).await.ok();
    let all = trial.call(&book, "list-actions", json!({})).await.ok();
    // Newest first, and of one transaction the last first.
    assert_eq!(all["items"], json!([second["actions"][0], first["actions"][1], first["actions"][0]]));
    let list = async |filter: &str, parameters: Value| {
        let body = json!({"filter": filter, "filter_params": parameters});
        column(&trial.call(&book, "list-actions", body).await.ok(), "type")
    };
    assert_eq!(list("type=$1", json!(["issue"])).await, ["issue"]);
    assert_eq!(list("source_account_id='bob'", json!([])).await, ["retire"]);
    assert_eq!(list("destination_account_id='bob' OR type='issue'", json!([])).await, ["transfer", "issue"]);
    assert_eq!(list("amount=4", json!([])).await, ["transfer"]);
    assert_eq!(list("id=$1", json!([first["actions"][1]["id"]])).await, ["transfer"]);
    assert_eq!(list("transaction_id=$1", json!([first["id"]])).await, ["transfer", "issue"]);
    assert_eq!(list("timestamp > $1", json!([first["timestamp"]])).await, ["retire"]);
    assert_eq!(list("timestamp >= $1", json!([first["timestamp"]])).await, ["retire", "transfer", "issue"]);
    assert_eq!(list("timestamp < $1", json!([second["timestamp"]])).await, ["transfer", "issue"]);

    let transactions = async |filter: &str, parameters: Value| {
        let body = json!({"filter": filter, "filter_params": parameters});
        column(&trial.call(&book, "list-transactions", body).await.ok(), "sequence_number")
    };
    assert_eq!(transactions("actions(type='transfer' AND amount=4)", json!([])).await, [1]);
    assert_eq!(transactions("actions(type='transfer' AND amount=10)", json!([])).await, Vec::<Value>::new());
    assert_eq!(
        transactions("actions(flavor_id=$1) AND timestamp > $2", json!(["gold", first["timestamp"]])).await,
        [2]
    );
    assert_eq!(transactions("sequence_number=2", json!([])).await, [2]);
    assert_eq!(transactions("id=$1", json!([first["id"]])).await, [1]);
}

#[tokio::test]
async fn a_cursor_carries_filter_and_name_set() {
    let trial = Trial::start();
    let book = trial.market().await;
    for _ in 0..3 {
        trial.transact(&book, json!([issue("alice", 1), issue("bob", 2)])).await.ok();
    }
    let path = format!("/{}/{}/list-actions", book.team, book.ledger);
    let credential = ("credential", book.secret.as_str());
    let body = json!({"filter": "destinationAccountId=$1", "filter_params": ["bob"], "page_size": 2});
    trial.post(&path, &[credential], &body).await.refused(400, "SEQ602");
    let page = trial.post(&path, &[credential, ("name-set", "camel")], &body).await.ok();
    assert_eq!((column(&page, "amount"), &page["last_page"]), (vec![json!(2); 2], &json!(false)));
    // Asked again with another name set, and with other fields beside the cursor.
    let body =
        json!({"cursor": page["cursor"], "filter": "type='retire'", "filter_params": [], "page_size": 7});
    for names in ["camel", "snake"] {
        let next = trial.post(&path, &[credential, ("name-set", names)], &body).await.ok();
        assert_eq!((column(&next, "amount"), &next["last_page"]), (vec![json!(2)], &json!(true)));
    }
}

#[tokio::test]
async fn ledgers_are_apart() {
    let trial = Trial::start();
    let (one, two) = (trial.market().await, trial.book().await);
    trial.transact(&one, json!([issue("alice", 1)])).await.ok();
    trial.call(&one, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
    for op in [
        "list-keys",
        "list-accounts",
        "list-flavors",
        "list-transactions",
        "list-actions",
        "list-tokens",
        "sum-actions",
        "sum-tokens",
        "list-feeds",
    ] {
        assert_ne!(trial.call(&one, op, json!({})).await.ok()["items"], json!([]), "{op}");
        assert_eq!(trial.call(&two, op, json!({})).await.ok()["items"], json!([]), "{op}");
    }
    trial.call(&two, "get-feed", json!({"id": "f"})).await.refused(404, "SEQ002");
    // The same ids are free there.
    trial.call(&two, "create-key", json!({"id": "key"})).await.ok();
    trial.call(&two, "create-feed", json!({"id": "f", "type": "action"})).await.ok();
}
