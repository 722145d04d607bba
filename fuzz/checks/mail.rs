//! What must hold for every mail, whatever is in it. The fuzzer looks for one for which it does not; the tests try those
//! that it has found.

use coalmine::inbox::Mail;

/// What Google writes on a mail that passes nothing. Whatever follows it is the sender's.
const TRACE: &[u8] = b"Delivered-To: me@x.test\r\nReturn-Path: <a@evil.test>\r\n\
    Received: from evil.test (evil.test. [192.0.2.7])\r\n by mx.google.com with ESMTPS id 1\r\n \
    (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\r\n Mon, 30 Nov 2026 02:00:08 -0800 (PST)\r\n\
    Received-SPF: softfail (google.com: domain of transitioning a@evil.test does not designate 192.0.2.7)\r\n\
    Authentication-Results: mx.google.com;\r\n spf=softfail (google.com: domain of transitioning a@evil.test) \
    smtp.mailfrom=a@evil.test;\r\n dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=shop.test\r\n";

/// Reads a mail in every way. Ends, soon and without a panic, if all is well.
pub(crate) fn check(raw: &[u8]) {
    let mail = Mail::parse(raw, &["INBOX", "CATEGORY_UPDATES"]);
    for digits in [4, 6, 8] {
        if let Ok(code) = mail.code(digits) {
            let code = code.expose();
            assert!(code.len() == digits && code.bytes().all(|it| it.is_ascii_digit()), "{code}");
        }
    }
    for containing in ["", "/accept-invite", "a"] {
        if let Ok(link) = mail.link(containing) {
            assert!(link.expose().contains(containing));
            drop(link.parameter("code"));
            // A link that may lead nowhere must not pass for one that leads somewhere.
            assert!(mail.ensure_links_to(&[]).is_err(), "{}", link.expose());
            assert!(link.host() == "shop.test" || mail.ensure_links_to(&["shop.test"]).is_err());
        }
    }
    let attached: usize = mail.attachments().iter().map(|it| it.bytes.len()).sum();
    // Mails within mails are counted again at each level, of which there are at most two hundred.
    assert!(attached <= (raw.len() + 8) * 3 * 201, "{attached} bytes attached to {}", raw.len());
    let _ = (mail.hops().len(), mail.delivery_split(), mail.delivery(), mail.authentication());
    let _ = (mail.list_unsubscribe().len(), mail.headers().len(), format!("{mail} {mail:?}"));
    let _ = mail.ensure_from("no-reply@shop.test").and(mail.ensure_reply_to("no-reply@shop.test"));
    let _ = (mail.ensure_well_formed().is_ok(), mail.ensure_parts_agree().is_ok());
    let _ = (mail.ensure_no_placeholder().is_ok(), mail.ensure_links_to(&["shop.test", "*.a"]).is_ok());

    let received = Mail::parse(&[TRACE, raw].concat(), &["INBOX"]);
    assert!(received.ensure_authenticated().is_err(), "a mail has talked itself into being authentic");
}
