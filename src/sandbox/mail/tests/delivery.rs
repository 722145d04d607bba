//! Mail in: what the relay answers, and what reaches which mailbox.

use lettre::Message;

use super::{World, header, text};
use crate::mail::smtp::MAX_SIZE;

#[tokio::test]
async fn a_mail_arrives_byte_for_byte_below_the_headers_of_the_host() {
    let world = World::start().await;
    let message = Message::builder()
        .from("Product <signup@product.test>".parse().unwrap())
        .to("Coalmine+Run7@sandbox.test".parse().unwrap())
        .subject("Confirm")
        .body("Your code: 123456\r\n.\r\n..and a dot\r\n".to_owned())
        .unwrap();
    // The client ends the last line itself, whether or not it has an end.
    let sent = String::from_utf8(message.formatted()).unwrap() + "\r\n";
    world.send(message).await;

    let [id] = &world.list("").await[..] else { panic!("one mail was expected") };
    let raw = world.raw(id).await;
    let (added, kept) = raw.split_at(raw.len() - sent.len());
    assert_eq!(kept, sent);
    assert!(added.starts_with("Delivered-To: Coalmine+Run7@sandbox.test\r\n"), "{added}");
    assert!(added.ends_with("\r\n") && !added.contains("\r\n\r\n"), "{added}");
    assert_eq!(world.service.delivered("coalmine+run7@SANDBOX.test"), [raw.into_bytes()]);
    assert!(world.service.delivered("coalmine@sandbox.test").is_empty(), "the tag is part of the address");

    let mail = world.get(&format!("messages/{id}")).await;
    assert_eq!(header(&mail, "Return-Path"), "<signup@product.test>");
    let results = header(&mail, "Authentication-Results");
    for verdict in [
        "mx.google.com;",
        "dkim=pass header.i=@product.test",
        "spf=pass (google.com: domain of signup@product.test designates 127.0.0.1 as permitted sender)",
        "smtp.mailfrom=signup@product.test",
        "dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=product.test",
    ] {
        assert!(results.contains(verdict), "{results}");
    }
    let received = header(&mail, "Received");
    assert!(received.contains("by mx.google.com with ESMTP id"), "{received}");
    let date = received.rsplit_once(';').unwrap().1.trim();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_second();
    let internal: i64 = text(&mail["internalDate"]).parse().unwrap();
    assert_eq!(date, internal / 1000);
}

#[tokio::test]
async fn each_recipient_gets_a_copy_in_its_own_mailbox() {
    let world = World::start().await;
    let message = Message::builder()
        .from("signup@product.test".parse().unwrap())
        .to("coalmine+a@sandbox.test".parse().unwrap())
        .cc("coalmine+b@sandbox.test".parse().unwrap())
        .bcc("somebody+c@else.test".parse().unwrap())
        .subject("To three")
        .body(String::new())
        .unwrap();
    world.send(message).await;

    assert_eq!(world.list("").await.len(), 2);
    assert_eq!(world.search("deliveredto:coalmine+b@sandbox.test").await, ["To three"]);
    assert_eq!(world.service.delivered("somebody+c@else.test").len(), 1);
    assert!(world.service.delivered("somebody@else.test").is_empty());
    // The same local part at another domain is somebody else.
    world.send_text("coalmine@else.test", "Astray", "").await;
    assert_eq!(world.list("").await.len(), 2);
    assert_eq!(world.service.delivered("coalmine@else.test").len(), 1);
}

#[tokio::test]
async fn dots_are_unstuffed_on_every_line() {
    let world = World::start().await;
    let mut client = world.connect().await;
    for (sent, kept) in [
        ("Subject: x\r\n\r\n..\r\n...\r\na.\r\n.. b\r\n.\r\n", "Subject: x\r\n\r\n.\r\n..\r\na.\r\n. b\r\n"),
        ("..first\r\n.\r\n", ".first\r\n"),
        (".\r\n", ""),
        // Only CR LF ends a line: nothing can be smuggled past a relay that sees it otherwise.
        ("a\n.\nMAIL FROM:<b@c.test>\r\n.\r\n", "a\n.\nMAIL FROM:<b@c.test>\r\n"),
    ] {
        client.begin("coalmine@sandbox.test").await;
        client.write(sent).await;
        assert!(client.reply().await.starts_with("250 2.0.0 OK"));
        let mails = world.service.delivered("coalmine@sandbox.test");
        let last = String::from_utf8(mails.last().unwrap().clone()).unwrap();
        let (_, below) = last.split_once("header.from=product.test\r\n").unwrap();
        assert_eq!(below, kept, "sent {sent:?}");
    }
}

