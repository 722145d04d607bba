use serde_json::{Value, json};

use crate::trial::{Trial, amount, issue, retire, transfer};

fn with(mut action: Value, fields: &[(&str, Value)]) -> Value {
    for (name, value) in fields {
        action[*name] = value.clone();
    }
    action
}

#[tokio::test]
async fn tokens_by_filter() {
    let trial = Trial::start();
    let book = trial.market().await;
    let actions = json!([
        with(issue("alice", 1), &[("token_tags", json!({"lot": 1}))]),
        with(issue("alice", 2), &[("token_tags", json!({"lot": 2}))]),
        with(issue("bob", 3), &[("token_tags", json!({"lot": 1}))]),
    ]);
    trial.transact(&book, actions).await.ok();
    let body = json!({"id": "gold", "tags": {"kind": "metal"}});
    trial.call(&book, "update-flavor-tags", body).await.ok();
    let amounts = async |filter: &str| {
        let page = trial.call(&book, "list-tokens", json!({"filter": filter})).await.ok();
        page["items"].as_array().unwrap().iter().map(|group| amount(&group["amount"])).collect::<Vec<_>>()
    };
    assert_eq!(amounts("account_id='alice'").await, [2, 1]);
    assert_eq!(amounts("tags.lot=1").await, [3, 1]);
    assert_eq!(amounts("tags.lot=1 AND account_id='bob'").await, [3]);
    assert_eq!(amounts("flavor_tags.kind='metal'").await, [3, 2, 1]);
    assert_eq!(amounts("account_tags.kind='metal'").await, []);
    assert_eq!(amounts("amount=2").await, [2]);
    let refused = json!({"filter": "timestamp > '2018-05-02T20:43:57Z'"});
    trial.call(&book, "list-tokens", refused).await.refused(400, "SEQ602");
}

#[tokio::test]
async fn actions_take_only_what_their_filter_lets_them() {
    let trial = Trial::start();
    let book = trial.market().await;
    let lots: Vec<Value> =
        (1..=3).map(|lot| with(issue("alice", 10), &[("token_tags", json!({"lot": lot}))])).collect();
    trial.transact(&book, lots.into()).await.ok();
    let limited = |action: Value, lot: u64| {
        with(action, &[("filter", json!("tags.lot=$1")), ("filter_params", json!([lot]))])
    };
    let made = trial.transact(&book, json!([limited(transfer("alice", "bob", 4), 2)])).await.ok();
    let action = &made["actions"][0];
    assert_eq!((&action["filter"], &action["filter_params"]), (&json!("tags.lot=$1"), &json!([2])));
    trial.transact(&book, json!([limited(retire("alice", 10), 3)])).await.ok();
    let lots = async || {
        let page = trial.call(&book, "list-tokens", json!({"filter": "account_id='alice'"})).await.ok();
        let groups = page["items"].as_array().unwrap().iter();
        groups.map(|group| (amount(&group["tags"]["lot"]), amount(&group["amount"]))).collect::<Vec<_>>()
    };
    assert_eq!(lots().await, [(2, 6), (1, 10)]);

    let codes = async |actions: Value| {
        let refusal = trial.transact(&book, actions).await.refused(400, "SEQ706");
        let nested = refusal["data"]["actions"].as_array().unwrap();
        let codes: Vec<String> =
            nested.iter().map(|error| error["seq_code"].as_str().unwrap().to_owned()).collect();
        (codes, refusal["retriable"] == true)
    };
    let of = |amount, lot| limited(transfer("alice", "bob", amount), lot);
    assert_eq!(codes(json!([of(7, 2)])).await, (vec!["SEQ760".to_owned()], false));
    // Enough, if the first action had not taken some of the matching ones.
    assert_eq!(codes(json!([of(5, 2), of(5, 2)])).await, (vec!["SEQ761".to_owned()], true));
    // What was taken does not match, so it would not help.
    assert_eq!(codes(json!([of(5, 1), of(7, 2)])).await, (vec!["SEQ760".to_owned()], false));
    assert_eq!(lots().await, [(2, 6), (1, 10)]);
    // Filters are no business of an issue.
    trial.transact(&book, json!([with(issue("alice", 1), &[("filter", json!("nonsense"))])])).await.ok();
}

#[tokio::test]
async fn the_header_chooses_the_names() {
    let trial = Trial::start();
    let book = trial.market().await;
    trial.transact(&book, json!([issue("alice", 1)])).await.ok();
    let snake = [("list-actions", "destination_account_id='alice'"), ("list-tokens", "account_id='alice'")];
    let camel = [("list-actions", "destinationAccountId='alice'"), ("list-tokens", "accountId='alice'")];
    for (header, good, bad) in [
        ("camel", camel, Some(snake)),
        ("snake", snake, Some(camel)),
        ("camel|snake", camel, None),
        ("", snake, Some(camel)),
    ] {
        let headers = [("credential", book.secret.as_str()), ("name-set", header)];
        let list = async |op: &str, filter: &str| {
            let path = format!("/{}/{}/{op}", book.team, book.ledger);
            trial.post(&path, &headers, &json!({"filter": filter})).await
        };
        for (op, filter) in good {
            // The fields of bodies are not renamed.
            let page = list(op, filter).await.ok();
            assert_eq!(page["items"].as_array().unwrap().len(), 1, "{header} {op}");
            assert!(page["items"][0]["flavor_id"].is_string() && page["last_page"] == true);
        }
        for (op, filter) in bad.into_iter().flatten() {
            list(op, filter).await.refused(400, "SEQ602");
        }
    }
}
