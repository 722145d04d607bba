//! What calls cost, and what happens when that is too much.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Options, World, granting, refused_by, text};
use crate::mail::QuotaStyle;

#[tokio::test]
async fn each_method_has_its_price_and_who_is_not_let_in_pays_nothing() {
    let world = World::start_with(granting(&["all"])).await;
    world.send_text("coalmine@sandbox.test", "One", "").await;
    let id = world.list("").await.remove(0);
    let history = format!("history?startHistoryId={}", world.newest_history().await);
    let mail = |rest: &str| format!("messages/{id}{rest}");
    let raw = json!({ "raw": "U3ViamVjdDogeA0KDQp4DQo" });
    let starred = json!({ "addLabelIds": ["STARRED"] });
    for (verb, what, body, units) in [
        ("GET", "profile".to_owned(), Value::Null, 1),
        ("GET", "labels".to_owned(), Value::Null, 1),
        ("GET", "labels/INBOX".to_owned(), Value::Null, 1),
        ("POST", "labels".to_owned(), json!({ "name": "x" }), 5),
        ("GET", history, Value::Null, 2),
        ("GET", "messages".to_owned(), Value::Null, 5),
        ("GET", mail(""), Value::Null, 20),
        ("GET", mail("?format=minimal"), Value::Null, 20),
        ("GET", mail("/attachments/x"), Value::Null, 20),
        ("GET", "messages/0123456789abcdef".to_owned(), Value::Null, 20),
        ("POST", mail("/modify"), starred, 5),
        ("POST", mail("/trash"), Value::Null, 5),
        ("POST", mail("/untrash"), Value::Null, 5),
        ("POST", "messages".to_owned(), raw.clone(), 25),
        ("POST", "messages/import".to_owned(), raw, 25),
        ("POST", "messages/batchModify".to_owned(), json!({ "ids": [id], "addLabelIds": ["SPAM"] }), 50),
        ("DELETE", mail(""), Value::Null, 10),
        ("POST", "messages/batchDelete".to_owned(), json!({ "ids": [id] }), 50),
        ("GET", "frobs?".to_owned(), Value::Null, 0),
    ] {
        let before = world.service.units();
        if units > 0 {
            world.ask(verb, &what, &body).await;
        } else {
            let address = format!("{}/gmail/v1/users/me/{what}", world.root);
            world.http.get(address).bearer_auth(&world.token).send().await.unwrap();
        }
        assert_eq!(world.service.units() - before, units, "{verb} {what}");
    }
    let before = world.service.units();
    world.call_as("messages", "me", "Bearer wrong").await;
    world.call_as("messages", "boss@sandbox.test", &format!("Bearer {}", world.token)).await;
    world.call("messages?frob=1").await;
    assert_eq!(world.service.units(), before);
}

async fn limited(quota_style: QuotaStyle) -> World {
    World::start_with(Options { quota_per_minute: Some(12), quota_style, ..Options::default() }).await
}

#[tokio::test]
async fn a_minute_has_so_many_units_and_slides() {
    let world = limited(QuotaStyle::default()).await;
    let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service \
                   'gmail.googleapis.com' for consumer 'project_number:1'.";
    let refused = refused_by("usageLimits", 403, "rateLimitExceeded", "PERMISSION_DENIED", message);
    world.get("messages").await;
    world.clock.advance(SignedDuration::from_secs(40));
    world.get("messages").await;
    // A cheaper call still fits in; a refused one costs nothing.
    assert_eq!(world.call("messages").await, refused);
    world.get("profile").await;
    assert_eq!(world.call("messages").await, refused);
    assert_eq!(world.service.units(), 11);
    // The first list is a minute ago, the second not yet.
    world.clock.advance(SignedDuration::from_secs(21));
    world.get("messages").await;
    assert_eq!(world.call("messages").await, refused);
    world.clock.advance(SignedDuration::from_secs(60));
    world.get("messages").await;
    world.get("messages").await;
    assert_eq!(world.call("messages").await, refused);
    // It never fits in.
    assert_eq!(world.call("messages/1").await, refused);
}

#[tokio::test]
async fn two_styles_say_when_to_come_back_and_are_right() {
    for (style, code, reason, status) in [
        (QuotaStyle::UserForbidden, 403, "userRateLimitExceeded", "PERMISSION_DENIED"),
        (QuotaStyle::TooManyRequests, 429, "rateLimitExceeded", "RESOURCE_EXHAUSTED"),
    ] {
        let world = limited(style).await;
        let begun = world.clock.now();
        world.get("messages").await;
        world.clock.advance(SignedDuration::from_secs(30));
        world.get("messages").await;
        let (answered, body) = world.call("messages").await;
        let message = text(&body["error"]["message"]);
        assert_eq!((answered, body), refused_by("usageLimits", code, reason, status, &message));
        let time = message.strip_prefix("User-rate limit exceeded.  Retry after ").unwrap();
        assert_eq!((time.len(), &time[23..]), ("2026-03-07T18:03:15.961Z".len(), "Z"), "{time}");
        let time: Timestamp = time.parse().unwrap();
        let wait = time.duration_since(begun);
        assert!(wait >= SignedDuration::from_secs(60) && wait < SignedDuration::from_secs(75), "{wait}");
        world.clock.advance(time.duration_since(world.clock.now()));
        world.get("messages").await;
    }
}
