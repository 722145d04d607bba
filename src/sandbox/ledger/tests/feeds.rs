use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    Options,
    trial::{Book, Trial, column, issue, retire, transfer},
};

async fn create(trial: &Trial, book: &Book, body: Value) -> Value {
    trial.call(book, "create-feed", body).await.ok()
}

async fn read(trial: &Trial, book: &Book, id: &str) -> Value {
    trial.call(book, "stream-feed-items", json!({"id": id})).await.ok()
}

/// A reader in a task of its own, which is waiting when this returns.
async fn reader(trial: &Arc<Trial>, book: &Book, id: &str) -> JoinHandle<crate::trial::Answer> {
    let before = trial.sandbox.waiting();
    let (sharing, book, body) = (Arc::clone(trial), book.clone(), json!({"id": id}));
    let reader = tokio::spawn(async move { sharing.call(&book, "stream-feed-items", body).await });
    trial.waiting(before + 1).await;
    reader
}

#[tokio::test]
async fn a_feed_as_it_is_shown() {
    let trial = Trial::start();
    let book = trial.market().await;
    let feed = create(&trial, &book, json!({"id": "f", "type": "action"})).await;
    assert_eq!((&feed["id"], &feed["type"], &feed["filter"]), (&json!("f"), &json!("action"), &json!(null)));
    assert_eq!(feed["filter_params"], json!([]));
    assert!(!feed["cursor"].as_str().unwrap().is_empty());
    assert_eq!(trial.call(&book, "get-feed", json!({"id": "f"})).await.ok(), feed);
    let body = json!({"type": "transaction", "filter": "id=$1", "filter_params": ["x"]});
    let made = create(&trial, &book, body).await;
    assert!(made["id"].as_str().unwrap().starts_with("feed"));
    assert_eq!((&made["filter"], &made["filter_params"]), (&json!("id=$1"), &json!(["x"])));
    assert_eq!(trial.call(&book, "get-feed", json!({"id": made["id"]})).await.ok(), made);
    assert_eq!(trial.call(&book, "list-feeds", json!({})).await.ok()["items"], json!([made, feed]));
    let page = trial.call(&book, "list-feeds", json!({"page_size": 1})).await.ok();
    assert_eq!((column(&page, "id"), &page["last_page"]), (vec![made["id"].clone()], &json!(false)));
    let page = trial.call(&book, "list-feeds", json!({"cursor": page["cursor"]})).await.ok();
    assert_eq!(column(&page, "id"), ["f"]);

    let refused = async |body: Value, code| {
        trial.call(&book, "create-feed", body).await.refused(400, code);
    };
    refused(json!({"id": "f", "type": "action"}), "SEQ050").await;
    refused(json!({"id": "x"}), "SEQ008").await;
    refused(json!({"id": "x", "type": "token"}), "SEQ008").await;
    refused(json!({"id": "", "type": "action"}), "SEQ008").await;
    refused(json!({"type": "action", "filter": "sequence_number=1"}), "SEQ602").await;
    refused(json!({"type": "action", "filter": "type=$1"}), "SEQ601").await;
    for op in ["get-feed", "delete-feed", "stream-feed-items", "ack-feed"] {
        trial.call(&book, op, json!({})).await.refused(400, "SEQ008");
        let unknown = json!({"id": "x", "cursor": "a", "previous_cursor": "b"});
        trial.call(&book, op, unknown).await.refused(404, "SEQ002");
    }
    assert_eq!(trial.call(&book, "delete-feed", json!({"id": "f"})).await.ok(), json!({"message": "ok"}));
    trial.call(&book, "delete-feed", json!({"id": "f"})).await.refused(404, "SEQ002");
}

#[tokio::test]
async fn reading_and_acknowledging() {
    let trial = Trial::start();
    let book = trial.market().await;
    let first = trial.transact(&book, json!([issue("alice", 10), transfer("alice", "bob", 4)])).await.ok();
    let feed = create(&trial, &book, json!({"id": "f", "type": "action"})).await;
    let second = trial.transact(&book, json!([retire("bob", 1)])).await.ok();

    // From the ledger's beginning, oldest first; the same again until it is acknowledged.
    let news = read(&trial, &book, "f").await;
    assert_eq!(news["items"], json!([first["actions"][0], first["actions"][1], second["actions"][0]]));
    assert_eq!(news["cursors"].as_array().unwrap().len(), 3);
    assert_eq!(read(&trial, &book, "f").await, news);
    let ack = async |cursor: &Value, previous: &Value| {
        let body = json!({"id": "f", "cursor": cursor, "previous_cursor": previous});
        trial.call(&book, "ack-feed", body).await
    };
    assert_eq!(ack(&news["cursors"][1], &feed["cursor"]).await.ok(), json!({"message": "ok"}));
    let moved = trial.call(&book, "get-feed", json!({"id": "f"})).await.ok();
    assert_eq!(moved["cursor"], news["cursors"][1]);
    let rest = read(&trial, &book, "f").await;
    assert_eq!(
        (&rest["items"], &rest["cursors"]),
        (&json!([second["actions"][0]]), &json!([news["cursors"][2]]))
    );

    // Somebody else with an old position; backwards; with somebody else's cursor; with nothing.
    let conflict = ack(&news["cursors"][2], &feed["cursor"]).await.refused(409, "SEQ620");
    assert_eq!(conflict["retriable"], false);
    ack(&news["cursors"][0], &moved["cursor"]).await.refused(400, "SEQ600");
    ack(&json!("garbage"), &moved["cursor"]).await.refused(400, "SEQ600");
    ack(&news["cursors"][2], &json!("garbage")).await.refused(400, "SEQ600");
    ack(&json!(null), &moved["cursor"]).await.refused(400, "SEQ008");
    ack(&news["cursors"][2], &json!(null)).await.refused(400, "SEQ008");
    let other = create(&trial, &book, json!({"id": "g", "type": "action"})).await;
    ack(&other["cursor"], &moved["cursor"]).await.refused(400, "SEQ600");
    let page = trial.call(&book, "list-feeds", json!({})).await.ok();
    ack(&page["cursor"], &moved["cursor"]).await.refused(400, "SEQ600");
    assert_eq!(trial.call(&book, "get-feed", json!({"id": "f"})).await.ok(), moved);
    ack(&news["cursors"][2], &moved["cursor"]).await.ok();
}

