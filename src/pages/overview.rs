//! The overview: every canary with its verdict, since when, and what is wrong.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{NAME, SENTENCE, timeline, uptime::Tally};
use crate::{
    report::html::{
        Head, Site, framed, run_path, step_anchor,
        text::{badge, counted, from_now, lasting, line, near, shape, slug, time, when},
    },
    store::{Day, Schedule, Summary, Totals},
    verdict::{Severity, Verdict},
};

/// How many runs are listed.
const LISTED: usize = 10;

/// How late a run may be before the page says so.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// What the overview shows.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What time it is.
    pub now: Timestamp,
    /// Every canary, in the order of the suite.
    pub canaries: Vec<CanaryRow>,
    /// What is open; none if nobody watches, and then the page does not speak of it.
    pub incidents: Option<Vec<Incident>>,
}

/// A canary's part of the overview.
#[derive(Clone, Debug, Default)]
pub struct CanaryRow {
    /// The canary.
    pub canary: String,
    /// When it runs, in words: `every 5 min`.
    pub rhythm: Option<String>,
    /// Its last runs, newest first. Thirty are shown; the more there are, the farther back *since when* is known.
    pub runs: Vec<Summary>,
    /// Runs of the last 24 hours.
    pub last_24_h: Tally,
    /// How each of the last 90 days went. Those of other canaries are left out.
    pub days: Vec<Day>,
    /// How it has fared in all.
    pub totals: Totals,
    /// What is planned.
    pub schedule: Option<Schedule>,
    /// The run that goes on right now.
    pub running: Option<Running>,
}

/// A run that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its id, if it has a page.
    pub run: Option<String>,
    /// When it began.
    pub since: Timestamp,
}

/// What is open for one canary and root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// What is wrong, in one line.
    pub title: String,
    /// How loud it is.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// The run that opened it, or shows it best.
    pub run: Option<String>,
    /// What is being done: who was paged, who has acknowledged it.
    pub state: Option<String>,
}

impl CanaryRow {
    /// The newest run that counts: filtered ones say little about the canary.
    fn last(&self) -> Option<&Summary> {
        self.runs.iter().find(|it| !it.filtered).or(self.totals.last.as_ref())
    }

    fn verdict(&self) -> Option<Verdict> {
        self.last().map(|it| it.verdict)
    }

    /// The first of the runs in a row that ended like the last, and whether an older one ended otherwise.
    fn since(&self) -> Option<(Timestamp, bool)> {
        let last = self.last()?;
        let counted = || self.runs.iter().filter(|it| !it.filtered);
        let streak = counted().take_while(|it| it.verdict == last.verdict).count();
        let first = streak.checked_sub(1).and_then(|at| counted().nth(at)).unwrap_or(last);
        Some((first.started, counted().count() > streak))
    }
}

/// The page.
#[must_use]
pub fn overview(site: &Site<'_>, overview: &Overview) -> String {
    let Overview { now, canaries, incidents } = overview;
    let told = canaries.iter().filter_map(CanaryRow::verdict);
    let verdict = Some(Verdict::worst(told)).filter(|_| canaries.iter().any(|it| it.last().is_some()));
    let title = headline(canaries, verdict);
    let main = html! {
        div.headline {
            h1 { (shape(verdict.map_or("none", Verdict::as_str))) (title) }
            (culprits(canaries))
        }
        @if let Some(incidents) = incidents { (self::incidents(incidents, *now)) }
        @if canaries.is_empty() { p { "This suite has no canaries." } }
        @for canary in canaries { (row(canary, *now)) }
        (legend())
        p.dim { "As of " (when(*now)) }
    };
    framed(site, &Head { verdict, title: &title, live: true, alone: false }, &main)
}

