//! What people read while runs go on: a line per step that has ended, and a line per canary that is rewritten.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{LINE, coloured};
use crate::{
    report::text::{one_line, time},
    verdict::{Cause, Verdict},
};

/// As wide as the longest verdict.
const VERDICT: usize = 12;

/// A step that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedStep<'e> {
    pub(crate) canary: &'e str,
    /// As people read it: `sign_up`, or `fixture workspace`.
    pub(crate) title: &'e str,
    pub(crate) verdict: Verdict,
    /// Passed, but not at the first attempt.
    pub(crate) flaky: bool,
    /// All attempts together.
    pub(crate) duration_ms: f64,
    /// Why it failed or was inconclusive: the kind, and the message without secrets.
    pub(crate) failure: Option<(Cause, &'e str)>,
    /// What a blocked step is blocked by.
    pub(crate) root: Option<&'e str>,
}

/// A step's end in one line. Whatever the product said is made fit for a terminal.
pub(crate) fn ended(step: &EndedStep<'_>, colours: bool) -> String {
    let EndedStep { canary, title, verdict, flaky, duration_ms, failure, root } = *step;
    let what = match (verdict, failure) {
        (Verdict::Blocked, _) => format!(" by {}", root.unwrap_or("another step")),
        (Verdict::Skipped, _) => String::new(),
        (Verdict::Passed, _) => {
            format!(" in {}{}", time(duration_ms), if flaky { ", but not at the first attempt" } else { "" })
        }
        (Verdict::Failed | Verdict::Inconclusive, None) => format!(" in {}", time(duration_ms)),
        (Verdict::Failed | Verdict::Inconclusive, Some((cause, message))) => {
            format!(" in {} ({cause}): {message}", time(duration_ms))
        }
    };
    let word = coloured(verdict, &format!("{verdict:VERDICT$}"), colours);
    format!("{word} {}", one_line(&format!("{canary}::{title}{what}"), LINE))
}

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) canary: String,
    /// How many steps have ended.
    pub(crate) ended: usize,
    /// How many there are.
    pub(crate) of: usize,
    pub(crate) failed: usize,
    pub(crate) inconclusive: usize,
    pub(crate) blocked: usize,
    /// Since the run began, or from its start to the end of clean-up.
    pub(crate) elapsed_ms: f64,
    /// Whether it has cleaned up.
    pub(crate) over: bool,
    /// What runs now, the oldest first.
    pub(crate) running: Vec<String>,
}

/// A line per run, each of fewer than `width` columns, so that none is broken; never more than `height` lines.
pub(crate) fn live(runs: &[Progress], width: usize, height: usize, colours: bool) -> Vec<String> {
    let names = runs.iter().map(|it| it.canary.width()).max().unwrap_or_default();
    let mut lines: Vec<_> = runs.iter().map(|it| it.line(names, width.saturating_sub(1), colours)).collect();
    if lines.len() > height.max(1) {
        let left = lines.len() - (height.max(1) - 1);
        lines.truncate(height.max(1) - 1);
        lines.push(fitting(&format!("and {left} more"), width.saturating_sub(1)));
    }
    lines
}

impl Progress {
    /// Counts a step that has ended.
    pub(crate) fn add(&mut self, verdict: Verdict, fixture: bool) {
        match verdict {
            Verdict::Failed => self.failed += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
            Verdict::Blocked => self.blocked += 1,
            Verdict::Passed | Verdict::Skipped => {}
        }
        // A fixture is none of the steps, but its failure is shown.
        self.ended += usize::from(!fixture);
    }

    /// The worst that is known by now; a run that only passed may still fail.
    fn verdict(&self) -> Option<Verdict> {
        match self {
            Self { failed: 1.., .. } => Some(Verdict::Failed),
            Self { inconclusive: 1.., .. } => Some(Verdict::Inconclusive),
            Self { ended, of, .. } if ended >= of => Some(Verdict::Passed),
            _ => None,
        }
    }

    fn line(&self, names: usize, width: usize, colours: bool) -> String {
        let Self { canary, ended, of, failed, inconclusive, blocked, elapsed_ms, over, running } = self;
        let canary = one_line(canary, LINE);
        let mut rest = " ".repeat(names.saturating_sub(canary.width()));
        rest.push_str(&format!("  {ended:>width$} of {of}", width = of.to_string().len()));
        for (count, what) in [(failed, "failed"), (inconclusive, "inconclusive"), (blocked, "blocked")] {
            if *count > 0 {
                rest.push_str(&format!(", {count} {what}"));
            }
        }
        rest.push_str(&format!("  {}", time(*elapsed_ms)));
        // The names of what runs fill what is left of the line; those for which there is no room are counted.
        let room = width.saturating_sub(canary.width() + rest.width() + 2);
        let now = match running.as_slice() {
            [] if *over => String::new(),
            [] if ended >= of => "cleaning up".to_owned(),
            running => as_many_as_fit(running, room),
        };
        let line = fitting(&format!("{canary}{rest}  {now}"), width);
        match (self.verdict(), line.strip_prefix(canary.as_str())) {
            (Some(verdict), Some(rest)) => format!("{}{rest}", coloured(verdict, &canary, colours)),
            _ => line,
        }
    }
}

