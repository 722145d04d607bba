//! Reading mails, from raw bytes.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    html,
    mail::{Content, Folder, Mail},
    reader::tags_in,
    reading,
};
use crate::redact::Redactor;

fn mail(raw: &str) -> Mail {
    mail_of_bytes(raw.replace('\n', "\r\n").as_bytes())
}

fn mail_of_bytes(raw: &[u8]) -> Mail {
    let content = Content::read(raw, vec!["INBOX".to_owned()], Timestamp::UNIX_EPOCH);
    Mail::new(Arc::new(content), Timestamp::UNIX_EPOCH, Redactor::new())
}

fn text_mail(text: &str) -> Mail {
    mail(&format!("Subject: Confirm\nContent-Type: text/plain; charset=utf-8\n\n{text}"))
}

fn html_mail(html: &str) -> Mail {
    mail(&format!("Subject: Confirm\nContent-Type: text/html; charset=utf-8\n\n{html}"))
}

fn both(text: &str, html: &str) -> Mail {
    mail(&format!(
        "Subject: Confirm\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\n{text}\n--b\nContent-Type: text/html\n\n{html}\n--b--\n"
    ))
}

#[track_caller]
fn check_code(mail: &Mail, code: &str) {
    assert_eq!(mail.code(6).unwrap().expose(), code);
}

#[track_caller]
fn check_no_code(mail: &Mail, says: &str) {
    let failure = mail.code(6).unwrap_err();
    assert!(failure.message.contains(says), "{failure}");
    assert!(failure.message.contains("`Confirm`"), "{failure}");
    assert!(!failure.to_string().contains("48291"), "{failure}");
}

#[test]
fn headers_are_decoded_and_kept() {
    let mail = mail(
        "Received: from a\n\tby b\nReceived: from c by d\nFrom: Shop <no-reply@shop.test>\nTo: a@x.test, B <b@x.test>\n\
         Subject: =?utf-8?Q?Best=C3=A4tigen?=\nX-Odd: 1\n\nhello\n",
    );
    assert_eq!(mail.from(), "no-reply@shop.test");
    assert_eq!(mail.to(), ["a@x.test", "b@x.test"]);
    assert_eq!(mail.subject(), "Bestätigen");
    assert_eq!(mail.header("x-odd"), Some("1"));
    assert_eq!(mail.header("received"), Some("from a\tby b"));
    assert_eq!(mail.headers().iter().filter(|(name, _)| name == "Received").count(), 2);
    assert_eq!(mail.text().map(str::trim), Some("hello"));
    assert_eq!(mail.html(), None);
    assert_eq!(mail.folder(), Folder::Inbox);
}

#[test]
fn folders_come_from_labels() {
    for (labels, folder) in [
        (vec!["UNREAD", "SPAM"], Folder::Spam),
        (vec!["TRASH", "INBOX"], Folder::Trash),
        (vec!["INBOX", "CATEGORY_PROMOTIONS"], Folder::Inbox),
        (vec!["Label_1"], Folder::Archive),
    ] {
        let labels = labels.into_iter().map(str::to_owned).collect();
        assert_eq!(Content::read(b"", labels, Timestamp::UNIX_EPOCH).folder, folder);
    }
}

#[test]
fn a_mail_from_the_future_or_the_past_has_a_delivery_time() {
    let content = Arc::new(Content::read(b"", Vec::new(), Timestamp::UNIX_EPOCH));
    let later = Timestamp::from_second(3).unwrap();
    assert_eq!(Mail::new(content, later, Redactor::new()).delivery().as_secs(), -3);
}

#[test]
fn a_code_is_found_in_every_encoding() {
    check_code(&text_mail("Your code is\n\n 482913 \n\nIt lasts 15 minutes.\n"), "482913");
    check_code(&mail("Subject: Confirm\n\n482913"), "482913");
    check_code(&html_mail("<p>Your code is <b>482913</b></p>"), "482913");
    check_code(&both("Your code:\n482913", "<p>Your code: <b>482913</b>.</p>"), "482913");
    check_code(
        &mail(
            "Subject: Confirm\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
             Ihr Best=C3=A4tigungscode ist 48=\n2913.\n",
        ),
        "482913",
    );
    check_code(
        &mail(
            "Subject: Confirm\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n\
             PHA+WW91ciBjb2RlIGlzIDxiPjQ4MjkxMzwvYj48L3A+\n",
        ),
        "482913",
    );
    check_code(
        &mail(
            "Subject: Confirm\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\
             Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: multipart/alternative; boundary=a\n\n\
             --a\nContent-Type: text/plain\n\nCode: 482913\n--a\nContent-Type: text/html\n\n<i>482913</i>\n--a--\n\
             --r--\n--o\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n111111\n--o--\n",
        ),
        "482913",
    );
}

