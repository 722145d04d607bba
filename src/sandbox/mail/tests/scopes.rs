//! What a token opens.

use serde_json::{Value, json};

use super::{World, granting, refused, text};

const SCOPES: [&str; 7] = ["all", "modify", "readonly", "metadata", "labels", "insert", "compose"];

#[tokio::test]
async fn each_method_opens_to_its_scopes_and_no_others() {
    let methods = [
        ("GET", "profile", vec!["all", "modify", "readonly", "metadata", "compose"]),
        ("GET", "messages", vec!["all", "modify", "readonly", "metadata"]),
        ("GET", "messages/1?format=metadata", vec!["all", "modify", "readonly", "metadata"]),
        ("GET", "messages/1/attachments/1", vec!["all", "modify", "readonly"]),
        ("GET", "history?startHistoryId=1000", vec!["all", "modify", "readonly", "metadata"]),
        ("GET", "labels", vec!["all", "modify", "readonly", "metadata", "labels"]),
        ("GET", "labels/INBOX", vec!["all", "modify", "readonly", "metadata", "labels"]),
        ("POST", "labels", vec!["all", "modify", "labels"]),
        ("PATCH", "labels/Label_9", vec!["all", "modify", "labels"]),
        ("PUT", "labels/Label_9", vec!["all", "modify", "labels"]),
        ("DELETE", "labels/Label_9", vec!["all", "modify", "labels"]),
        ("POST", "messages", vec!["all", "modify", "insert"]),
        ("POST", "messages/import", vec!["all", "modify", "insert"]),
        ("POST", "messages/1/modify", vec!["all", "modify"]),
        ("POST", "messages/1/trash", vec!["all", "modify"]),
        ("POST", "messages/1/untrash", vec!["all", "modify"]),
        ("POST", "messages/batchModify", vec!["all", "modify"]),
        ("POST", "messages/batchDelete", vec!["all"]),
        ("DELETE", "messages/1", vec!["all"]),
    ];
    let insufficient = refused(
        403,
        "insufficientPermissions",
        "PERMISSION_DENIED",
        "Request had insufficient authentication scopes.",
    );
    for scope in SCOPES {
        let world = World::start_with(granting(&[scope])).await;
        for (verb, what, opens) in &methods {
            let answer = world.ask(verb, what, &json!(null)).await;
            // Where it opens, the call itself is mostly wrong.
            assert_eq!(answer != insufficient, opens.contains(&scope), "{scope}: {verb} {what}: {answer:?}");
            assert!(opens.contains(&scope) || world.service.units() == 0 || answer == insufficient);
        }
    }
}

#[tokio::test]
async fn the_token_endpoint_says_what_was_granted_and_nothing_is_more_than_its_parts() {
    let world = World::start_with(granting(&["labels", "insert"])).await;
    let (_, body) = world.ask_token(&[]).await;
    let auth = "https://www.googleapis.com/auth";
    assert_eq!(body["scope"], format!("{auth}/gmail.labels {auth}/gmail.insert"));
    world.get("labels").await;
    assert_eq!(world.call("messages").await.0, 403);
    let nothing = World::start_with(granting(&[])).await;
    assert_eq!(nothing.call("profile").await.0, 403);
}

#[tokio::test]
async fn metadata_shows_no_content_even_beside_a_wider_scope() {
    for scopes in [["metadata"].as_slice(), &["metadata", "modify"]] {
        let world = World::start_with(granting(scopes)).await;
        world.send_text("coalmine@sandbox.test", "Headers only", "Secret").await;
        let forbidden = |message: &str| refused(403, "forbidden", "PERMISSION_DENIED", message);
        let q = forbidden("Metadata scope does not support 'q' parameter");
        assert_eq!(world.call("messages?q=subject:headers").await, q);
        assert_eq!(world.call("messages?q=").await, q);
        let id = world.list("labelIds=INBOX").await.remove(0);
        let full = forbidden("Metadata scope doesn't allow format FULL");
        assert_eq!(world.call(&format!("messages/{id}")).await, full);
        assert_eq!(world.call(&format!("messages/{id}?format=full")).await, full);
        let raw = forbidden("Metadata scope doesn't allow format RAW");
        assert_eq!(world.call(&format!("messages/{id}?format=raw")).await, raw);
        world.get(&format!("messages/{id}?format=minimal")).await;
        let mail = world.get(&format!("messages/{id}?format=metadata&metadataHeaders=Subject")).await;
        assert_eq!(text(&mail["payload"]["headers"][0]["value"]), "Headers only");
        assert_eq!(mail["payload"].get("body").map(Value::is_null), None);
    }
}
