//! A mail as the API shows it: the tree of its MIME parts, its headers in order, its snippet.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use mail_parser::{
    Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
    parsers::MessageStream,
};
use serde::Serialize;

/// Parts nested deeper than this are not shown. Far more than any mailer makes.
const MAX_DEPTH: usize = 32;

/// An unnamed part above this size has to be fetched as an attachment. Google's own limit is not documented.
const MAX_INLINE: usize = 1 << 20;

/// How the ids of attachments begin. What follows is the part, in a form that nobody is tempted to read.
const ATTACHMENT_PREFIX: &str = "ANGjdJ";

/// One MIME part; the shape of `MessagePart` [V].
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    /// Empty for the root, else `0`, `1`, `1.0` …
    pub(super) part_id: String,
    pub(super) mime_type: String,
    /// Empty if there is none; never absent [V].
    pub(super) filename: String,
    pub(super) headers: Vec<Header>,
    pub(super) body: Body,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part>,
}

/// One header. The name has the sender's case [V].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

/// The content of a part: here, or to be fetched. A container has neither and size 0 [V].
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachment_id: Option<String>,
    pub(super) size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
}

/// The whole tree of a mail. The root carries the headers of the mail.
pub(super) fn tree(raw: &[u8]) -> Part {
    let message = parse(raw);
    part(&message, 0, String::new(), MAX_DEPTH)
}

/// The content of the part that `attachment_id` stands for.
pub(super) fn attachment(raw: &[u8], attachment_id: &str) -> Option<Vec<u8>> {
    let part_id = URL_SAFE.decode(attachment_id.strip_prefix(ATTACHMENT_PREFIX)?).ok()?;
    let part_id = String::from_utf8(part_id).ok()?;
    let mut message = &parse(raw);
    let mut index = 0;
    for step in part_id.split('.').filter(|step| !step.is_empty()) {
        let step: usize = step.parse().ok()?;
        match &message.parts.get(index)?.body {
            PartType::Multipart(children) => index = usize::try_from(*children.get(step)?).ok()?,
            PartType::Message(nested) if step == 0 => (message, index) = (nested, 0),
            PartType::Message(_)
            | PartType::Text(_)
            | PartType::Html(_)
            | PartType::Binary(_)
            | PartType::InlineBinary(_) => return None,
        }
    }
    Some(content(message, message.parts.get(index)?))
}

/// The beginning of the text, on one line, with the marks of HTML escaped.
pub(super) fn snippet(raw: &[u8]) -> String {
    let message = parse(raw);
    let text = message.body_text(0).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut snippet = String::new();
    for c in line.chars().take(200) {
        match c {
            '&' => snippet.push_str("&amp;"),
            '<' => snippet.push_str("&lt;"),
            '>' => snippet.push_str("&gt;"),
            '"' => snippet.push_str("&quot;"),
            '\'' => snippet.push_str("&#39;"),
            c => snippet.push(c),
        }
    }
    snippet
}

/// How often a mail says `Content-Type`: no fewer than it has levels, and counted without parsing it.
pub(super) fn content_types(raw: &[u8]) -> usize {
    let is_one = |dash: usize| {
        let before = dash.checked_sub(b"content".len()).and_then(|start| raw.get(start..dash));
        before.is_some_and(|text| text.eq_ignore_ascii_case(b"content"))
            && raw.get(dash + 1..dash + 5).is_some_and(|text| text.eq_ignore_ascii_case(b"type"))
    };
    (0..raw.len()).filter(|at| raw[*at] == b'-' && is_one(*at)).count()
}

fn parse(raw: &[u8]) -> Message<'_> {
    MessageParser::default().parse(raw).unwrap_or_default()
}

fn part(message: &Message<'_>, index: usize, part_id: String, depth: usize) -> Part {
    let Some(own) = message.parts.get(index) else { return Part::default() };
    let child_id = |n: usize| if part_id.is_empty() { n.to_string() } else { format!("{part_id}.{n}") };
    let filename = own.attachment_name().unwrap_or_default().to_owned();
    let parts = match &own.body {
        _ if depth == 0 => Vec::new(),
        PartType::Multipart(children) => children
            .iter()
            .enumerate()
            // An id that is no index would be a bug of the parser; it shows as an empty part.
            .map(|(n, child)| {
                part(message, usize::try_from(*child).unwrap_or(usize::MAX), child_id(n), depth - 1)
            })
            .collect(),
        PartType::Message(nested) => vec![part(nested, 0, child_id(0), depth - 1)],
        PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => Vec::new(),
    };
    let body = match own.body {
        PartType::Multipart(_) => Body::default(),
        PartType::Text(_)
        | PartType::Html(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Message(_) => {
            let bytes = content(message, own);
            if filename.is_empty() && bytes.len() <= MAX_INLINE {
                Body { attachment_id: None, size: bytes.len(), data: Some(URL_SAFE.encode(&bytes)) }
            } else {
                let attachment_id = format!("{ATTACHMENT_PREFIX}{}", URL_SAFE.encode(&part_id));
                Body { attachment_id: Some(attachment_id), size: bytes.len(), data: None }
            }
        }
    };
    Part { mime_type: mime_type(own), filename, headers: headers(message, own), body, parts, part_id }
}

/// The bytes of a part without their transfer encoding and in the charset that the sender declared [M].
fn content(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    // The parser has turned text into UTF-8; the bytes as they were are still in the mail.
    let encoded = span(message, part.offset_body, part.offset_end);
    match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Multipart(_) => Vec::new(),
        PartType::Message(nested) if part.encoding != Encoding::None => nested.raw_message.to_vec(),
        PartType::Message(_) | PartType::Text(_) | PartType::Html(_) => match part.encoding {
            Encoding::None => encoded.to_vec(),
            Encoding::Base64 => base64_decode(encoded).unwrap_or_else(|| encoded.to_vec()),
            Encoding::QuotedPrintable => quoted_printable_decode(encoded).unwrap_or_else(|| encoded.to_vec()),
        },
    }
}

fn mime_type(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(content_type) => {
            let subtype = content_type.subtype().unwrap_or("plain");
            format!("{}/{subtype}", content_type.ctype()).to_lowercase()
        }
        None if matches!(part.body, PartType::Message(_)) => "message/rfc822".to_owned(),
        None => "text/plain".to_owned(),
    }
}

/// The headers in the mail's order, repeats included [V].
fn headers(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<Header> {
    part.headers
        .iter()
        .map(|header| {
            let name = String::from_utf8_lossy(span(message, header.offset_field, header.offset_start));
            Header {
                name: name.trim_end_matches([':', ' ', '\t']).to_owned(),
                value: header_value(span(message, header.offset_start, header.offset_end)),
            }
        })
        .collect()
}

/// A header's value on one line; encoded words are shown decoded [M].
fn header_value(value: &[u8]) -> String {
    if value.windows(2).any(|two| two == b"=?")
        && let HeaderValue::Text(text) = MessageStream::new(value).parse_unstructured()
    {
        return text.into_owned();
    }
    String::from_utf8_lossy(value).replace(['\r', '\n'], "").trim().to_owned()
}

fn span<'m>(message: &'m Message<'_>, start: u32, end: u32) -> &'m [u8] {
    let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else { return &[] };
    message.raw_message.get(start..end).unwrap_or_default()
}
