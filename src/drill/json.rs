//! Changing one member of a JSON text and leaving every other byte alone.
//!
//! Parsing and printing would change numbers that fit no Rust type, spaces, escapes and the order of members, and
//! then a canary might sing about something other than the changed member.

use std::{error::Error, fmt, ops::Range, str::FromStr};

use serde::de::IgnoredAny;

/// Places in a JSON document: RFC 6901, and `*` for every element of an array. Never the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

/// Why a text is no [`Pointer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPointer {
    /// It does not begin with a slash.
    NoSlash,
    /// A tilde is followed by something else than 0 or 1.
    Tilde,
}

impl FromStr for Pointer {
    type Err = BadPointer;

    fn from_str(text: &str) -> Result<Self, BadPointer> {
        let tokens = text.strip_prefix('/').ok_or(BadPointer::NoSlash)?;
        tokens.split('/').map(unescape).collect::<Result<_, _>>().map(Self)
    }
}

fn unescape(token: &str) -> Result<String, BadPointer> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix('0') {
            plain.push('~');
            plain.push_str(rest);
        } else if let Some(rest) = part.strip_prefix('1') {
            plain.push('/');
            plain.push_str(rest);
        } else {
            return Err(BadPointer::Tilde);
        }
    }
    Ok(plain)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

impl fmt::Display for BadPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "a JSON pointer begins with a slash, as in `/items/0/id`",
            Self::Tilde => "in a JSON pointer `~` is written `~0` and a slash inside a name `~1`",
        })
    }
}

impl Error for BadPointer {}

/// The text without the first member of the object that it holds; nothing if it holds no object, or an empty one.
pub(super) fn without_first(text: &[u8]) -> Option<Vec<u8>> {
    let whole = Container::at(valid(text)?, &[]).filter(|container| container.object)?;
    let first = whole.entries.into_iter().next()?;
    changed(text, &Pointer(vec![first.name]), Change::Missing)
}

/// What happens to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is gone.
    Missing,
    /// It has another name, with `x_` before its own. Elements of arrays have no name and stay.
    Renamed,
    /// Its value has another type: text for a number, a number for text.
    Mistyped,
}

/// The text with the member, or the array's element, at `place` changed; nothing if it has none there.
pub(super) fn changed(text: &[u8], place: &Pointer, change: Change) -> Option<Vec<u8>> {
    let mut left = valid(text)?.to_owned();
    let mut found = false;
    // From the last to the first, so that what has been found stays where it is.
    for (path, name) in places(&left, place).into_iter().rev() {
        let Some(container) = Container::at(&left, &path) else { continue };
        // The same name may occur more than once in an object; then all of them are meant.
        for index in (0..container.entries.len()).rev().filter(|&it| container.entries[it].name == name) {
            let Entry { start, value, .. } = &container.entries[index];
            match change {
                // Those behind it are gone, so it is the last of that name, but its extent may have to be measured
                // anew.
                Change::Missing => {
                    let Some(now) = Container::at(&left, &path) else { continue };
                    left.replace_range(now.extent(index), "");
                }
                Change::Renamed if !container.object => continue,
                Change::Renamed => left.insert_str(start + 1, "x_"),
                Change::Mistyped => {
                    left.replace_range(value.clone(), another_type(left.as_bytes()[value.start]))
                }
            }
            found = true;
        }
    }
    found.then(|| left.into_bytes())
}

/// A value of another type than the one that begins so.
fn another_type(first: u8) -> &'static str {
    match first {
        b'"' => "7",
        b'{' => "[]",
        b'[' => "{}",
        b'n' => "true",
        _ => "\"7\"",
    }
}

/// Every place that a pointer means: the path to the container, and the name in it.
fn places(text: &str, place: &Pointer) -> Vec<(Vec<String>, String)> {
    let (last, path) = place.0.split_last().expect("a pointer has at least one token");
    let mut paths = vec![Vec::new()];
    for token in path {
        paths = paths.into_iter().flat_map(|path| expanded(text, path, token)).collect();
    }
    let ends = paths.into_iter().flat_map(|path| expanded(text, path, last));
    ends.filter_map(|mut path| path.pop().map(|name| (path, name))).collect()
}

/// The path with one token more; with `*`, one path for each element.
fn expanded(text: &str, path: Vec<String>, token: &str) -> Vec<Vec<String>> {
    let longer = |path: &[String], token: String| path.iter().cloned().chain([token]).collect::<Vec<_>>();
    match Container::at(text, &path) {
        Some(container) if token == "*" && !container.object => {
            (0..container.entries.len()).map(|index| longer(&path, index.to_string())).collect()
        }
        Some(_) => vec![longer(&path, token.to_owned())],
        None => Vec::new(),
    }
}

/// Everything below relies on the text being JSON.
fn valid(text: &[u8]) -> Option<&str> {
    serde_json::from_slice::<IgnoredAny>(text).ok()?;
    // Strings that are skipped are not checked for being UTF-8.
    std::str::from_utf8(text).ok()
}

