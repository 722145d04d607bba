use serde_json::{Value, json};

use super::check;
use crate::trial::{Book, Trial, column, issue};

/// A market in which 1 was issued to alice, and 2 and 4 to bob, with tags.
async fn busy(trial: &Trial) -> Book {
    let book = trial.market().await;
    for (to, amount, mark) in [("alice", 1, "a"), ("bob", 2, "b"), ("bob", 4, "c")] {
        let mut action = issue(to, amount);
        action["action_tags"] = json!({"mark": mark, "due": "2030-01-01T12:00:00+02:00"});
        action["token_tags"] = json!({"mark": mark});
        trial.transact(&book, json!([action])).await.ok();
    }
    book
}

async fn list(trial: &Trial, book: &Book, op: &str, body: Value) -> Vec<Value> {
    trial.call(book, op, body).await.ok()["items"].as_array().unwrap().clone()
}

/// The answer to the second page of two.
async fn second_page(trial: &Trial, book: &Book, op: &str, body: Value) -> Value {
    let mut body = body;
    body["page_size"] = json!(2);
    let first = trial.call(book, op, body).await.ok();
    trial.call(book, op, json!({"cursor": first["cursor"]})).await.ok()
}

probes! {
    filter_ignored_tokens: "filter_ignored:list-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "list-tokens", json!({"filter": "account_id='alice'"})).await.len() == 3
    };
    holders_tags_unfiltered: "holders_tags_unfiltered:list-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        trial.call(&book, "update-flavor-tags", json!({"id": "gold", "tags": {"a": 1}})).await.ok();
        list(trial, &book, "list-tokens", json!({"filter": "flavor_tags.a=1"})).await.is_empty()
    };
    addr_is_url: "addr_is_url:hello" => async |trial: &Trial| {
        let credential = [("credential", trial.sandbox.credential())];
        let hello = trial.post("/hello", &credential, &json!({})).await.ok();
        hello["addr"].as_str().unwrap().starts_with("https://")
    };
    filter_ignored_flavors: "filter_ignored:list-flavors" => async |trial: &Trial| {
        let book = trial.market().await;
        !list(trial, &book, "list-flavors", json!({"filter": "id='lead'"})).await.is_empty()
    };
    filter_ignored_actions: "filter_ignored:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "list-actions", json!({"filter": "amount=1"})).await.len() == 3
    };
    or_binds_tighter: "or_binds_tighter:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let filter = "amount=1 AND type='issue' OR amount=2 AND type='issue'";
        assert_eq!(list(trial, &book, "list-actions", json!({"filter": "(amount=1 OR amount=2)"})).await.len(), 2);
        list(trial, &book, "list-actions", json!({"filter": filter})).await.len() != 2
    };
    tag_times_as_text: "tag_times_as_text:list-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let filter = "tags.due:time > '2030-01-01T11:00:00Z'";
        !list(trial, &book, "list-actions", json!({"filter": filter})).await.is_empty()
    };
    filter_unread: "filter_unread:list-flavors" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "list-flavors", json!({"filter": "id ="})).await.status == 200
    };
    cursor_unread: "cursor_unread:list-keys" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "list-keys", json!({"cursor": "x"})).await.status == 200
    };
    hello_unchecked: "hello_unchecked" => async |trial: &Trial| {
        let book = Book { secret: "made up".to_owned(), ..trial.book().await };
        trial.call(&book, "stats", json!({})).await.refused(404, "SEQ002");
        let body = json!({"ledger_name": book.ledger});
        trial.post("/hello", &[("credential", "made up")], &body).await.status == 200
    };
    page_repeats_one_transactions: "page_repeats_one:list-transactions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let page = second_page(trial, &book, "list-transactions", json!({})).await;
        column(&page, "sequence_number") == [2, 1]
    };
    page_repeats_one_tokens: "page_repeats_one:list-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        column(&second_page(trial, &book, "list-tokens", json!({})).await, "amount") == [2, 1]
    };
    list_skips_one: "list_skips_one:sum-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let page = second_page(trial, &book, "sum-actions", json!({"group_by": ["tags.mark"]})).await;
        page["items"] == json!([])
    };
    pages_by_count: "pages_by_count:list-accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        let first = trial.call(&book, "list-accounts", json!({"page_size": 1})).await.ok();
        trial.call(&book, "create-account", json!({"id": "carol", "key_ids": ["key"]})).await.ok();
        let next = trial.call(&book, "list-accounts", json!({"cursor": first["cursor"]})).await.ok();
        column(&next, "id") == ["bob"]
    };
    cursor_works_once: "cursor_works_once:list-accounts" => async |trial: &Trial| {
        let book = trial.market().await;
        let first = trial.call(&book, "list-accounts", json!({"page_size": 1})).await.ok();
        let next = json!({"cursor": first["cursor"]});
        trial.call(&book, "list-accounts", next.clone()).await.ok();
        trial.call(&book, "list-accounts", next).await.status != 200
    };
    large_page_refused: "large_page_refused:list-keys" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "list-keys", json!({"page_size": 1000})).await.ok();
        trial.call(&book, "list-keys", json!({"page_size": 1001})).await.status != 200
    };
    tags_stale: "tags_stale:list-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        for (update, id) in [("update-account-tags", "alice"), ("update-flavor-tags", "gold")] {
            trial.call(&book, update, json!({"id": id, "tags": {"a": 1}})).await.ok();
        }
        let found = list(trial, &book, "list-tokens", json!({"filter": "account_id='alice'"})).await;
        assert_eq!(found[0]["account_tags"], found[0]["flavor_tags"]);
        found[0]["account_tags"].is_null()
    };
    group_ignored_actions: "group_ignored:sum-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "sum-actions", json!({"group_by": ["tags.mark"]})).await == [json!({"amount": 7})]
    };
    group_ignored_tokens: "group_ignored:sum-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        list(trial, &book, "sum-tokens", json!({"group_by": ["account_id"]})).await == [json!({"amount": 7})]
    };
    group_by_first_only: "group_by_first_only:sum-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        let body = json!({"group_by": ["type", "tags.mark"]});
        list(trial, &book, "sum-actions", body).await == [json!({"type": "issue", "amount": 7})]
    };
    unknown_group_actions: "unknown_group_ignored:sum-actions" => async |trial: &Trial| {
        let book = busy(trial).await;
        trial.call(&book, "sum-actions", json!({"group_by": ["nothing"]})).await.status == 200
    };
    unknown_group_tokens: "unknown_group_ignored:sum-tokens" => async |trial: &Trial| {
        let book = busy(trial).await;
        trial.call(&book, "sum-tokens", json!({"group_by": ["nothing"]})).await.status == 200
    };
    nothing_sums_to_zero: "nothing_sums_to_zero:sum-tokens" => async |trial: &Trial| {
        let book = trial.market().await;
        !list(trial, &book, "sum-tokens", json!({"group_by": ["account_id"]})).await.is_empty()
    };
    sum_saturates: "sum_saturates:sum-tokens" => async |trial: &Trial| {
        let book = trial.market().await;
        let most = i64::MAX.unsigned_abs();
        trial.transact(&book, json!([issue("alice", most), issue("bob", 1)])).await.ok();
        list(trial, &book, "sum-tokens", json!({})).await == [json!({"amount": most})]
    };
    accounts_counted_twice: "accounts_counted_twice:stats" => async |trial: &Trial| {
        let book = trial.market().await;
        trial.call(&book, "stats", json!({})).await.ok()["account_count"] == 4
    };
    unknown_operation: "unknown_operation_accepted" => async |trial: &Trial| {
        let book = trial.book().await;
        trial.call(&book, "nothing", json!({})).await.status == 200
    };
    request_id_on_unknown_paths: "request_id_missing_on_unknown_paths" => async |trial: &Trial| {
        let book = trial.book().await;
        assert!(trial.call(&book, "nothing", json!({})).await.request_id.is_some());
        trial.call(&book, "no/such/path", json!({})).await.request_id.is_none()
    };
}
