//! A mailbox whose index, or whose mails, are not as fresh as its history.

use jiff::SignedDuration;
use serde_json::json;

use super::{Options, World, granting, not_found};

#[tokio::test]
async fn a_search_finds_a_mail_once_it_is_indexed_and_lists_have_it_before() {
    let index_lag = SignedDuration::from_hours(1);
    let world = World::start_with(Options { index_lag, ..granting(&["modify"]) }).await;
    let start = world.newest_history().await;
    world.send_text("coalmine@sandbox.test", "Fresh", "").await;
    assert!(world.search("subject:fresh").await.is_empty());
    assert!(world.search("in:anywhere").await.is_empty());
    assert_eq!(world.list("").await.len(), 1);
    let id = world.list("labelIds=INBOX").await.remove(0);
    assert_eq!(world.changes(&start, "").await.len(), 1);
    world.get(&format!("messages/{id}")).await;

    world.clock.advance(SignedDuration::from_mins(59));
    assert!(world.search("subject:fresh").await.is_empty());
    world.clock.advance(SignedDuration::from_secs(61));
    let mut world = world;
    world.refresh().await;
    assert_eq!(world.search("subject:fresh").await, ["Fresh"]);
    // What is in the index follows its labels at once.
    world.done("POST", &format!("messages/{id}/modify"), json!({ "addLabelIds": ["STARRED"] })).await;
    assert_eq!(world.search("is:starred").await, ["Fresh"]);
}

#[tokio::test]
async fn a_mail_can_be_known_before_it_can_be_read() {
    let get_lag = SignedDuration::from_mins(10);
    let world = World::start_with(Options { get_lag, ..Options::default() }).await;
    let start = world.newest_history().await;
    world.send_text("coalmine@sandbox.test", "Fresh", "").await;
    let id = world.list("q=subject:fresh").await.remove(0);
    assert_eq!(world.changes(&start, "").await.len(), 1);
    for format in ["minimal", "metadata", "full", "raw"] {
        assert_eq!(world.call(&format!("messages/{id}?format={format}")).await, not_found(), "{format}");
    }
    world.clock.advance(get_lag);
    world.get(&format!("messages/{id}")).await;
}

#[tokio::test]
async fn a_history_can_be_shorter_than_a_week() {
    let history_kept = SignedDuration::from_mins(5);
    let world = World::start_with(Options { history_kept, ..Options::default() }).await;
    let start = world.newest_history().await;
    world.send_text("coalmine@sandbox.test", "One", "").await;
    world.clock.advance(SignedDuration::from_mins(4));
    assert_eq!(world.changes(&start, "").await.len(), 1);
    world.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(world.call(&format!("history?startHistoryId={start}")).await, not_found());
    assert!(world.changes(&world.newest_history().await, "").await.is_empty());
}
