//! What a template leaves in a mail when it was not filled in.
//!
//! A false alarm wakes somebody at night, so marks count only where honest text does not have them: words such as
//! `null` only if they stand alone, as whole words or as a whole piece of an address, and in no other case.

/// Marks of template languages, and what programs print by mistake. They have no place in a mail, wherever they stand.
///
/// Only what opens a placeholder: what closes it also closes objects of JSON, which products for programmers do mail.
const MARKS: [&str; 8] = ["{{", "{%", "<%", "${", "#{", "[object Object]", "Lorem ipsum", "lorem ipsum"];

/// Words that programs print for "nothing", in the only spelling in which they do.
const WORDS: [&str; 3] = ["undefined", "null", "NaN"];

/// Directives of `printf` and its heirs, whole or as they begin.
const DIRECTIVES: [&str; 4] = ["%s", "%d", "%(", "%{"];

/// What stands around a word in a sentence.
const PUNCTUATION: [char; 17] =
    ['.', ',', ';', ':', '!', '?', '"', '\'', '(', ')', '[', ']', '<', '>', '*', '“', '”'];

/// The first placeholder in a text, by its mark: nothing of the text itself is given.
pub(super) fn in_text(text: &str) -> Option<&'static str> {
    let mark = MARKS.into_iter().find(|mark| text.contains(mark));
    mark.or_else(|| DIRECTIVES.into_iter().find(|it| has_directive(text, it)))
        .or_else(|| has_merge_tag(text).then_some("*|"))
        .or_else(|| in_words(text))
}

/// The first placeholder in the address of a link. There the marks may be encoded, and words stand between other signs.
pub(super) fn in_link(link: &str) -> Option<&'static str> {
    const ENCODED: [(&str, &str); 3] = [("%7b%7b", "{{"), ("$%7b", "${"), ("%3c%25", "<%")];
    let lower = link.to_ascii_lowercase();
    let encoded = ENCODED.into_iter().find(|(encoded, _)| lower.contains(encoded)).map(|(_, mark)| mark);
    let plain = ["{{", "${", "<%"].into_iter().find(|mark| link.contains(mark));
    let mut pieces = link.split(['/', '?', '&', '=', '#', ':', '@']);
    encoded.or(plain).or_else(|| pieces.find_map(|piece| WORDS.into_iter().find(|word| piece == *word)))
}

/// `%sure`, `%d0` and `20%(off)` are no directives.
fn has_directive(text: &str, directive: &str) -> bool {
    let is_whole = directive.ends_with(char::is_alphabetic);
    text.match_indices(directive).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + directive.len()..].chars().next();
        let is_in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '%')
            || is_whole && after.is_some_and(char::is_alphanumeric);
        !is_in_word
    })
}

/// `*|FNAME|*`. Tables of plain text have bars and stars too, so the name between them must look like one.
fn has_merge_tag(text: &str) -> bool {
    let is_name = |it: &str| {
        !it.is_empty() && it.bytes().all(|c| c.is_ascii_uppercase() || b"_:0123456789".contains(&c))
    };
    text.split("*|").skip(1).any(|rest| rest.split_once("|*").is_some_and(|(name, _)| is_name(name)))
}

fn in_words(text: &str) -> Option<&'static str> {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word.contains("://") {
            if let Some(found) = in_link(word.trim_matches(PUNCTUATION)) {
                return Some(found);
            }
            continue;
        }
        let bare = word.trim_matches(PUNCTUATION);
        let Some(found) = WORDS.into_iter().find(|known| bare == *known) else { continue };
        // Lawyers have a use for it: "null and void".
        if found == "null" && words.peek() == Some(&"and") {
            continue;
        }
        return Some(found);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_filled_in_is_found() {
        for (text, mark) in [
            ("Hello {{name}},", "{{"),
            ("Hello {{ first_name | default }},", "{{"),
            ("Hello {% if name %}", "{%"),
            ("Hello <%= name %>", "<%"),
            ("Hello ${name},", "${"),
            ("Hello #{name},", "#{"),
            ("Hello %{name},", "%{"),
            ("Hello %(name)s,", "%("),
            ("Hello *|FNAME|*", "*|"),
            ("Hello undefined!", "undefined"),
            ("Hello null,", "null"),
            ("Hello \"null\"", "null"),
            ("Hello (null),", "null"),
            ("You have NaN new mails", "NaN"),
            ("Hello [object Object]", "[object Object]"),
            ("Hello %s,", "%s"),
            ("%d new mails", "%d"),
            ("Lorem ipsum dolor", "Lorem ipsum"),
            ("Join: https://undefined/join", "undefined"),
            ("Join (https://shop.test/join?code=null).", "null"),
            ("https://shop.test/%7B%7Bcode%7D%7D", "{{"),
        ] {
            assert_eq!(in_text(text), Some(mark), "{text}");
        }
    }

    #[test]
    fn honest_text_is_none() {
        for text in [
            "Hello Nan, here is an undefined-behaviour sanitizer; UNDEFINED, Undefined",
            "This offer is null and void after Friday",
            "Write to /dev/null. Nullable types. NullPointerException; non-null",
            "Save 20 %straight away: 100%s 50%d of all, 100%sure",
            "https://shop.test/a%20b%d0%b0?next=%2Fnullable&x={y}",
            "https://shop.test/undefined-terms/annulled",
            r#"curl -d '{"a":{"b":1}}' https://shop.test/ gives 20%(off), | *bold* |*more*|*|"#,
            "{ a: { b: 1 } } costs $5 {about} 5 < 6 % of 7 > 3",
            "Your code is 482913. It is valid for 15 minutes.",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
    }
}