/// An object or an array within a text.
struct Container {
    object: bool,
    /// Behind the opening bracket.
    start: usize,
    /// At the closing bracket.
    end: usize,
    entries: Vec<Entry>,
}

/// A member of an object, or an element of an array.
struct Entry {
    /// The member's name, unescaped, or the element's index.
    name: String,
    /// Where the member's name begins, or the element.
    start: usize,
    value: Range<usize>,
}

impl Container {
    /// The container at the end of `path`; nothing if there is none.
    fn at(text: &str, path: &[String]) -> Option<Self> {
        let mut container = Self::starting_at(text, skip_spaces(text, 0))?;
        for token in path {
            // Of members with the same name parsers take the last.
            let entry = container.entries.iter().rfind(|entry| entry.name == *token)?;
            container = Self::starting_at(text, entry.value.start)?;
        }
        Some(container)
    }

    /// The container that begins at `at`; nothing if another kind of value does.
    fn starting_at(text: &str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let object = match bytes[at] {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        let mut entries = Vec::new();
        let mut next = skip_spaces(text, at + 1);
        while !matches!(bytes[next], b'}' | b']') {
            let start = next;
            let (name, value) = if object {
                let name_end = end_of_value(text, start);
                let name = serde_json::from_str(&text[start..name_end]).ok()?;
                let colon = skip_spaces(text, name_end);
                (name, skip_spaces(text, colon + 1))
            } else {
                (entries.len().to_string(), start)
            };
            let value = value..end_of_value(text, value);
            next = skip_spaces(text, value.end);
            if bytes[next] == b',' {
                next = skip_spaces(text, next + 1);
            }
            entries.push(Entry { name, start, value });
        }
        Some(Self { object, start: at + 1, end: next, entries })
    }

    /// What goes with an entry: itself and a comma, or all between the brackets if it is the only one.
    fn extent(&self, index: usize) -> Range<usize> {
        let entry = &self.entries[index];
        match (index.checked_sub(1), self.entries.get(index + 1)) {
            (_, Some(next)) => entry.start..next.start,
            (Some(previous), None) => self.entries[previous].value.end..entry.value.end,
            (None, None) => self.start..self.end,
        }
    }
}

/// The first byte from `at` on that is no space.
fn skip_spaces(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// Behind the value that begins at `at`.
fn end_of_value(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut next) = (0_usize, at);
    loop {
        match bytes[next] {
            b'"' => next = end_of_string(bytes, next),
            b'{' | b'[' => {
                depth += 1;
                next += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                next += 1;
            }
            _ if depth == 0 => {
                let end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                return next + bytes[next..].iter().position(end).unwrap_or(bytes.len() - next);
            }
            _ => next += 1,
        }
        if depth == 0 {
            return next;
        }
    }
}

fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    loop {
        match bytes[next] {
            b'"' => return next + 1,
            b'\\' => next += 2,
            _ => next += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<String> {
        without_first(text.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    fn at(text: &str, pointer: &str) -> Option<String> {
        change(text, pointer, Change::Missing)
    }

    fn change(text: &str, pointer: &str, change: Change) -> Option<String> {
        let changed = changed(text.as_bytes(), &pointer.parse().unwrap(), change);
        changed.map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn members_are_renamed_and_get_values_of_other_types() {
        let text = r#"{"a": 1, "b":"x", "c" : [ {"d":true},{"d":null}, 3 ], "a":{}}"#;
        for (pointer, renamed, mistyped) in [
            (
                "/a",
                Some(r#"{"x_a": 1, "b":"x", "c" : [ {"d":true},{"d":null}, 3 ], "x_a":{}}"#),
                Some(r#"{"a": "7", "b":"x", "c" : [ {"d":true},{"d":null}, 3 ], "a":[]}"#),
            ),
            (
                "/b",
                Some(r#"{"a": 1, "x_b":"x", "c" : [ {"d":true},{"d":null}, 3 ], "a":{}}"#),
                Some(r#"{"a": 1, "b":7, "c" : [ {"d":true},{"d":null}, 3 ], "a":{}}"#),
            ),
            (
                "/c",
                Some(r#"{"a": 1, "b":"x", "x_c" : [ {"d":true},{"d":null}, 3 ], "a":{}}"#),
                Some(r#"{"a": 1, "b":"x", "c" : {}, "a":{}}"#),
            ),
            (
                "/c/*/d",
                Some(r#"{"a": 1, "b":"x", "c" : [ {"x_d":true},{"x_d":null}, 3 ], "a":{}}"#),
                Some(r#"{"a": 1, "b":"x", "c" : [ {"d":"7"},{"d":true}, 3 ], "a":{}}"#),
            ),
            ("/c/2", None, Some(r#"{"a": 1, "b":"x", "c" : [ {"d":true},{"d":null}, "7" ], "a":{}}"#)),
            ("/c/*", None, Some(r#"{"a": 1, "b":"x", "c" : [ [],[], "7" ], "a":{}}"#)),
            ("/e", None, None),
            ("/c/*/e", None, None),
            ("/b/*/e", None, None),
        ] {
            assert_eq!(change(text, pointer, Change::Renamed).as_deref(), renamed, "{pointer}");
            assert_eq!(change(text, pointer, Change::Mistyped).as_deref(), mistyped, "{pointer}");
        }
    }

    #[test]
    fn a_star_means_every_element() {
        let text = r#"{"items":[{"id":1,"n":2},{"n":3},{"id":4}],"*":5}"#;
        assert_eq!(at(text, "/items/*/id").as_deref(), Some(r#"{"items":[{"n":2},{"n":3},{}],"*":5}"#));
        assert_eq!(at(text, "/items/*").as_deref(), Some(r#"{"items":[],"*":5}"#));
        assert_eq!(at(text, "/*").as_deref(), Some(r#"{"items":[{"id":1,"n":2},{"n":3},{"id":4}]}"#));
        assert_eq!(at(r#"[[{"a":1}],[{"a":2}]]"#, "/*/*/a").as_deref(), Some("[[{}],[{}]]"));
        assert_eq!(at("[]", "/*/a"), None);
    }

    #[test]
    fn the_first_member_goes_and_all_else_stays() {
        for (text, expected) in [
            (r#"{"a":1,"b":2}"#, Some(r#"{"b":2}"#)),
            (r#" { "a" : {"x":[1,{"y":"}"}]} , "b" : 2 } "#, Some(r#" { "b" : 2 } "#)),
            (r#"{"a":1}"#, Some("{}")),
            ("{\n  \"a\": 1\n}\n", Some("{}\n")),
            (r#"{"a":"\"},","z":1,"b":-0.10e+2}"#, Some(r#"{"z":1,"b":-0.10e+2}"#)),
            (
                r#"{"a":1,"b":123456789012345678901234567890}"#,
                Some(r#"{"b":123456789012345678901234567890}"#),
            ),
            (r#"{"a":1,"b":"Ünï\u00e9","a":3}"#, Some(r#"{"b":"Ünï\u00e9"}"#)),
            (r#"{"a":1,"\u0061":3}"#, Some("{}")),
            (r#"{"":null}"#, Some("{}")),
            ("{}", None),
            ("[1,2]", None),
            ("1", None),
            ("null", None),
            ("", None),
            ("not JSON", None),
            (r#"{"a":1"#, None),
            (r#"{"a":1} x"#, None),
        ] {
            assert_eq!(first(text).as_deref(), expected, "{text}");
        }
        assert_eq!(without_first(b"{\"a\":1,\"b\":\"\xff\"}"), None);
    }

    #[test]
    fn a_pointer_names_the_member() {
        let text = r#"{"items": [{"id":"1", "a/b":1, "m~n":2}, 7 ,{"id":2}], "next":"","last":true}"#;
        for (pointer, expected) in [
            ("/next", Some(r#"{"items": [{"id":"1", "a/b":1, "m~n":2}, 7 ,{"id":2}], "last":true}"#)),
            ("/last", Some(r#"{"items": [{"id":"1", "a/b":1, "m~n":2}, 7 ,{"id":2}], "next":""}"#)),
            ("/items/0/id", Some(r#"{"items": [{"a/b":1, "m~n":2}, 7 ,{"id":2}], "next":"","last":true}"#)),
            (
                "/items/0/a~1b",
                Some(r#"{"items": [{"id":"1", "m~n":2}, 7 ,{"id":2}], "next":"","last":true}"#),
            ),
            (
                "/items/0/m~0n",
                Some(r#"{"items": [{"id":"1", "a/b":1}, 7 ,{"id":2}], "next":"","last":true}"#),
            ),
            (
                "/items/1",
                Some(r#"{"items": [{"id":"1", "a/b":1, "m~n":2}, {"id":2}], "next":"","last":true}"#),
            ),
            (
                "/items/2/id",
                Some(r#"{"items": [{"id":"1", "a/b":1, "m~n":2}, 7 ,{}], "next":"","last":true}"#),
            ),
            ("/items", Some(r#"{"next":"","last":true}"#)),
            ("/items/3", None),
            ("/items/01", None),
            ("/items/-", None),
            ("/items/1/x", None),
            ("/nothing", None),
            ("/next/x", None),
            ("/", None),
        ] {
            assert_eq!(at(text, pointer).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn deep_texts_do_no_harm() {
        let deep = format!("{{\"a\":1,\"b\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(first(&deep).is_some_and(|left| left.starts_with("{\"b\":[[")));
    }

    #[test]
    fn pointers_are_checked() {
        assert_eq!("a".parse::<Pointer>(), Err(BadPointer::NoSlash));
        assert_eq!("".parse::<Pointer>(), Err(BadPointer::NoSlash));
        assert_eq!("/a~2".parse::<Pointer>(), Err(BadPointer::Tilde));
        assert_eq!("/a~".parse::<Pointer>(), Err(BadPointer::Tilde));
        for text in ["/", "/a//b", "/~0~1x/0", "/~01"] {
            assert_eq!(text.parse::<Pointer>().unwrap().to_string(), text);
        }
    }
}
