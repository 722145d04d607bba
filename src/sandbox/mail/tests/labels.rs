//! The labels themselves.

use serde_json::{Value, json};

use super::{World, granting, invalid, not_found, refused, text};

#[tokio::test]
async fn a_label_is_made_changed_counted_and_removed() {
    let world = World::start_with(granting(&["modify"])).await;
    world.send_text("coalmine@sandbox.test", "One", "").await;
    let id = world.list("").await.remove(0);

    let made = world.done("POST", "labels", json!({ "name": "Canaries" })).await;
    let label = text(&made["id"]);
    assert_eq!(
        made,
        json!({ "id": label, "name": "Canaries", "messageListVisibility": "show",
            "labelListVisibility": "labelShow", "type": "user" })
    );
    assert!(label.starts_with("Label_"), "{label}");
    let path = format!("labels/{label}");
    world.done("POST", &format!("messages/{id}/modify"), json!({ "addLabelIds": [label] })).await;
    let counted = world.get(&path).await;
    for (count, expected) in
        [("messagesTotal", 1), ("messagesUnread", 1), ("threadsTotal", 1), ("threadsUnread", 1)]
    {
        assert_eq!(counted[count], expected, "{counted}");
    }
    world.done("POST", &format!("messages/{id}/modify"), json!({ "removeLabelIds": ["UNREAD"] })).await;
    assert_eq!(world.get(&path).await["messagesUnread"], 0);

    let color = json!({ "textColor": "#000000", "backgroundColor": "#ffffff" });
    let patched =
        world.done("PATCH", &path, json!({ "color": color, "labelListVisibility": "labelHide" })).await;
    assert_eq!((&patched["name"], &patched["color"]), (&json!("Canaries"), &color));
    let whole = json!({ "id": label, "name": "Old canaries", "messageListVisibility": "hide",
        "labelListVisibility": "labelShowIfUnread" });
    let updated = world.done("PUT", &path, whole).await;
    assert_eq!(updated["name"], "Old canaries");
    let labels = world.get("labels").await["labels"].take();
    let listed: Vec<_> = labels.as_array().unwrap().iter().filter(|one| one["type"] == "user").collect();
    assert_eq!(
        listed,
        [&json!({ "id": label, "name": "Old canaries", "messageListVisibility": "hide",
            "labelListVisibility": "labelShowIfUnread", "type": "user" })],
        "lists have neither counts nor colours"
    );

    let start = world.newest_history().await;
    assert_eq!(world.ask("DELETE", &path, &json!(null)).await, (204, Value::Null));
    assert_eq!(world.call(&path).await, not_found());
    assert_eq!(world.list("labelIds=INBOX").await, [id.as_str()]);
    assert!(world.list(&format!("labelIds={label}")).await.is_empty());
    assert_eq!(world.changes(&start, "").await, [(id, "labelsRemoved".to_owned(), vec![label.clone()])]);
    let next = world.done("POST", "labels", json!({ "name": "Canaries" })).await;
    assert_ne!(text(&next["id"]), label, "ids are not used again");
}

#[tokio::test]
async fn every_mailbox_has_the_labels_of_gmail() {
    let world = World::start().await;
    let labels = world.get("labels").await["labels"].take();
    let mut ids: Vec<_> = labels.as_array().unwrap().iter().map(|label| text(&label["id"])).collect();
    ids.sort();
    assert_eq!(
        ids,
        [
            "CATEGORY_FORUMS",
            "CATEGORY_PERSONAL",
            "CATEGORY_PROMOTIONS",
            "CATEGORY_SOCIAL",
            "CATEGORY_UPDATES",
            "CHAT",
            "DRAFT",
            "IMPORTANT",
            "INBOX",
            "SENT",
            "SPAM",
            "STARRED",
            "TRASH",
            "UNREAD",
        ]
    );
    let inbox = world.get("labels/INBOX").await;
    assert_eq!((&inbox["type"], &inbox["messagesTotal"]), (&json!("system"), &json!(0)));
}

#[tokio::test]
async fn each_wrong_label_has_its_error() {
    let world = World::start_with(granting(&["labels"])).await;
    let label = text(&world.done("POST", "labels", json!({ "name": "Canaries" })).await["id"]);
    world.done("POST", "labels", json!({ "name": "Others" })).await;
    let own = format!("labels/{label}");
    let name = invalid("Invalid label name");
    let exists = refused(409, "aborted", "ABORTED", "Label name exists or conflicts");
    for (verb, path, body, expected) in [
        ("POST", "labels", json!({}), name.clone()),
        ("POST", "labels", json!({ "name": " " }), name.clone()),
        ("POST", "labels", json!({ "name": "Inbox" }), name.clone()),
        ("POST", "labels", json!({ "name": "CANARIES" }), exists.clone()),
        ("PATCH", &own, json!({ "name": "others" }), exists),
        ("PUT", &own, json!({ "labelListVisibility": "labelShow" }), name),
        ("PUT", &own, json!({ "id": "Label_9", "name": "Canaries" }), invalid("Invalid label id")),
        ("PATCH", "labels/INBOX", json!({ "name": "In" }), invalid("Invalid update request")),
        ("DELETE", "labels/INBOX", json!(null), invalid("Invalid delete request")),
        ("PATCH", "labels/Label_9", json!({ "name": "In" }), not_found()),
        ("DELETE", "labels/Label_9", json!(null), not_found()),
        ("GET", "labels/Label_9", json!(null), not_found()),
    ] {
        assert_eq!(world.ask(verb, path, &body).await, expected, "{verb} {path} {body}");
    }
    let (status, body) =
        world.ask("POST", "labels", &json!({ "name": "x", "labelListVisibility": "no" })).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (400, &json!("badRequest")));
    // The name that a label has already is free for it.
    world.done("PATCH", &own, json!({ "name": "canaries" })).await;
}
