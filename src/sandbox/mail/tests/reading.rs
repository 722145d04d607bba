//! Mail out: lists, history, and a mail in all its forms.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use jiff::SignedDuration;
use lettre::{
    Message,
    message::{Attachment, MultiPart, SinglePart, header::ContentType},
};
use serde_json::json;

use super::{World, decode, header, ids, invalid, not_found, refused, text};

#[tokio::test]
async fn an_empty_mailbox_has_a_profile_and_lists_without_their_keys() {
    let world = World::start().await;
    let profile = world.get("profile").await;
    let start = text(&profile["historyId"]);
    assert_eq!(
        profile,
        json!({ "emailAddress": "coalmine@sandbox.test", "messagesTotal": 0, "threadsTotal": 0, "historyId": start })
    );
    assert_eq!(world.get("messages").await, json!({ "resultSizeEstimate": 0 }));
    assert_eq!(world.get(&format!("history?startHistoryId={start}")).await, json!({ "historyId": start }));
}

#[tokio::test]
async fn new_mail_shows_in_the_history_since_before_it() {
    let world = World::start().await;
    world.send_text("coalmine@sandbox.test", "Earlier", "").await;
    let start = world.newest_history().await;
    world.send_text("coalmine+now@sandbox.test", "Now", "").await;

    let id = &world.list("q=subject:now").await[0];
    assert_eq!(id.len(), 16);
    assert!(id.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)), "{id}");
    let newest = world.newest_history().await;
    assert!(newest.parse::<u64>().unwrap() > start.parse::<u64>().unwrap() + 1, "ids have gaps");
    let expected = json!({
        "history": [{
            "id": newest,
            "messages": [{ "id": id, "threadId": id }],
            "messagesAdded": [{ "message": {
                "id": id, "threadId": id, "labelIds": ["UNREAD", "CATEGORY_PERSONAL", "INBOX"],
            }}],
        }],
        "historyId": newest,
    });
    let since = format!("history?startHistoryId={start}");
    assert_eq!(world.get(&since).await, expected);
    assert_eq!(world.get(&format!("{since}&historyTypes=messageAdded&labelId=INBOX")).await, expected);
    let nothing = json!({ "historyId": newest });
    assert_eq!(world.get(&format!("{since}&labelId=SPAM")).await, nothing);
    assert_eq!(
        world.get(&format!("{since}&historyTypes=labelAdded&historyTypes=labelRemoved")).await,
        nothing
    );
    assert_eq!(world.get(&format!("messages/{id}")).await["historyId"], json!(newest));
    // Mail for others is not in it.
    world.send_text("somebody@else.test", "Not ours", "").await;
    assert_eq!(world.newest_history().await, newest);
}

#[tokio::test]
async fn lists_come_in_pages_newest_first_and_new_mail_moves_nothing() {
    let world = World::start().await;
    for n in 0..5 {
        world.send_text("coalmine@sandbox.test", &format!("Mail {n}"), "").await;
    }
    let all = world.list("").await;
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");
    assert_eq!(world.list("q=subject:4").await, all[..1]);

    let first = world.get("messages?maxResults=2").await;
    assert_eq!(ids(&first["messages"]), all[..2]);
    world.send_text("coalmine@sandbox.test", "In between", "").await;
    let token = text(&first["nextPageToken"]);
    let second = world.get(&format!("messages?maxResults=2&pageToken={token}")).await;
    assert_eq!(ids(&second["messages"]), all[2..4]);
    let token = text(&second["nextPageToken"]);
    let third = world.get(&format!("messages?maxResults=2&pageToken={token}")).await;
    assert_eq!(ids(&third["messages"]), all[4..]);
    assert_eq!(third.get("nextPageToken"), None);
    // A page that is exactly full and the last has no token.
    assert_eq!(world.get("messages?maxResults=6").await.get("nextPageToken"), None);
    assert_eq!(world.list("labelIds=INBOX&labelIds=UNREAD").await.len(), 6);
    assert!(world.list("labelIds=INBOX&labelIds=STARRED").await.is_empty());
}

