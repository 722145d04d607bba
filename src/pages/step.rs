//! The page of a step: how it has fared over many runs.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{NAME, SENTENCE, chart::chart};
use crate::{
    report::html::{
        HOME, Head, Site, address, canary_path, framed, run_path, step_anchor, step_path,
        text::{badge, counted, line, measured, near, shape, time, when},
    },
    store::{StepPoint, StepStatistics},
    verdict::{Cause, Verdict},
};

/// How many failures are listed.
const FAILURES: usize = 30;

/// A step, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// Its canary.
    pub canary: &'a str,
    /// Its name.
    pub step: &'a str,
    /// The one sentence that it promises.
    pub promise: &'a str,
    /// Operations that it is responsible for.
    pub covers: &'a [String],
    /// Where to read on.
    pub runbook: Option<&'a str>,
    /// Where it is registered.
    pub place: &'a str,
    /// How it went, newest first.
    pub points: &'a [StepPoint],
    /// What is known of all the canary's steps.
    pub statistics: &'a [StepStatistics],
    /// Since when that is.
    pub since: Timestamp,
    /// When it did not pass, newest first.
    pub failures: &'a [StepFailure],
}

/// How a step did not pass once.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFailure {
    /// The run.
    pub run: String,
    /// When it began.
    pub started: Timestamp,
    /// How the step ended.
    pub verdict: Verdict,
    /// Why.
    pub cause: Option<Cause>,
    /// What it said, if it is kept.
    pub message: Option<String>,
}

/// The page.
#[must_use]
pub fn step(site: &Site<'_>, view: &StepView<'_>) -> String {
    let StepView { now, canary, step, promise, covers, runbook, place, points, statistics, since, failures } =
        *view;
    let last = points.first();
    let own = statistics.iter().find(|it| it.step == step);
    let mark = last.map_or("none", |it| if it.flaky { "flaky" } else { it.verdict.as_str() });
    let main = html! {
        nav.crumbs aria-label="Place" {
            a href=(HOME) { "Overview" } a href=(canary_path(canary)) { (line(canary, NAME)) }
            span aria-current="page" { (line(step, NAME)) }
        }
        div.headline {
            h1 {
                (shape(mark)) (line(step, NAME))
                @if let Some(last) = last {
                    " " span class={ "word " (mark) } { (last.verdict) @if last.flaky { ", flaky" } }
                }
            }
            @if !promise.is_empty() { p.promise { (line(promise, SENTENCE)) } }
        }
        dl.facts.wide {
            dt { "canary" } dd { a href=(canary_path(canary)) { (line(canary, NAME)) } }
            @if let Some(last) = last {
                dt { "last run" }
                dd {
                    a href={ (run_path(&last.run)) "#" (step_anchor(step)) } { (near(last.started, now)) }
                    ", took " (time(last.duration_ms))
                }
            }
            @if !covers.is_empty() {
                dt { "proves" } dd { @for it in covers { code { (line(it, NAME)) } " " } }
            }
            @if let Some(runbook) = runbook { dt { "runbook" } dd { (address(runbook)) } }
            @if !place.is_empty() { dt { "code" } dd.code { (line(place, NAME)) } }
        }
        section.card aria-labelledby="latency" {
            h2 #latency { "Latency" }
            (chart(points, own, now))
            @if let Some(own) = own {
                dl.numbers {
                    @for (name, value) in
                        [("p50", own.p50_ms), ("p90", own.p90_ms), ("p99", own.p99_ms), ("slowest", own.max_ms)]
                    {
                        div { dt { (name) } dd { (measured(value)) } }
                    }
                    div { dt { "runs" } dd { (own.runs) } }
                    div {
                        dt { "failed" } dd class=[(own.failed > 0).then_some("word failed")] { (own.failed) }
                    }
                }
                p.dim { "Of passed attempts since " (when(since)) "." }
            }
        }
        (recent(failures, step))
        (all(canary, step, statistics))
    };
    let title = format!("{canary}::{step}");
    let verdict = last.map(|it| it.verdict);
    framed(site, &Head { verdict, title: &title, live: true, alone: false, waits: false }, &main)
}

fn recent(failures: &[StepFailure], step: &str) -> Markup {
    html! {
        section.card aria-labelledby="failures" {
            h2 #failures { "Recent failures" }
            @if failures.is_empty() { p.dim { "None are known." } }
            ul.runs {
                @for it in failures.iter().take(FAILURES) {
                    li {
                        (badge(it.verdict)) " " a href={ (run_path(&it.run)) "#" (step_anchor(step)) } {
                            (when(it.started))
                        }
                        @if let Some(cause) = it.cause { span.dim { " (" (cause) ")" } }
                        @if let Some(message) = &it.message { p.why { (line(message, SENTENCE)) } }
                    }
                }
            }
            @if failures.len() > FAILURES {
                p.cut { "… " (counted(failures.len() - FAILURES, "failure", "failures")) " more" }
            }
        }
    }
}

/// All steps of the canary, this one marked.
fn all(canary: &str, step: &str, statistics: &[StepStatistics]) -> Markup {
    html! {
        @if statistics.len() > 1 {
            details.card.group #statistics {
                summary { "All " (counted(statistics.len(), "step", "steps")) " of " (line(canary, NAME)) }
                div.scroll role="region" aria-label="Statistics of all steps" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "step" }
                                @for it in ["runs", "failed", "p50", "p90", "p99", "slowest"] {
                                    th.number scope="col" { (it) }
                                }
                            }
                        }
                        tbody {
                            @for it in statistics {
                                tr class=[(it.step == step).then_some("this")] {
                                    th scope="row" {
                                        @if it.step == step {
                                            b aria-current="page" { (line(&it.step, NAME)) }
                                        } @else {
                                            a href=(step_path(canary, &it.step)) { (line(&it.step, NAME)) }
                                        }
                                    }
                                    td.number { (it.runs) }
                                    td.number {
                                        @if it.failed > 0 { span.word.failed { (it.failed) } } @else { "0" }
                                    }
                                    @for value in [it.p50_ms, it.p90_ms, it.p99_ms, it.max_ms] {
                                        td.number { (measured(value)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
