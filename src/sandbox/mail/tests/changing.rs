//! Labels put on mails and taken off, the bin, deletion, and what the history says of each.

use serde_json::{Value, json};

use super::{World, granting, invalid, not_found, text};

/// A mailbox that everything may be done in, with so many mails; oldest first.
async fn mailbox(mails: usize) -> (World, Vec<String>) {
    let world = World::start_with(granting(&["all"])).await;
    for n in 0..mails {
        world.send_text("coalmine@sandbox.test", &format!("Mail {n}"), "").await;
    }
    let mut ids = world.list("").await;
    ids.reverse();
    (world, ids)
}

fn change(id: &str, kind: &str, labels: &[&str]) -> (String, String, Vec<String>) {
    (id.to_owned(), kind.to_owned(), labels.iter().map(|&label| label.to_owned()).collect())
}

#[tokio::test]
async fn a_mail_is_given_labels_and_loses_them_and_the_history_tells() {
    let (world, ids) = mailbox(2).await;
    let id = ids[0].as_str();
    let start = world.newest_history().await;
    let both =
        json!({ "addLabelIds": ["STARRED", "IMPORTANT", "STARRED"], "removeLabelIds": ["UNREAD", "SPAM"] });
    let path = format!("messages/{id}/modify");
    let labels = ["CATEGORY_PERSONAL", "INBOX", "STARRED", "IMPORTANT"];
    let changed = json!({ "id": id, "threadId": id, "labelIds": labels });
    assert_eq!(world.done("POST", &path, both.clone()).await, changed);
    let newest = world.newest_history().await;
    let mail = world.get(&format!("messages/{id}?format=minimal")).await;
    assert_eq!((&mail["labelIds"], &mail["historyId"]), (&json!(labels), &json!(newest)));
    let other = world.get(&format!("messages/{}?format=minimal", ids[1])).await;
    assert_eq!(other["labelIds"], json!(["UNREAD", "CATEGORY_PERSONAL", "INBOX"]));

    // What changes nothing leaves no trace.
    assert_eq!(world.done("POST", &path, both).await, changed);
    assert_eq!(world.newest_history().await, newest);
    let (added, removed) =
        (change(id, "labelsAdded", &["STARRED", "IMPORTANT"]), change(id, "labelsRemoved", &["UNREAD"]));
    for (parameters, expected) in [
        ("", vec![added.clone(), removed.clone()]),
        ("&historyTypes=labelAdded", vec![added.clone()]),
        ("&historyTypes=labelRemoved", vec![removed.clone()]),
        ("&historyTypes=labelRemoved&historyTypes=labelAdded", vec![added.clone(), removed.clone()]),
        ("&historyTypes=messageAdded&historyTypes=messageDeleted", vec![]),
        // The mail has this label, or has lost it just now.
        ("&labelId=UNREAD", vec![added, removed.clone()]),
        ("&labelId=TRASH", vec![]),
    ] {
        assert_eq!(world.changes(&start, parameters).await, expected, "{parameters}");
    }
    let last = world.get(&format!("history?startHistoryId={start}&historyTypes=labelRemoved")).await;
    assert_eq!(
        last["history"],
        json!([{
            "id": newest,
            "messages": [{ "id": id, "threadId": id }],
            "labelsRemoved": [{ "message": changed, "labelIds": ["UNREAD"] }],
        }])
    );
}

#[tokio::test]
async fn the_bin_hides_a_mail_and_gives_it_back() {
    let (world, ids) = mailbox(2).await;
    let id = ids[0].as_str();
    let start = world.newest_history().await;
    let trashed = world.done("POST", &format!("messages/{id}/trash"), json!(null)).await;
    assert_eq!(trashed["labelIds"], json!(["UNREAD", "CATEGORY_PERSONAL", "TRASH"]));
    assert_eq!(world.list("").await, ids[1..]);
    assert_eq!(world.list("includeSpamTrash=true").await.len(), 2);
    assert_eq!(world.list("labelIds=TRASH").await, [id]);
    world.get(&format!("messages/{id}")).await;

    let back = world.done("POST", &format!("messages/{id}/untrash"), json!(null)).await;
    assert_eq!(back["labelIds"], json!(["UNREAD", "CATEGORY_PERSONAL"]));
    assert_eq!(world.list("").await.len(), 2);
    let expected = [
        change(id, "labelsAdded", &["TRASH"]),
        change(id, "labelsRemoved", &["INBOX"]),
        change(id, "labelsRemoved", &["TRASH"]),
    ];
    assert_eq!(world.changes(&start, "").await, expected);
}

