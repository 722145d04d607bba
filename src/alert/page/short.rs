//! Text made to fit. What does not fit is left out, and it is said that it was: a page that a receiver refuses for its
//! length would be worse than one that lacks an end.

/// The text, or as much of it as fits with a note of what was left out, in characters.
#[must_use]
pub fn short(text: &str, limit: usize) -> String {
    short_by(text, limit, |_| 1)
}

/// The same, where a character may count for more than one: escaped, or in another encoding.
#[must_use]
pub fn short_by(text: &str, limit: usize, weight: impl Fn(char) -> usize) -> String {
    if text.chars().map(&weight).fold(0_usize, usize::saturating_add) <= limit {
        return text.to_owned();
    }
    let whole = text.chars().count();
    // The note is plain ASCII but for the ellipsis, and none of it needs an escape.
    let note = |kept: usize| format!("… ({} more characters)", whole - kept);
    let longest = note(0).chars().count();
    // Where there is hardly room for a note, an ellipsis has to do.
    let with_note = limit >= 2 * longest;
    let room = limit.saturating_sub(if with_note { longest } else { weight('…') });
    let mut used = 0;
    let mut kept = String::new();
    let mut count = 0;
    for character in text.chars() {
        used += weight(character);
        if used > room {
            break;
        }
        kept.push(character);
        count += 1;
    }
    if limit < weight('…') {
        return String::new();
    }
    kept.truncate(kept.trim_end().len());
    kept.push_str(&if with_note { note(count) } else { "…".to_owned() });
    kept
}

/// The first of many, and how many were left out.
#[must_use]
pub fn first<T>(all: &[T], limit: usize) -> (&[T], usize) {
    let shown = all.len().min(limit);
    (&all[..shown], all.len() - shown)
}

/// How long each text may be, in characters, if so many steps share a room of so many characters.
#[must_use]
pub fn share(room: usize, steps: usize) -> usize {
    // A step has at most a dozen texts, and the page as a whole has about as many.
    (room / (12 * (steps + 1))).clamp(100, 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(short("exactly", 7), "exactly");
        assert_eq!(short("🐤🐤", 2), "🐤🐤");
        assert_eq!(short("", 0), "");
    }

    #[test]
    fn what_does_not_fit_says_how_much_is_missing() {
        let long = "🐤".repeat(10_000);
        let cut = short(&long, 100);
        assert!(cut.ends_with("… (9925 more characters)"), "{cut}");
        assert!(cut.chars().count() <= 100, "{}", cut.chars().count());
        assert_eq!(short("two words", 5), "two…");
        assert_eq!(short("long", 1), "…");
        assert_eq!(short("long", 0), "");
    }

    #[test]
    fn characters_may_count_for_more() {
        let weight = |it: char| if it == '&' { 5 } else { it.len_utf16() };
        assert_eq!(short_by("&&a", 10, weight), "&…");
        assert_eq!(short_by("🐤🐤🐤", 5, weight), "🐤🐤…");
    }

    #[test]
    fn many_share_the_room_of_one() {
        assert_eq!(share(100_000, 1), 4166);
        assert_eq!(share(100_000, 40), 203);
        assert_eq!(share(100_000, 1_000), 100);
        assert_eq!(share(1_000_000, 0), 10_000);
    }

    #[test]
    fn the_first_of_many() {
        assert_eq!(first(&[1, 2, 3], 2), (&[1, 2][..], 1));
        assert_eq!(first(&[1], 2), (&[1][..], 0));
    }
}
