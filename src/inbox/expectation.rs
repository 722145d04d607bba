//! What a step can demand of a mail, beyond that it came.
//!
//! Each demand gives the mail back, so that they read as one sentence. A failure says what was expected and what was
//! found and never a word of the mail's text, which carries codes; its addresses and the hosts of its links are no
//! secret.

use super::{
    authentication::domain_of,
    html,
    link::Link,
    mail::{Folder, Mail},
    placeholder, reading,
};
use crate::{
    failure::{Failure, Result},
    verdict::Cause,
};

/// How many digits a number has that is worth comparing: codes have.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// # Demands
///
/// ```
/// use coalmine::{Result, inbox::Mail};
///
/// fn check_invitation(mail: &Mail) -> Result<()> {
///     mail.ensure_from("no-reply@shop.example")?
///         .ensure_reply_to("no-reply@shop.example")?
///         .ensure_well_formed()?
///         .ensure_parts_agree()?
///         .ensure_no_placeholder()?
///         .ensure_links_to(&["app.shop.example", "*.help.shop.example"])?;
///     Ok(())
/// }
///
/// // A mail that was kept can be tried without a mailbox.
/// let kept = "From: Shop <no-reply@shop.example>\r\nSubject: You are invited\r\nMIME-Version: 1.0\r\n\
///     Content-Type: multipart/alternative; boundary=b\r\n\r\n\
///     --b\r\nContent-Type: text/plain\r\n\r\nJoin: https://app.shop.example/join?code=1f\r\n\
///     --b\r\nContent-Type: text/html\r\n\r\n<a href=\"https://app.shop.example/join?code=1f\">Join</a>\r\n--b--\r\n";
/// check_invitation(&Mail::parse(kept.as_bytes(), &["INBOX"]))?;
///
/// let elsewhere = kept.replace("app.shop.example", "app.shop.example.evil.test");
/// let failure = check_invitation(&Mail::parse(elsewhere.as_bytes(), &["INBOX"])).unwrap_err();
/// assert_eq!(
///     failure.message,
///     "expected links of the mail `You are invited` to lead to `app.shop.example` or `*.help.shop.example`, found one to \
///      `app.shop.example.evil.test` in its text"
/// );
/// # Ok::<(), coalmine::Failure>(())
/// ```
impl Mail {
    /// Demands that it has one author, with this address.
    ///
    /// # Errors
    /// It is from somebody else, or from several.
    pub fn ensure_from(&self, address: &str) -> Result<&Self> {
        if is_only(&self.content.from, address) {
            return Ok(self);
        }
        let found = listed(&self.content.from);
        Err(Failure::new(format_args!("expected {self} to be from `{address}`, found {found}")))
    }

    /// Demands that an answer goes to this address and to no other.
    ///
    /// # Errors
    /// It goes elsewhere, or nowhere.
    pub fn ensure_reply_to(&self, address: &str) -> Result<&Self> {
        if is_only(self.reply_to(), address) {
            return Ok(self);
        }
        let found = listed(self.reply_to());
        Err(Failure::new(format_args!("expected answers to {self} to go to `{address}`, found {found}")))
    }

    /// Demands that Gmail found SPF, DKIM and DMARC passed, and for the author's own domain.
    ///
    /// # Errors
    /// Gmail has said nothing, or one of the three did not pass; the failure names which.
    pub fn ensure_authenticated(&self) -> Result<&Self> {
        let author = domain_of(self.from());
        let missing = match self.authentication() {
            None => vec!["no `Authentication-Results` of `mx.google.com`".to_owned()],
            Some(authentication) => authentication.shortcomings(&author),
        };
        if missing.is_empty() {
            return Ok(self);
        }
        let missing = missing.join("; ");
        Err(Failure::new(format_args!("expected SPF, DKIM and DMARC of {self} to pass for `{author}`, found {missing}"))
            .remedy(
                "look at the records of the domain and at what hands its mail in; mail like this ends in spam sooner \
                 or later",
            ))
    }

    /// Demands that it was not filed under spam. A wait says so by itself, unless it was told to accept spam.
    ///
    /// # Errors
    /// It was.
    pub fn ensure_not_spam(&self) -> Result<&Self> {
        if self.folder() != Folder::Spam {
            return Ok(self);
        }
        Err(Failure::of(Cause::MailSpam, format_args!("expected {self} in the inbox, found it in spam")))
    }

    /// Demands that it has the form that MIME demands: parts that end, encodings and charsets that can be decoded.
    ///
    /// # Errors
    /// It has not; the failure says which part is wrong and how.
    pub fn ensure_well_formed(&self) -> Result<&Self> {
        let Some(first) = self.content.defects.first() else { return Ok(self) };
        let more = match self.content.defects.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Err(Failure::new(format_args!("expected {self} to be well-formed, found that {first}{more}")))
    }

