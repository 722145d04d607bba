//! A step of a run: what it promised, what came of it, and where to go on from there.

use maud::{Markup, html};

use super::{
    NAME, SENTENCE, compare,
    exchange::{self, Shown, curl, exchange},
    page::step_path,
    text::{badge, clipped, counted, line, quoted, shape, time},
    waterfall::root_title,
};
use crate::{
    record::{AttemptRecord, FailureRecord, RunRecord, StepRecord},
    report::repeat::test_of,
    verdict::{Severity, Verdict},
};

/// How many exchanges of an attempt are shown; the rest is counted.
const EXCHANGES: usize = 200;
/// How many notes of an attempt are shown.
const NOTES: usize = 100;

/// What the sections of a run's steps have in common.
pub(super) struct Sections<'a> {
    /// The run.
    pub(super) record: &'a RunRecord,
    /// The id of each step's element.
    pub(super) anchors: &'a [String],
    /// The last run that passed.
    pub(super) last_good: Option<&'a RunRecord>,
    /// Whether other pages can be reached.
    pub(super) links: bool,
    /// How many bytes of passed steps' exchanges may still be shown in full.
    pub(super) budget: usize,
}

impl Sections<'_> {
    /// The section of one step; those that did not pass are open.
    pub(super) fn section(&mut self, index: usize) -> Markup {
        let record = self.record;
        let (step, id) = (&record.steps[index], self.anchors[index].as_str());
        let is_bad = matches!(step.verdict, Verdict::Failed | Verdict::Inconclusive);
        let mark = if step.flaky { "flaky" } else { step.verdict.as_str() };
        html! {
            details class={ "step " (mark) } id=(id) open[is_bad] {
                summary {
                    (shape(mark))
                    span.who {
                        h3 { (line(&step.title(), NAME)) }
                        @if !step.promise.is_empty() { span.promise { (line(&step.promise, NAME)) } }
                    }
                    span.end {
                        span class={ "word " (mark) } { (step.verdict) @if step.flaky { ", flaky" } }
                        span.took { (time(step.duration_ms)) }
                    }
                }
                div.inside {
                    @if let Some(failure) = &step.failure { (self.failure(step, failure)) }
                    @if let Some(reason) = &step.reason { p { "Left out: " (clipped(reason, SENTENCE)) } }
                    (self.facts(step))
                    @if is_bad {
                        (again(record, step))
                        // A report by itself has nothing to compare with, and need not say so.
                        @if self.links || self.last_good.is_some() {
                            (compare::compared(record, step, self.last_good, id, self.links))
                        }
                    }
                    (self.attempts(step, id, is_bad || step.flaky))
                }
            }
        }
    }

    /// A line for a blocked step: it says nothing about the product, but its root does.
    pub(super) fn blocked(&self, index: usize) -> Markup {
        let step = &self.record.steps[index];
        let root =
            step.root.as_deref().and_then(|it| self.record.steps.iter().position(|step| step.name == it));
        let title = root_title(self.record, step);
        html! {
            li id=(self.anchors[index]) {
                (shape("blocked")) " " b { (line(&step.title(), NAME)) } " blocked by "
                @if let Some(root) = root {
                    a href={ "#" (self.anchors[root]) } { (line(&title, NAME)) }
                } @else {
                    (line(&title, NAME))
                }
                @if !step.promise.is_empty() { span.promise { (line(&step.promise, NAME)) } }
            }
        }
    }

    fn failure(&self, step: &StepRecord, failure: &FailureRecord) -> Markup {
        let blocks =
            self.record.steps.iter().filter(|it| {
                it.verdict == Verdict::Blocked && it.root.as_deref() == Some(step.name.as_str())
            });
        let blocks = blocks.count();
        html! {
            div class={ "failure " (step.verdict) } {
                p.message { (clipped(&failure.message, SENTENCE)) }
                @for cause in failure.causes.iter().take(20) {
                    p.caused { span.dim { "caused by: " } (clipped(cause, SENTENCE)) }
                }
                @if let Some(remedy) = &failure.remedy {
                    p.remedy { b { "Remedy: " } (clipped(remedy, SENTENCE)) }
                }
                p.dim {
                    "cause " code { (failure.cause) }
                    @if blocks > 0 { ", blocks " (counted(blocks, "step", "steps")) }
                }
            }
        }
    }

    fn facts(&self, step: &StepRecord) -> Markup {
        html! {
            dl.facts {
                @if step.attempts.len() > 1 { dt { "attempts" } dd { (step.attempts.len()) } }
                @if step.severity == Severity::Warning {
                    dt { "severity" } dd { "warning: waits for the morning" }
                }
                @if let Some(runbook) = &step.runbook { dt { "runbook" } dd { (address(runbook)) } }
                @if !step.covers.is_empty() {
                    dt { "proves" } dd { @for it in &step.covers { code { (line(it, NAME)) } " " } }
                }
                @if !step.needs.is_empty() {
                    dt { "needs" } dd { @for it in &step.needs { (self.to(it)) " " } }
                }
                @if !step.waited_for.is_empty() {
                    dt { "waited for" } dd { @for it in &step.waited_for { (self.to(it)) " " } }
                }
                @if !step.place.is_empty() { dt { "code" } dd.code { (line(&step.place, NAME)) } }
                @if self.links {
                    dt { "history" }
                    dd { a href=(step_path(&self.record.canary, &step.name)) { "latency and failures" } }
                }
            }
        }
    }

    fn to(&self, name: &str) -> Markup {
        match self.record.steps.iter().position(|step| step.name == name) {
            Some(index) => {
                let title = self.record.steps[index].title();
                html! { a href={ "#" (self.anchors[index]) } { (line(&title, NAME)) } }
            }
            None => html! { (line(name, NAME)) },
        }
    }

    fn attempts(&mut self, step: &StepRecord, id: &str, always: bool) -> Markup {
        let about = step.failure.as_ref().and_then(|it| it.exchange);
        let several = step.attempts.len() > 1;
        let mut out = Vec::new();
        for (position, attempt) in step.attempts.iter().enumerate() {
            let is_last = position + 1 == step.attempts.len();
            let id = if several { format!("{id}-attempt-{}", position + 1) } else { id.to_owned() };
            out.push(self.attempt(attempt, &id, several, about.filter(|_| is_last), always));
        }
        html! { @for it in &out { (it) } }
    }

    fn attempt(
        &mut self,
        attempt: &AttemptRecord,
        id: &str,
        several: bool,
        about: Option<usize>,
        always: bool,
    ) -> Markup {
        let AttemptRecord { number, started_ms, duration_ms, verdict, failure, exchanges, notes, mails: _ } =
            attempt;
        let about = about.or_else(|| failure.as_ref().and_then(|it| it.exchange));
        let mut rows = Vec::new();
        let mut lines_only = 0;
        for (index, it) in exchanges.iter().enumerate().take(EXCHANGES) {
            let weight = exchange::weight(it);
            let whole = always || weight <= self.budget;
            if !always && whole {
                self.budget -= weight;
            }
            lines_only += usize::from(!whole);
            let id = format!("{id}-exchange-{index}");
            rows.push(exchange(&Shown {
                id,
                number: index,
                about: about == Some(index),
                whole,
                exchange: it,
            }));
        }
        html! {
            section.attempt {
                @if several {
                    h4 {
                        "Attempt " (number) " " (badge(*verdict)) " " span.dim {
                            "at " (time(*started_ms)) ", took " (time(*duration_ms))
                        }
                    }
                    @if let Some(failure) = failure { p.message { (clipped(&failure.message, SENTENCE)) } }
                } @else if !exchanges.is_empty() {
                    h4 { (counted(exchanges.len(), "request", "requests")) }
                }
                @for row in &rows { (row) }
                @if exchanges.len() > EXCHANGES {
                    p.cut { "… " (counted(exchanges.len() - EXCHANGES, "request", "requests")) " more" }
                }
                @if lines_only > 0 {
                    p.cut {
                        "Headers and bodies are left out here, or this page would be too large; the record has them."
                    }
                }
                @if !notes.is_empty() {
                    h4 { "Notes" }
                    ul.notes { @for note in notes.iter().take(NOTES) { li { (clipped(note, SENTENCE)) } } }
                    @if notes.len() > NOTES {
                        p.cut { "… " (counted(notes.len() - NOTES, "note", "notes")) " more" }
                    }
                }
            }
        }
    }
}

