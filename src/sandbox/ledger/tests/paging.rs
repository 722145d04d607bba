use serde_json::{Value, json};

use crate::trial::{Book, Trial, column, issue};

async fn accounts(trial: &Trial, count: usize) -> Book {
    let book = trial.book().await;
    trial.call(&book, "create-key", json!({"id": "key"})).await.ok();
    for number in 0..count {
        let body = json!({"id": number.to_string(), "key_ids": ["key"]});
        trial.call(&book, "create-account", body).await.ok();
    }
    book
}

#[tokio::test]
async fn pages_around_the_page_size() {
    let trial = Trial::start();
    for (count, sizes) in [(0, vec![0]), (2, vec![2]), (3, vec![3, 0]), (4, vec![3, 1]), (6, vec![3, 3, 0])] {
        let book = accounts(&trial, count).await;
        let mut ids = Vec::new();
        let mut body = json!({"page_size": 3, "filter": "", "filter_params": [], "group_by": []});
        for (place, size) in sizes.iter().enumerate() {
            let page = trial.call(&book, "list-accounts", body).await.ok();
            assert_eq!(page["items"].as_array().unwrap().len(), *size, "{count}");
            assert_eq!(page["last_page"], place + 1 == sizes.len(), "{count}");
            assert!(!page["cursor"].as_str().unwrap().is_empty());
            ids.extend(column(&page, "id"));
            // Other fields next to a cursor are ignored, whatever they say.
            body = json!({"cursor": page["cursor"], "page_size": 1, "filter": "nonsense"});
        }
        let newest_first: Vec<Value> = (0..count).rev().map(|number| json!(number.to_string())).collect();
        assert_eq!(ids, newest_first);
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_by_default_and_a_thousand_at_most() {
    let trial = Trial::start();
    let book = trial.market().await;
    for _ in 0..101 {
        trial.transact(&book, json!([issue("alice", 1)])).await.ok();
    }
    for (body, size, last) in [
        (json!({}), 100, false),
        (json!({"page_size": null}), 100, false),
        (json!({"page_size": 0}), 100, false),
        (json!({"page_size": 101}), 101, false),
        (json!({"page_size": 102}), 101, true),
        (json!({"page_size": 5000}), 101, true),
    ] {
        let page = trial.call(&book, "list-transactions", body.clone()).await.ok();
        assert_eq!(
            (page["items"].as_array().unwrap().len(), &page["last_page"]),
            (size, &json!(last)),
            "{body}"
        );
    }
    trial.call(&book, "list-transactions", json!({"page_size": -1})).await.refused(400, "SEQ003");
    trial.call(&book, "list-transactions", json!({"filter_params": [1]})).await.refused(400, "SEQ601");
}

#[tokio::test]
async fn additions_do_not_disturb_later_pages() {
    let trial = Trial::start();
    let book = accounts(&trial, 4).await;
    let page = trial.call(&book, "list-accounts", json!({"page_size": 2})).await.ok();
    assert_eq!(column(&page, "id"), ["3", "2"]);
    trial.call(&book, "create-account", json!({"id": "4", "key_ids": ["key"]})).await.ok();
    for _ in 0..2 {
        let next = trial.call(&book, "list-accounts", json!({"cursor": page["cursor"]})).await.ok();
        assert_eq!((column(&next, "id"), &next["last_page"]), (vec![json!("1"), json!("0")], &json!(false)));
    }
}

#[tokio::test]
async fn cursors_are_good_for_one_operation_of_one_ledger() {
    let trial = Trial::start();
    let (one, two) = (trial.book().await, trial.book().await);
    let page = trial.call(&one, "list-accounts", json!({})).await.ok();
    let cursor = json!({"cursor": page["cursor"]});
    trial.call(&one, "list-accounts", cursor.clone()).await.ok();
    trial.call(&one, "list-transactions", cursor.clone()).await.refused(400, "SEQ600");
    trial.call(&one, "list-tokens", cursor.clone()).await.refused(400, "SEQ600");
    trial.call(&two, "list-accounts", cursor).await.refused(400, "SEQ600");
    for garbage in [json!("garbage"), json!(""), json!(7)] {
        trial.call(&one, "list-accounts", json!({"cursor": garbage})).await.refused(400, "SEQ600");
    }
}