#[test]
fn a_line_of_its_own_goes_before_a_word() {
    check_code(&text_mail("Order 111111 is waiting.\n482913\nAsk 222222 for help."), "482913");
    check_code(&html_mail("<p>Order 111111</p><table><tr><td>482913</td></tr></table>"), "482913");
}

#[test]
fn only_whole_words_are_codes() {
    for text in
        ["x482913", "4829131", "482913.50", "1,482913", "2026-482913", "?code=482913", "#482913", "/482913/x"]
    {
        assert!(reading::codes(text, 6).is_empty(), "{text}");
    }
    for text in
        ["(482913)", "code:482913", "*482913*", "is 482913.", "482913, then", "\"482913\"", "4829\u{ad}13!"]
    {
        assert_eq!(reading::codes(text, 6).into_iter().collect::<Vec<_>>(), ["482913"], "{text}");
    }
    assert!(reading::codes("482913", 0).is_empty());
    assert!(reading::codes("٤٨٢٩١٣", 6).is_empty(), "digits are 0 to 9");
}

#[test]
fn no_code_several_codes_and_different_codes_are_told_apart() {
    check_no_code(
        &text_mail("Welcome!"),
        "expected a code of 6 digits in the mail `Confirm`, found none in its text",
    );
    check_no_code(&html_mail("Welcome!"), "found none in its HTML");
    check_no_code(&both("Welcome!", "<p>Welcome!"), "found none in text and HTML");
    check_no_code(&text_mail("482913\n482914"), "found 2 different ones in its text");
    check_no_code(&html_mail("<p>482913 or 482914"), "found 2 different ones in its HTML");
    check_no_code(&both("482913", "<p>482914"), "the same code of 6 digits in both parts");
    check_code(&text_mail("482913\n482913"), "482913");
    check_code(&both("482913", "<p>482913</p><p>Box 111111</p>"), "482913");
    check_code(&both("See the HTML part.", "<p>482913"), "482913");
}

#[test]
fn a_code_is_redacted_from_then_on() {
    let redactor = Redactor::new();
    let content = Content::read(b"Subject: Confirm\r\n\r\n482913", Vec::new(), Timestamp::UNIX_EPOCH);
    let mail = Mail::new(Arc::new(content), Timestamp::UNIX_EPOCH, redactor.clone());
    mail.code(6).unwrap();
    assert_eq!(redactor.clean("it was 482913"), "it was [redacted]");
    assert!(!format!("{mail:?}").contains("482913"));
}

#[test]
fn html_is_read_as_it_is_shown() {
    let page = html::read(
        "<html><head><title>111111</title><style>.a{width:222222px}</style></head><!-- 333333 --><body>\n\
         <p>4&#56;2&#x39;1<span>3</span></p>a&nbsp;&amp;&lt;b&gt;<br>c < d<script>444444</script>\
         <a href='https://x.test/?a=1&amp;b=2' title=\"a>b\">x</a><a name=n>y</a><A HREF=https://y.test/>z</A>",
    );
    let lines: Vec<_> = page.text.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    assert_eq!(lines, ["482913", "a &<b>", "c < d", "xyz"]);
    assert_eq!(page.links, ["https://x.test/?a=1&b=2", "https://y.test/"]);
}

#[test]
fn source_line_breaks_are_no_lines_in_html() {
    assert_eq!(html::read("Order\n111111\nis <b>here</b>").text, "Order 111111 is here");
}

const LINK: &str = "https://shop.test/accept-invite?code=abcdef123&team=t%20x";

