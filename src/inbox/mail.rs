//! One received mail, and what a canary reads in it.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use jiff::{SignedDuration, Timestamp};
use mail_parser::{Address as Addresses, Message, MessageParser, PartType};

use super::{
    html,
    reading::{self, Disagreement},
};
use crate::{
    failure::{Failure, Result},
    redact::Redactor,
    secret::Secret,
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

/// What came, parsed once and shared by all who wait for it.
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) headers: Vec<(String, String)>,
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
            from: String::new(),
            to: Vec::new(),
            text: None,
            html: None,
            headers: Vec::new(),
            folder: Folder::of(&labels),
            labels,
            received,
            recorded: AtomicBool::new(false),
        };
        // A message without parts, which the parser's own accessors do not expect, is as good as none.
        let parsed = if is_too_deep(raw) { None } else { MessageParser::default().parse(raw) };
        let Some(message) = parsed.filter(|it| !it.parts.is_empty()) else {
            return content;
        };
        content.subject = message.subject().unwrap_or_default().trim().to_owned();
        content.from = message.from().and_then(|it| addresses(it).into_iter().next()).unwrap_or_default();
        content.to = message.all_to().flat_map(addresses).collect();
        content.text = text_of(&message);
        content.html = html_of(&message);
        content.headers = headers_of(&message);
        content
    }
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

fn headers_of(message: &Message<'_>) -> Vec<(String, String)> {
    let unfolded = |value: &str| value.replace(['\r', '\n'], "").trim().to_owned();
    message.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect()
}

/// A mail that a step has waited for. Clones are the same mail.
///
/// Nothing of its text appears in a failure: a mail carries codes, and what is not known to be secret yet cannot be
/// removed from a message.
#[derive(Clone)]
pub struct Mail {
    content: Arc<Content>,
    awaited_since: Timestamp,
    redactor: Redactor,
}

impl Mail {
    pub(super) fn new(content: Arc<Content>, awaited_since: Timestamp, redactor: Redactor) -> Self {
        Self { content, awaited_since, redactor }
    }

    /// The first author's address; empty if there is none.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.content.from
    }

    /// Whom it is addressed to.
    #[must_use]
    pub fn to(&self) -> &[String] {
        &self.content.to
    }

    /// The subject, decoded.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.content.subject
    }

    /// The plain text, if the mail has such a part.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.content.text.as_deref()
    }

    /// The HTML text, if the mail has such a part.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.content.html.as_deref()
    }

    /// Where it was filed.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.content.folder
    }

    /// All of Gmail's labels, such as `INBOX` or `CATEGORY_PROMOTIONS`.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.content.labels
    }

    /// When Gmail took it.
    #[must_use]
    pub fn received(&self) -> Timestamp {
        self.content.received
    }

    /// From the making of the address, or from the mail to it before this one, to Gmail's taking the mail. Two clocks
    /// are compared: a little below nought is possible.
    #[must_use]
    pub fn delivery(&self) -> SignedDuration {
        self.content.received.duration_since(self.awaited_since)
    }

    /// All headers in the mail's order, on one line each, not decoded.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.content.headers
    }

    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.content.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The code of so many digits that the mail is about.
    ///
    /// In each part, a code on a line of its own goes before one within a sentence. The text decides; if the HTML
    /// part has a code too, it must be the same. The code is redacted from everything that the run leaves behind
    /// (if it has at least six digits: shorter ones cannot be told from other numbers).
    ///
    /// # Errors
    /// No code, several, or different ones in text and HTML.
    pub fn code(&self, digits: usize) -> Result<Secret> {
        let text = self.text().map_or_else(BTreeSet::new, |text| reading::codes(text, digits));
        let html = self.html().map_or_else(BTreeSet::new, |it| reading::codes(&html::read(it).text, digits));
        let code = reading::agreed(text, html)
            .map_err(|why| self.disagree(why, &format!("code of {digits} digits")))?;
        self.redactor.learn(&code);
        Ok(Secret::new(code))
    }

    /// The link whose address contains `containing`, for example `"/accept-invite"`.
    ///
    /// If both the text and the HTML part have such a link, they must have the same. What its query says under names
    /// such as `code` and `token` is redacted from everything that the run leaves behind.
    ///
    /// # Errors
    /// No such link, several different ones, or different ones in text and HTML.
    pub fn link(&self, containing: &str) -> Result<Link> {
        let text = self.text().map_or_else(BTreeSet::new, |text| reading::text_links(text, containing));
        let html = self
            .html()
            .map_or_else(BTreeSet::new, |it| reading::html_links(&html::read(it).links, containing));
        let wanted = format!("link with `{containing}`");
        let link = reading::agreed(text, html).map_err(|why| self.disagree(why, &wanted))?;
        let url = reqwest::Url::parse(&link).map_err(|error| {
            Failure::new(format_args!("expected a {wanted} in {self}, got one that is no address: {error}"))
        })?;
        let link = Link { text: link, url };
        for (name, value) in link.parameters() {
            if is_secret_parameter(&name) {
                self.redactor.learn(&value);
            }
        }
        Ok(link)
    }

    fn disagree(&self, why: Disagreement, wanted: &str) -> Failure {
        let parts = match (self.text().is_some(), self.html().is_some()) {
            (true, true) => "in text and HTML",
            (true, false) => "in its text, which is all it has",
            (false, true) => "in its HTML, which is all it has",
            (false, false) => "in a mail without text",
        };
        match why {
            Disagreement::None => {
                Failure::new(format_args!("expected a {wanted} in {self}, found none {parts}"))
            }
            Disagreement::Several { part, count } => Failure::new(format_args!(
                "expected one {wanted} in {self}, found {count} different ones in its {part}"
            )),
            Disagreement::Differ => Failure::new(format_args!(
                "expected the same {wanted} in both parts of {self}, found one in its text and another in its HTML"
            )),
        }
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail `{}`", self.content.subject)
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("subject", &self.content.subject)
            .field("to", &self.content.to)
            .field("folder", &self.content.folder)
            .field("received", &self.content.received)
            .finish_non_exhaustive()
    }
}

/// A link of a mail. It prints without its path and query: whoever has them can use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    text: String,
    url: reqwest::Url,
}

impl Link {
    /// The whole address, as the mail has it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The host that it leads to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// A parameter of the query, decoded; one behind `#` too, where single-page applications have them.
    ///
    /// # Errors
    /// There is none of that name, or it is empty.
    pub fn parameter(&self, name: &str) -> Result<Secret> {
        let found = self.parameters().find(|(own, value)| own == name && !value.is_empty());
        found.map(|(_, value)| Secret::new(value)).ok_or_else(|| {
            Failure::new(format_args!("expected a parameter `{name}` in the link to {self}, found none"))
        })
    }

    fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        let fragment = self.url.fragment().unwrap_or_default();
        let fragment = fragment.split_once('?').map_or(fragment, |(_, query)| query);
        // A second address, only to have its query read.
        let mut behind = self.url.clone();
        behind.set_query(Some(fragment).filter(|it| it.contains('=')));
        let owned = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), value.into_owned())
        };
        let mut all: Vec<_> = self.url.query_pairs().map(owned).collect();
        all.extend(behind.query_pairs().map(owned));
        all.into_iter()
    }
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["code", "token", "secret", "credential", "password", "key", "sig"].iter().any(|part| name.contains(part))
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.url.scheme(), self.host())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}
