//! The overview: every canary with its verdict, since when, and what is wrong.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Alerts, CanaryRow, NAME,
    alerts::banner,
    control::{pause, resume, run_now},
    row::{past, paused, plan, root, since, uptime_is},
    timeline,
};
use crate::{
    report::html::{
        HOME, Head, Site, canary_path, framed, run_path,
        text::{badge, line, shape, slug, time, when},
    },
    verdict::Verdict,
};

/// How many runs are listed.
const LISTED: usize = 10;
/// Of more canaries than this each row is short: what may be done, and the runs in words, are on the canary's own page.
/// A page of a thousand whole rows is 10 MB, too much for a phone.
const CROWD: usize = 100;
/// How many runs have a mark in a short row.
const FEW: usize = 3;

/// What the overview shows.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What time it is.
    pub now: Timestamp,
    /// Every canary, in the order of the suite.
    pub canaries: Vec<CanaryRow>,
    /// How alerts stand; none if nobody watches, and then the page does not speak of it.
    pub alerts: Option<Alerts>,
}

/// The page.
#[must_use]
pub fn overview(site: &Site<'_>, overview: &Overview) -> String {
    let Overview { now, canaries, alerts } = overview;
    let told = canaries.iter().filter_map(CanaryRow::verdict);
    let verdict = Some(Verdict::worst(told)).filter(|_| canaries.iter().any(|it| it.last().is_some()));
    let title = headline(canaries, verdict);
    let main = html! {
        div.headline {
            h1 { (shape(verdict.map_or("none", Verdict::as_str))) (title) }
            (culprits(canaries))
        }
        @if let Some(alerts) = alerts { (banner(alerts, *now)) }
        @if canaries.is_empty() { p { "This suite has no canaries." } }
        @let is_crowd = canaries.len() > CROWD;
        @for canary in canaries { (row(canary, *now, is_crowd)) }
        (legend())
        p.dim { "As of " (when(*now)) }
    };
    framed(site, &Head { verdict, title: &title, live: true, alone: false, waits: false }, &main)
}

fn headline(canaries: &[CanaryRow], verdict: Option<Verdict>) -> String {
    let count = |verdict| canaries.iter().filter(|it| it.verdict() == Some(verdict)).count();
    let all = canaries.len();
    let silent = canaries.iter().filter(|it| it.verdict().is_none()).count();
    let of = |count: usize, verb: &str| match (count, all) {
        (_, 1) => format!("The canary {verb}"),
        (2, 2) => format!("Both canaries {verb}"),
        (count, all) if count == all => format!("All {all} canaries {verb}"),
        (count, all) => format!("{count} of {all} canaries {verb}"),
    };
    match verdict {
        Some(Verdict::Failed) => of(count(Verdict::Failed), "failed"),
        Some(Verdict::Inconclusive) => of(count(Verdict::Inconclusive), "could not tell"),
        Some(Verdict::Passed) if silent > 0 => {
            format!("{}, {silent} not yet", of(count(Verdict::Passed), "passed"))
        }
        Some(Verdict::Passed) => of(count(Verdict::Passed), "passed"),
        Some(Verdict::Blocked | Verdict::Skipped) => "Nothing was checked".to_owned(),
        None => "Nothing has run yet".to_owned(),
    }
}

/// Links to those that did not pass: with fifty canaries they may be far down.
fn culprits(canaries: &[CanaryRow]) -> Markup {
    let bad: Vec<_> = canaries
        .iter()
        .filter(|it| matches!(it.verdict(), Some(Verdict::Failed | Verdict::Inconclusive)))
        .collect();
    html! {
        @if canaries.len() > 3 && !bad.is_empty() {
            p.culprits {
                @for it in bad {
                    a href={ "#canary-" (slug(&it.canary)) } {
                        (shape(it.verdict().map_or("none", Verdict::as_str))) (line(&it.canary, NAME))
                    }
                    " "
                }
            }
        }
    }
}

fn row(canary: &CanaryRow, now: Timestamp, is_short: bool) -> Markup {
    let verdict = canary.verdict();
    let id = format!("canary-{}", slug(&canary.canary));
    let word = verdict.map_or("no runs yet", Verdict::as_str);
    let mark = verdict.map_or("none", Verdict::as_str);
    html! {
        section class={ "card canary " (mark) } id=(id) aria-labelledby={ (id) "-name" } {
            div.identity {
                h2 id={ (id) "-name" } {
                    (shape(mark)) a href=(canary_path(&canary.canary)) { (line(&canary.canary, NAME)) } " "
                    span class={ "word " (mark) } { (word) }
                    (paused(canary))
                }
                (since(canary, now))
            }
            dl.plan { (plan(canary, now)) }
            (root(canary))
            (resume(canary, &id, HOME, now))
            (past(canary, now, None, if is_short { FEW } else { timeline::RUNS }))
            @if !is_short {
                div.more {
                    (list(canary, &id))
                    (pause(canary, &id, HOME))
                    (run_now(canary))
                }
            }
        }
    }
}

/// The last runs in words, for whom marks are too small.
fn list(canary: &CanaryRow, id: &str) -> Markup {
    html! {
        @if !canary.runs.is_empty() {
            details id={ (id) "-runs" } {
                @let shown = canary.runs.len().min(LISTED);
                summary {
                    @if shown == 1 { "The last run in words" } @else { "The last " (shown) " runs in words" }
                }
                ul.runs {
                    @for run in canary.runs.iter().take(LISTED) {
                        li {
                            (badge(run.verdict)) " " a href=(run_path(&run.run)) { (when(run.started)) }
                            span.dim {
                                " " (time(run.duration_ms))
                                @if run.counts.flaky > 0 { " · " (run.counts.flaky) " flaky" }
                                @if run.filtered { " · some steps only, not counted" }
                                @if let Some(root) = &run.root { " · " (line(root, NAME)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the marks mean, and how uptime is counted.
fn legend() -> Markup {
    html! {
        details.legend #legend {
            summary { "How to read this page" }
            ul {
                li {
                    (badge(Verdict::Passed)) " everything that was promised was seen; "
                    (shape("flaky")) "flaky: not at the first attempt"
                }
                li { (badge(Verdict::Failed)) " the product is wrong, or a customer would see it as wrong" }
                li {
                    (badge(Verdict::Inconclusive))
                    " it could not be told: something that is not the product stood in the way"
                }
                li { (badge(Verdict::Skipped)) " nothing was checked" }
            }
            p { (uptime_is()) }
            p {
                "The last runs: a mark each, and below it how long it took, against the longest. "
                "A day's bar: tallest, with the failed share on top, if something failed; half as tall if no run "
                "could tell; a dot if there was no run."
            }
        }
    }
}
