use super::*;

/// A mail of `no-reply@shop.test`, with these headers beside and these parts.
fn mail(headers: &str, text: &str, html: &str) -> Mail {
    let raw = format!(
        "{headers}Subject: Confirm\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\
         Content-Type: text/plain; charset=utf-8\n\n{text}\n--b\nContent-Type: text/html; charset=utf-8\n\n{html}\n\
         --b--\n"
    );
    Mail::parse(raw.replace('\n', "\r\n").as_bytes(), &["INBOX"])
}

fn parts(text: &str, html: &str) -> Mail {
    mail("From: Shop <no-reply@shop.test>\n", text, html)
}

/// A mail with nothing else than what is handed over.
fn bare(raw: &str) -> Mail {
    Mail::parse(raw.replace('\n', "\r\n").as_bytes(), &["INBOX"])
}

#[track_caller]
fn says(result: Result<&Mail>, message: &str) {
    assert_eq!(result.expect_err("the demand is not met").message, message);
}

#[test]
fn the_sender_is_exactly_one() {
    let shop = parts("", "");
    shop.ensure_from("No-Reply@shop.test").unwrap();
    says(
        shop.ensure_from("reply@shop.test"),
        "expected the mail `Confirm` to be from `reply@shop.test`, found `no-reply@shop.test`",
    );
    says(
        mail("From: no-reply@shop.test, a@b.test\n", "", "").ensure_from("no-reply@shop.test"),
        "expected the mail `Confirm` to be from `no-reply@shop.test`, found `no-reply@shop.test` and `a@b.test`",
    );
    says(
        mail("", "", "").ensure_from("x@y.test"),
        "expected the mail `Confirm` to be from `x@y.test`, found nobody",
    );
    // What is shown as a name is no address.
    assert!(
        mail("From: \"no-reply@shop.test\" <a@b.test>\n", "", "").ensure_from("no-reply@shop.test").is_err()
    );
}

#[test]
fn answers_go_to_the_sender_unless_the_mail_says_otherwise() {
    parts("", "").ensure_reply_to("no-reply@shop.test").unwrap();
    let other = mail("From: no-reply@shop.test\nReply-To: Help <help@shop.test>\n", "", "");
    other.ensure_reply_to("help@shop.test").unwrap();
    says(
        other.ensure_reply_to("no-reply@shop.test"),
        "expected answers to the mail `Confirm` to go to `no-reply@shop.test`, found `help@shop.test`",
    );
}

#[test]
fn authentication_is_demanded_of_gmail_and_for_the_author() {
    let trace = "Received: from a by mx.google.com with ESMTPS id 1; Mon, 30 Nov 2026 10:00:02 +0000\n";
    let results = "Authentication-Results: mx.google.com; dkim=pass header.i=@shop.test;\n \
                   spf=pass smtp.mailfrom=no-reply@shop.test; dmarc=pass header.from=shop.test\n";
    let of = |author: &str| mail(&format!("{trace}{results}From: {author}\n"), "", "");
    of("no-reply@shop.test").ensure_authenticated().unwrap();
    says(
        of("no-reply@evil.test").ensure_authenticated(),
        "expected SPF, DKIM and DMARC of the mail `Confirm` to pass for `evil.test`, found DMARC of `shop.test`, and \
         not of the author's domain `evil.test`",
    );
    let failure =
        mail(&format!("{trace}From: a@shop.test\n{results}"), "", "").ensure_authenticated().unwrap_err();
    assert!(failure.message.ends_with("found no `Authentication-Results` of `mx.google.com`"), "{failure}");
    assert!(failure.remedy.is_some());
}

#[test]
fn spam_is_told_by_its_own_cause() {
    parts("", "").ensure_not_spam().unwrap();
    let failure = Mail::parse(b"Subject: x\r\n\r\n", &["SPAM"]).ensure_not_spam().unwrap_err();
    assert_eq!(failure.cause, Cause::MailSpam);
}

#[test]
fn a_broken_form_is_named_by_its_part() {
    parts("Hello", "<p>Hello").ensure_well_formed().unwrap();
    bare("Subject: Confirm\n\nHello").ensure_well_formed().unwrap();
    bare("Subject: Confirm\n\n").ensure_well_formed().unwrap();
    let expected = "expected the mail `Confirm` to be well-formed, found that ";
    for (raw, found) in [
        (
            "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nHello\n--b\n\nHello\n",
            "its part 0 (`multipart/alternative`) ends before its last boundary, and 1 more",
        ),
        (
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/related; boundary=i\n\n--i\n\nx\n\
             --o--\n",
            "its part 1 (`multipart/related`) ends before its last boundary, and 1 more",
        ),
        ("Content-Type: multipart/mixed\n\nHello", "its part 0 (`multipart/mixed`) has no boundary"),
        (
            "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!!",
            "its part 0 (`text/html`) cannot be decoded",
        ),
        (
            "Content-Type: text/plain; charset=klingon\n\nHello",
            "its part 0 (`text/plain`) has an unknown charset",
        ),
        (
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=FF=FE",
            "its part 0 (`text/plain`) has characters that its charset has not",
        ),
    ] {
        says(bare(&format!("Subject: Confirm\n{raw}")).ensure_well_formed(), &format!("{expected}{found}"));
    }
    assert!(Mail::parse(b"", &[]).ensure_well_formed().is_err());
}

