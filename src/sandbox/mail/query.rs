//! The search language of `q`, as far as a reader of a test inbox needs it.
//!
//! Words are matched as words: letters and digits count, case and punctuation do not, and a phrase matches where
//! its words stand next to each other. The API expands no aliases and looks at single mails, not threads [V].

use jiff::{Span, Timestamp, civil, tz::TimeZone};
use mail_parser::{HeaderName, Message, MessageParser, MimeHeaders as _};

use super::{label::Label, mailbox::Mail};

/// The searchable words of one mail, made once when it arrives. Each text is ` one two three `.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    from: String,
    to: String,
    cc: String,
    bcc: String,
    subject: String,
    message_id: String,
    /// Of the headers of a mailing list.
    list: String,
    /// The names of the parts that have one.
    filenames: String,
    everything: String,
    /// What `Delivered-To` says, as it stands there.
    pub(super) delivered_to: String,
}

impl Words {
    /// The words of a whole mail.
    pub(super) fn of(raw: &[u8]) -> Words {
        let message = MessageParser::default().parse(raw).unwrap_or_default();
        let header = |name| words(&header_text(&message, name));
        let from = header(HeaderName::From);
        let to = header(HeaderName::To);
        let cc = header(HeaderName::Cc);
        let subject = header(HeaderName::Subject);
        let text: String = (0..message.text_body_count())
            .filter_map(|part| message.body_text(part))
            .flat_map(|text| [text.into_owned(), "\n".to_owned()])
            .collect();
        let mut filenames = String::new();
        for part in &message.parts {
            filenames.push_str(&words(part.attachment_name().unwrap_or_default()));
        }
        let everything = [&subject, &from, &to, &cc, &words(&text)].map(String::as_str).concat();
        Words {
            bcc: header(HeaderName::Bcc),
            message_id: header_text(&message, HeaderName::MessageId),
            list: header(HeaderName::ListId),
            delivered_to: header_text(&message, HeaderName::DeliveredTo),
            filenames,
            everything,
            from,
            to,
            cc,
            subject,
        }
    }
}

/// A parsed `q`.
#[derive(Clone, Debug)]
pub(super) struct Query {
    term: Term,
    /// Whether the query itself names spam or trash, or everything; they are left out otherwise [V].
    pub(super) reaches_spam_and_trash: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Phrase(Field, String),
    DeliveredTo(String),
    MessageId(String),
    Label(String),
    After(Timestamp),
    Before(Timestamp),
    Larger(usize),
    Smaller(usize),
    HasAttachment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Everything,
    From,
    To,
    Cc,
    Bcc,
    Subject,
    List,
    Filename,
}

impl Query {
    /// Reads a query. There is no wrong one: what is not understood is looked for as words. `labels` are those that
    /// it may name.
    pub(super) fn parse(q: &str, now: Timestamp, labels: &[Label]) -> Query {
        let mut parser = Parser { rest: q, now, labels, reaches_spam_and_trash: false };
        let term = Term::All(parser.sequence(Field::Everything, None));
        Query { term, reaches_spam_and_trash: parser.reaches_spam_and_trash }
    }

    /// Whether `mail` is one of those asked for.
    pub(super) fn matches(&self, mail: &Mail) -> bool {
        self.term.matches(mail)
    }
}