#[test]
fn a_link_is_found_in_text_and_html() {
    let escaped = LINK.replace('&', "&amp;");
    let text = format!("Join ({LINK}). Or see https://shop.test/help.");
    let html =
        format!("<p>Join <a class=b href=\"{escaped}\">here</a> <a href='mailto:x@accept-invite'>m</a>");
    for mail in [text_mail(&text), html_mail(&html), both(&text, &html), text_mail(&format!("<{LINK}>"))] {
        let link = mail.link("/accept-invite").unwrap();
        assert_eq!(link.expose(), LINK);
        assert_eq!((link.host(), link.path()), ("shop.test", "/accept-invite"));
        assert_eq!(link.parameter("code").unwrap().expose(), "abcdef123");
        assert_eq!(link.parameter("team").unwrap().expose(), "t x");
        assert!(link.parameter("role").unwrap_err().message.contains("`role`"));
        assert!(!format!("{link:?} {link}").contains("abcdef"));
    }
}

#[test]
fn what_a_link_carries_is_redacted_from_then_on() {
    let redactor = Redactor::new();
    let content = Content::read(format!("\r\n{LINK}").as_bytes(), Vec::new(), Timestamp::UNIX_EPOCH);
    let mail = Mail::new(Arc::new(content), Timestamp::UNIX_EPOCH, redactor.clone());
    mail.link("/accept-invite").unwrap();
    assert_eq!(redactor.clean("it was abcdef123"), "it was [redacted]");
}

#[test]
fn links_that_differ_are_told_without_showing_them() {
    let other = LINK.replace("abcdef", "ghijkl");
    for (mail, says) in [
        (text_mail("no link"), "found none in its text"),
        (text_mail(&format!("{LINK} {other}")), "found 2 different ones"),
        (both(LINK, &format!("<a href='{other}'>x</a>")), "found one in its text and another in its HTML"),
    ] {
        let failure = mail.link("/accept-invite").unwrap_err().to_string();
        assert!(failure.contains(says), "{failure}");
        assert!(!failure.contains("abcdef") && !failure.contains("ghijkl"), "{failure}");
    }
}

#[test]
fn a_parameter_behind_the_hash_counts() {
    let mail = text_mail("https://shop.test/app#/join?token=abcdef123");
    assert_eq!(mail.link("/join").unwrap().parameter("token").unwrap().expose(), "abcdef123");
}

#[test]
fn hostile_mails_are_read_without_harm() {
    let deep: String =
        (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let mut raws: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\r\n".to_vec(),
        b"\xff\xfe\x00\x00Subject: \xff\r\n\r\n\xff".to_vec(),
        b"Content-Type: text/html; charset=made-up\r\n\r\n<p>&#xFFFFFFFF;&#55296;&;&#;<a href".to_vec(),
        b"Content-Type: multipart/alternative; boundary=\"\"\r\n\r\n----\r\n".to_vec(),
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!".to_vec(),
        deep.into_bytes(),
    ];
    let long = 200_000;
    for piece in
        ["<", "<a ", "<a href=\"", "<!--", "<style>", "</", "&", "&#", "\u{10ffff}<é", "<a ====", "https://"]
    {
        raws.push(
            format!("Content-Type: text/html\r\n\r\n{}", piece.repeat(long / piece.len())).into_bytes(),
        );
    }
    raws.push(format!("Subject: x\r\n\r\n{}", "1".repeat(long)).into_bytes());
    for raw in raws {
        let mail = mail_of_bytes(&raw);
        assert!(mail.code(6).is_err());
        assert!(mail.link("/x").is_err());
        let _ = (mail.headers().len(), format!("{mail:?}"));
    }
}

#[test]
fn tags_are_read_from_any_spelling_of_recipients() {
    for (header, tags) in [
        ("coal+run-1-a@x.test", vec!["run-1-a"]),
        ("\"A, B\" <Coal+RUN-1-A@X.test>, other@x.test, coal+run-1-b@x.test", vec!["run-1-a", "run-1-b"]),
        ("no tag <coal@x.test>, broken+tag, @, +@", vec![""]),
        ("", vec![]),
    ] {
        assert_eq!(tags_in(header), tags, "{header}");
    }
}

#[test]
fn a_mail_nested_without_end_is_one_without_text() {
    let mail = mail_of_bytes(&b"Content-Type: message/rfc822\r\n\r\n".repeat(100_000));
    assert_eq!(mail.text(), None);
    assert!(mail.code(6).is_err());
}
