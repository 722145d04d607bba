//! The page of a run, and the report of several in one file.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    NAME, SENTENCE,
    page::{Assets, HOME, Head, Site, canary_path, framed, run_path},
    step::Sections,
    text::{badge, clipped, counted, line, shape, slug, time, when},
    waterfall::waterfall,
};
use crate::{
    record::{RunRecord, StepKind, StepRecord},
    report::surface::{SurfaceCase, worst},
    verdict::Verdict,
};

/// How many bytes of passed steps' requests and answers a page shows in full. Beyond, they are a line each.
const BUDGET: usize = 3 << 20;

/// How many steps that are fine are listed without being asked for.
const UNFOLDED: usize = 200;

/// A run, and what its page says beside it.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// What came of it.
    pub record: &'a RunRecord,
    /// Whether the record still has its requests, as [`Kept::full`](crate::store::Kept) says.
    pub full: bool,
    /// What started it, in words.
    pub trigger: Option<&'a str>,
    /// The last run of the canary that passed before this one.
    pub last_good: Option<&'a RunRecord>,
    /// The id of the run before.
    pub previous: Option<&'a str>,
    /// The id of the run after.
    pub next: Option<&'a str>,
    /// The path that opens this page for whoever has it, and until when; only for those who may hand it on.
    pub share: Option<(&'a str, Timestamp)>,
    /// What came of each operation, if it is known.
    pub surface: &'a [SurfaceCase],
}

impl<'a> RunView<'a> {
    /// A run by itself.
    #[must_use]
    pub fn new(record: &'a RunRecord) -> Self {
        Self {
            record,
            full: true,
            trigger: None,
            last_good: None,
            previous: None,
            next: None,
            share: None,
            surface: &[],
        }
    }
}

/// The page of a run.
#[must_use]
pub fn run(site: &Site<'_>, view: &RunView<'_>) -> String {
    let RunView { record, surface, .. } = view;
    let anchors = anchors(&record.steps, "");
    let main = html! {
        nav.crumbs aria-label="Runs" {
            a href=(HOME) { "Overview" } a href=(canary_path(&record.canary)) { (line(&record.canary, NAME)) }
            span.pager {
                @if let Some(previous) = view.previous {
                    a rel="prev" href=(run_path(previous)) { "← earlier run" }
                }
                @if let Some(next) = view.next { a rel="next" href=(run_path(next)) { "later run →" } }
            }
        }
        (one(view, &anchors, "", true))
        @if !surface.is_empty() { (operations(surface, &|prover| in_run(record, &anchors, prover))) }
    };
    let title = format!("{} run {}", record.canary, record.run);
    framed(
        site,
        &Head { verdict: Some(record.verdict), title: &title, live: false, alone: false, waits: false },
        &main,
    )
}

/// Runs and their operations in one file that needs nothing else: for CI to keep, and people to send around.
#[must_use]
pub fn report(suite: &str, records: &[RunRecord], surface: &[SurfaceCase]) -> String {
    let verdict = worst(records, surface);
    let all_anchors: Vec<_> = records
        .iter()
        .enumerate()
        .map(|(index, record)| {
            // Two runs of one canary may stand in one file.
            let before = records[..index].iter().filter(|it| it.canary == record.canary).count();
            let number = if before == 0 { String::new() } else { format!("{}-", before + 1) };
            let prefix = format!("{}-{number}", slug(&record.canary));
            (anchors(&record.steps, &prefix), prefix)
        })
        .collect();
    let prover = |name: &str| {
        records.iter().zip(&all_anchors).find_map(|(record, (anchors, _))| in_run(record, anchors, name))
    };
    let main = html! {
        div.headline {
            h1 {
                (shape(verdict.as_str())) (line(suite, NAME)) " " span class={ "word " (verdict) } {
                    (verdict)
                }
            }
            @if records.is_empty() { p { "There is no run in this report." } }
        }
        @if records.len() > 1 {
            ul.contents {
                @for (record, (_, prefix)) in records.iter().zip(&all_anchors) {
                    li {
                        (badge(record.verdict)) " " a href={ "#" (prefix) "run" } {
                            (line(&record.canary, NAME))
                        }
                        span.dim { " " (line(&counts(record), NAME)) " in " (time(record.duration_ms)) }
                    }
                }
            }
        }
        @for (record, (anchors, prefix)) in records.iter().zip(&all_anchors) {
            article id={ (prefix) "run" } { (one(&RunView::new(record), anchors, prefix, false)) }
        }
        @if !surface.is_empty() { (operations(surface, &prover)) }
    };
    let targets: HashSet<_> = records.iter().map(|it| it.target.as_str()).collect();
    let target = if targets.len() == 1 { records[0].target.as_str() } else { "" };
    let site = Site { suite, target, assets: Assets::Embedded { nonce: None }, logout: None };
    let title = "report";
    framed(&site, &Head { verdict: Some(verdict), title, live: false, alone: true, waits: false }, &main)
}

