//! What people read after a run.

#[cfg(all(feature = "harness", feature = "drill", feature = "surface"))]
pub(crate) mod progress;

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    repeat::test_of,
    surface::{SurfaceCase, unmatched, worst},
    text::{exchange_line, one_line, time},
};
use crate::{
    record::{FailureRecord, RunRecord, StepKind, StepRecord},
    verdict::Verdict,
};

/// How many dependents of a root are named; the rest is counted.
const NAMED: usize = 5;

/// How long a line may be, in bytes: longer ones are cut. Reports and records have the whole.
const LINE: usize = 500;

/// For each canary a line, then its roots with all that helps to start from; last, a line for everything.
///
/// Texts of the product cannot move the cursor: control characters are left out.
#[must_use]
pub fn summary(records: &[RunRecord], surface: &[SurfaceCase], colours: bool) -> String {
    let mut page = Page { out: String::new(), colours };
    for record in records {
        page.canary(record);
    }
    page.surface(surface, &unmatched(records));
    page.overall(records, surface);
    page.out
}

struct Page {
    out: String,
    colours: bool,
}

impl Page {
    fn canary(&mut self, record: &RunRecord) {
        let RunRecord { canary, run, target, location, duration_ms, verdict, filtered, .. } = record;
        let part = if *filtered { ", some steps only" } else { "" };
        let facts = format!(
            "in {} ({}{part}), run {run} from {location} on {target}",
            time(*duration_ms),
            counts(record),
        );
        let verdict = self.verdict(*verdict);
        let _ = writeln!(self.out, "{}: {verdict} {}", one_line(canary, LINE), one_line(&facts, LINE));
        let before = self.out.len();
        for root in record.roots() {
            self.root(record, root);
        }
        for step in record.steps.iter().filter(|step| step.flaky) {
            self.flaky(step);
        }
        let left = record.cleanup.iter().filter_map(|it| it.error.as_ref().map(|error| (it, error)));
        for (thing, error) in left {
            self.line(1, &format!("left behind: {} {}: {error}", thing.kind, thing.name));
        }
        if self.out.len() > before {
            self.out.push('\n');
        }
    }

    fn root(&mut self, record: &RunRecord, step: &StepRecord) {
        let verdict = self.verdict(step.verdict);
        let title = one_line(&step.title(), LINE);
        let Some(failure) = &step.failure else {
            let _ = writeln!(self.out, "  {title} {verdict}, no reason was recorded");
            return;
        };
        let attempts = match step.attempts.len() {
            0 | 1 => String::new(),
            many => format!(" after {many} attempts"),
        };
        let _ = writeln!(self.out, "  {title} {verdict}{attempts} ({})", failure.cause);
        self.line(2, &failure.message);
        for cause in &failure.causes {
            self.line(2, &format!("caused by: {cause}"));
        }
        if !step.promise.is_empty() {
            self.line(2, &format!("promise: {}", step.promise));
        }
        self.exchange(step, failure);
        let blocked = blocked_by(record, &step.name);
        if !blocked.is_empty() {
            self.line(2, &format!("blocks: {}", shortened(&blocked)));
        }
        if let Some(remedy) = &failure.remedy {
            self.line(2, &format!("remedy: {remedy}"));
        }
        if let Some(runbook) = &step.runbook {
            self.line(2, &format!("runbook: {runbook}"));
        }
        if let Some(test) = test_of(record, step) {
            let name = quoted(&format!("{}::{}", record.canary, test.name));
            self.line(2, &format!("repeat: cargo test --test canaries -- --exact {name}"));
        }
    }

    fn exchange(&mut self, step: &StepRecord, failure: &FailureRecord) {
        let Some(attempt) = step.attempts.last() else { return };
        let Some(exchange) = failure.exchange.and_then(|index| attempt.exchanges.get(index)) else { return };
        self.line(2, &format!("exchange: {}", exchange_line(exchange)));
        if let Some(body) = exchange.response_body.as_deref().filter(|body| !body.is_empty()) {
            self.line(2, &format!("answered: {}", one_line(body, 300)));
        }
    }

    fn flaky(&mut self, step: &StepRecord) {
        let failed: Vec<_> = step.attempts.iter().filter_map(|attempt| attempt.failure.as_deref()).collect();
        let before = failed.last().map_or("no reason was recorded", |failure| &failure.message);
        let number = step.attempts.len();
        self.line(1, &format!("{} passed only at attempt {number}; before: {before}", step.title()));
    }

