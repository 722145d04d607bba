//! The language of `q`.

use jiff::SignedDuration;
use lettre::{
    Message,
    message::{Attachment, MultiPart, SinglePart, header::ContentType},
};
use serde_json::json;

use super::{World, granting, text};

#[tokio::test]
async fn words_and_operators_find_what_they_name() {
    let world = World::start().await;
    let long = Message::builder()
        .from("Bäcker <orders@bakery.test>".parse().unwrap())
        .to("coalmine+bread@sandbox.test".parse().unwrap())
        .cc("boss@sandbox.test".parse().unwrap())
        .subject("Grüße: Rye-Bread is ready")
        .message_id(Some("<m1@bakery.test>".to_owned()))
        .body("Ready for pick-up at noon. Token abc123XYZ\r\n".to_owned())
        .unwrap();
    world.send(long).await;
    world.send_text("coalmine+code@sandbox.test", "Confirm your address", "The code is 4711").await;
    let (bread, confirm) = ("Grüße: Rye-Bread is ready", "Confirm your address");
    let both = vec![confirm, bread];
    for (q, expected) in [
        ("", both.clone()),
        ("from:orders@bakery.test", vec![bread]),
        ("from:bakery", vec![bread]),
        ("from:bäcker", vec![bread]),
        ("to:coalmine+code@sandbox.test", vec![confirm]),
        ("to:sandbox.test", both.clone()),
        ("to:boss@sandbox.test", vec![bread]),
        // No alias expansion: the address without its tag is another one.
        ("to:coalmine@sandbox.test", vec![]),
        ("deliveredto:Coalmine+Bread@sandbox.test", vec![bread]),
        ("deliveredto:sandbox.test", vec![]),
        ("cc:boss", vec![bread]),
        ("subject:confirm", vec![confirm]),
        ("subject:CONFIRM,", vec![confirm]),
        ("subject:confir", vec![]),
        ("subject:grüße", vec![bread]),
        ("subject:rye bread", vec![bread]),
        ("subject:(ready bread)", vec![bread]),
        ("subject:\"ready bread\"", vec![]),
        ("subject:\"rye bread\"", vec![bread]),
        ("subject:{confirm ready}", both.clone()),
        ("subject:noon", vec![]),
        ("noon", vec![bread]),
        ("abc123xyz", vec![bread]),
        ("\"code is 4711\"", vec![confirm]),
        ("\"is code 4711\"", vec![]),
        ("code -from:bakery", vec![confirm]),
        ("-subject:confirm", vec![bread]),
        ("from:bakery OR from:product", both.clone()),
        ("from:bakery OR from:product subject:confirm", vec![confirm]),
        ("{from:bakery subject:confirm} -4711", vec![bread]),
        ("(from:bakery noon) in:inbox", vec![bread]),
        ("in:anywhere", both.clone()),
        ("in:spam", vec![]),
        ("is:unread label:inbox", both.clone()),
        ("is:read", vec![]),
        ("category:primary", both.clone()),
        ("rfc822msgid:<m1@bakery.test>", vec![bread]),
        ("larger:1M", vec![]),
        ("smaller:1M", both.clone()),
        ("nonsense:noon", vec![]),
        (")(\"", both.clone()),
    ] {
        assert_eq!(world.search(q).await, expected, "{q}");
    }
}

#[tokio::test]
async fn times_are_those_of_arrival_by_the_clock_of_the_sandbox() {
    let mut world = World::start().await;
    let start = world.clock.now().as_second();
    world.send_text("coalmine@sandbox.test", "Old", "").await;
    world.clock.advance(SignedDuration::from_hours(3 * 24));
    world.refresh().await;
    world.send_text("coalmine@sandbox.test", "New", "").await;
    let between = start + 3600;
    for (q, expected) in [
        (format!("after:{start}"), vec!["New", "Old"]),
        (format!("after:{between}"), vec!["New"]),
        (format!("before:{between}"), vec!["Old"]),
        (format!("after:{between} before:{between}"), vec![]),
        ("newer_than:2d".to_owned(), vec!["New"]),
        ("older_than:2d".to_owned(), vec!["Old"]),
        ("newer_than:1m older_than:1d".to_owned(), vec!["Old"]),
        ("newer_than:1y".to_owned(), vec!["New", "Old"]),
        ("after:2020/01/31 before:2100-01-31".to_owned(), vec!["New", "Old"]),
        ("before:2020/01/31".to_owned(), vec![]),
    ] {
        assert_eq!(world.search(&q).await, expected, "{q}");
    }
}