#[tokio::test]
async fn commands_out_of_order_or_unheard_of_are_refused_and_harm_nothing() {
    let world = World::start().await;
    let mut client = world.connect().await;
    for (line, expected) in [
        ("MAIL FROM:<a@b.test>", "503 5.5.1"),
        ("HELO client.test", "250 mx.google.com"),
        ("EHLO client.test", "250 SMTPUTF8"),
        ("EHLO", "501 5.5.4"),
        ("RCPT TO:<a@b.test>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("FROB", "500 5.5.1"),
        ("", "500 5.5.1"),
        ("AUTH FROB QUIT", "502 5.5.1"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("LHLO client.test", "500 5.5.1"),
        ("HELP", "214 2.0.0"),
        ("MAIL FROM:nobody", "501 5.5.4"),
        ("MAIL FROM:<no at sign>", "553 5.1.7"),
        ("MAIL FROM:<a@b.test> FROB=1", "555 5.5.4"),
        ("MAIL FROM:<a@b.test> BODY=8BITMIME SIZE=100", "250 2.1.0"),
        ("MAIL FROM:<a@b.test>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("RCPT TO:<nobody>", "553 5.1.3"),
        ("RCPT TO:<coalmine@sandbox.test>", "250 2.1.5"),
        ("NOOP", "250 2.0.0"),
        ("VRFY coalmine", "252 2.1.5"),
        ("STARTTLS", "502 5.5.1"),
        ("RSET", "250 2.1.5"),
        ("DATA", "503 5.5.1"),
    ] {
        let reply = client.say(line).await;
        assert!(reply.starts_with(expected), "{line}: {reply}");
    }
    let long = "X".repeat(100_000);
    assert_eq!(client.say(&long).await, "500 5.5.6 Line too long");
    assert_eq!(client.say("QUIT").await, "221 2.0.0 Closing connection");
    assert!(client.at_end().await);
    assert!(world.list("").await.is_empty());
}

#[tokio::test]
async fn a_chunk_that_was_not_offered_is_never_read_as_commands() {
    let world = World::start().await;
    let mut client = world.connect().await;
    client.say("EHLO client.test").await;
    client.write("BDAT 20 LAST\r\nMAIL FROM:<a@b.c>\r\n").await;
    assert!(client.reply().await.starts_with("502 5.5.1"));
    assert!(client.at_end().await);
}

#[tokio::test]
async fn a_whole_conversation_may_come_in_one_piece_or_in_single_bytes() {
    let world = World::start().await;
    let conversation = "EHLO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<coalmine+p@sandbox.test>\r\nDATA\r\n\
                        Subject: Pipelined\r\n\r\nHello\r\n.\r\nQUIT\r\n";
    let mut whole = world.connect().await;
    whole.write(conversation).await;
    let mut slow = world.connect().await;
    for byte in conversation.bytes() {
        slow.write([byte]).await;
    }
    for client in [&mut whole, &mut slow] {
        for expected in
            ["250 SMTPUTF8", "250 2.1.0 OK", "250 2.1.5 OK", "354 Go ahead", "250 2.0.0 OK", "221"]
        {
            let reply = client.reply().await;
            assert!(reply.starts_with(expected), "{reply}");
        }
        assert!(client.at_end().await);
    }
    assert_eq!(world.service.delivered("coalmine+p@sandbox.test").len(), 2);
    assert_eq!(world.search("subject:pipelined").await.len(), 2);
}

#[tokio::test]
async fn a_client_that_stops_halfway_leaves_nothing_and_delays_nobody() {
    let world = World::start().await;
    let mut silent = world.connect().await;
    silent.write("EHL").await;
    let mut halfway = world.connect().await;
    halfway.begin("coalmine@sandbox.test").await;
    halfway.write("Subject: Half\r\n\r\nNot all of").await;

    world.send_text("coalmine@sandbox.test", "Whole", "All of it").await;
    assert_eq!(world.search("in:anywhere").await, ["Whole"]);
    drop(halfway);
    world.send_text("coalmine@sandbox.test", "Another", "All of it").await;
    assert_eq!(world.search("in:anywhere").await, ["Another", "Whole"]);
    silent.write("O client.test\r\n").await;
    assert_eq!(silent.reply().await, "250 SMTPUTF8");
}

#[tokio::test]
async fn ten_clients_at_once_lose_nothing() {
    let world = World::start().await;
    let mut clients = Vec::new();
    // All are in the middle of their mail before the first of them ends it.
    for n in 0..10 {
        let mut client = world.connect().await;
        client.begin(&format!("coalmine+{n}@sandbox.test")).await;
        clients.push(client);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        client.write(format!("Subject: Mail {n}\r\n\r\nHello\r\n.\r\n")).await;
    }
    for client in &mut clients {
        assert!(client.reply().await.starts_with("250 2.0.0 OK"));
    }
    let mut ids = world.list("").await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    for n in 0..10 {
        let mails = world.service.delivered(&format!("coalmine+{n}@sandbox.test"));
        assert_eq!(mails.len(), 1);
        assert!(String::from_utf8_lossy(&mails[0]).contains(&format!("Subject: Mail {n}\r\n")));
    }
}

#[tokio::test]
async fn a_mail_over_the_limit_is_refused_when_announced_and_when_sent() {
    let world = World::start().await;
    let mut client = world.connect().await;
    client.say("EHLO client.test").await;
    let announced = client.say(&format!("MAIL FROM:<a@b.test> SIZE={}", MAX_SIZE + 1)).await;
    assert!(announced.starts_with("552 5.3.4"), "{announced}");

    let line = format!("{}\r\n", "x".repeat(1022));
    let fits = line.repeat(MAX_SIZE / line.len());
    client.begin("coalmine@sandbox.test").await;
    client.write(format!("{fits}y\r\n.\r\n")).await;
    let sent = client.reply().await;
    assert!(sent.starts_with("552 5.3.4"), "{sent}");
    assert!(world.list("").await.is_empty());

    // The conversation goes on, and a mail of exactly the limit is taken.
    client.begin("coalmine@sandbox.test").await;
    client.write(format!("{fits}.\r\n")).await;
    assert!(client.reply().await.starts_with("250 2.0.0 OK"));
    assert_eq!(world.list("").await.len(), 1);
}

#[tokio::test]
async fn lost_mail_is_acknowledged_and_kept_nowhere() {
    let world = World::start().await;
    world.faults.switch("mail_lost", true).unwrap();
    world.send_text("coalmine+x@sandbox.test", "Lost", "").await;
    assert!(world.service.delivered("coalmine+x@sandbox.test").is_empty());
    assert!(world.list("includeSpamTrash=true").await.is_empty());

    world.faults.switch("mail_lost", false).unwrap();
    world.send_text("coalmine+x@sandbox.test", "Found", "").await;
    assert_eq!(world.search("in:anywhere").await, ["Found"]);
}

#[tokio::test]
async fn mail_taken_for_spam_is_filed_there() {
    let world = World::start().await;
    let before = world.newest_history().await;
    world.faults.switch("mail_spam", true).unwrap();
    world.send_text("coalmine@sandbox.test", "Cheap", "").await;

    assert!(world.list("").await.is_empty());
    assert!(world.search("subject:cheap in:inbox").await.is_empty());
    assert_eq!(world.search("subject:cheap in:spam").await, ["Cheap"]);
    assert_eq!(world.search("in:anywhere").await, ["Cheap"]);
    let [id] = &world.list("includeSpamTrash=true").await[..] else { panic!("one mail was expected") };
    assert_eq!(world.list("labelIds=SPAM").await, std::slice::from_ref(id));
    let mail = world.get(&format!("messages/{id}?format=minimal")).await;
    assert_eq!(mail["labelIds"], serde_json::json!(["UNREAD", "SPAM"]));
    // The history shows it wherever it was filed.
    let history = world.get(&format!("history?startHistoryId={before}")).await;
    assert_eq!(history["history"][0]["messagesAdded"][0]["message"]["labelIds"], mail["labelIds"]);
}

#[tokio::test]
async fn no_bytes_stop_the_relay() {
    let world = World::start().await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let nested = b"Content-Type: message/rfc822\r\n\r\n".repeat(190);
    for (first, text) in [
        (b"MAIL FROM:<".repeat(2_000), "a".repeat(50_000).into_bytes()),
        (every_byte.repeat(300), every_byte.repeat(300)),
        (b"\r\n\n\r\r\n".to_vec(), b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n----".to_vec()),
        (b"EHLO \xff\xfe\r\nMAIL FROM:<\"\r".to_vec(), nested.clone()),
    ] {
        let mut client = world.connect().await;
        client.write([first.as_slice(), b"\r\nVRFY end-of-rubbish\r\n"].concat()).await;
        while !client.reply().await.starts_with("252") {}
        client.say("RSET").await;
        client.begin("coalmine@sandbox.test").await;
        client.write([text.as_slice(), b"\r\n.\r\n"].concat()).await;
        assert!(client.reply().await.starts_with("250 2.0.0 OK"));
    }
    let mut client = world.connect().await;
    client.begin("coalmine@sandbox.test").await;
    client.write([nested.repeat(1_000).as_slice(), b"\r\n.\r\n"].concat()).await;
    assert_eq!(client.reply().await, "554 5.6.0 The mail has too many parts");
    let ids = world.list("").await;
    assert_eq!(ids.len(), 4);
    for id in ids {
        world.get(&format!("messages/{id}")).await;
    }
}