/// What to type to see it again: the step as a test, and the request alone.
fn again(record: &RunRecord, step: &StepRecord) -> Markup {
    let request = step
        .attempts
        .last()
        .zip(step.failure.as_ref())
        .and_then(|(attempt, failure)| attempt.exchanges.get(failure.exchange?));
    html! {
        section.again {
            h4 { "Run it again" }
            pre.command tabindex="0" { code { (repeat_line(record, step)) } }
            @if let Some(request) = request {
                h4 { "Send the request again" }
                pre.command tabindex="0" { code { (clipped(&curl(request), 2 * SENTENCE)) } }
                p.dim { "Secrets are left out: put yours where it says [redacted]." }
            }
        }
    }
}

/// The command that runs this step, and what it needs, as a test.
fn repeat_line(record: &RunRecord, step: &StepRecord) -> String {
    match test_of(record, step) {
        Some(test) => {
            let name = format!("{}::{}", record.canary, test.name);
            format!("cargo test --test canaries -- --exact {}", quoted(&name))
        }
        None => format!("cargo test --test canaries -- {}", quoted(&format!("{}::", record.canary))),
    }
}

/// A link, if it is one that a browser may follow.
pub(crate) fn address(text: &str) -> Markup {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    html! {
        @if is_web {
            a href=(text) rel="noreferrer" { (line(text, NAME)) }
        } @else {
            span.code { (line(text, NAME)) }
        }
    }
}