#[tokio::test]
async fn a_deleted_mail_is_gone_and_the_history_keeps_its_name() {
    let (world, ids) = mailbox(2).await;
    let id = ids[0].as_str();
    let start = world.newest_history().await;
    let path = format!("messages/{id}");
    assert_eq!(world.ask("DELETE", &path, &json!(null)).await, (204, Value::Null));
    assert_eq!(world.call(&path).await, not_found());
    for (verb, path) in
        [("DELETE", path.clone()), ("POST", format!("{path}/trash")), ("POST", format!("{path}/untrash"))]
    {
        assert_eq!(world.ask(verb, &path, &json!(null)).await, not_found(), "{verb} {path}");
    }
    assert_eq!(world.list("includeSpamTrash=true").await, ids[1..]);
    assert_eq!(world.get("profile").await["messagesTotal"], 1);
    for parameters in ["", "&historyTypes=messageDeleted", "&labelId=INBOX"] {
        let expected = [change(id, "messagesDeleted", &[])];
        assert_eq!(world.changes(&start, parameters).await, expected, "{parameters}");
    }
    assert_eq!(world.changes(&start, "&historyTypes=messageAdded").await, []);
    let message = world.get(&format!("history?startHistoryId={start}")).await["history"][0]["messagesDeleted"][0]
        ["message"]
        .take();
    assert_eq!(message["labelIds"], json!(["UNREAD", "CATEGORY_PERSONAL", "INBOX"]));
}

#[tokio::test]
async fn many_mails_are_changed_or_deleted_by_one_call() {
    let (world, ids) = mailbox(4).await;
    let start = world.newest_history().await;
    let read = json!({ "ids": ids[..3], "removeLabelIds": ["UNREAD"] });
    assert_eq!(world.ask("POST", "messages/batchModify", &read).await, (204, Value::Null));
    assert_eq!(world.list("labelIds=UNREAD").await, ids[3..]);
    // Whether they were there is not told.
    let gone = json!({ "ids": [ids[0], "0123456789abcdef", ids[1], ids[0]] });
    assert_eq!(world.ask("POST", "messages/batchDelete", &gone).await, (204, Value::Null));
    assert_eq!(world.list("").await, [ids[3].as_str(), &ids[2]]);
    let read = |n: usize| change(&ids[n], "labelsRemoved", &["UNREAD"]);
    let deleted = |n: usize| change(&ids[n], "messagesDeleted", &[]);
    assert_eq!(world.changes(&start, "").await, [read(0), read(1), read(2), deleted(0), deleted(1)]);
}

#[tokio::test]
async fn each_wrong_change_has_its_error_and_changes_nothing() {
    let (world, ids) = mailbox(1).await;
    let start = world.newest_history().await;
    let modify = format!("messages/{}/modify", ids[0]);
    let labels: Vec<_> = (0..101).map(|n| format!("Label_{n}")).collect();
    let many = vec![ids[0].clone(); 1001];
    let (modify_many, delete_many) = ("messages/batchModify", "messages/batchDelete");
    let star = json!(["STARRED"]);
    for (path, body, expected) in [
        (modify.as_str(), json!({}), invalid("No label add or removes specified")),
        (&modify, json!({ "addLabelIds": ["Label_1"] }), invalid("Invalid label: Label_1")),
        (&modify, json!({ "addLabelIds": ["STARRED", "frob"] }), invalid("Invalid label: frob")),
        (&modify, json!({ "removeLabelIds": ["SENT"] }), invalid("Invalid label: SENT")),
        (&modify, json!({ "addLabelIds": ["DRAFT"] }), invalid("Invalid label: DRAFT")),
        (
            &modify,
            json!({ "addLabelIds": star, "removeLabelIds": star }),
            invalid("Cannot both add and remove the same label: STARRED"),
        ),
        (&modify, json!({ "addLabelIds": labels }), invalid("Too many labels: the limit is 100")),
        ("messages/0123456789abcdef/modify", json!({ "addLabelIds": star }), not_found()),
        ("messages/frob/modify", json!({ "addLabelIds": star }), invalid("Invalid id value")),
        (modify_many, json!({ "addLabelIds": star }), invalid("Missing/invalid parameter: ids")),
        (modify_many, json!({ "ids": ids }), invalid("No label add or removes specified")),
        (
            modify_many,
            json!({ "ids": many, "addLabelIds": star }),
            invalid("Too many ids: the limit is 1000"),
        ),
        (delete_many, json!({}), invalid("Missing/invalid parameter: ids")),
        (delete_many, json!({ "ids": [ids[0], "frob"] }), invalid("Invalid id value")),
    ] {
        assert_eq!(world.ask("POST", path, &body).await, expected, "{path} {body}");
    }
    for body in ["", "{", "[]", "{\"addLabelIds\":7}"] {
        let request = world.http.post(format!("{}/gmail/v1/users/me/{modify}", world.root));
        let (status, answer) = super::answer(request.bearer_auth(&world.token).body(body)).await;
        assert_eq!((status, text(&answer["error"]["errors"][0]["reason"])), (400, "badRequest".to_owned()));
    }
    assert_eq!(world.newest_history().await, start);
}