/// `a, b +3`: the first ones, as many as there is room for.
fn as_many_as_fit(names: &[String], room: usize) -> String {
    for shown in (1..=names.len()).rev() {
        let mut text = names[..shown].join(", ");
        if shown < names.len() {
            text.push_str(&format!(" +{}", names.len() - shown));
        }
        if text.width() <= room || shown == 1 {
            return text;
        }
    }
    String::new()
}

/// The start of a line that takes at most so many columns.
fn fitting(line: &str, columns: usize) -> String {
    let line = line.trim_end();
    if line.width() <= columns {
        return line.to_owned();
    }
    let mut taken = 0;
    let mut kept = String::new();
    for character in line.chars() {
        taken += character.width().unwrap_or_default();
        // One column is for the mark.
        if taken >= columns {
            break;
        }
        kept.push(character);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_whatever_it_says() {
        let failure = (Cause::Assertion, "expected 200,\ngot \u{1b}[2J502");
        let passed = EndedStep {
            canary: "shop",
            title: "buy",
            verdict: Verdict::Passed,
            flaky: false,
            duration_ms: 85.4,
            failure: None,
            root: None,
        };
        let failed = EndedStep { verdict: Verdict::Failed, failure: Some(failure), ..passed };
        let blocked = EndedStep { verdict: Verdict::Blocked, root: Some("fixture basket"), ..failed };
        for (step, expected) in [
            (passed, "passed       shop::buy in 85 ms"),
            (
                EndedStep { flaky: true, ..passed },
                "passed       shop::buy in 85 ms, but not at the first attempt",
            ),
            (failed, "failed       shop::buy in 85 ms (assertion): expected 200, got 502"),
            (
                EndedStep { verdict: Verdict::Inconclusive, ..failed },
                "inconclusive shop::buy in 85 ms (assertion): expected 200, got 502",
            ),
            (blocked, "blocked      shop::buy by fixture basket"),
        ] {
            assert_eq!(ended(&step, false), expected);
        }
        assert_eq!(ended(&passed, true), "\u{1b}[32mpassed      \u{1b}[0m shop::buy in 85 ms");
    }

    fn progress() -> Vec<Progress> {
        let names = ["sign_up", "confirm_email", "invite"].map(str::to_owned);
        vec![
            Progress {
                canary: "api".into(),
                ended: 9,
                of: 102,
                failed: 1,
                blocked: 3,
                elapsed_ms: 2_140.0,
                running: names.to_vec(),
                ..Progress::default()
            },
            Progress {
                canary: "onboarding".into(),
                ended: 67,
                of: 67,
                elapsed_ms: 812.0,
                ..Progress::default()
            },
        ]
    }

    #[test]
    fn a_run_is_one_line_that_fits() {
        assert_eq!(
            live(&progress(), 80, 24, false),
            [
                "api           9 of 102, 1 failed, 3 blocked  2.1 s  sign_up, confirm_email +1",
                "onboarding  67 of 67  812 ms  cleaning up",
            ]
        );
        let over = Progress { over: true, ..progress().remove(1) };
        assert_eq!(live(&[over], 80, 24, false), ["onboarding  67 of 67  812 ms"]);
        assert_eq!(
            live(&progress(), 62, 24, false)[0],
            "api           9 of 102, 1 failed, 3 blocked  2.1 s  sign_up …"
        );
        for width in 0..100 {
            for line in live(&progress(), width, 24, false) {
                assert!(line.width() < width.max(1), "{width}: {line}");
            }
        }
    }

    #[test]
    fn columns_are_counted_and_not_characters() {
        assert_eq!(fitting("日本語", 6), "日本語");
        assert_eq!(fitting("日本語", 5), "日本…");
        assert_eq!(fitting("日本語", 4), "日…");
        assert_eq!(fitting("abc", 0), "");
    }

    #[test]
    fn a_low_terminal_shows_what_it_can() {
        assert_eq!(live(&progress(), 80, 1, false), ["and 2 more"]);
        assert_eq!(live(&progress(), 80, 0, false), ["and 2 more"]);
        assert_eq!(live(&progress(), 80, 2, false).len(), 2);
    }

    #[test]
    fn the_name_says_how_it_goes() {
        let lines = live(&progress(), 80, 24, true);
        assert!(lines[0].starts_with("\u{1b}[31mapi\u{1b}[0m  "), "{}", lines[0]);
        assert!(lines[1].starts_with("\u{1b}[32monboarding\u{1b}[0m  "), "{}", lines[1]);
    }
}
