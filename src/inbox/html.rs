//! The text and the links of a mail's HTML part, as a person sees them.
//!
//! No parser of the whole language: tags, comments, attributes and entities are enough to read a mail. Every loop
//! moves forward over the input, so hostile text costs no more than its length.

use mail_parser::decoders::html::add_html_token;

/// What a person sees of an HTML part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The text, with a line break where a block begins or ends.
    pub(super) text: String,
    /// Where the links lead, in order.
    pub(super) links: Vec<String>,
}

/// Elements within a line; everything else begins and ends one.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "big", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark",
    "s", "small", "span", "strong", "sub", "sup", "u",
];

/// Elements whose content is not shown.
const HIDDEN: [&str; 5] = ["head", "style", "script", "template", "title"];

/// The longest entity that is looked up, in bytes.
const LONGEST_ENTITY: usize = 34;

pub(super) fn read(html: &str) -> Page {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        show(&mut page.text, text);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let body = &tag[1..];
        if !body.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            page.text.push('<');
            rest = body;
            continue;
        }
        let Some(end) = tag_end(body) else { break };
        let inside = &body[..end];
        rest = &body[end + 1..];
        let (closing, inside) = match inside.strip_prefix('/') {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        let name_end = inside.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(inside.len());
        let name = inside[..name_end].to_ascii_lowercase();
        if !INLINE.contains(&name.as_str()) {
            page.text.push('\n');
        }
        if name == "a" && !closing {
            page.links.extend(attribute(&inside[name_end..], "href"));
        }
        if HIDDEN.contains(&name.as_str()) && !closing && !inside.ends_with('/') {
            rest = skip_element(rest, &name);
        }
    }
    if !rest.contains('<') {
        show(&mut page.text, rest);
    }
    page
}

/// Where the tag that begins before `body` ends: the first `>` outside quotes.
fn tag_end(body: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = 0;
    for (at, byte) in body.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => (),
            (None, b'>') => return Some(at),
            // A quote is one only where a value begins; elsewhere it is a typing error.
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (None, _) => (),
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    None
}

/// What follows the end of a hidden element; nothing if it never ends.
fn skip_element<'h>(rest: &'h str, name: &str) -> &'h str {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        from += at + 2;
        // Bytes, because the name's length may end inside a character.
        let found = rest.as_bytes().get(from..from + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return rest[from..].split_once('>').map_or("", |(_, after)| after);
        }
    }
    ""
}

/// The value of an attribute, entities decoded.
fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let name_end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
        if name_end == 0 {
            // A value without a name.
            rest = &rest[1..];
            continue;
        }
        let (name, after) = rest.split_at(name_end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let value = &value[1..];
                value.split_once(quote).unwrap_or((value, ""))
            }
            Some(_) | None => {
                value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len()))
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decode(value).trim().to_owned());
        }
        rest = after;
    }
}

/// Adds text as it is shown: entities decoded, any run of white space as one space.
fn show(out: &mut String, text: &str) {
    for c in decode(text).chars() {
        if c.is_whitespace() {
            if !out.ends_with([' ', '\n']) {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
}

/// The text with its entities decoded, in one pass.
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let end = entity.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';');
        match end {
            Some(end)
                if entity.as_bytes()[1..end].iter().all(|it| it.is_ascii_alphanumeric() || *it == b'#') =>
            {
                add_html_token(&mut out, &entity.as_bytes()[..=end], false);
                rest = &entity[end + 1..];
            }
            Some(_) | None => {
                out.push('&');
                rest = &entity[1..];
            }
        }
    }
    out.push_str(rest);
    out
}
