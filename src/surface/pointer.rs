//! JSON pointers as text, and the fragments of URIs that hold them.

use serde_json::Value;

/// The pointer to a member or an element.
pub(super) fn child(pointer: &str, segment: &str) -> String {
    let mut child = String::with_capacity(pointer.len() + segment.len() + 1);
    child.push_str(pointer);
    child.push('/');
    for letter in segment.chars() {
        match letter {
            '~' => child.push_str("~0"),
            '/' => child.push_str("~1"),
            other => child.push(other),
        }
    }
    child
}

/// The pointers on the way to a pointer, the whole document's first and without its own.
pub(super) fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.match_indices('/').map(|(index, _)| &pointer[..index])
}

/// What stands in the fragment of a reference, its percent signs resolved. `None` if they do not give text.
pub(super) fn decode(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => digit(*high).zip(digit(*low)).map(|it| (it, tail)),
            _ => None,
        };
        match escaped {
            Some(((high, low), tail)) => {
                bytes.push(high * 16 + low);
                rest = tail;
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

/// A pointer as the fragment of a URI.
pub(super) fn encode(pointer: &str) -> String {
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"/~-._".contains(&byte) {
            fragment.push(char::from(byte));
        } else {
            fragment.push_str(&format!("%{byte:02X}"));
        }
    }
    fragment
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What kind of value it is, for sentences such as "expected an object, got a number".
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_and_pointers_are_each_others_form() {
        for (pointer, fragment) in
            [("", ""), ("/paths/~1a~1{id}/get", "/paths/~1a~1%7Bid%7D/get"), ("/a b/ö~0", "/a%20b/%C3%B6~0")]
        {
            assert_eq!(encode(pointer), fragment);
            assert_eq!(decode(fragment).as_deref(), Some(pointer));
            assert_eq!(decode(pointer).as_deref(), Some(pointer));
        }
        assert_eq!(decode("/100%").as_deref(), Some("/100%"));
        assert_eq!(decode("/%zz").as_deref(), Some("/%zz"));
        assert_eq!(decode("/%FF"), None);
        assert_eq!(child(&child("", "paths"), "/a~b"), "/paths/~1a~0b");
        assert_eq!(ancestors("/a/b/c").collect::<Vec<_>>(), ["", "/a", "/a/b"]);
    }
}
