//! Finding the one code or the one link that a mail is about, in two parts that must say the same.
//!
//! Text that is searched here comes from anybody who knows the address, and nothing of it may reach a message.

use std::{collections::BTreeSet, ops::RangeInclusive};

/// What the parts of a mail say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disagreement {
    /// Neither part has one.
    None,
    /// The named part has several different ones.
    Several { part: &'static str, count: usize },
    /// Each part has one, and they differ.
    Differ,
}

/// The one thing that both parts name; a part that names none leaves it to the other.
///
/// The text decides, if it has any: HTML carries more beside the point, such as a footer with numbers of its own,
/// so there it is enough that the same thing is among what it names.
pub(super) fn agreed(text: BTreeSet<String>, html: BTreeSet<String>) -> Result<String, Disagreement> {
    let one = |part, found: BTreeSet<String>| match found.len() {
        0 => Err(Disagreement::None),
        1 => found.into_iter().next().ok_or(Disagreement::None),
        count => Err(Disagreement::Several { part, count }),
    };
    if text.is_empty() {
        return one("HTML", html);
    }
    let found = one("text", text)?;
    if html.is_empty() || html.contains(&found) { Ok(found) } else { Err(Disagreement::Differ) }
}

/// Codes of so many digits: those that have a line to themselves; if there are none, those that stand alone as a
/// word.
pub(super) fn codes(text: &str, digits: usize) -> BTreeSet<String> {
    let alone = lone_numbers(text, &(digits..=digits));
    if alone.is_empty() { numbers(text, &(digits..=digits)) } else { alone }
}

/// Numbers of so many digits that have a line to themselves.
pub(super) fn lone_numbers(text: &str, digits: &RangeInclusive<usize>) -> BTreeSet<String> {
    visible(text).lines().map(str::trim).filter(|line| is_number(line, digits)).map(str::to_owned).collect()
}

/// Numbers of so many digits that stand alone as a word.
pub(super) fn numbers(text: &str, digits: &RangeInclusive<usize>) -> BTreeSet<String> {
    let text = visible(text);
    let mut words = BTreeSet::new();
    let mut before = None;
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, number) = rest.split_at(at);
        before = gap.chars().next_back().or(before);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        if is_number(number, digits) && opens(before) && closes(after) {
            words.insert(number.to_owned());
        }
        before = number.chars().next_back();
        rest = after;
    }
    words
}

fn is_number(word: &str, digits: &RangeInclusive<usize>) -> bool {
    digits.contains(&word.len()) && !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit())
}

/// The text without the invisible characters that mailers put between and around what they show.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Whether a word may begin after this character.
fn opens(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || "([{<>\"'`*_:|“‘«„".contains(c))
}

/// Whether a word may end here. Marks that also stand inside numbers and addresses count only at a word's end.
fn closes(after: &str) -> bool {
    let mut after = after.chars();
    match after.next() {
        None => true,
        Some('.' | ',' | ':' | ';' | '!' | '?') => after.next().is_none_or(|c| !c.is_alphanumeric()),
        Some(c) => c.is_whitespace() || ")]}<>\"'`*_|”’»“".contains(c),
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Addresses of the web in plain text that contain `containing`.
pub(super) fn text_links(text: &str, containing: &str) -> BTreeSet<String> {
    let mut links = BTreeSet::new();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
        let start = ["https://", "http://"].iter().filter_map(|scheme| word.find(scheme)).min();
        let Some(start) = start else { continue };
        let link = word[start..].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '’', '”']);
        // A bracket at the end belongs to the sentence, unless the address has opened one.
        let link = [('(', ')'), ('[', ']'), ('{', '}')].iter().fold(link, |link, (open, close)| {
            if link.contains(*open) { link } else { link.trim_end_matches(*close) }
        });
        if link.contains(containing) {
            links.insert(link.to_owned());
        }
    }
    links
}

/// Targets of links that are addresses of the web and contain `containing`.
pub(super) fn html_links(links: &[String], containing: &str) -> BTreeSet<String> {
    let of_the_web = |link: &&String| link.starts_with("https://") || link.starts_with("http://");
    links.iter().filter(of_the_web).filter(|link| link.contains(containing)).cloned().collect()
}