#[tokio::test]
async fn filters_and_types() {
    let trial = Trial::start();
    let book = trial.market().await;
    let path = format!("/{}/{}/create-feed", book.team, book.ledger);
    let headers = [("credential", book.secret.as_str()), ("name-set", "camel")];
    let body =
        json!({"id": "bob", "type": "action", "filter": "destinationAccountId=$1", "filter_params": ["bob"]});
    trial.post(&path, &headers, &body).await.ok();
    let body = json!({"id": "moves", "type": "transaction", "filter": "actions(type='transfer')"});
    create(&trial, &book, body).await;
    trial.transact(&book, json!([issue("alice", 10)])).await.ok();
    let moved = trial.transact(&book, json!([transfer("alice", "bob", 4), issue("alice", 1)])).await.ok();
    // The name set of the creation stays with the feed.
    assert_eq!(read(&trial, &book, "bob").await["items"], json!([moved["actions"][0]]));
    assert_eq!(read(&trial, &book, "moves").await["items"], json!([moved]));
}

#[tokio::test]
async fn at_most_a_hundred_at_once() {
    let trial = Trial::start();
    let book = trial.market().await;
    let feed = create(&trial, &book, json!({"id": "f", "type": "action"})).await;
    trial.transact(&book, Value::from(vec![issue("alice", 1); 150])).await.ok();
    let news = read(&trial, &book, "f").await;
    assert_eq!(news["items"].as_array().unwrap().len(), 100);
    let ack = json!({"id": "f", "cursor": news["cursors"][99], "previous_cursor": feed["cursor"]});
    trial.call(&book, "ack-feed", ack).await.ok();
    assert_eq!(read(&trial, &book, "f").await["items"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn readers_wait_and_are_woken() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    create(&trial, &book, json!({"id": "f", "type": "action", "filter": "type='retire'"})).await;
    let (one, two) = (reader(&trial, &book, "f").await, reader(&trial, &book, "f").await);
    // What does not match wakes nobody for good.
    trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    assert_eq!(trial.sandbox.waiting(), 2);
    let retired = trial.transact(&book, json!([retire("alice", 5)])).await.ok();
    for reader in [one, two] {
        assert_eq!(reader.await.unwrap().ok()["items"], retired["actions"]);
    }
    trial.waiting(0).await;
}

#[tokio::test]
async fn new_tags_may_make_an_item_match() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    let made = trial.transact(&book, json!([issue("alice", 5)])).await.ok();
    create(&trial, &book, json!({"id": "f", "type": "action", "filter": "tags.late='yes'"})).await;
    let reader = reader(&trial, &book, "f").await;
    let body = json!({"id": made["actions"][0]["id"], "tags": {"late": "yes"}});
    trial.call(&book, "update-action-tags", body).await.ok();
    assert_eq!(reader.await.unwrap().ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn waiting_ends_after_its_time() {
    let trial = Trial::with(Options { long_poll: Duration::from_millis(20), ..Options::default() });
    let book = trial.market().await;
    create(&trial, &book, json!({"id": "f", "type": "transaction"})).await;
    assert_eq!(read(&trial, &book, "f").await, json!({"items": [], "cursors": []}));
}

#[tokio::test]
async fn waiting_ends_with_the_feed() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    for end in ["delete-feed", "reset", "delete-ledger"] {
        create(&trial, &book, json!({"id": "f", "type": "action"})).await;
        let reader = reader(&trial, &book, "f").await;
        if end == "delete-ledger" {
            let body = json!({"team": book.team, "name": book.ledger});
            trial.dash(&trial.admin().await, end, body).await.ok();
        } else {
            trial.call(&book, end, json!({"id": "f"})).await.ok();
        }
        reader.await.unwrap().refused(404, "SEQ002");
    }
    trial.waiting(0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let trial = Arc::new(Trial::start());
    let book = trial.market().await;
    create(&trial, &book, json!({"id": "f", "type": "action"})).await;
    let reader = reader(&trial, &book, "f").await;
    reader.abort();
    trial.waiting(0).await;
}
