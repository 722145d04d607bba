//! The surface: every operation of the product, and how it stands.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{NAME, SENTENCE};
use crate::{
    report::html::{
        HOME, Head, Site, framed, run_path, step_path,
        text::{badge, counted, line, near, shape, time},
    },
    verdict::{Cause, Verdict},
};

/// The surface as the newest runs show it.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceView<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// What it is read off: canary, run, and when that began.
    pub runs: &'a [(String, String, Timestamp)],
    /// The operations, in the order of the suite.
    pub operations: &'a [OperationRow],
}

/// How one operation stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperationRow {
    /// The operation.
    pub operation: String,
    /// The canary and the step that are responsible for it.
    pub prover: Option<(String, String)>,
    /// How it stands; nothing as long as its canary has not run.
    pub verdict: Option<Verdict>,
    /// Why it did not pass.
    pub message: Option<String>,
    /// What kind of reason that is.
    pub cause: Option<Cause>,
    /// What else speaks against it.
    pub also: Vec<String>,
    /// How often it was called, by status of the answer.
    pub answers: Vec<(u16, usize)>,
    /// How long all calls took together, in milliseconds.
    pub duration_ms: f64,
}

/// The page.
#[must_use]
pub fn surface(site: &Site<'_>, view: &SurfaceView<'_>) -> String {
    let SurfaceView { now, runs, operations } = *view;
    let told = || operations.iter().filter_map(|it| it.verdict);
    let verdict = told().next().is_some().then(|| Verdict::worst(told()));
    let passed = told().filter(|it| *it == Verdict::Passed).count();
    let title = match operations.len() {
        0 => "No operations".to_owned(),
        all if told().next().is_none() => {
            format!("{}, no run yet", counted(all, "operation", "operations"))
        }
        all if passed == all => format!("All {} passed", counted(all, "operation", "operations")),
        all => format!("{passed} of {} passed", counted(all, "operation", "operations")),
    };
    // What is wrong stands first; otherwise the order of the suite is kept.
    let mut rows: Vec<_> = operations.iter().collect();
    rows.sort_by_key(|it| match it.verdict {
        Some(Verdict::Failed) => 0,
        Some(Verdict::Inconclusive) => 1,
        Some(Verdict::Blocked) => 2,
        Some(Verdict::Skipped) => 3,
        None => 4,
        Some(Verdict::Passed) => 5,
    });
    let main = html! {
        nav.crumbs aria-label="Place" { a href=(HOME) { "Overview" } span aria-current="page" { "Surface" } }
        div.headline {
            h1 { (shape(verdict.map_or("none", Verdict::as_str))) (title) }
            p.dim {
                @if runs.is_empty() {
                    "Each operation of the product is shown here with the step that proves it."
                } @else {
                    "Read off the newest runs kept in full:"
                    @for (canary, run, started) in runs {
                        " " a href=(run_path(run)) { (line(canary, NAME)) } " of " (near(*started, now))
                    }
                }
            }
        }
        @if operations.is_empty() { p { "This suite says of no operation that a step covers it." } }
        @else {
            section.card aria-label="Operations" {
                div.scroll.whole role="region" aria-label="Operations and how they stand" tabindex="0" {
                    table.stack {
                        thead { tr { @for it in ["operation", "stands", "proved by", "answers"] { th scope="col" { (it) } } } }
                        tbody { @for it in rows { (row(it)) } }
                    }
                }
            }
        }
    };
    framed(site, &Head { verdict, title: "Surface", live: true, alone: false, waits: false }, &main)
}

fn row(row: &OperationRow) -> Markup {
    let OperationRow { operation, prover, verdict, message, cause, also, answers, duration_ms } = row;
    let calls: usize = answers.iter().map(|it| it.1).sum();
    html! {
        tr {
            th scope="row" {
                code { (line(operation, NAME)) }
                @if *verdict != Some(Verdict::Passed) {
                    @if let Some(message) = message {
                        p.why { (line(message, SENTENCE)) @if let Some(cause) = cause { span.dim { " (" (cause) ")" } } }
                    }
                    @for it in also.iter().take(3) { p.why { "also: " (line(it, SENTENCE)) } }
                }
            }
            td { @match verdict { Some(it) => (badge(*it)), None => span.dim { "not yet" } } }
            td {
                @match prover {
                    Some((canary, step)) => {
                        span.dim { (line(canary, NAME)) "::" } a href=(step_path(canary, step)) { (line(step, NAME)) }
                    },
                    None => span.dim { "nobody" },
                }
            }
            td {
                @for (status, count) in answers {
                    span.answer { span class={ "status s" (status / 100) } { (status) } span.dim { " × " (count) } } " "
                }
                @if calls > 0 { span.dim { "in " (time(*duration_ms)) } }
            }
        }
    }
}