#[tokio::test]
async fn the_history_comes_in_pages_oldest_first() {
    let world = World::start().await;
    let start = world.newest_history().await;
    for n in 0..3 {
        world.send_text("coalmine@sandbox.test", &format!("Mail {n}"), "").await;
    }
    let newest = world.newest_history().await;
    let mut arrived = Vec::new();
    let mut page = format!("history?startHistoryId={start}&maxResults=1");
    for more in [true, true, false] {
        let answer = world.get(&page).await;
        assert_eq!(answer["historyId"], json!(newest));
        arrived.push(text(&answer["history"][0]["messages"][0]["id"]));
        assert_eq!(answer.get("nextPageToken").is_some(), more);
        if more {
            let token = text(&answer["nextPageToken"]);
            page = format!("history?startHistoryId={start}&maxResults=1&pageToken={token}");
        }
    }
    arrived.reverse();
    assert_eq!(arrived, world.list("").await);
    // The filter comes after the page: nothing on it, and yet there is more.
    let filtered = world.get(&format!("history?startHistoryId={start}&maxResults=1&labelId=SPAM")).await;
    assert!(filtered.get("history").is_none() && filtered["nextPageToken"].is_string(), "{filtered}");
}

#[tokio::test]
async fn a_history_that_is_too_old_or_never_was_is_not_found() {
    let mut world = World::start().await;
    let start = world.newest_history().await;
    world.send_text("coalmine@sandbox.test", "Old", "").await;
    let newest = world.newest_history().await;
    let not_found = not_found();
    let never = newest.parse::<u64>().unwrap() + 1;
    for never in ["1".to_owned(), never.to_string()] {
        assert_eq!(world.call(&format!("history?startHistoryId={never}")).await, not_found, "{never}");
    }
    world.clock.advance(SignedDuration::from_hours(6 * 24));
    world.refresh().await;
    world.get(&format!("history?startHistoryId={start}")).await;
    world.clock.advance(SignedDuration::from_hours(2 * 24));
    world.refresh().await;
    assert_eq!(world.call(&format!("history?startHistoryId={start}")).await, not_found);
    // From the newest id on nothing is missing, however old it is.
    assert_eq!(world.get(&format!("history?startHistoryId={newest}")).await, json!({ "historyId": newest }));
}