#[test]
fn both_parts_are_there_and_say_the_same() {
    let link = "https://shop.test/join?code=abc";
    let page = format!(
        "<p>482913</p><a href=\"{link}\">Join</a> <a href='https://shop.test/help'>Help</a> Box 55555"
    );
    parts(&format!("Code:\n482913\nJoin: {link}\n"), &page).ensure_parts_agree().unwrap();
    // Numbers within a sentence may be worded in another way.
    parts("It is valid for 604800 seconds.", "<p>It is valid for a week.").ensure_parts_agree().unwrap();
    let expected = "expected the mail `Confirm` to say the same in text and HTML, found ";
    for (mail, found) in [
        (parts(&format!("{link}1"), &page), "a link in its text that its HTML has not"),
        (parts("482914", &page), "a number in its text that its HTML has not"),
        (bare("Subject: Confirm\n\nHello"), "no HTML"),
        (bare("Subject: Confirm\nContent-Type: text/html\n\nHello"), "no text"),
        (bare("Subject: Confirm\nContent-Type: image/png\n\nHello"), "neither"),
    ] {
        says(mail.ensure_parts_agree(), &format!("{expected}{found}"));
    }
}

#[test]
fn placeholders_are_found_wherever_they_are_shown() {
    let style = "<style>@media{a{b:c}}</style><!-- {{comment}} --><script>var a = `${b}`</script>";
    parts("Hello Ada", &format!("{style}<p>Hello Ada")).ensure_no_placeholder().unwrap();
    let expected = "expected the mail `Confirm` without placeholders, found ";
    for (mail, found) in [
        (parts("Hello {{name}}", "<p>Hello Ada"), "`{{` in its text"),
        (parts("Hello Ada", "<p>Hello <b>undefined</b>,"), "`undefined` in its HTML"),
        (parts("Hello Ada", "<p>Hello &#123;&#123;name}}"), "`{{` in its HTML"),
        (parts("Hello Ada", "<a href='https://shop.test/null'>Join"), "`null` in its links"),
    ] {
        says(mail.ensure_no_placeholder(), &format!("{expected}{found}"));
    }
    let failure = bare("Subject: Join ${team}\n\nHello").ensure_no_placeholder().unwrap_err();
    assert!(failure.message.ends_with("found `${` in its subject"), "{failure}");
}

#[test]
fn every_link_leads_where_it_may() {
    let good = parts(
        "https://App.shop.test/x or https://de.help.shop.test/",
        "<a href='https://app.shop.test:8443/x'>a</a><a href='mailto:a@b.test'>b</a><a href='TEL:1'>c</a><a href='#d'>",
    );
    good.ensure_links_to(&["app.shop.test", "*.help.shop.test"]).unwrap();
    parts("", "").ensure_links_to(&[]).unwrap();
    let expected = "expected links of the mail `Confirm` to lead to `app.shop.test`, found ";
    for (link, found) in [
        ("https://shop.test/x", "one to `shop.test`"),
        ("https://app.shop.test.evil.test/", "one to `app.shop.test.evil.test`"),
        ("https://app.shop.test@evil.test/", "one to `evil.test`"),
        ("https://evil.test/https://app.shop.test/", "one to `evil.test`"),
        ("ftp://app.shop.test/", "one to `app.shop.test`"),
        ("javascript:alert(1)", "one to no host"),
        ("/accept-invite", "one that is no address (relative URL without a base)"),
    ] {
        let html = format!("<a href='https://app.shop.test/'>a</a><a href='{link}'>b</a>");
        let result = parts("", &html).ensure_links_to(&["app.shop.test"]).map(drop);
        assert_eq!(result.unwrap_err().message, format!("{expected}{found} in its HTML"), "{link}");
    }
    says(
        parts("See https://a.test/secret", "").ensure_links_to(&["app.shop.test"]),
        &format!("{expected}one to `a.test` in its text"),
    );
    assert!(parts("https://help.shop.test/", "").ensure_links_to(&["*.help.shop.test"]).is_err());
    assert!(parts("https://xhelp.shop.test/", "").ensure_links_to(&["*.help.shop.test"]).is_err());
}