impl Term {
    fn matches(&self, mail: &Mail) -> bool {
        match self {
            Term::All(terms) => terms.iter().all(|term| term.matches(mail)),
            Term::Any(terms) => terms.iter().any(|term| term.matches(mail)),
            Term::Not(term) => !term.matches(mail),
            Term::Phrase(field, phrase) => {
                let Words { from, to, cc, bcc, subject, list, filenames, everything, .. } = &*mail.words;
                match field {
                    Field::Everything => everything,
                    Field::From => from,
                    // `to:` finds copies as well, as it does at Google [M].
                    Field::To => return [to, cc, bcc].iter().any(|text| text.contains(phrase)),
                    Field::Cc => cc,
                    Field::Bcc => bcc,
                    Field::Subject => subject,
                    Field::List => list,
                    Field::Filename => filenames,
                }
                .contains(phrase)
            }
            // Stricter than `to:` [M]: the whole address.
            Term::DeliveredTo(address) => mail.recipient.to_lowercase() == *address,
            Term::MessageId(id) => mail.words.message_id == *id,
            Term::Label(label) => mail.labels.contains(label),
            // Whether the edges are included is not documented; here the first second is and the last is not.
            Term::After(start) => mail.received >= *start,
            Term::Before(end) => mail.received < *end,
            Term::Larger(size) => mail.raw.len() > *size,
            Term::Smaller(size) => mail.raw.len() < *size,
            Term::HasAttachment => !mail.words.filenames.is_empty(),
        }
    }
}

struct Parser<'q> {
    rest: &'q str,
    now: Timestamp,
    labels: &'q [Label],
    reaches_spam_and_trash: bool,
}

impl<'q> Parser<'q> {
    /// Terms up to `close` or the end; all must hold. `a OR b` binds tighter than standing side by side.
    fn sequence(&mut self, field: Field, close: Option<char>) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        let mut or = false;
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else { break };
            if matches!(first, ')' | '}') {
                self.rest = &self.rest[1..];
                if Some(first) == close {
                    break;
                }
                continue;
            }
            if let Some(after) = self.rest.strip_prefix("OR")
                && after.starts_with(char::is_whitespace)
            {
                self.rest = after;
                or = true;
                continue;
            }
            let term = self.item(field);
            match terms.pop() {
                Some(Term::Any(mut either)) if or => {
                    either.push(term);
                    terms.push(Term::Any(either));
                }
                Some(other) if or => terms.push(Term::Any(vec![other, term])),
                before => {
                    terms.extend(before);
                    terms.push(term);
                }
            }
            or = false;
        }
        terms
    }

    fn item(&mut self, field: Field) -> Term {
        if let Some(rest) = self.rest.strip_prefix('-')
            && rest.starts_with(|first: char| !first.is_whitespace())
        {
            self.rest = rest;
            return Term::Not(Box::new(self.item(field)));
        }
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            return Term::All(self.sequence(field, Some(')')));
        }
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            return Term::Any(self.sequence(field, Some('}')));
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let (phrase, rest) = rest.split_once('"').unwrap_or((rest, ""));
            self.rest = rest;
            return Term::Phrase(field, words(phrase));
        }
        let word = self.word();
        let Some((operator, value)) = word.split_once(':') else { return Term::Phrase(field, words(word)) };
        let operator = operator.to_lowercase();
        let in_field = match operator.as_str() {
            "from" => Some(Field::From),
            "to" => Some(Field::To),
            "cc" => Some(Field::Cc),
            "bcc" => Some(Field::Bcc),
            "subject" => Some(Field::Subject),
            "list" => Some(Field::List),
            "filename" => Some(Field::Filename),
            _ => None,
        };
        match in_field {
            // `subject:(a b)` and `subject:"a b"`: what follows is a term of its own, looked for in that field.
            Some(in_field) if value.is_empty() && self.rest.starts_with(['(', '{', '"']) => {
                self.item(in_field)
            }
            Some(in_field) => Term::Phrase(in_field, words(value)),
            None => {
                let value = if value.is_empty() { self.quoted() } else { value };
                self.operator(&operator, value).unwrap_or_else(|| Term::Phrase(field, words(word)))
            }
        }
    }

    /// Everything up to a space, a bracket or a quotation mark.
    fn word(&mut self) -> &'q str {
        let end =
            self.rest.find(|c: char| c.is_whitespace() || "(){}\"".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// A value in quotation marks, if one follows.
    fn quoted(&mut self) -> &'q str {
        let Some(rest) = self.rest.strip_prefix('"') else { return "" };
        let (value, rest) = rest.split_once('"').unwrap_or((rest, ""));
        self.rest = rest;
        value
    }

    /// An operator that is not about words; `None` if there is none such, or its value makes no sense.
    fn operator(&mut self, operator: &str, value: &str) -> Option<Term> {
        Some(match operator {
            "deliveredto" => Term::DeliveredTo(value.to_lowercase()),
            "rfc822msgid" => Term::MessageId(value.trim_matches(['<', '>']).to_owned()),
            "in" if value.eq_ignore_ascii_case("anywhere") => {
                self.reaches_spam_and_trash = true;
                Term::All(Vec::new())
            }
            "is" if value.eq_ignore_ascii_case("read") => {
                Term::Not(Box::new(Term::Label("UNREAD".to_owned())))
            }
            "in" | "is" | "label" => {
                self.reaches_spam_and_trash |= ["spam", "trash"].contains(&value.to_lowercase().as_str());
                Term::Label(self.label(value))
            }
            "has" if value.eq_ignore_ascii_case("attachment") => Term::HasAttachment,
            "category" if value.eq_ignore_ascii_case("primary") => {
                Term::Label("CATEGORY_PERSONAL".to_owned())
            }
            "category" => Term::Label(format!("CATEGORY_{}", value.to_uppercase())),
            "after" | "newer" => Term::After(instant(value)?),
            "before" | "older" => Term::Before(instant(value)?),
            "newer_than" => Term::After(self.ago(value)?),
            "older_than" => Term::Before(self.ago(value)?),
            "larger" => Term::Larger(size(value)?),
            "smaller" => Term::Smaller(size(value)?),
            _ => return None,
        })
    }

    /// The id of the label that a query calls `name`. Case does not matter there, and `-` stands for a space or a `/`.
    fn label(&self, name: &str) -> String {
        let plain = |name: &str| name.to_lowercase().replace([' ', '/'], "-");
        let label = self.labels.iter().find(|label| plain(&label.name) == plain(name));
        // A label that there is not: nothing has it.
        label.map_or_else(|| name.to_uppercase(), |label| label.id.clone())
    }

    /// `2d`, `3m` or `1y` before now.
    fn ago(&self, value: &str) -> Option<Timestamp> {
        let (unit_at, unit) = value.char_indices().last()?;
        let count: i64 = value[..unit_at].parse().ok()?;
        let span = match unit {
            'd' => Span::new().try_days(count),
            'm' => Span::new().try_months(count),
            'y' => Span::new().try_years(count),
            _ => return None,
        };
        Some(self.now.to_zoned(TimeZone::UTC).checked_sub(span.ok()?).ok()?.timestamp())
    }
}