/// One run: its head, its roots, its waterfall, its steps.
fn one(view: &RunView<'_>, anchors: &[String], prefix: &str, links: bool) -> Markup {
    let RunView { record, full, trigger, last_good, .. } = *view;
    let mut sections = Sections { record, anchors, last_good, links, budget: BUDGET };
    let of = |verdict: Verdict| {
        record.steps.iter().enumerate().filter(move |(_, it)| it.verdict == verdict).map(|(index, _)| index)
    };
    let is_flaky = |index: &usize| record.steps[*index].flaky;
    let blocked: Vec<_> = of(Verdict::Blocked).collect();
    let passed: Vec<_> = of(Verdict::Passed).filter(|it| !is_flaky(it)).collect();
    let skipped: Vec<_> = of(Verdict::Skipped).collect();
    let bad: Vec<_> = of(Verdict::Failed)
        .chain(of(Verdict::Inconclusive))
        .chain(of(Verdict::Passed).filter(is_flaky))
        .map(|index| sections.section(index))
        .collect();
    let passed = group(&mut sections, Verdict::Passed, &passed, prefix, bad.is_empty());
    let skipped = group(&mut sections, Verdict::Skipped, &skipped, prefix, bad.is_empty());
    let left: Vec<_> = record.cleanup.iter().filter(|it| it.error.is_some()).collect();
    html! {
        div.headline {
            @let heading = html! {
                (shape(record.verdict.as_str())) (line(&record.canary, NAME)) " "
                span class={ "word " (record.verdict) } { (record.verdict) }
            };
            // Of several runs in one file none is the page's own heading.
            @if links { h1 { (heading) } } @else { h2.run { (heading) } }
            p.dim { (counts(record)) @if record.filtered { ", some steps only" } }
        }
        dl.facts.wide {
            dt { "target" } dd { (line(&record.target, NAME)) }
            dt { "started" } dd { (when(record.started)) }
            dt { "took" } dd { (time(record.duration_ms)) }
            @if let Some(trigger) = trigger { dt { "trigger" } dd { (line(trigger, NAME)) } }
            dt { "location" } dd { (line(&record.location, NAME)) }
            dt { "run" } dd.code { (line(&record.run, NAME)) }
            dt { "trace" } dd.code { (line(&record.trace, NAME)) }
            @if let Some((path, until)) = view.share {
                dt { "link" }
                dd {
                    a #share href=(path) { "to this page, without logging in" }
                    span.dim { ", until " (when(until)) }
                    // There is nothing to press without the script.
                    button.quiet type="button" data-copy="#share" hidden { "Copy" }
                }
            }
        }
        @if !full {
            p.notice { "Of this run only the timings are kept: requests, answers and notes are gone." }
        }
        (roots(record, anchors))
        @if !left.is_empty() {
            section.card.left aria-label="Left behind" {
                h2 { "Left behind" }
                p { "Clean-up could not remove these; the verdict does not count them." }
                ul {
                    @for it in &left {
                        li {
                            b { (line(&it.kind, NAME)) " " (line(&it.name, NAME)) }
                            ": " (clipped(it.error.as_deref().unwrap_or_default(), SENTENCE))
                        }
                    }
                }
            }
        }
        @if !record.steps.is_empty() {
            section aria-labelledby={ (prefix) "waterfall" } {
                h2 id={ (prefix) "waterfall" } { "Waterfall" }
                (waterfall(record, anchors))
            }
        }
        section aria-labelledby={ (prefix) "steps" } {
            h2 id={ (prefix) "steps" } { "Steps" }
            @if record.steps.is_empty() { p { "This run had no steps." } }
            @for it in &bad { (it) }
            @if !blocked.is_empty() {
                details.group id={ (prefix) "blocked" } {
                    summary {
                        (shape("blocked")) (counted(blocked.len(), "step", "steps"))
                        " blocked: they say nothing about the product"
                    }
                    ul.blocked { @for index in &blocked { (sections.blocked(*index)) } }
                }
            }
            (passed)
            (skipped)
        }
        (cleanup(record))
    }
}

