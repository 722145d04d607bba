//! Text of unknown origin made fit for a report: what a product answers may hold anything.

use std::{fmt::Write as _, iter::Peekable, str::Chars};

use crate::record::{Exchange, cut};

/// How far an escape sequence that carries a text of its own is looked for its end. Beyond, it is taken for junk:
/// an answer could otherwise hide the rest of the report behind one byte.
const LONGEST_STRING: usize = 512;

/// The text with line feeds as its only control characters: no terminal sequences, tabs as four spaces, no
/// characters that XML cannot hold.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_parameters(&mut rest),
            '\t' => out.push_str("    "),
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' => out.push('\n'),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

/// Behind an escape character: leaves out what belongs to it.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_parameters(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(' '..='/') => {
            while rest.next_if(|it| (' '..='/').contains(it)).is_some() {}
            rest.next_if(|it| ('0'..='~').contains(it));
        }
        Some('0'..='~') => {
            rest.next();
        }
        _ => {}
    }
}

/// Colours, cursor movements: parameters, then one final character.
fn skip_parameters(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|it| (' '..='?').contains(it)).is_some() {}
    rest.next_if(|it| ('@'..='~').contains(it));
}

/// Titles and links: up to a bell or `ESC \`. One without an end leaves its text standing.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    let mut ahead = rest.clone();
    for _ in 0..LONGEST_STRING {
        match ahead.next() {
            Some('\u{7}') => {
                *rest = ahead;
                return;
            }
            Some('\u{1b}') if ahead.next_if_eq(&'\\').is_some() => {
                *rest = ahead;
                return;
            }
            None | Some('\n' | '\u{1b}') => return,
            Some(_) => {}
        }
    }
}

/// The text as one line of at most about `limit` bytes: every white space is one space.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<String> = plain(text).split_whitespace().map(ToOwned::to_owned).collect();
    let line = words.join(" ");
    let kept = cut(&line, limit);
    if kept.len() == line.len() { line } else { format!("{}…", kept.trim_end()) }
}

/// `POST https://host/keys -> 503 in 120 ms, request id r-1`.
pub(super) fn exchange_line(exchange: &Exchange) -> String {
    let mut line = format!("{} {}", exchange.method, exchange.url);
    match exchange.status {
        Some(status) => {
            let _ = write!(line, " -> {status} in {}", time(exchange.duration_ms));
        }
        None => {
            let _ = write!(line, " -> no answer in {}", time(exchange.duration_ms));
        }
    }
    if let Some(id) = &exchange.request_id {
        let _ = write!(line, ", request id {id}");
    }
    if let Some(error) = &exchange.error {
        let _ = write!(line, ": {error}");
    }
    one_line(&line, 2000)
}

/// A duration as people say it: `85 ms`, `12.3 s`, `2 min 5 s`.
pub(crate) fn time(milliseconds: f64) -> String {
    // 59 950 ms would round to 60.0 s.
    if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else if milliseconds < 59_950.0 {
        format!("{:.1} s", milliseconds / 1e3)
    } else {
        let seconds = (milliseconds / 1e3).round();
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_control_characters_go() {
        for (text, expected) in [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Btext\u{1b}=", "text"),
            ("a\u{0}\u{8}\u{b}\u{c}\u{7f}\u{85}b", "ab"),
            ("a\u{fffe}\u{ffff}b", "ab"),
            ("a\tb", "a    b"),
            ("a\r\nb\rc\nd", "a\nb\nc\nd"),
            ("ends in \u{1b}", "ends in "),
            ("ends in \u{1b}[3", "ends in "),
            ("ünï 🐤 ]]> & <", "ünï 🐤 ]]> & <"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_unterminated_sequence_hides_nothing() {
        assert_eq!(plain("\u{1b}]balance\nis 7"), "balance\nis 7");
        assert_eq!(plain("\u{1b}[balance"), "alance");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line(" a\r\n\tb\u{a0}c\u{2028}d ", 100), "a b c d");
        assert_eq!(one_line("two words", 5), "two w…");
        assert_eq!(one_line("two words", 4), "two…");
        assert_eq!(one_line("öö", 3), "ö…");
    }

    #[test]
    fn times_are_for_people() {
        for (milliseconds, expected) in [
            (0.4, "0 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (12_345.0, "12.3 s"),
            (59_960.0, "1 min 0 s"),
            (125_000.0, "2 min 5 s"),
        ] {
            assert_eq!(time(milliseconds), expected);
        }
    }
}
