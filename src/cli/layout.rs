//! Times and paragraphs as commands print them.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use unicode_width::UnicodeWidthStr as _;

use crate::{
    alert::page::span,
    report::text::{one_line, time},
};

/// How wide a line may become.
const WIDTH: usize = 80;

/// How much of one text is shown, in bytes: an answer may be a whole page.
const LONGEST: usize = 2000;

/// A paragraph of words, no line of which is wider than it may be unless a single word is.
pub(super) fn wrapped(text: &str, first: &str, others: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in one_line(text, LONGEST).split(' ') {
        if !empty && line.width() + 1 + word.width() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = others.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

/// `2026-11-30`.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d").to_string()
}

/// `12:00:03`.
pub(super) fn clock_time(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M:%S").to_string()
}

/// `14:05 CET`, or with its day if that is not today's: a time that somebody acts by.
pub(super) fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned(zone.clone());
    let same = day(at, zone) == day(now, zone);
    zoned.strftime(if same { "%H:%M %Z" } else { "%a %Y-%m-%d %H:%M %Z" }).to_string()
}

/// How long it is from one time to another, as people say it: below a minute to the tenth of a second.
pub(super) fn lasted(from: Timestamp, to: Timestamp) -> String {
    let took = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    if took < Duration::from_secs(60) { time(took.as_secs_f64() * 1e3) } else { span(took) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_never_broken() {
        let text = wrapped(&"word ".repeat(30), "first ", "      ");
        assert!(text.lines().all(|it| it.width() <= WIDTH), "{text}");
        assert!(text.starts_with("first word word ") && text.contains("\n      word"), "{text}");
        let long = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {long} b"), "> ", "  "), format!("> a\n  {long}\n  b\n"));
        assert_eq!(wrapped("\u{1b}[31mred\nalert", "", ""), "red alert\n");
        assert_eq!(wrapped("", "name ", ""), "name\n");
    }

    #[test]
    fn a_moment_has_its_day_unless_that_is_today() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-30T12:00:00Z");
        assert_eq!(moment(at("2026-11-30T14:05:09Z"), now, &TimeZone::UTC), "14:05 UTC");
        assert_eq!(moment(at("2026-12-01T01:00:00Z"), now, &TimeZone::UTC), "Tue 2026-12-01 01:00 UTC");
    }

    #[test]
    fn what_is_short_is_told_to_the_tenth() {
        let from: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let after = |milliseconds| lasted(from, from + jiff::SignedDuration::from_millis(milliseconds));
        assert_eq!(after(412), "412 ms");
        assert_eq!(after(4_412), "4.4 s");
        assert_eq!(after(720_000), "12 min");
        assert_eq!(after(-5), "0 ms");
    }
}
