//! Texts, times and names as pages show them: nothing in them can leave its place.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::{
    record::cut,
    report::text::{one_line, plain},
    verdict::Verdict,
};

/// The text without control characters; those that are not seen or turn the direction of writing show their number.
pub(crate) fn visible(text: &str) -> String {
    let plain = plain(text);
    if !plain.contains(is_invisible) {
        return plain;
    }
    let mut out = String::with_capacity(plain.len() + 16);
    for character in plain.chars() {
        if is_invisible(character) {
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// What a reader cannot see although it changes what is seen. The joiner of emoji is not among them.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// The start of a text, with a word on how much is missing.
pub(crate) fn clipped(text: &str, limit: usize) -> Markup {
    let kept = cut(text, limit);
    html! {
        (visible(kept))
        @if kept.len() < text.len() {
            span.cut { "… " (bytes(text.len() - kept.len())) " more, left out here" }
        }
    }
}

/// The text as one line of at most about `limit` bytes.
pub(crate) fn line(text: &str, limit: usize) -> String {
    // What is behind the cut need not be looked at, however much it is.
    visible(&one_line(cut(text, limit.saturating_mul(4)), limit))
}

/// `312 bytes`, `4.1 kB`, `1.0 MB`.
pub(crate) fn bytes(count: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let count_f = count as f64;
    match count {
        1 => "1 byte".to_owned(),
        0..1000 => format!("{count} bytes"),
        1000..1_000_000 => format!("{:.1} kB", count_f / 1e3),
        _ => format!("{:.1} MB", count_f / 1e6),
    }
}

/// `1 step`, `3 steps`.
pub(crate) fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A duration of a request, a step or a run: `85 ms`, `12.3 s`, `2 min 5 s`.
pub(crate) fn time(milliseconds: f64) -> String {
    if milliseconds.is_finite() && milliseconds >= 0.0 {
        crate::report::text::time(milliseconds)
    } else {
        "–".to_owned()
    }
}

/// A duration of what passed; nothing if that never happened.
pub(crate) fn measured(milliseconds: f64) -> String {
    if milliseconds > 0.0 { time(milliseconds) } else { "–".to_owned() }
}

/// A moment in full: `2026-01-31 12:00:07 UTC`.
pub(crate) fn when(moment: Timestamp) -> Markup {
    html! { time datetime=(machine(moment)) { (moment.strftime("%Y-%m-%d %H:%M:%S")) " UTC" } }
}

/// A moment near to now, so short as it can be: `12:00 UTC` of today, `30 Jan 12:00 UTC` before.
pub(crate) fn near(moment: Timestamp, now: Timestamp) -> Markup {
    let form = if moment.strftime("%F").to_string() == now.strftime("%F").to_string() {
        "%H:%M UTC"
    } else if (now.duration_since(moment)).abs() < SignedDuration::from_hours(300 * 24) {
        "%-d %b %H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M UTC"
    };
    html! { time datetime=(machine(moment)) title=(full(moment)) { (moment.strftime(form)) } }
}

/// A moment as words in a tooltip: `2026-01-31 12:00:07 UTC`.
pub(crate) fn full(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn machine(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How long something has lasted or will take: `40 s`, `12 min`, `3 h 20 min`, `5 d 2 h`.
pub(crate) fn lasting(duration: SignedDuration) -> String {
    let seconds = duration.abs().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{big} {big_unit}")
        } else {
            format!("{big} {big_unit} {small} {small_unit}")
        }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        (1..10, _, _) => two(days, "d", hours % 24, "h"),
        _ => format!("{days} d"),
    }
}

/// `4 min ago`, `in 4 min`, `now`.
pub(crate) fn from_now(moment: Timestamp, now: Timestamp) -> String {
    let distance = moment.duration_since(now);
    match distance.as_secs() {
        0 => "now".to_owned(),
        1.. => format!("in {}", lasting(distance)),
        _ => format!("{} ago", lasting(distance)),
    }
}

/// The verdict as a shape and a word.
pub(crate) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (verdict) } { (shape(verdict.as_str())) (verdict) } }
}

/// A verdict's shape, or that of `flaky` or `paused`; every shape is drawn once, at the top of the page.
pub(crate) fn shape(name: &str) -> Markup {
    html! {
        svg class={ "shape " (name) } viewBox="0 0 16 16" aria-hidden="true" { use href={ "#shape-" (name) } {} }
    }
}

/// A piece of an address: all but letters, digits and `-._~` as percent codes.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// The part of an element's id, and of a link to it, that stands for a name: `fixture workspace` is
/// `fixture-workspace`.
pub(crate) fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' => out.push(character),
            ' ' => out.push('-'),
            _ => {
                let _ = write!(out, ".{:x}", u32::from(character));
            }
        }
    }
    out
}

/// A word for a POSIX shell, quoted if it has to be. What cannot be seen is written as an escape, so that what is
/// pasted is what is read.
pub(crate) fn quoted(word: &str) -> String {
    let harmless = |it: char| it.is_ascii_alphanumeric() || "_@%+=:,./-".contains(it);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    if !word.contains(|it: char| it.is_control() || is_invisible(it)) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // `$'…'` is understood by bash, zsh, ksh and POSIX of 2024.
    let mut out = String::from("$'");
    for character in word.chars() {
        match character {
            '\'' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if character.is_control() || is_invisible(character) => {
                // As bytes: not every shell knows numbers of characters, and a digit behind would belong to one.
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            _ => out.push(character),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(visible("a\u{202e}b\u{1b}[31mc"), "a⟨U+202E⟩bc");
        assert_eq!(visible("👩\u{200d}🔬 ünï"), "👩\u{200d}🔬 ünï");
    }

    #[test]
    fn a_cut_says_how_much() {
        assert_eq!(clipped("abc", 3).into_string(), "abc");
        assert_eq!(
            clipped(&"x".repeat(2003), 3).into_string(),
            "xxx<span class=\"cut\">… 2.0 kB more, left out here</span>"
        );
    }

    #[test]
    fn spans_are_for_people() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (12_000, "3 h 20 min"),
            (90_000, "1 d 1 h"),
            (86_400 * 40 + 7200, "40 d"),
        ] {
            assert_eq!(lasting(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn words_for_a_shell() {
        for (word, expected) in [
            ("api::sign_up", "api::sign_up"),
            ("", "''"),
            ("fixture workspace", "'fixture workspace'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("a\nb'\\", r"$'a\nb\'\\'"),
            ("\u{1b}7\u{202e}", r"$'\0337\342\200\256'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