    /// Demands that it has a text and an HTML part and that they say the same: the HTML has each link of the text, and
    /// each number on a line of its own. It may have more, such as a footer.
    ///
    /// # Errors
    /// One part is missing, or the HTML lacks something.
    pub fn ensure_parts_agree(&self) -> Result<&Self> {
        let found = match (self.text(), self.html()) {
            (Some(text), Some(html)) => {
                let page = html::read(html);
                let (links, numbers) =
                    (reading::html_links(&page.links, ""), reading::numbers(&page.text, &DIGITS));
                if !reading::text_links(text, "").is_subset(&links) {
                    "a link in its text that its HTML has not"
                } else if !reading::lone_numbers(text, &DIGITS).is_subset(&numbers) {
                    "a number in its text that its HTML has not"
                } else {
                    return Ok(self);
                }
            }
            (Some(_), None) => "no HTML",
            (None, Some(_)) => "no text",
            (None, None) => "neither",
        };
        Err(Failure::new(format_args!("expected {self} to say the same in text and HTML, found {found}")))
    }

    /// Demands that no template was left unfilled in its subject, its text, its HTML and its links.
    ///
    /// Looked for are marks that have no place in a mail (`{{`, `${`, `<%`, `*|NAME|*`, `[object Object]`, `%s`, …) and
    /// words that programs print for nothing (`undefined`, `null`, `NaN`), if they stand alone.
    ///
    /// # Errors
    /// There is one; the failure says where, and which mark it has.
    pub fn ensure_no_placeholder(&self) -> Result<&Self> {
        let page = self.html().map(html::read).unwrap_or_default();
        let in_links = page.links.iter().find_map(|link| placeholder::in_link(link));
        let found = [
            (placeholder::in_text(self.subject()), "subject"),
            (self.text().and_then(placeholder::in_text), "text"),
            (placeholder::in_text(&page.text), "HTML"),
            (in_links, "links"),
        ];
        match found.into_iter().find_map(|(mark, place)| Some((mark?, place))) {
            None => Ok(self),
            // The subject has it, and would be shown with it.
            Some((mark, place)) => Err(Failure::new(format_args!(
                "expected {self} without placeholders, found `{mark}` in its {place}"
            ))),
        }
    }

    /// Demands that every link of text and HTML leads to one of these hosts; `*.shop.example` stands for every host below
    /// `shop.example`. Links that write mail or dial are left alone.
    ///
    /// # Errors
    /// One leads elsewhere, or is no address.
    pub fn ensure_links_to(&self, hosts: &[&str]) -> Result<&Self> {
        let text = reading::text_links(self.text().unwrap_or_default(), "");
        let html = self.html().map(html::read).unwrap_or_default().links;
        let of_the_web = |link: &String| !["mailto:", "tel:", "#"].iter().any(|it| starts_with(link, it));
        let links = text.into_iter().map(|link| (link, "text"));
        let links = links.chain(html.into_iter().filter(of_the_web).map(|link| (link, "HTML")));
        for (link, part) in links {
            let found = match Link::parse(link) {
                Ok(link) if is_allowed(&link, hosts) => continue,
                Ok(link) if link.host().is_empty() => "one to no host".to_owned(),
                Ok(link) => format!("one to `{}`", link.host()),
                Err(error) => format!("one that is no address ({error})"),
            };
            let allowed: Vec<String> = hosts.iter().map(|host| format!("`{host}`")).collect();
            return Err(Failure::new(format_args!(
                "expected links of {self} to lead to {}, found {found} in its {part}",
                allowed.join(" or ")
            )));
        }
        Ok(self)
    }
}

fn is_only(addresses: &[String], expected: &str) -> bool {
    matches!(addresses, [one] if one.eq_ignore_ascii_case(expected))
}

fn listed(addresses: &[String]) -> String {
    if addresses.is_empty() {
        return "nobody".to_owned();
    }
    addresses.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" and ")
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Only what a browser opens at the host itself.
fn is_allowed(link: &Link, hosts: &[&str]) -> bool {
    let host = link.host();
    link.is_of_the_web()
        && hosts.iter().any(|allowed| match allowed.strip_prefix("*.") {
            Some(above) => {
                let below = host.len().checked_sub(above.len()).and_then(|at| host.get(..at));
                below.is_some_and(|it| it.ends_with('.')) && ends_with(host, above)
            }
            None => host.eq_ignore_ascii_case(allowed),
        })
}

fn ends_with(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len()).and_then(|at| text.get(at..));
    start.is_some_and(|it| it.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests;