#[tokio::test]
async fn operators_know_labels_attachments_and_lists() {
    let world = World::start_with(granting(&["modify"])).await;
    world.send_text("coalmine@sandbox.test", "Plain", "").await;
    let plain = world.list("").await.remove(0);
    let with_file = Message::builder()
        .from("signup@product.test".parse().unwrap())
        .to("coalmine@sandbox.test".parse().unwrap())
        .subject("Invoice")
        .multipart(
            MultiPart::mixed().singlepart(SinglePart::plain("See below".to_owned())).singlepart(
                Attachment::new("Your Bill-2026.pdf".to_owned())
                    .body(vec![1, 2, 3], ContentType::parse("application/pdf").unwrap()),
            ),
        )
        .unwrap();
    world.send(with_file).await;
    let invoice = world.list("").await.remove(0);
    let mut client = world.connect().await;
    client.begin("coalmine@sandbox.test").await;
    client.write("Subject: Digest\r\nList-Id: Our news <news.product.test>\r\n\r\nHello\r\n.\r\n").await;
    assert!(client.reply().await.starts_with("250"));
    let digest = world.list("").await.remove(0);

    let label = world.done("POST", "labels", json!({ "name": "Canary runs/Run 7" })).await;
    let change = |id: &str| format!("messages/{id}/modify");
    let (read, starred) = (json!({ "removeLabelIds": ["UNREAD"] }), json!({ "addLabelIds": ["STARRED"] }));
    world.done("POST", &change(&plain), read).await;
    world.done("POST", &change(&invoice), starred).await;
    world.done("POST", &change(&digest), json!({ "addLabelIds": [text(&label["id"])] })).await;
    let spam = json!({ "addLabelIds": ["SPAM"], "removeLabelIds": ["INBOX"] });
    world.send_text("coalmine@sandbox.test", "Cheap", "").await;
    world.done("POST", &change(&world.list("").await.remove(0)), spam).await;
    world.send_text("coalmine@sandbox.test", "Binned", "").await;
    world.done("POST", &format!("messages/{}/trash", world.list("").await.remove(0)), json!(null)).await;

    for (q, expected) in [
        ("is:read", vec!["Plain"]),
        ("is:unread", vec!["Digest", "Invoice"]),
        ("is:starred", vec!["Invoice"]),
        ("-is:starred is:unread", vec!["Digest"]),
        ("has:attachment", vec!["Invoice"]),
        ("filename:pdf", vec!["Invoice"]),
        ("filename:bill-2026.pdf", vec!["Invoice"]),
        ("filename:\"your bill\"", vec!["Invoice"]),
        ("filename:txt", vec![]),
        ("list:news.product.test", vec!["Digest"]),
        ("list:product.test", vec!["Digest"]),
        ("list:other.test", vec![]),
        ("label:canary-runs-run-7", vec!["Digest"]),
        ("label:\"Canary runs/Run 7\"", vec!["Digest"]),
        // By its name, not by its id.
        ("label:label_1", vec![]),
        ("label:starred", vec!["Invoice"]),
        ("label:nowhere", vec![]),
        ("in:inbox", vec!["Digest", "Invoice", "Plain"]),
        ("in:spam", vec!["Cheap"]),
        ("in:trash", vec!["Binned"]),
        ("in:sent", vec![]),
        ("in:anywhere is:unread", vec!["Binned", "Cheap", "Digest", "Invoice"]),
        ("{in:trash in:spam}", vec!["Binned", "Cheap"]),
        ("newer_than:1d", vec!["Digest", "Invoice", "Plain"]),
    ] {
        assert_eq!(world.search(q).await, expected, "{q}");
    }
}