/// The instant of `after:` and `before:`: epoch seconds, or a date, which means midnight in Pacific time [V].
fn instant(value: &str) -> Option<Timestamp> {
    if let Ok(seconds) = value.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    let numbers: Vec<i16> = value.split(['/', '-']).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [year, month, day] = numbers[..] else { return None };
    let date = civil::Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let pacific =
        TimeZone::get("America/Los_Angeles").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(-8)));
    Some(date.to_zoned(pacific).ok()?.timestamp())
}

/// `1000`, `10K` or `5M`, in bytes.
fn size(value: &str) -> Option<usize> {
    let value = value.to_uppercase();
    let (number, unit) = match value.strip_suffix('M') {
        Some(number) => (number, 1 << 20),
        None => value.strip_suffix('K').map_or((value.as_str(), 1), |number| (number, 1 << 10)),
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

/// A header's text with its encoded words decoded; several headers of a name together.
fn header_text(message: &Message<'_>, name: HeaderName<'static>) -> String {
    let mut text = String::new();
    if message.parts.is_empty() {
        return text;
    }
    for value in message.header_as(name, mail_parser::HeaderForm::Text) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(value.as_text().unwrap_or_default());
    }
    text.trim_matches(['<', '>']).to_owned()
}

/// The words of a text, in lower case, each between two spaces; empty if there are none.
fn words(text: &str) -> String {
    let mut words = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().flat_map(char::to_lowercase));
        words.push(' ');
    }
    words
}