#[tokio::test]
async fn each_wrong_parameter_has_its_error() {
    let world = World::start().await;
    world.send_text("coalmine@sandbox.test", "Here", "").await;
    let id = world.list("").await.remove(0);
    let start = invalid("Missing/invalid parameter: startHistoryId");
    let unknown = "Invalid JSON payload received. Unknown name \"maxResult\": Cannot bind query parameter. Field \
                   'maxResult' could not be found in request message.";
    for (what, expected) in [
        ("history".to_owned(), start.clone()),
        ("history?startHistoryId=".to_owned(), start.clone()),
        ("history?startHistoryId=-5".to_owned(), start.clone()),
        (
            "history?startHistoryId=1000&historyTypes=frob".to_owned(),
            invalid("Invalid value at 'history_types' (TYPE_ENUM), \"frob\""),
        ),
        (
            "messages?maxResults=many".to_owned(),
            invalid("Invalid value at 'max_results' (TYPE_UINT32), \"many\""),
        ),
        (
            "messages?includeSpamTrash=2".to_owned(),
            invalid("Invalid value at 'includeSpamTrash' (TYPE_BOOL), \"2\""),
        ),
        ("messages?pageToken=next".to_owned(), invalid("Invalid pageToken")),
        ("messages/frob".to_owned(), invalid("Invalid id value")),
        ("messages/00000000000000000".to_owned(), invalid("Invalid id value")),
        (format!("messages/{id}?format=frob"), invalid("Invalid value at 'format' (TYPE_ENUM), \"frob\"")),
        (format!("messages/{id}/attachments/frob"), invalid("Invalid attachment token")),
        ("messages/0123456789abcdef".to_owned(), not_found()),
        ("messages?maxResult=5".to_owned(), refused(400, "badRequest", "INVALID_ARGUMENT", unknown)),
        ("messages?fields=a(b".to_owned(), invalid("Invalid field selection a(b")),
    ] {
        assert_eq!(world.call(&what).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_mail_with_parts_is_a_tree_that_decodes() {
    let world = World::start().await;
    let html = "<p>Bestätige mit <a href=\"https://product.test/c?x=1&amp;y=2\">4711</a></p>\r\n";
    let bytes: Vec<u8> = (0..=255).collect();
    let message = Message::builder()
        .from("Prüfer <signup@product.test>".parse().unwrap())
        .to("coalmine+tree@sandbox.test".parse().unwrap())
        .subject("Bestätigung für Sie")
        .multipart(
            MultiPart::mixed()
                .multipart(MultiPart::alternative_plain_html(
                    "Bestätige mit <4711> & Co\r\n".to_owned(),
                    html.to_owned(),
                ))
                .singlepart(
                    Attachment::new("alle bytes.bin".to_owned())
                        .body(bytes.clone(), ContentType::parse("application/octet-stream").unwrap()),
                ),
        )
        .unwrap();
    world.send(message).await;

    let id = world.list("").await.remove(0);
    let mail = world.get(&format!("messages/{id}")).await;
    assert_eq!(mail["threadId"], json!(id));
    assert_eq!(mail["snippet"], "Bestätige mit &lt;4711&gt; &amp; Co");
    assert_eq!(mail["sizeEstimate"], world.raw(&id).await.len());
    assert_eq!(mail.get("raw"), None);
    let root = &mail["payload"];
    assert_eq!((&root["partId"], &root["filename"]), (&json!(""), &json!("")));
    assert_eq!(root["mimeType"], "multipart/mixed");
    assert_eq!(root["body"], json!({ "size": 0 }));
    assert_eq!(header(&mail, "Subject"), "Bestätigung für Sie");
    assert_eq!(header(&mail, "From"), "Prüfer <signup@product.test>");
    let names: Vec<_> = root["headers"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
    assert_eq!(
        names[..5],
        ["Delivered-To", "Return-Path", "Received", "Received-SPF", "Authentication-Results"]
    );

    let alternative = &root["parts"][0];
    assert_eq!(
        (&alternative["partId"], &alternative["mimeType"]),
        (&json!("0"), &json!("multipart/alternative"))
    );
    let [plain, rich] = &alternative["parts"].as_array().unwrap()[..] else { panic!("{alternative}") };
    assert_eq!((&plain["partId"], &plain["mimeType"]), (&json!("0.0"), &json!("text/plain")));
    assert_eq!(decode(&plain["body"]["data"]), "Bestätige mit <4711> & Co\r\n");
    assert_eq!((&rich["partId"], &rich["mimeType"]), (&json!("0.1"), &json!("text/html")));
    assert_eq!(decode(&rich["body"]["data"]), html);
    assert_eq!(rich["body"]["size"], html.len());
    assert_eq!(rich.get("parts"), None);

    let file = &root["parts"][1];
    assert_eq!((&file["partId"], &file["filename"]), (&json!("1"), &json!("alle bytes.bin")));
    assert_eq!((&file["body"]["size"], file["body"].get("data")), (&json!(256), None));
    let attachment = text(&file["body"]["attachmentId"]);
    let fetched = world.get(&format!("messages/{id}/attachments/{attachment}")).await;
    assert_eq!(fetched, json!({ "size": 256, "data": URL_SAFE.encode(&bytes) }));
}

#[tokio::test]
async fn a_mail_of_one_part_has_its_body_at_the_root_in_its_own_charset() {
    let world = World::start().await;
    let mut client = world.connect().await;
    client.begin("coalmine@sandbox.test").await;
    let start = b"X-ODD-case: 1\r\nReceived: from inner\r\n\tby outer\r\nReceived: from innermost\r\n\
                  Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    client.write([start.as_slice(), b"caf\xe9\r\n.\r\n"].concat()).await;
    assert!(client.reply().await.starts_with("250"));

    let id = world.list("").await.remove(0);
    let root = world.get(&format!("messages/{id}")).await["payload"].take();
    assert_eq!(root.get("parts"), None);
    assert_eq!(URL_SAFE.decode(text(&root["body"]["data"])).unwrap(), b"caf\xe9\r\n");
    assert_eq!(root["body"]["size"], 6);
    let headers = root["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({ "name": "X-ODD-case", "value": "1" })), "{root}");
    let received: Vec<_> = headers.iter().filter(|one| one["name"] == "Received").collect();
    assert_eq!(received.len(), 3, "the host's own is on top");
    assert_eq!(received[1]["value"], "from inner\tby outer");
    assert_eq!(received[2]["value"], "from innermost");
}

#[tokio::test]
async fn a_forwarded_mail_shows_as_a_part_with_a_mail_inside() {
    let world = World::start().await;
    let message = Message::builder()
        .from("signup@product.test".parse().unwrap())
        .to("coalmine@sandbox.test".parse().unwrap())
        .subject("Outer")
        .multipart(
            MultiPart::mixed().singlepart(SinglePart::plain("See below".to_owned())).singlepart(
                SinglePart::builder()
                    .header(ContentType::parse("message/rfc822").unwrap())
                    .body("Subject: Inner\r\nContent-Type: text/html\r\n\r\n<b>Hello</b>\r\n".to_owned()),
            ),
        )
        .unwrap();
    world.send(message).await;
    let id = world.list("").await.remove(0);
    let forwarded = world.get(&format!("messages/{id}")).await["payload"]["parts"][1].take();
    assert_eq!(forwarded["mimeType"], "message/rfc822");
    let inner = &forwarded["parts"][0];
    assert_eq!((&inner["partId"], &inner["mimeType"]), (&json!("1.0"), &json!("text/html")));
    assert_eq!(inner["headers"][0], json!({ "name": "Subject", "value": "Inner" }));
    assert!(decode(&inner["body"]["data"]).starts_with("<b>Hello</b>"));
}

#[tokio::test]
async fn each_format_shows_its_share() {
    let world = World::start().await;
    world.send_text("coalmine@sandbox.test", "Formats", "Body").await;
    let id = world.list("").await.remove(0);

    let minimal = world.get(&format!("messages/{id}?format=minimal")).await;
    assert_eq!((minimal.get("payload"), minimal.get("raw")), (None, None));
    assert!(minimal["internalDate"].is_string() && minimal["historyId"].is_string());
    assert_eq!(minimal["snippet"], "Body");

    let metadata = world.get(&format!("messages/{id}?format=metadata")).await;
    assert_eq!(header(&metadata, "Subject"), "Formats");
    assert_eq!(metadata["payload"].get("body"), None);
    let two = format!("messages/{id}?format=METADATA&metadataHeaders=SUBJECT&metadataHeaders=Delivered-To");
    assert_eq!(
        world.get(&two).await["payload"]["headers"],
        json!([
            { "name": "Delivered-To", "value": "coalmine@sandbox.test" },
            { "name": "Subject", "value": "Formats" },
        ])
    );

    let raw = world.get(&format!("messages/{id}?format=raw")).await;
    assert_eq!(raw.get("payload"), None);
    assert!(decode(&raw["raw"]).ends_with("\r\n\r\nBody\r\n"));
}

#[tokio::test]
async fn where_there_is_no_method_there_is_a_page_for_people() {
    let world = World::start().await;
    for (verb, path) in [
        ("GET", "/gmail/v1/users/me/frobs"),
        ("GET", "/gmail/v1/users/me"),
        ("POST", "/gmail/v1/users/me/profile"),
        ("DELETE", "/gmail/v1/users/me/messages"),
        ("POST", "/upload/gmail/v1/users/me/labels"),
        ("GET", "/batch/gmail/v1"),
        ("GET", "/token"),
        ("GET", "/"),
    ] {
        let request = world.http.request(verb.parse().unwrap(), format!("{}{path}", world.root));
        let response = request.bearer_auth(&world.token).send().await.unwrap();
        assert_eq!(response.status(), 404, "{verb} {path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
        assert!(response.text().await.unwrap().contains(&format!("<code>{path}</code>")), "{verb} {path}");
    }
}

#[tokio::test]
async fn fields_picks_from_an_answer() {
    let world = World::start().await;
    for subject in ["One", "Two"] {
        world.send_text("coalmine@sandbox.test", subject, "").await;
    }
    let [two, one] = &world.list("").await[..] else { panic!("two mails were expected") };
    for (fields, expected) in [
        ("resultSizeEstimate", json!({ "resultSizeEstimate": 2 })),
        ("messages/id", json!({ "messages": [{ "id": two }, { "id": one }] })),
        ("messages(id)", json!({ "messages": [{ "id": two }, { "id": one }] })),
        (
            "messages/id,messages/threadId,nextPageToken",
            json!({ "messages": [
                { "id": two, "threadId": two }, { "id": one, "threadId": one },
            ]}),
        ),
        ("nothing", json!({})),
    ] {
        assert_eq!(world.get(&format!("messages?fields={fields}")).await, expected, "{fields}");
    }
    let all = world.get("messages").await;
    assert_eq!(world.get("messages?fields=*&prettyPrint=false&alt=json").await, all);
    let subject = "format=metadata&fields=payload(headers/value)&metadataHeaders=Subject";
    let expected = json!({ "payload": { "headers": [{ "value": "One" }] } });
    assert_eq!(world.get(&format!("messages/{one}?{subject}")).await, expected);
}
