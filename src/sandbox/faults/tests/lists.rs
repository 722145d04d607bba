use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, column, issue, retire, transfer};

/// A market in which something has happened: 5 for alice, 2 of them retired, 4 for bob.
async fn busy(trial: &Trial) -> Book {
    let book = trial.market().await;
    let mut tagged = issue("alice", 5);
    tagged["action_tags"] = json!({"x": "a"});
    trial.transact(&book, json!([tagged])).await.ok();
    trial.transact(&book, json!([retire("alice", 2), issue("bob", 4)])).await.ok();
    book
}

async fn list(trial: &Trial, book: &Book, op: &str, filter: &str, parameters: Value) -> Vec<Value> {
    let body = json!({"filter": filter, "filter_params": parameters});
    trial.call(book, op, body).await.ok()["items"].as_array().unwrap().clone()
}

async fn camel(trial: &Trial, book: &Book, filter: &str) -> bool {
    let path = format!("/{}/{}/list-actions", book.team, book.ledger);
    let headers = [("credential", book.secret.as_str()), ("name-set", "camel")];
    let answer = trial.post(&path, &headers, &json!({"filter": filter})).await;
    if answer.status != 200 {
        answer.refused(400, "SEQ602");
        return false;
    }
    true
}

probes! {
    filter_ignored_accounts: "filter_ignored:list-accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        list(trial, &book, "list-accounts", "id='alice'", json!([])).await.len() == 2
    };
    filter_ignored_transactions: "filter_ignored:list-transactions" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "list-transactions", "actions(type='retire')", json!([])).await.len() == 2
    };
    filter_or_is_and: "filter_or_is_and:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        assert_eq!(list(trial, &book, "list-actions", "type='retire'", json!([])).await.len(), 1);
        list(trial, &book, "list-actions", "type='retire' OR amount=5", json!([])).await.is_empty()
    };
    filter_param_off: "filter_param_off:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "list-actions", "type=$1", json!(["retire"])).await.is_empty()
    };
    time_filter_ignores_offset: "time_filter_ignores_offset:list-transactions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let now = trial.sandbox.clock().now();
        // An hour ago, as it is written two hours to the east.
        let east = now + jiff::SignedDuration::from_hours(1);
        let east = format!("{}+02:00", east.to_string().trim_end_matches('Z'));
        list(trial, &book, "list-transactions", "timestamp > $1", json!([east])).await.is_empty()
    };
    camel_names_refused: "camel_names_refused" => async |trial: &Trial| {
        let book = busy(trial).await;
        assert!(camel(trial, &book, "type='issue'").await);
        assert!(!camel(trial, &book, "flavor_id='gold'").await);
        !camel(trial, &book, "flavorId='gold'").await
    };
    snake_names_under_camel: "snake_names_under_camel" => async |trial: &Trial| {
        let book = busy(trial).await;
        assert!(camel(trial, &book, "flavorId='gold'").await);
        camel(trial, &book, "flavor_id='gold'").await
    };
    scope_matches_any: "scope_matches_any:list-transactions" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "list-transactions", "actions(type='retire' AND amount=4)", json!([])).await.len() == 1
    };
    sum_loses_one: "sum_loses_one:sum-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        trial.call(&book, "sum-tokens", json!({})).await.ok()["items"] == json!([{"amount": 6}])
    };
    sum_first_page_only: "sum_first_page_only:sum-actions" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.transact(&book, Value::from(vec![issue("alice", 1); 101])).await.ok();
        trial.call(&book, "sum-actions", json!({})).await.ok()["items"] == json!([{"amount": 100}])
    };
    group_drops_missing: "group_drops_missing:sum-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let sums = trial.call(&book, "sum-actions", json!({"group_by": ["tags.x"]})).await.ok();
        sums["items"] == json!([{"tags": {"x": "a"}, "amount": 5}])
    };
    cursor_forgets_filter: "cursor_forgets_filter:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        trial.transact(&book, json!([transfer("alice", "bob", 1)])).await.ok();
        let body = json!({"filter": "type='transfer'", "page_size": 1});
        let page = trial.call(&book, "list-actions", body).await.ok();
        let next = trial.call(&book, "list-actions", json!({"cursor": page["cursor"]})).await.ok();
        !column(&next, "type").is_empty()
    };
    cursor_of_other_operation: "cursor_of_other_operation_accepted" => async |trial: &Trial| {
        let book = busy(trial).await;
        let page = trial.call(&book, "list-actions", json!({})).await.ok();
        trial.call(&book, "list-keys", json!({"cursor": page["cursor"]})).await.status == 200
    };
    page_size_ignored: "page_size_ignored:list-keys" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "create-key", json!({})).await.ok();
        let page = trial.call(&book, "list-keys", json!({"page_size": 1})).await.ok();
        page["items"].as_array().unwrap().len() == 2
    };
    ledgers_leak: "ledgers_leak:list-accounts" => async |trial: &Trial| {
        trial.market().await;
        let book = trial.book().await;
        !list(trial, &book, "list-accounts", "id='alice'", json!([])).await.is_empty()
    };
}
