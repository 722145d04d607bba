//! The mail reader against mails that were written to break it: by hand, by the fuzzer, and by chance.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{fs, path::Path};

use proptest::prelude::*;

#[path = "../../fuzz/checks/mail.rs"]
mod checks;

/// Every mail of a folder of the fuzzer's, with its name.
fn mails(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    files.map(|file| (file.display().to_string(), fs::read(file).unwrap())).collect()
}

#[test]
fn what_was_written_by_hand_and_found_by_the_fuzzer_is_read() {
    for folder in ["seeds/mail", "corpus/mail"] {
        let mails = mails(folder);
        assert!(mails.len() > 20, "{folder} has {}", mails.len());
        for (name, raw) in mails {
            // Shown if it fails.
            println!("{name}");
            checks::check(&raw);
        }
    }
}

/// What mails are made of, and how they break.
const PIECES: [&str; 34] = [
    "Content-Type: multipart/alternative; boundary=a\r\n",
    "Content-Type: multipart/mixed; boundary=\"a\"\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Type: text/html; charset=utf-8\r\n",
    "Content-Type: text/plain; charset=utf-16\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Content-Disposition: attachment; filename*0*=utf-8''%c3; filename*1=x\r\n",
    "Subject: =?utf-8?Q?=C3=A4?= {{name}}\r\n",
    "From: \"a\" <a@shop.test>, b@c\r\n",
    "Received: from a by mx.google.com with ESMTPS id 1; Mon, 30 Nov 2026 02:00:08 -0800\r\n",
    "Authentication-Results: mx.google.com; dmarc=pass header.from=shop.test\r\n",
    " ; spf=pass smtp.mailfrom=\"(@shop.test; dkim=pass header.i=@shop.test\r\n",
    "List-Unsubscribe: <https://a>, <\r\n",
    "\r\n",
    "\r\n--a\r\n",
    "\r\n--a--\r\n",
    "--",
    "482913",
    "\r\n482913\r\n",
    "https://shop.test/accept-invite?code=482913",
    "<a href=\"",
    "https://shop.test@evil.test/",
    "\">",
    "<style>",
    "</style>",
    "<!--",
    "&#52;",
    "&",
    "\u{ad}",
    "=34=\r\n8",
    "NDgyOTEz",
    "null",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        checks::check(&raw);
    }

    #[test]
    fn any_order_of_what_mails_are_made_of_is_read(order in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let raw: String = order.into_iter().map(|piece| PIECES[piece]).collect();
        checks::check(raw.as_bytes());
    }
}
