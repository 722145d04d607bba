//! Limits on what a report says: report servers refuse or cut files that are too large.

use std::fmt::Write as _;

use crate::record::cut;

/// At most about `limit` bytes of the text, cut between lines, with a note of how many are missing. More is kept of
/// the end than of the start, because what went wrong stands at the end.
pub(super) fn capped(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let lines: Vec<String> = text.lines().map(|line| short(line, limit / 8)).collect();
    let fits = |room: usize, lines: &mut dyn Iterator<Item = &String>| {
        lines
            .scan(0, |used, line| {
                *used += line.len() + 1;
                (*used <= room).then_some(())
            })
            .count()
    };
    let head = fits(limit / 4, &mut lines.iter());
    let tail = fits(limit - limit / 4, &mut lines[head..].iter().rev());
    let missing = lines.len() - head - tail;
    let mut out = lines[..head].join("\n");
    if missing > 0 {
        let _ = write!(out, "\n… {missing} {} left out\n", if missing == 1 { "line" } else { "lines" });
    } else if head > 0 {
        out.push('\n');
    }
    out.push_str(&lines[lines.len() - tail..].join("\n"));
    out
}

fn short(line: &str, limit: usize) -> String {
    let kept = cut(line, limit);
    match line.len() - kept.len() {
        0 => line.to_owned(),
        missing => format!("{kept}… ({missing} bytes left out)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle_by_lines() {
        let text: String = (1..=20).map(|it| format!("line {it:02}\n")).collect();
        assert_eq!(capped(&text, 1000), text);
        // Eight bytes a line: two fit into a quarter of 80, seven into the rest.
        assert_eq!(
            capped(&text, 80),
            "line 01\nline 02\n… 11 lines left out\n\
             line 14\nline 15\nline 16\nline 17\nline 18\nline 19\nline 20"
        );
    }

    #[test]
    fn a_long_line_is_cut_inside() {
        let text = format!("{}\nthe end", "x".repeat(1000));
        assert_eq!(capped(&text, 240), format!("{}… (970 bytes left out)\nthe end", "x".repeat(30)));
    }
}
