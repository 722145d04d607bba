//! Mails that are put into the mailbox without SMTP.

use base64::{Engine as _, engine::general_purpose::URL_SAFE, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{World, answer, granting, invalid, text};

const MAIL: &str = "From: signup@product.test\r\nTo: coalmine+p@sandbox.test\r\nSubject: Put in\r\n\
                    Delivered-To: coalmine+p@sandbox.test\r\nDate: Sat, 31 Jan 2026 12:00:00 +0100\r\n\r\nHällo?\r\n";

/// The date that the mail bears, in milliseconds.
const DATED: &str = "1769857200000";

#[tokio::test]
async fn an_inserted_mail_is_as_it_was_given() {
    let world = World::start_with(granting(&["insert", "readonly"])).await;
    let start = world.newest_history().await;
    let labels = json!(["INBOX", "UNREAD", "INBOX"]);
    let put =
        world.done("POST", "messages", json!({ "raw": URL_SAFE.encode(MAIL), "labelIds": labels })).await;
    let id = text(&put["id"]);
    assert_eq!(put, json!({ "id": id, "threadId": id, "labelIds": ["INBOX", "UNREAD"] }));
    assert_eq!(world.raw(&id).await, MAIL);
    assert_eq!(
        world.list("labelIds=INBOX&q=subject:put deliveredto:coalmine%2Bp@sandbox.test").await,
        [id.as_str()]
    );
    assert_eq!(world.service.delivered("coalmine+p@sandbox.test"), [MAIL.as_bytes()]);
    let mail = world.get(&format!("messages/{id}?format=minimal")).await;
    let received: i64 = text(&mail["internalDate"]).parse().unwrap();
    assert!((world.clock.now().as_millisecond() - received).abs() < 60_000, "it came just now");
    assert_eq!(world.changes(&start, "").await, [(id, "messagesAdded".to_owned(), vec![])]);
}

#[tokio::test]
async fn without_labels_a_mail_is_in_no_folder_and_its_padding_does_not_matter() {
    let world = World::start_with(granting(&["insert", "readonly"])).await;
    for raw in [format!("{MAIL}."), format!("{MAIL}.."), format!("{MAIL}...")] {
        for encoded in [URL_SAFE.encode(&raw), URL_SAFE_NO_PAD.encode(&raw)] {
            let put = world.done("POST", "messages", json!({ "raw": encoded })).await;
            assert_eq!(put.get("labelIds"), None);
            let id = text(&put["id"]);
            assert_eq!(world.raw(&id).await, raw);
            assert_eq!(world.get(&format!("messages/{id}")).await.get("labelIds"), None);
        }
    }
    assert_eq!(world.list("").await.len(), 6);
}

#[tokio::test]
async fn the_date_is_that_of_the_header_where_it_is_asked_for_and_lists_go_by_it() {
    let world = World::start_with(granting(&["insert", "readonly"])).await;
    let body = json!({ "raw": URL_SAFE.encode(MAIL) });
    let mut ids = Vec::new();
    for (path, dated) in [
        ("messages", false),
        ("messages?internalDateSource=dateHeader", true),
        ("messages/import?internalDateSource=receivedTime", false),
        ("messages/import", true),
    ] {
        let id = text(&world.done("POST", path, body.clone()).await["id"]);
        let mail = world.get(&format!("messages/{id}?format=minimal")).await;
        assert_eq!(mail["internalDate"] == DATED, dated, "{path}");
        ids.push(id);
        world.clock.advance(SignedDuration::from_secs(1));
    }
    let order = [2, 0, 3, 1].map(|n: usize| ids[n].clone());
    assert_eq!(world.list("").await, order);
    // Nor do pages mix them up.
    let mut pages = Vec::new();
    let mut page = world.get("messages?maxResults=1").await;
    loop {
        pages.extend(super::ids(&page["messages"]));
        let Some(token) = page.get("nextPageToken") else { break };
        page = world.get(&format!("messages?maxResults=1&pageToken={}", text(token))).await;
    }
    assert_eq!(pages, order);
    assert_eq!(world.list("q=before:1769857201").await, [ids[3].as_str(), &ids[1]]);
}

#[tokio::test]
async fn an_imported_mail_may_be_taken_for_spam() {
    let world = World::start_with(granting(&["insert", "readonly"])).await;
    let body = json!({ "raw": URL_SAFE.encode(MAIL), "labelIds": ["INBOX", "UNREAD"] });
    world.faults.switch("mail_spam", true).unwrap();
    for (path, labels) in [
        ("messages/import", json!(["UNREAD", "SPAM"])),
        ("messages/import?neverMarkSpam=true", json!(["INBOX", "UNREAD"])),
        ("messages", json!(["INBOX", "UNREAD"])),
    ] {
        assert_eq!(world.done("POST", path, body.clone()).await["labelIds"], labels, "{path}");
    }
}

/// Uploads a body of its own.
async fn upload(world: &World, what: &str, kind: &str, body: String) -> (u16, Value) {
    let address = format!("{}/upload/gmail/v1/users/me/{what}", world.root);
    answer(world.http.post(address).bearer_auth(&world.token).header("Content-Type", kind).body(body)).await
}

#[tokio::test]
async fn a_mail_is_uploaded_alone_or_with_what_is_said_of_it() {
    let world = World::start_with(granting(&["modify"])).await;
    for path in ["messages", "messages/import"] {
        let (status, put) =
            upload(&world, &format!("{path}?uploadType=media&alt=json"), "message/rfc822", MAIL.to_owned())
                .await;
        assert_eq!((status, put.get("labelIds")), (200, None), "{put}");
        assert_eq!(world.raw(&text(&put["id"])).await, MAIL);

        // Lines of the frame end in either way.
        for end in ["\r\n", "\n"] {
            let body = [
                "--b x",
                "Content-Type: application/json",
                "",
                "{\"labelIds\": [\"INBOX\"]}",
                "--b x",
                "Content-Type: message/rfc822",
                "Content-Transfer-Encoding: binary",
                "",
                MAIL,
                "--b x--",
                "",
            ]
            .join(end);
            let kind = "multipart/related; boundary=\"b x\"";
            let (status, put) = upload(&world, &format!("{path}?uploadType=multipart"), kind, body).await;
            assert_eq!((status, &put["labelIds"]), (200, &json!(["INBOX"])), "{put}");
            assert_eq!(world.raw(&text(&put["id"])).await, MAIL);
        }
    }
}

#[tokio::test]
async fn each_wrong_mail_has_its_error_and_is_kept_nowhere() {
    let world = World::start_with(granting(&["modify"])).await;
    let raw = URL_SAFE.encode(MAIL);
    let nothing = "'raw' RFC822 payload message string or uploading message via /upload/* URL required";
    for (path, body, expected) in [
        ("messages", json!({}), invalid(nothing)),
        ("messages", json!({ "raw": "" }), invalid(nothing)),
        (
            "messages/import",
            json!({ "raw": raw, "labelIds": ["Label_1"] }),
            invalid("Invalid label: Label_1"),
        ),
        ("messages", json!({ "raw": raw, "labelIds": ["DRAFT"] }), invalid("Invalid label: DRAFT")),
        (
            "messages?internalDateSource=never",
            json!({ "raw": raw }),
            invalid("Invalid value at 'internal_date_source' (TYPE_ENUM), \"never\""),
        ),
        (
            "messages",
            json!({ "raw": URL_SAFE.encode("Content-Type: message/rfc822\r\n\r\n".repeat(500)) }),
            invalid("The mail has too many parts"),
        ),
    ] {
        assert_eq!(world.ask("POST", path, &body).await, expected, "{path} {body}");
    }
    let (status, body) = world.ask("POST", "messages", &json!({ "raw": "not/base64+url" })).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (400, &json!("badRequest")));
    let related = "multipart/related; boundary=b";
    for (path, kind, body) in [
        ("messages?uploadType=media", "text/plain", MAIL),
        ("messages?uploadType=multipart", "message/rfc822", MAIL),
        ("messages?uploadType=multipart", related, "--b\r\n\r\n{}\r\n--b--"),
        ("messages?uploadType=multipart", related, "--b\r\n\r\n{}\r\n--b\r\n\r\nSubject: x"),
        (
            "messages?uploadType=multipart",
            related,
            "--b\r\n\r\n{\r\n--b\r\nContent-Type: message/x\r\n\r\nx\r\n--b--",
        ),
        ("messages?uploadType=resumable", "application/json", "{}"),
    ] {
        let (status, answer) = upload(&world, path, kind, body.to_owned()).await;
        assert_eq!(
            (status, &answer["error"]["errors"][0]["reason"]),
            (400, &json!("badRequest")),
            "{path} {body}"
        );
    }
    assert_eq!(upload(&world, "messages", "message/rfc822", String::new()).await, invalid(nothing));
    let (status, _) =
        upload(&world, "messages", "message/rfc822", "x".repeat(super::super::smtp::MAX_SIZE + 1)).await;
    assert_eq!(status, 413);
    assert!(world.list("includeSpamTrash=true").await.is_empty());
}