/// Steps that nobody looks for first: folded if something else is wrong, or if they are many.
fn group(
    sections: &mut Sections<'_>,
    verdict: Verdict,
    steps: &[usize],
    prefix: &str,
    is_open: bool,
) -> Markup {
    if steps.is_empty() {
        return html! {};
    }
    let members: Vec<_> = steps.iter().map(|index| sections.section(*index)).collect();
    let is_fixture = |index: &&usize| sections.record.steps[**index].kind == StepKind::Fixture;
    let fixtures = steps.iter().filter(is_fixture).count();
    html! {
        details.group id={ (prefix) "all-" (verdict) } open[is_open && steps.len() <= UNFOLDED] {
            summary {
                (shape(verdict.as_str())) (counted(steps.len() - fixtures, "step", "steps"))
                @if fixtures > 0 { " and " (counted(fixtures, "fixture", "fixtures")) }
                " " (verdict)
            }
            div.members { @for it in &members { (it) } }
        }
    }
}

/// What is wrong, in a line each, before anything else.
fn roots(record: &RunRecord, anchors: &[String]) -> Markup {
    let roots: Vec<_> = record
        .steps
        .iter()
        .zip(anchors)
        .filter(|(step, _)| matches!(step.verdict, Verdict::Failed | Verdict::Inconclusive))
        .collect();
    let mut blocks: HashMap<&str, usize> = HashMap::new();
    for root in
        record.steps.iter().filter(|it| it.verdict == Verdict::Blocked).filter_map(|it| it.root.as_deref())
    {
        *blocks.entry(root).or_default() += 1;
    }
    html! {
        @if !roots.is_empty() {
            section class={ "card roots " (record.verdict) } aria-label="What is wrong" {
                h2 { "What is wrong" }
                ul {
                    @for (step, anchor) in &roots {
                        li {
                            (badge(step.verdict)) " " a href={ "#" (anchor) } { (line(&step.title(), NAME)) }
                            @match &step.failure {
                                Some(failure) => {
                                    " " (line(&failure.message, 500)) " " span.dim { "(" (failure.cause) ")" }
                                }
                                None => span.dim { " no reason was recorded" },
                            }
                            @if let Some(count) = blocks.get(step.name.as_str()) {
                                span.dim { " · blocks " (counted(*count, "step", "steps")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cleanup(record: &RunRecord) -> Markup {
    let done: Vec<_> = record.cleanup.iter().filter(|it| it.error.is_none()).collect();
    html! {
        @if !done.is_empty() {
            p.dim {
                "Clean-up removed " (counted(done.len(), "thing", "things"))
                " in " (time(done.iter().map(|it| it.duration_ms).sum())) "."
            }
        }
    }
}

/// Every operation, those that did not pass first.
fn operations(surface: &[SurfaceCase], prover: &dyn Fn(&str) -> Option<String>) -> Markup {
    let mut cases: Vec<_> = surface.iter().collect();
    let rank = |verdict: Verdict| match verdict {
        Verdict::Failed => 0,
        Verdict::Inconclusive => 1,
        Verdict::Blocked => 2,
        Verdict::Skipped => 3,
        Verdict::Passed => 4,
    };
    cases.sort_by_key(|it| rank(it.verdict));
    let passed = cases.iter().filter(|it| it.verdict == Verdict::Passed).count();
    html! {
        section aria-labelledby="operations" {
            h2 #operations { "Operations" }
            details #operations-list open[cases.iter().any(|it| it.verdict == Verdict::Failed)] {
                summary { (passed) " of " (counted(cases.len(), "operation", "operations")) " passed" }
                ul.operations {
                    @for case in cases {
                        li {
                            span.op { (badge(case.verdict)) " " code { (line(&case.operation, NAME)) } }
                            span.dim {
                                @if let Some(name) = &case.prover {
                                    "by "
                                    @match prover(name) {
                                        Some(anchor) => a href={ "#" (anchor) } { (line(name, NAME)) },
                                        None => (line(name, NAME)),
                                    }
                                }
                                @if !case.answers.is_empty() {
                                    " · " @for (at, (status, count)) in case.answers.iter().enumerate() {
                                        @if at > 0 { ", " } (status) " × " (count)
                                    }
                                }
                            }
                            @if case.verdict != Verdict::Passed {
                                @if let Some(message) = &case.message { p { (line(message, 600)) } }
                                @for also in case.also.iter().take(5) { p { "also: " (line(also, 600)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The anchor of a step named `canary::title`.
fn in_run(record: &RunRecord, anchors: &[String], prover: &str) -> Option<String> {
    let title = prover.strip_prefix(&record.canary)?.strip_prefix("::")?;
    let index = record.steps.iter().position(|it| it.title() == title)?;
    Some(anchors[index].clone())
}

/// `3 passed, 1 failed, 2 blocked`. Fixtures count only where they did not pass.
fn counts(record: &RunRecord) -> String {
    let counts = |verdict: Verdict| {
        let counted = record.steps.iter().filter(|step| {
            step.verdict == verdict
                && (step.kind == StepKind::Step || !matches!(verdict, Verdict::Passed | Verdict::Skipped))
        });
        counted.count()
    };
    let all = [Verdict::Failed, Verdict::Inconclusive, Verdict::Blocked, Verdict::Passed, Verdict::Skipped];
    let mut parts: Vec<_> = all
        .iter()
        .map(|it| (counts(*it), *it))
        .filter(|(count, _)| *count > 0)
        .map(|(count, it)| format!("{count} {it}"))
        .collect();
    let flaky = record.steps.iter().filter(|it| it.flaky).count();
    if flaky > 0 {
        parts.push(format!("{flaky} flaky"));
    }
    if parts.is_empty() { "no steps".to_owned() } else { parts.join(", ") }
}

/// The ids of the steps' elements: `step-sign_up`. No two are equal, whatever the names are.
fn anchors(steps: &[StepRecord], prefix: &str) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut anchors = Vec::with_capacity(steps.len());
    for step in steps {
        let name = format!("{prefix}{}", step_anchor(&step.title()));
        let mut anchor = name.clone();
        let mut number = 2;
        while !taken.insert(anchor.clone()) {
            anchor = format!("{name}~{number}");
            number += 1;
        }
        anchors.push(anchor);
    }
    anchors
}

/// The place of a step on its run's page, by the name as people read it.
pub(crate) fn step_anchor(title: &str) -> String {
    format!("step-{}", slug(title))
}
