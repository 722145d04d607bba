use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, json};

use crate::trial::{Trial, amount, column, issue, retire, transfer};

#[tokio::test]
async fn the_official_example_of_nested_errors() {
    let trial = Trial::start();
    let book = trial.market().await;
    trial.transact(&book, json!([issue("alice", 100)])).await.ok();
    let actions = json!([
        transfer("nobody", "bob", 50),
        transfer("alice", "bob", 50),
        transfer("alice", "bob", 100),
        transfer("alice", "bob", 200),
    ]);
    let refusal = trial.transact(&book, actions).await.refused(400, "SEQ706");
    assert_eq!(refusal["retriable"], false);
    let nested = refusal["data"]["actions"].as_array().unwrap();
    let seen: Vec<_> = nested
        .iter()
        .map(|error| (error["data"]["index"].as_u64().unwrap(), error["seq_code"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(0, "SEQ702"), (2, "SEQ761"), (3, "SEQ760")]);
    assert_eq!(nested[0]["data"]["error_fields"], "source_account_id");
    assert_eq!((&nested[1]["retriable"], &nested[2]["retriable"]), (&json!(true), &json!(false)));
    assert_eq!((trial.gold(&book, "alice").await, trial.gold(&book, "bob").await), (100, 0));

    let reserved = json!([transfer("alice", "bob", 60), transfer("alice", "bob", 60)]);
    let refusal = trial.transact(&book, reserved).await.refused(400, "SEQ706");
    assert_eq!(refusal["retriable"], true);
}

#[tokio::test]
async fn nested_errors() {
    let trial = Trial::start();
    let book = trial.market().await;
    let without = |mut action: Value, name: &str| {
        action.as_object_mut().unwrap().remove(name);
        action
    };
    let with = |mut action: Value, name: &str, value: Value| {
        action[name] = value;
        action
    };
    let issued = || issue("alice", 1);
    for (action, code, fields) in [
        (json!({"type": "mint"}), "SEQ701", json!("type")),
        (json!({"type": 5}), "SEQ701", json!("type")),
        (json!("issue"), "SEQ703", json!(null)),
        (json!({}), "SEQ008", json!(null)),
        (with(issued(), "amount", json!(0)), "SEQ704", json!("amount")),
        (with(issued(), "amount", json!(-1)), "SEQ704", json!("amount")),
        (with(issued(), "amount", json!(1.5)), "SEQ704", json!("amount")),
        (with(issued(), "amount", json!("1")), "SEQ704", json!("amount")),
        (with(issued(), "amount", json!(1_u64 << 63)), "SEQ704", json!("amount")),
        (with(issued(), "flavor_id", json!("x")), "SEQ702", json!("flavor_id")),
        (with(issued(), "destination_account_id", json!("x")), "SEQ702", json!("destination_account_id")),
        (transfer("x", "y", 1), "SEQ702", json!("source_account_id")),
        (transfer("alice", "y", 1), "SEQ702", json!("destination_account_id")),
        (retire("x", 1), "SEQ702", json!("source_account_id")),
        (retire("alice", 1), "SEQ760", json!(null)),
        (with(issued(), "token_tags", json!(5)), "SEQ703", json!("token_tags")),
        (with(transfer("alice", "bob", 1), "filter", json!("tags.a>'b'")), "SEQ602", json!("filter")),
        (with(transfer("alice", "bob", 1), "filter", json!("tags.a=$1")), "SEQ601", json!(null)),
        (with(transfer("alice", "bob", 1), "filter", json!(5)), "SEQ703", json!("filter")),
        (with(retire("alice", 1), "filter_params", json!([1])), "SEQ601", json!(null)),
    ] {
        let refusal = trial.transact(&book, json!([action, issued()])).await.refused(400, "SEQ706");
        let nested = refusal["data"]["actions"].as_array().unwrap();
        assert_eq!(nested.len(), 1, "{action}");
        assert_eq!(
            (&nested[0]["seq_code"], &nested[0]["data"]["index"]),
            (&json!(code), &json!(0)),
            "{action}"
        );
        assert_eq!(nested[0]["data"]["error_fields"], fields, "{action}");
    }
    for (action, missing) in [
        (json!({"type": "issue"}), json!(["destination_account_id", "flavor_id", "amount"])),
        (json!({"type": "retire", "amount": 1}), json!(["source_account_id", "flavor_id"])),
        (without(transfer("alice", "bob", 1), "amount"), json!(["amount"])),
        (with(issued(), "amount", json!(null)), json!(["amount"])),
    ] {
        let refusal = trial.transact(&book, json!([action])).await.refused(400, "SEQ706");
        let nested = &refusal["data"]["actions"][0];
        assert_eq!((&nested["seq_code"], &nested["data"]["missing_fields"]), (&json!("SEQ008"), &missing));
    }
    assert_eq!(trial.call(&book, "stats", json!({})).await.ok()["tx_count"], 0);
}

#[tokio::test]
async fn sizes_of_transactions() {
    let trial = Trial::start();
    let book = trial.market().await;
    trial.call(&book, "transact", json!({})).await.refused(400, "SEQ707");
    trial.transact(&book, json!([])).await.refused(400, "SEQ707");
    trial.transact(&book, json!(5)).await.refused(400, "SEQ003");
    let many = |count: usize| Value::from(vec![issue("alice", 1); count]);
    trial.transact(&book, many(1001)).await.refused(400, "SEQ711");
    let transaction = trial.transact(&book, many(1000)).await.ok();
    assert_eq!(transaction["actions"].as_array().unwrap().len(), 1000);
    assert_eq!(trial.gold(&book, "alice").await, 1000);
}

#[tokio::test]
async fn a_transaction_as_it_is_shown() {
    let trial = Trial::start();
    let book = trial.book().await;
    trial.call(&book, "create-key", json!({"id": "key"})).await.ok();
    let tagged = json!({"id": "alice", "key_ids": ["key"], "tags": {"of": "alice"}});
    trial.call(&book, "create-account", tagged).await.ok();
    trial.call(&book, "create-account", json!({"id": "bob", "key_ids": ["key"]})).await.ok();
    let gold = json!({"id": "gold", "key_ids": ["key"], "tags": {"of": "gold"}});
    trial.call(&book, "create-flavor", gold).await.ok();

    let mut issued = issue("alice", 10);
    issued["token_tags"] = json!({"t": 1});
    let mut moved = transfer("alice", "bob", 4);
    moved["action_tags"] = json!({"a": 2});
    let body = json!({"actions": [issued, moved, retire("bob", 1)], "transaction_tags": {"x": 3}});
    let mut shown = trial.call(&book, "transact", body).await.ok();
    let listed = trial.call(&book, "list-transactions", json!({})).await.ok();
    assert_eq!(listed["items"], json!([shown]));

    let id = shown["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let timestamp = shown["timestamp"].as_str().unwrap().to_owned();
    assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!((&shown["sequence_number"], &shown["tags"]), (&json!(1), &json!({"x": 3})));
    let mut ids = HashSet::new();
    for action in shown["actions"].as_array_mut().unwrap() {
        assert_eq!((&action["transaction_id"], &action["timestamp"]), (&json!(id), &json!(timestamp)));
        assert!(ids.insert(action["id"].as_str().unwrap().to_owned()));
        let action = action.as_object_mut().unwrap();
        for name in ["id", "transaction_id", "timestamp"] {
            action.remove(name);
        }
    }
    assert_eq!(
        shown["actions"],
        json!([
            {"type": "issue", "flavor_id": "gold", "amount": 10, "destination_account_id": "alice", "tags": null,
                "snapshot": {"action_tags": null, "flavor_tags": {"of": "gold"}, "token_tags": {"t": 1},
                    "destination_account_tags": {"of": "alice"}, "transaction_tags": {"x": 3}}},
            {"type": "transfer", "flavor_id": "gold", "amount": 4, "source_account_id": "alice",
                "destination_account_id": "bob", "tags": {"a": 2},
                "snapshot": {"action_tags": {"a": 2}, "flavor_tags": {"of": "gold"}, "token_tags": null,
                    "source_account_tags": {"of": "alice"}, "destination_account_tags": null,
                    "transaction_tags": {"x": 3}}},
            {"type": "retire", "flavor_id": "gold", "amount": 1, "source_account_id": "bob", "tags": null,
                "snapshot": {"action_tags": null, "flavor_tags": {"of": "gold"}, "source_account_tags": null,
                    "transaction_tags": {"x": 3}}},
        ])
    );
    let tokens = trial.call(&book, "list-tokens", json!({})).await.ok();
    assert_eq!(
        tokens["items"],
        json!([
            {"amount": 3, "flavor_id": "gold", "flavor_tags": {"of": "gold"}, "account_id": "bob",
                "account_tags": null, "tags": null},
            {"amount": 6, "flavor_id": "gold", "flavor_tags": {"of": "gold"}, "account_id": "alice",
                "account_tags": {"of": "alice"}, "tags": {"t": 1}},
        ])
    );
}

#[tokio::test]
async fn tokens_are_conserved_and_groups_merge() {
    let trial = Trial::start();
    let book = trial.market().await;
    let tagged = |mut action: Value, tag: &str| {
        action["token_tags"] = json!({"tag": tag});
        action
    };
    let groups = async || {
        let page = trial.call(&book, "list-tokens", json!({})).await.ok();
        let rows = page["items"].as_array().unwrap().iter();
        rows.map(|group| {
            (group["account_id"].clone(), amount(&group["amount"]), group["tags"]["tag"].clone())
        })
        .collect::<Vec<_>>()
    };
    let actions =
        json!([tagged(issue("alice", 5), "old"), tagged(issue("alice", 7), "new"), issue("alice", 1)]);
    trial.transact(&book, actions).await.ok();
    trial.transact(&book, json!([issue("alice", 2)])).await.ok();
    let (alice, bob) = (json!("alice"), json!("bob"));
    let start =
        [(alice.clone(), 3, json!(null)), (alice.clone(), 7, json!("new")), (alice.clone(), 5, json!("old"))];
    assert_eq!(groups().await, start);
    // Spends the oldest, splits the next; what moves loses its tags.
    trial.transact(&book, json!([transfer("alice", "bob", 6)])).await.ok();
    let split =
        [(bob.clone(), 6, json!(null)), (alice.clone(), 3, json!(null)), (alice.clone(), 6, json!("new"))];
    assert_eq!(groups().await, split);
    // To oneself: only the tags change.
    trial.transact(&book, json!([tagged(transfer("bob", "bob", 6), "mine")])).await.ok();
    assert_eq!(groups().await[0], (bob, 6, json!("mine")));
    trial.transact(&book, json!([retire("bob", 6), retire("alice", 9)])).await.ok();
    assert_eq!(groups().await, []);
}

#[tokio::test]
async fn amounts_digit_for_digit() {
    let trial = Trial::start();
    let book = trial.market().await;
    let largest = i64::MAX.unsigned_abs();
    for amount in [1, (1 << 53) - 1, (1 << 53) + 1, largest] {
        let answer = trial.transact(&book, json!([issue("alice", amount)])).await;
        assert!(answer.text.contains(&format!("\"amount\":{amount},")), "{}", answer.text);
        trial.transact(&book, json!([retire("alice", amount)])).await.ok();
    }
    trial.transact(&book, json!([issue("alice", largest + 1)])).await.refused(400, "SEQ706");
    // Balances may be larger than amounts, and are written in full.
    trial
        .transact(&book, json!([issue("alice", largest), issue("alice", largest), issue("alice", largest)]))
        .await
        .ok();
    let answer = trial.call(&book, "list-tokens", json!({})).await;
    assert!(answer.text.contains("\"amount\":27670116110564327421,"), "{}", answer.text);
    for _ in 0..3 {
        trial.transact(&book, json!([retire("alice", largest)])).await.ok();
    }
    assert_eq!(trial.gold(&book, "alice").await, 0);
}

#[tokio::test]
async fn times_rise_and_are_over_when_answered() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let (trial, book) = (Arc::clone(&trial), book.clone());
            tokio::spawn(async move {
                let answer = trial.transact(&book, json!([issue("alice", 1)])).await.ok();
                let time: jiff::Timestamp = answer["timestamp"].as_str().unwrap().parse().unwrap();
                assert!(trial.sandbox.clock().now().as_millisecond() > time.as_millisecond());
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let page = trial.call(&book, "list-transactions", json!({})).await.ok();
    let numbers: Vec<Value> = (1..=40).rev().map(Value::from).collect();
    assert_eq!(column(&page, "sequence_number"), numbers);
    let times: Vec<String> = column(&page, "timestamp").iter().map(ToString::to_string).collect();
    assert!(times.is_sorted_by(|later, earlier| later > earlier), "{times:?}");
}

#[tokio::test]
async fn transfers_at_once_conserve_tokens() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    let names = ["alice", "bob", "carol", "dave"];
    for id in &names[2..] {
        trial.call(&book, "create-account", json!({"id": id, "key_ids": ["key"]})).await.ok();
    }
    for name in names {
        trial.transact(&book, json!([issue(name, 50)])).await.ok();
    }
    let movers: Vec<_> = (0..4_u64)
        .map(|seed| {
            let (trial, book) = (Arc::clone(&trial), book.clone());
            tokio::spawn(async move {
                let mut random = seed + 1;
                let mut next = |below: u64| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (random >> 33) % below
                };
                for _ in 0..25 {
                    let actions: Vec<Value> = (0..=next(3))
                        .map(|_| {
                            let (from, to) = (names[next(4) as usize], names[next(4) as usize]);
                            let mut action = transfer(from, to, 1 + next(40));
                            action["token_tags"] = json!({"tag": next(3)});
                            action
                        })
                        .collect();
                    let answer = trial.transact(&book, actions.into()).await;
                    if answer.status != 200 {
                        answer.refused(400, "SEQ706");
                    }
                }
            })
        })
        .collect();
    for mover in movers {
        mover.await.unwrap();
    }
    let mut total = 0;
    for name in names {
        total += trial.gold(&book, name).await;
    }
    assert_eq!(total, 200);
}