    /// A line for all operations, then those that did not pass, and requests for none of them.
    fn surface(&mut self, cases: &[SurfaceCase], unmatched: &BTreeMap<String, (usize, Vec<String>)>) {
        if cases.is_empty() {
            return;
        }
        let passed = cases.iter().filter(|it| it.verdict == Verdict::Passed).count();
        let is_blocked = |case: &SurfaceCase| case.verdict == Verdict::Blocked;
        let verdict = match worst(&[], cases) {
            Verdict::Passed | Verdict::Skipped if cases.iter().any(is_blocked) => Verdict::Blocked,
            verdict => verdict,
        };
        let verdict = self.verdict(verdict);
        let _ = writeln!(self.out, "surface: {verdict} ({passed} of {} operations passed)", cases.len());
        let before = self.out.len();
        for case in cases.iter().filter(|it| matches!(it.verdict, Verdict::Failed | Verdict::Inconclusive)) {
            let reason = case.message.as_deref().unwrap_or("no reason was recorded");
            self.line(1, &format!("{} {}: {reason}", case.operation, case.verdict));
        }
        let blocked: Vec<_> =
            cases.iter().filter(|it| is_blocked(it)).map(|it| one_line(&it.operation, LINE)).collect();
        if !blocked.is_empty() {
            self.line(1, &format!("blocked: {}", shortened(&blocked)));
        }
        for (request, (count, steps)) in unmatched {
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            self.line(1, &format!("no operation: {request}{times}, by {}", shortened(steps)));
        }
        if self.out.len() > before {
            self.out.push('\n');
        }
    }

    fn overall(&mut self, records: &[RunRecord], surface: &[SurfaceCase]) {
        let verdict = worst(records, surface);
        let word = self.verdict(verdict);
        let _ = match verdict {
            Verdict::Skipped | Verdict::Blocked => writeln!(self.out, "overall: {word}, nothing was checked"),
            Verdict::Passed | Verdict::Failed | Verdict::Inconclusive => {
                let same = records.iter().filter(|it| it.verdict == verdict).count();
                let all = records.len();
                let canaries = if all == 1 { "canary" } else { "canaries" };
                match same {
                    0 => writeln!(self.out, "overall: {word}, as an operation says; no canary does"),
                    same => writeln!(self.out, "overall: {word}, {same} of {all} {canaries}"),
                }
            }
        };
    }

    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.out, "{}{}", "  ".repeat(depth), one_line(text, LINE));
    }

    fn verdict(&self, verdict: Verdict) -> String {
        coloured(verdict, verdict.as_str(), self.colours)
    }
}

/// A text in the colour of a verdict.
fn coloured(verdict: Verdict, text: &str, colours: bool) -> String {
    let colour = match verdict {
        Verdict::Passed => 32,
        Verdict::Failed => 31,
        Verdict::Inconclusive => 33,
        Verdict::Blocked | Verdict::Skipped => 90,
    };
    if colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A step's name for a shell.
fn quoted(name: &str) -> String {
    let harmless = |it: char| it.is_ascii_alphanumeric() || "_:.,/-".contains(it);
    if name.chars().all(harmless) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

/// `3 passed, 1 of them flaky, 1 failed, 2 blocked`. Fixtures count only where they did not pass.
fn counts(record: &RunRecord) -> String {
    let mut parts = Vec::new();
    for verdict in
        [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Blocked, Verdict::Skipped]
    {
        let counted = || {
            record.steps.iter().filter(move |step| {
                step.verdict == verdict
                    && (step.kind == StepKind::Step || !matches!(verdict, Verdict::Passed | Verdict::Skipped))
            })
        };
        let count = counted().count();
        if count > 0 {
            parts.push(format!("{count} {verdict}"));
        }
        let flaky = counted().filter(|step| step.flaky).count();
        if flaky > 0 {
            parts.push(format!("{flaky} of them flaky"));
        }
    }
    if parts.is_empty() { "no steps".to_owned() } else { parts.join(", ") }
}

fn blocked_by(record: &RunRecord, root: &str) -> Vec<String> {
    record
        .steps
        .iter()
        .filter(|step| step.verdict == Verdict::Blocked && step.root.as_deref() == Some(root))
        .map(|step| one_line(&step.title(), LINE))
        .collect()
}

/// `a, b, c and 12 more`; one more is named too, as its name is no longer than that.
fn shortened(names: &[String]) -> String {
    if names.len() <= NAMED + 1 {
        return names.join(", ");
    }
    format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED)
}

#[cfg(test)]
mod tests;
