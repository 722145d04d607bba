//! Times and sizes as options have them.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The shortest interval that can be asked for.
const SHORTEST: Duration = Duration::from_secs(1);

/// The shortest time that runs can be kept for.
const SHORTEST_AGE: Duration = Duration::from_secs(3600);

/// The smallest size that a store can be held to, in bytes: one that is empty has some dozens of kilobytes.
const SMALLEST: u64 = 1_000_000;

/// A duration as people write it.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
    duration
        .filter(|it| *it >= SHORTEST)
        .ok_or_else(|| format!("expected at least {SHORTEST:?}, such as `10s`, `5m` or `1h 30m`"))
}

/// How long something is to last, as people write it. A day has 24 hours here.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    days(text)
        .filter(|it| *it >= SHORTEST)
        .ok_or_else(|| format!("expected at least {SHORTEST:?}, such as `30m`, `2h` or `1d 12h`"))
}

fn days(text: &str) -> Option<Duration> {
    let span = text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(span).ok()
}

/// A time that has passed, as people write it. A day has 24 hours here.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    days(text)
        .filter(|it| *it >= SHORTEST_AGE)
        .ok_or_else(|| "expected at least an hour, such as `90d`, `12w` or `36h`".to_owned())
}

/// Bytes, as people write them.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().ok().map(|it| it.as_u64());
    size.filter(|it| *it >= SMALLEST)
        .ok_or_else(|| "expected at least 1 MB, such as `500MB`, `2GB` or `4GiB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_people_write_them() {
        for (text, seconds) in [("10s", 10), ("5m", 300), ("1h 30m", 5400), ("1h30m", 5400), ("PT1M", 60)] {
            assert_eq!(interval(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "0s", "-5m", "999ms", "soon", "1 month"] {
            let message = interval(text).expect_err(text);
            assert_eq!(message, "expected at least 1s, such as `10s`, `5m` or `1h 30m`");
        }
    }

    #[test]
    fn what_is_kept_is_read_as_people_write_it() {
        let hours = |count: u64| Ok(Duration::from_secs(count * 3600));
        for (text, expected) in
            [("90d", 90 * 24), ("12w", 12 * 7 * 24), ("36h", 36), ("1d 12h", 36), ("P1D", 24)]
        {
            assert_eq!(age(text), hours(expected), "{text}");
        }
        for text in ["", "90", "59m", "-90d", "1y", "3 months", "ever"] {
            let message = age(text).expect_err(text);
            assert_eq!(message, "expected at least an hour, such as `90d`, `12w` or `36h`");
        }
        for (text, expected) in
            [("2GB", 2_000_000_000), ("4GiB", 4 << 30), ("500 MB", 500_000_000), ("1.5gb", 1_500_000_000)]
        {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in ["", "2", "999kB", "-2GB", "2 gallons", "much"] {
            let message = size(text).expect_err(text);
            assert_eq!(message, "expected at least 1 MB, such as `500MB`, `2GB` or `4GiB`");
        }
    }
}
