//! Whether a mail has the form that MIME demands. Readers are lenient, each in its own way: what one of them shows
//! another leaves out.

use std::collections::HashSet;

use mail_parser::{
    Encoding, Message, MessagePart, MimeHeaders as _, PartType, decoders::charsets::map::charset_decoder,
};

/// Charsets that need no decoder.
const PLAIN_CHARSETS: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

/// Such as `text/html`.
pub(super) fn type_of(part: &MessagePart<'_>) -> Option<String> {
    let content_type = part.content_type()?;
    let of_kind = content_type.subtype().map_or(String::new(), |kind| format!("/{kind}"));
    Some(format!("{}{of_kind}", content_type.ctype()).to_ascii_lowercase())
}

/// What is wrong with the form of a mail, for people. Mails inside it have their own senders and are not looked at.
pub(super) fn defects(message: &Message<'_>) -> Vec<String> {
    let ends = last_boundaries(message.raw_message());
    message.parts.iter().enumerate().filter_map(|(number, part)| defect(part, number, &ends)).collect()
}

/// Types are the sender's text: only those are repeated that look like one.
fn shown(part: &MessagePart<'_>) -> String {
    let is_type = |it: &String| {
        it.len() <= 40 && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+-.".contains(&byte))
    };
    type_of(part).filter(is_type).unwrap_or_else(|| "untyped".to_owned())
}

fn defect(part: &MessagePart<'_>, number: usize, ends: &HashSet<&[u8]>) -> Option<String> {
    let name = || format!("its part {number} (`{}`)", shown(part));
    let content_type = part.content_type();
    if content_type.is_some_and(|it| it.ctype().eq_ignore_ascii_case("multipart")) {
        let Some(boundary) = content_type.and_then(|it| it.attribute("boundary")).filter(|it| !it.is_empty())
        else {
            return Some(format!("{} has no boundary", name()));
        };
        if !ends.contains(boundary.as_bytes()) {
            return Some(format!("{} ends before its last boundary", name()));
        }
    }
    // A mail that ends with its headers counts as a problem too.
    if part.is_encoding_problem && !part.contents().is_empty() {
        let how = match part.encoding {
            Encoding::QuotedPrintable => " as quoted-printable",
            Encoding::Base64 => " as base64",
            Encoding::None => "",
        };
        return Some(format!("{} cannot be decoded{how}", name()));
    }
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
    let charset = content_type.and_then(|it| it.attribute("charset"));
    let known = |it: &str| {
        PLAIN_CHARSETS.iter().any(|plain| it.eq_ignore_ascii_case(plain))
            || charset_decoder(it.as_bytes()).is_some()
    };
    if charset.is_some_and(|it| !known(it)) {
        return Some(format!("{} has an unknown charset", name()));
    }
    text.contains(char::REPLACEMENT_CHARACTER)
        .then(|| format!("{} has characters that its charset has not", name()))
}

/// The names of all boundaries that are closed somewhere: what stands between `--` and `--` on a line of its own.
fn last_boundaries(raw: &[u8]) -> HashSet<&[u8]> {
    raw.split(|byte| *byte == b'\n')
        .filter_map(|line| line.trim_ascii_end().strip_prefix(b"--")?.strip_suffix(b"--"))
        .collect()
}
