use jiff::SignedDuration;

use super::*;
use crate::inbox::Mail;

fn mail(raw: &str) -> Mail {
    Mail::parse(raw.replace('\n', "\r\n").as_bytes(), &["INBOX", "CATEGORY_PROMOTIONS"])
}

const WAY: &str = "Received: by 2002:a05:6214:1a03 with SMTP id k3csp1; Mon, 30 Nov 2026 02:00:09 -0800 (PST)\n\
    Received: from out.shop.test (out.shop.test. [192.0.2.7])\n        by mx.google.com with ESMTPS id q1\n        \
    for <me@x.test>\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\n        \
    Mon, 30 Nov 2026 02:00:08 -0800 (PST)\n\
    Received: from app-1 (app-1 [10.0.0.1]) by out.shop.test (Postfix) with ESMTP id 9; Mon, 30 Nov 2026 10:00:05 +0000\n\
    Date: Mon, 30 Nov 2026 10:00:02 +0000\n";

#[test]
fn the_way_is_read_from_its_beginning() {
    let mail = mail(&format!("{WAY}Subject: x\n\nhello"));
    let [first, second, last] = mail.hops() else { panic!("{:?}", mail.hops()) };
    assert_eq!((first.from.as_deref(), first.by.as_deref()), (Some("app-1"), Some("out.shop.test")));
    assert_eq!((first.protocol.as_deref(), first.tls.as_deref()), (Some("ESMTP"), None));
    assert_eq!((second.by.as_deref(), second.protocol.as_deref()), (Some("mx.google.com"), Some("ESMTPS")));
    assert_eq!(second.tls.as_deref(), Some("TLSv1.3"));
    assert_eq!(last.at, Some("2026-11-30T10:00:09Z".parse().unwrap()));
    // A kept mail was received when the last host says, and awaited since its own date.
    let split = mail.delivery_split().unwrap();
    assert_eq!(split.sending, SignedDuration::from_secs(3));
    assert_eq!(split.transit, SignedDuration::from_secs(4));
    assert_eq!(mail.delivery(), SignedDuration::from_secs(7));
}

#[test]
fn a_way_without_times_has_no_parts() {
    assert_eq!(mail("Received: from a by b; never\nSubject: x\n\n").delivery_split(), None);
    let odd = mail("Received: from a by b; Mon, 99 Foo 2026 77:00:00 +0000\nSubject: x\n\n");
    assert_eq!(odd.delivery_split(), None);
    // A host whose clock is ahead makes the rest negative, which is no failure.
    let ahead = WAY.replace("10:00:05", "10:01:05");
    assert_eq!(mail(&ahead).delivery_split().unwrap().transit, SignedDuration::from_secs(-56));
}

#[test]
fn attachments_are_what_is_not_shown() {
    let mail = mail(
        "Subject: x\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\nhello\n--o\n\
         Content-Type: application/pdf; name=\"=?utf-8?Q?Rechnung_=C3=84.pdf?=\"\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: attachment\n\nJVBERg==\n--o\nContent-Disposition: attachment; filename*=utf-8''%c3%a4.txt\n\
         Content-Type: text/plain; charset=iso-8859-1\n\n\u{e4}\n--o\nContent-Type: message/rfc822\n\nSubject: inner\n\n\
         482913\n--o--\n",
    );
    let [file, text, inner] = mail.attachments() else { panic!("{:?}", mail.attachments()) };
    assert_eq!(
        (file.name.as_deref(), file.content_type.as_str()),
        (Some("Rechnung Ä.pdf"), "application/pdf")
    );
    assert_eq!(file.bytes, b"%PDF");
    assert_eq!(text.name.as_deref(), Some("ä.txt"));
    assert_eq!(inner.content_type, "message/rfc822");
    assert_eq!(inner.bytes.trim_ascii(), b"Subject: inner\r\n\r\n482913");
    assert_eq!(mail.text().map(str::trim), Some("hello"));
    assert!(mail.code(6).is_err(), "a mail inside has no word in it");
    assert!(format!("{file:?}").contains("size: 4"));
}

#[test]
fn a_code_in_the_subject_is_not_shown() {
    for (subject, shown) in [
        ("482913 is your code", "###### is your code"),
        ("Code: 4829-1234, 15 minutes, room 101", "Code: ####-####, 15 minutes, room 101"),
        ("Best\u{e4}tigen 2026", "Best\u{e4}tigen ####"),
        ("Confirm", "Confirm"),
    ] {
        let mail = mail(&format!("Subject: {subject}\n\n"));
        assert_eq!(mail.to_string(), format!("the mail `{shown}`"));
        assert_eq!(mail.subject(), subject);
        assert!(format!("{mail:?}").contains(shown));
    }
}

#[test]
fn what_is_beside_the_text_is_read_too() {
    let mail = mail(
        "From: Shop <a@shop.test>\nReply-To: Help <h@shop.test>, i@shop.test\nSubject: x\n\
         List-Unsubscribe: <mailto:u@shop.test>,\n <https://shop.test/u?x=1>\n\nhello",
    );
    assert_eq!(mail.reply_to(), ["h@shop.test", "i@shop.test"]);
    assert_eq!(mail.list_unsubscribe(), ["mailto:u@shop.test", "https://shop.test/u?x=1"]);
    assert!(mail.is_promotion() && mail.folder() == Folder::Inbox);
    let plain = Mail::parse(b"From: a@shop.test\r\n\r\n", &[]);
    assert_eq!(plain.reply_to(), ["a@shop.test"]);
    assert!(plain.list_unsubscribe().is_empty() && !plain.is_promotion());
    assert_eq!(plain.authentication(), None);
}

#[test]
fn a_mail_that_the_parser_was_not_prepared_for_cannot_be_read() {
    // It breaks an assertion of the parser's own: the panic's text below is its.
    let raw = b"Content-Type:multipart;boundary=o\n\n--oContent-Type:message/rfc822\n\nContent-Type:message/rfc822\n\n\n--o--";
    let mail = Mail::parse(raw, &[]);
    assert_eq!((mail.text(), mail.html(), mail.headers().len()), (None, None, 0));
    assert!(mail.ensure_well_formed().is_err());
}