fn headline(canaries: &[CanaryRow], verdict: Option<Verdict>) -> String {
    let count = |verdict| canaries.iter().filter(|it| it.verdict() == Some(verdict)).count();
    let all = canaries.len();
    let of = |count: usize, verb: &str| match (count, all) {
        (_, 1) => format!("The canary {verb}"),
        (2, 2) => format!("Both canaries {verb}"),
        (count, all) if count == all => format!("All {all} canaries {verb}"),
        (count, all) => format!("{count} of {all} canaries {verb}"),
    };
    match verdict {
        Some(Verdict::Failed) => of(count(Verdict::Failed), "failed"),
        Some(Verdict::Inconclusive) => of(count(Verdict::Inconclusive), "could not tell"),
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

fn incidents(incidents: &[Incident], now: Timestamp) -> Markup {
    html! {
        section class={ "card incidents" @if !incidents.is_empty() { " failed" } } aria-labelledby="incidents" {
            h2 #incidents {
                @if incidents.is_empty() {
                    "No open incidents"
                } @else {
                    (counted(incidents.len(), "open incident", "open incidents"))
                }
            }
            @if !incidents.is_empty() {
                ul {
                    @for it in incidents {
                        li {
                            @match it.severity {
                                Severity::Critical => span.tag.failed { "critical" },
                                Severity::Warning => span.tag { "warning" },
                            }
                            " "
                            @match &it.run {
                                Some(run) => a href=(run_path(run)) { (line(&it.title, SENTENCE)) },
                                None => (line(&it.title, SENTENCE)),
                            }
                            span.dim {
                                " since " (near(it.since, now)) " (" (lasting(now.duration_since(it.since))) ")"
                                @if let Some(state) = &it.state {
                                    " · " (line(state, NAME))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(canary: &CanaryRow, now: Timestamp) -> Markup {
    let verdict = canary.verdict();
    let id = format!("canary-{}", slug(&canary.canary));
    let word = verdict.map_or("no runs yet", Verdict::as_str);
    let mark = verdict.map_or("none", Verdict::as_str);
    let days: Vec<_> = canary.days.iter().filter(|it| it.canary == canary.canary).cloned().collect();
    html! {
        section class={ "card canary " (mark) } id=(id) aria-labelledby={ (id) "-name" } {
            div.identity {
                h2 id={ (id) "-name" } {
                    (shape(mark)) (line(&canary.canary, NAME)) " " span class={ "word " (mark) } { (word) }
                }
                (since(canary, now))
            }
            dl.plan { (plan(canary, now)) }
            (root(canary))
            div.past {
                h3 { "Last runs" }
                (timeline::runs(&counted_runs(canary)))
            }
            div.past {
                h3 { "Last 90 days" }
                (timeline::days(&days, now))
            }
            dl.uptime {
                @for (name, tally) in [
                    ("24 h", canary.last_24_h),
                    ("7 d", Tally::of_days(&days, now, 7)),
                    ("90 d", Tally::of_days(&days, now, timeline::DAYS)),
                ] {
                    div {
                        dt { (name) }
                        dd {
                            b { (tally.text()) }
                            @if tally.inconclusive > 0 { small { (tally.inconclusive) " inconclusive" } }
                        }
                    }
                }
            }
            (list(canary, &id))
        }
    }
}

fn counted_runs(canary: &CanaryRow) -> Vec<Summary> {
    canary.runs.iter().filter(|it| !it.filtered).take(timeline::RUNS).cloned().collect()
}

fn since(canary: &CanaryRow, now: Timestamp) -> Markup {
    let Some((since, is_known)) = canary.since() else { return html! {} };
    html! {
        p.since {
            @if is_known { "since " } @else { "since at least " }
            (near(since, now)) " (" (lasting(now.duration_since(since))) ")"
            @if !matches!(canary.verdict(), Some(Verdict::Passed)) {
                @match canary.totals.last_passed {
                    Some(passed) => { "; last passed " (near(passed, now)) },
                    None => "; it has never passed",
                }
            }
        }
    }
}

fn plan(canary: &CanaryRow, now: Timestamp) -> Markup {
    let paused = canary.schedule.as_ref().and_then(|it| it.paused.as_ref());
    html! {
        @if let Some(running) = &canary.running {
            div { dt { "now" } dd.running {
                (shape("running"))
                @match &running.run { Some(run) => a href=(run_path(run)) { "running" }, None => "running" }
                " for " (lasting(now.duration_since(running.since)))
            } }
        }
        @if let Some(last) = canary.last() {
            div {
                dt { "last run" }
                dd {
                    a href=(run_path(&last.run)) { (near(last.started, now)) }
                    ", took " (time(last.duration_ms))
                }
            }
        }
        @if let Some(pause) = paused {
            div {
                dt { "paused" }
                dd { (shape("paused")) "since " (near(pause.since, now)) ": " (line(&pause.reason, NAME)) }
            }
        } @else if let Some(schedule) = &canary.schedule {
            div {
                dt { "next run" }
                dd {
                    (next(schedule, now))
                    @if let Some(rhythm) = &canary.rhythm {
                        span.dim { ", " (line(rhythm, NAME)) }
                    }
                }
            }
        }
        @if let Some(schedule) = canary.schedule.as_ref().filter(|it| it.skipped + it.missed > 0) {
            div { dt { "not run" } dd {
                @if schedule.skipped > 0 { (counted(schedule.skipped, "time", "times")) " still busy" }
                @if schedule.skipped > 0 && schedule.missed > 0 { ", " }
                @if schedule.missed > 0 { (counted(schedule.missed, "time", "times")) " missed" }
            } }
        }
    }
}

fn next(schedule: &Schedule, now: Timestamp) -> Markup {
    match schedule.next {
        None => html! { "only on request" },
        Some(next) if now.duration_since(next) > LATE => {
            html! { b.word.failed { "late by " (lasting(now.duration_since(next))) } }
        }
        Some(next) if next <= now => html! { "due now" },
        Some(next) => html! { time datetime=(next.strftime("%Y-%m-%dT%H:%M:%SZ")) { (from_now(next, now)) } },
    }
}

/// What is wrong, in one line.
fn root(canary: &CanaryRow) -> Markup {
    let Some(last) = canary.last().filter(|it| matches!(it.verdict, Verdict::Failed | Verdict::Inconclusive))
    else {
        return html! {};
    };
    let more = last.counts.failed + last.counts.inconclusive;
    html! {
        p class={ "root " (last.verdict) } {
            @match &last.root {
                Some(root) => a href={ (run_path(&last.run)) "#" (step_anchor(root)) } { (line(root, NAME)) },
                None => a href=(run_path(&last.run)) { "See the run" },
            }
            " " @if let Some(message) = &last.message { (line(message, SENTENCE)) }
            span.dim {
                @if let Some(cause) = last.cause { " (" (cause) ")" }
                @if more > 1 { " · and " (counted(more - 1, "more", "more")) }
                @if last.counts.blocked > 0 { " · blocks " (counted(last.counts.blocked, "step", "steps")) }
            }
        }
    }
}

/// The last runs in words, for whom marks are too small.
fn list(canary: &CanaryRow, id: &str) -> Markup {
    html! {
        @if !canary.runs.is_empty() {
            details id={ (id) "-runs" } {
                summary { "Last " (counted(canary.runs.len().min(LISTED), "run", "runs")) " in words" }
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
            p {
                b { "Uptime" }
                " is passed / (passed + failed) runs, rounded down. "
                "Inconclusive runs are excluded and shown apart. "
                "7 d and 90 d count whole days (UTC), today included. Runs of some steps only are not counted."
            }
            p {
                "A day's bar: tallest, with the failed share on top, if something failed; half as tall if no run "
                "could tell; a dot if there was no run."
            }
        }
    }
}
