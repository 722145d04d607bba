//! What is in a mail, read once from its bytes.

use std::{fmt, panic, sync::atomic::AtomicBool};

use jiff::Timestamp;
use mail_parser::{Address as Addresses, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::{
    authentication::Authentication,
    form,
    hop::{self, Hop},
};

/// Where the mail's provider has filed a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Folder {
    /// Where people look.
    Inbox,
    /// Where nobody looks.
    Spam,
    /// Thrown away by a filter, or by hand.
    Trash,
    /// In the mailbox, but in none of the others.
    Archive,
}

impl Folder {
    pub(super) fn of(labels: &[String]) -> Self {
        let has = |name: &str| labels.iter().any(|label| label == name);
        match () {
            () if has("SPAM") => Self::Spam,
            () if has("TRASH") => Self::Trash,
            () if has("INBOX") => Self::Inbox,
            () => Self::Archive,
        }
    }

    /// The folder's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Spam => "spam",
            Self::Trash => "trash",
            Self::Archive => "archive",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A part of a mail that is not shown as its text: a file, an image, another mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What the sender calls the file.
    pub name: Option<String>,
    /// Such as `application/pdf`; `application/octet-stream` if the mail does not say.
    pub content_type: String,
    /// What is in it, its transfer encoding undone. A text is converted to UTF-8.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, content_type, bytes } = self;
        let mut shown = f.debug_struct("Attachment");
        shown.field("name", name).field("content_type", content_type).field("size", &bytes.len()).finish()
    }
}

/// What came, parsed once and shared by all who wait for it.
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) from: Vec<String>,
    pub(super) reply_to: Vec<String>,
    pub(super) to: Vec<String>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) headers: Vec<(String, String)>,
    /// By the mail's own word.
    pub(super) dated: Option<Timestamp>,
    /// The sender's first.
    pub(super) hops: Vec<Hop>,
    pub(super) authentication: Option<Authentication>,
    /// What is wrong with its form.
    pub(super) defects: Vec<String>,
    pub(super) labels: Vec<String>,
    pub(super) folder: Folder,
    pub(super) received: Timestamp,
    /// Whether a run has recorded how it came: who waits for it again gets it again, but it came once.
    pub(super) recorded: AtomicBool,
}

impl Content {
    /// Reads a raw mail. Whatever it is, something comes out: a mail that cannot be read is one without text.
    pub(super) fn read(raw: &[u8], labels: Vec<String>, received: Timestamp) -> Self {
        let mut content = Self {
            subject: String::new(),
            from: Vec::new(),
            reply_to: Vec::new(),
            to: Vec::new(),
            text: None,
            html: None,
            attachments: Vec::new(),
            headers: Vec::new(),
            dated: None,
            hops: Vec::new(),
            authentication: None,
            defects: Vec::new(),
            folder: Folder::of(&labels),
            labels,
            received,
            recorded: AtomicBool::new(false),
        };
        let Some(message) = parsed(raw) else {
            content.defects.push("it cannot be read as a mail".to_owned());
            return content;
        };
        content.subject = message.subject().unwrap_or_default().trim().to_owned();
        content.from = message.from().map(addresses).unwrap_or_default();
        content.reply_to = message.reply_to().map(addresses).unwrap_or_default();
        content.to = message.all_to().flat_map(addresses).collect();
        content.text = text_of(&message);
        content.html = html_of(&message);
        content.attachments = message.attachments().map(|part| attachment_of(&message, part)).collect();
        content.headers = headers_of(&message);
        content.dated = message.date().and_then(hop::time);
        content.hops = hop::all(&message);
        content.authentication = Authentication::of(&content.headers);
        content.defects = form::defects(&message);
        content
    }

    /// The subject as it may be shown.
    pub(super) fn title(&self) -> String {
        title(&self.subject)
    }

    /// Whether it was put among the advertisements.
    pub(super) fn is_promotion(&self) -> bool {
        self.labels.iter().any(|label| label == "CATEGORY_PROMOTIONS")
    }
}

/// A subject as it may be shown before anybody has read the mail's code: many put it there, as in `482913 is your code`.
pub(super) fn title(subject: &str) -> String {
    const SHORTEST: usize = 4;
    let mut shown = String::with_capacity(subject.len());
    let mut rest = subject;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        shown.push_str(before);
        if end < SHORTEST {
            shown.push_str(number)
        } else {
            shown.extend(std::iter::repeat_n('#', end))
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn parsed(raw: &[u8]) -> Option<Message<'_>> {
    if is_too_deep(raw) {
        return None;
    }
    // The parser is held to assertions of its own in builds that check them, and there are mails that break them.
    let parsed = panic::catch_unwind(|| MessageParser::default().parse(raw)).ok().flatten();
    // A message without parts, which the parser's own accessors do not expect, is as good as none.
    parsed.filter(|it| !it.parts.is_empty())
}

/// Whether a mail has more parts than any honest one: the parser follows nested messages by recursion, and a mail made
/// for it would end the process for want of stack.
fn is_too_deep(raw: &[u8]) -> bool {
    const MOST_PARTS: usize = 200;
    const HEADER: &[u8] = b"content-type";
    raw.windows(HEADER.len()).filter(|it| it.eq_ignore_ascii_case(HEADER)).count() > MOST_PARTS
}

fn addresses(of: &Addresses<'_>) -> Vec<String> {
    of.iter().filter_map(|it| it.address()).map(str::to_owned).collect()
}

/// The plain text parts. The parser also lists HTML as text where there is no other; that is left out.
fn text_of(message: &Message<'_>) -> Option<String> {
    let parts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(text.as_ref()),
        PartType::Html(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Message(_)
        | PartType::Multipart(_) => None,
    });
    joined(parts)
}

fn html_of(message: &Message<'_>) -> Option<String> {
    let parts = message.html_bodies().filter_map(|part| match &part.body {
        PartType::Html(html) => Some(html.as_ref()),
        PartType::Text(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Message(_)
        | PartType::Multipart(_) => None,
    });
    joined(parts)
}

fn joined<'p>(parts: impl Iterator<Item = &'p str>) -> Option<String> {
    let parts: Vec<&str> = parts.collect();
    if parts.is_empty() { None } else { Some(parts.join("\n")) }
}

fn attachment_of(message: &Message<'_>, part: &MessagePart<'_>) -> Attachment {
    let whole = || message.raw_message().get(part.offset_body as usize..part.offset_end as usize);
    let bytes = match &part.body {
        // Of a mail inside a mail the parser gives the outer one, unless it was encoded.
        PartType::Message(_) if part.encoding == mail_parser::Encoding::None => whole().unwrap_or_default(),
        PartType::Message(_)
        | PartType::Text(_)
        | PartType::Html(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Multipart(_) => part.contents(),
    };
    Attachment {
        name: part.attachment_name().map(str::to_owned),
        content_type: form::type_of(part).unwrap_or_else(|| "application/octet-stream".to_owned()),
        bytes: bytes.to_vec(),
    }
}

fn headers_of(message: &Message<'_>) -> Vec<(String, String)> {
    let unfolded = |value: &str| value.replace(['\r', '\n'], "").trim().to_owned();
    message.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect()
}

#[cfg(test)]
mod tests;
