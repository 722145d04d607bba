//! One received mail, and what a canary reads in it.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub(super) use super::content::Content;
pub use super::content::{Attachment, Folder};
use super::{
    authentication::Authentication,
    hop::{DeliverySplit, Hop},
    html,
    link::{Link, is_secret_parameter},
    reading::{self, Disagreement},
};
use crate::{
    failure::{Failure, Result},
    redact::Redactor,
    secret::Secret,
};

/// A mail that a step has waited for. Clones are the same mail.
///
/// Nothing of its text appears in a failure: a mail carries codes, and what is not known to be secret yet cannot be
/// removed from a message.
#[derive(Clone)]
pub struct Mail {
    pub(super) content: Arc<Content>,
    awaited_since: Timestamp,
    redactor: Redactor,
}

impl Mail {
    pub(super) fn new(content: Arc<Content>, awaited_since: Timestamp, redactor: Redactor) -> Self {
        Self { content, awaited_since, redactor }
    }

    /// A mail that has been kept: for trying out what a step demands of it, without a mailbox. The labels are those
    /// that Gmail gave it, such as `INBOX` or `SPAM`. It was received when the last host says, and awaited since its
    /// own date.
    ///
    /// ```
    /// use coalmine::inbox::Mail;
    /// let raw = b"From: no-reply@shop.example\r\nSubject: Confirm\r\n\r\nYour code is\r\n\r\n482913\r\n";
    /// let mail = Mail::parse(raw, &["INBOX"]);
    /// assert_eq!(mail.code(6)?.expose(), "482913");
    /// # Ok::<(), coalmine::Failure>(())
    /// ```
    #[must_use]
    pub fn parse(raw: &[u8], labels: &[&str]) -> Self {
        let labels = labels.iter().map(|&it| it.to_owned()).collect();
        let mut content = Content::read(raw, labels, Timestamp::UNIX_EPOCH);
        let taken = content.hops.last().and_then(|it| it.at).or(content.dated);
        content.received = taken.unwrap_or(Timestamp::UNIX_EPOCH);
        let since = content.dated.unwrap_or(content.received);
        Self::new(Arc::new(content), since, Redactor::new())
    }

    /// The first author's address; empty if there is none.
    #[must_use]
    pub fn from(&self) -> &str {
        self.content.from.first().map_or("", String::as_str)
    }

    /// Where an answer goes: to the addresses of `Reply-To`, or to the authors if there is none.
    #[must_use]
    pub fn reply_to(&self) -> &[String] {
        if self.content.reply_to.is_empty() { &self.content.from } else { &self.content.reply_to }
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

    /// What is attached to it, images within its text included.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.content.attachments
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

    /// How that time was spent, if the mail has a `Received` with a time.
    #[must_use]
    pub fn delivery_split(&self) -> Option<DeliverySplit> {
        let left = self.content.hops.iter().find_map(|hop| hop.at)?;
        Some(DeliverySplit {
            sending: left.duration_since(self.awaited_since),
            transit: self.content.received.duration_since(left),
        })
    }

    /// The hosts that it came over, the sender's first: its `Received` headers.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.content.hops
    }

    /// What Gmail found out about its sender: the `Authentication-Results` of `mx.google.com`. Those of others, which
    /// anybody can write, are not looked at. `None` if there is none.
    #[must_use]
    pub fn authentication(&self) -> Option<&Authentication> {
        self.content.authentication.as_ref()
    }

    /// Whether Gmail has put it among the advertisements: in the inbox, but where fewer people look.
    #[must_use]
    pub fn is_promotion(&self) -> bool {
        self.content.is_promotion()
    }

    /// Where one can unsubscribe: the addresses of `List-Unsubscribe`.
    #[must_use]
    pub fn list_unsubscribe(&self) -> Vec<&str> {
        let value = self.header("List-Unsubscribe").unwrap_or_default();
        value
            .split('<')
            .skip(1)
            .filter_map(|it| it.split_once('>'))
            .map(|(address, _)| address.trim())
            .collect()
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
        let link = Link::parse(link).map_err(|error| {
            Failure::new(format_args!("expected a {wanted} in {self}, got one that is no address: {error}"))
        })?;
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
        write!(f, "the mail `{}`", self.content.title())
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("subject", &self.content.title())
            .field("to", &self.content.to)
            .field("folder", &self.content.folder)
            .field("received", &self.content.received)
            .finish_non_exhaustive()
    }
}
