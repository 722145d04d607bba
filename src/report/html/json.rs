//! JSON laid out for reading. It need not be whole: what a record keeps of a large body ends somewhere.

/// How deep indentation goes. Deeper levels stand below one another, or a hostile answer would be all blanks.
const DEEPEST: usize = 24;

/// How many bytes a layout may have. What is left is added as it came.
const LONGEST: usize = 256 * 1024;

/// The text with a line per member, if it looks like JSON that is not laid out already. Numbers, the order of members
/// and everything else stay as they came.
pub(crate) fn laid_out(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || text.contains('\n') {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut rest = text.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        if out.len() > LONGEST {
            out.push_str(&text[at..]);
            break;
        }
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '{' | '[' => {
                out.push(character);
                while rest.next_if(|(_, it)| *it == ' ').is_some() {}
                if let Some((_, end)) = rest.next_if(|(_, it)| matches!(it, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' => {}
            '"' => {
                in_string = true;
                out.push('"');
            }
            // Behind the cut it is no JSON any more, but a sentence.
            '…' => {
                out.push_str(&text[at..]);
                break;
            }
            _ => out.push(character),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(laid_out(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_line_per_member() {
        check(
            r#"{"a":1.0,"b":[true,{"c":"x, {y}: \"z\\"}],"d":{}, "e": [ ]}"#,
            "{\n  \"a\": 1.0,\n  \"b\": [\n    true,\n    {\n      \"c\": \"x, {y}: \\\"z\\\\\"\n    }\n  ],\n  \"d\": \
             {},\n  \"e\": []\n}",
        );
    }

    #[test]
    fn what_is_cut_stays_readable() {
        check(r#"{"a":[1,… (9000 bytes in all)"#, "{\n  \"a\": [\n    1,\n    … (9000 bytes in all)");
        check(r#"{"a":"an unfini"#, "{\n  \"a\": \"an unfini");
        check("[1]]]", "[\n  1\n]\n]\n]");
    }

    #[test]
    fn depth_does_not_explode() {
        let deep = "[".repeat(1_000_000);
        let out = laid_out(&deep).unwrap();
        assert!(out.len() < 1_500_000, "{}", out.len());
    }

    #[test]
    fn other_texts_are_left_alone() {
        assert_eq!(laid_out("<html>"), None);
        assert_eq!(laid_out("{\n}"), None);
    }
}
