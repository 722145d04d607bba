//! A canary: how it stands, every run that is kept, and how fast its steps are.

use jiff::{Timestamp, civil::Date};
use maud::{Markup, html};

use super::{
    Alerts, CanaryRow, NAME, SENTENCE, Tally, alerts,
    control::{pause, resume, run_now},
    row::{past, paused, plan, root, since, uptime_is},
    silence, timeline,
};
use crate::{
    alert::Scope,
    report::html::{
        HOME, Head, Site, canary_path, framed, run_path, step_path,
        text::{badge, counted, line, measured, shape, time, when},
    },
    store::{StepStatistics, Summary, Trigger},
    verdict::Verdict,
};

/// The verdicts by which runs can be asked for.
const VERDICTS: [Verdict; 4] = [Verdict::Failed, Verdict::Inconclusive, Verdict::Passed, Verdict::Skipped];

/// A canary, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct CanaryView<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// How it stands.
    pub row: &'a CanaryRow,
    /// Its steps, in the order of its table of contents.
    pub steps: &'a [StepRow],
    /// Since when their times are counted.
    pub since: Timestamp,
    /// The runs that were asked for.
    pub runs: RunsShown<'a>,
    /// What is open of it and silent about it; none if nobody watches, and then the page does not speak of it.
    pub alerts: Option<&'a Alerts>,
}

/// A step of a canary.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// Its name.
    pub step: String,
    /// The one sentence that it promises.
    pub promise: String,
    /// How it ended in the canary's last run.
    pub verdict: Option<Verdict>,
    /// How it fared, if it has run.
    pub statistics: Option<StepStatistics>,
}

/// A part of a canary's runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunsShown<'a> {
    /// The runs, newest first.
    pub runs: &'a [Summary],
    /// Those with this verdict only.
    pub verdict: Option<Verdict>,
    /// Those of this day only (UTC).
    pub day: Option<Date>,
    /// Whether it begins somewhere behind the newest.
    pub later: bool,
    /// Where older ones begin.
    pub next: Option<&'a str>,
}

/// The page.
#[must_use]
pub fn canary(site: &Site<'_>, view: &CanaryView<'_>) -> String {
    let CanaryView { now, row, steps, since: counted_since, runs, alerts } = *view;
    let path = canary_path(&row.canary);
    let verdict = row.verdict();
    let mark = verdict.map_or("none", Verdict::as_str);
    let main = html! {
        nav.crumbs aria-label="Place" {
            a href=(HOME) { "Overview" } span aria-current="page" { (line(&row.canary, NAME)) }
        }
        div.headline {
            h1 {
                (shape(mark)) (line(&row.canary, NAME)) " "
                span class={ "word " (mark) } { (verdict.map_or("no runs yet", Verdict::as_str)) }
                (paused(row))
            }
            (since(row, now))
        }
        @if let Some(alerts) = alerts { (incidents(alerts, &row.canary, steps, &path, now)) }
        section class={ "card canary " (mark) } aria-labelledby="stands" {
            h2 #stands.unseen { "How it stands" }
            dl.plan.beside { (plan(row, now)) }
            (root(row))
            (resume(row, "canary", &path, now))
            (past(row, now, Some(&path), timeline::RUNS))
            div.more { p.dim { (uptime_is()) } (pause(row, "canary", &path)) (run_now(row)) }
        }
        (self::steps(&row.canary, steps, counted_since))
        (self::runs(&path, &runs))
        (days(row, &path))
    };
    framed(site, &Head { verdict, title: &row.canary, live: true, alone: false, waits: false }, &main)
}

/// What is open of it, what is silent about it, and the form that silences it.
fn incidents(alerts: &Alerts, canary: &str, steps: &[StepRow], path: &str, now: Timestamp) -> Markup {
    let open: Vec<_> = alerts.open.iter().filter(|it| it.incident.canary == canary).collect();
    let covers = |scope: &Scope| match scope {
        Scope::Everything => true,
        Scope::Canary(it) | Scope::Step(it, _) => it == canary,
    };
    let silences: Vec<_> = alerts.silences.iter().filter(|it| covers(&it.scope)).collect();
    let worst = open.iter().map(|it| alerts::mark(&it.incident)).min_by_key(|it| *it != "failed");
    let whole = (canary.to_owned(), format!("the whole canary {canary}"));
    let each = steps.iter().map(|it| (format!("{canary}::{}", it.step), it.step.clone()));
    let scopes: Vec<_> = [whole].into_iter().chain(each).collect();
    html! {
        section class={ "card incidents " (worst.unwrap_or_default()) } aria-labelledby="incidents" {
            h2 #incidents {
                @if open.is_empty() { "No open incidents" }
                @else { (counted(open.len(), "open incident", "open incidents")) }
            }
            @if !open.is_empty() { ul { @for it in &open { (alerts::item(it, now)) } } }
            @if !silences.is_empty() { (silence::list(&silences, now, path, true)) }
            div.more { (silence::mute("canary", path, silence::Scopes::Of(&scopes))) }
        }
    }
}

fn steps(canary: &str, steps: &[StepRow], since: Timestamp) -> Markup {
    // What is wrong stands first; otherwise the order of the table of contents is kept.
    let mut steps: Vec<_> = steps.iter().collect();
    steps.sort_by_key(|it| match it.verdict {
        Some(Verdict::Failed) => 0,
        Some(Verdict::Inconclusive) => 1,
        Some(Verdict::Passed | Verdict::Blocked | Verdict::Skipped) | None => 2,
    });
    html! {
        section.card aria-labelledby="steps" {
            h2 #steps { "Steps" }
            div.scroll role="region" aria-label="Steps with their times" tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { "step" }
                            th scope="col" { "last run" }
                            @for it in ["runs", "failed", "p50", "p90", "p99", "slowest"] {
                                th.number scope="col" { (it) }
                            }
                        }
                    }
                    tbody { @for it in steps { (step(canary, it)) } }
                }
            }
            p.dim { "Times are of passed attempts since " (when(since)) "; half, nine of ten, 99 of 100 took no longer." }
        }
    }
}

fn step(canary: &str, step: &StepRow) -> Markup {
    let StepRow { step, promise, verdict, statistics } = step;
    html! {
        tr {
            th scope="row" {
                a href=(step_path(canary, step)) { (line(step, NAME)) }
                @if !promise.is_empty() { span.promise { (line(promise, SENTENCE)) } }
            }
            td { @match verdict { Some(it) => (badge(*it)), None => span.dim { "–" } } }
            @match statistics {
                Some(it) => {
                    td.number { (it.runs) }
                    td.number { @if it.failed > 0 { span.word.failed { (it.failed) } } @else { "0" } }
                    @for value in [it.p50_ms, it.p90_ms, it.p99_ms, it.max_ms] { td.number { (measured(value)) } }
                }
                None => @for _ in 0..6 { td.number.dim { "–" } },
            }
        }
    }
}

/// The path to a part of the runs.
fn part(path: &str, verdict: Option<Verdict>, day: Option<Date>, after: Option<&str>) -> String {
    let pairs = [
        verdict.map(|it| format!("verdict={it}")),
        day.map(|it| format!("day={it}")),
        after.map(|it| format!("after={it}")),
    ];
    let query: Vec<_> = pairs.into_iter().flatten().collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{}#runs", query.join("&"))
}

fn runs(path: &str, shown: &RunsShown<'_>) -> Markup {
    let RunsShown { runs, verdict, day, later, next } = *shown;
    let is_all = verdict.is_none();
    html! {
        section.card aria-labelledby="runs" {
            h2 #runs { "Runs" @if let Some(day) = day { " of " (day) } }
            nav.filters aria-label="Which runs" {
                a href=(part(path, None, day, None)) aria-current=[is_all.then_some("true")] { "all" }
                @for it in VERDICTS {
                    a href=(part(path, Some(it), day, None)) aria-current=[(verdict == Some(it)).then_some("true")] {
                        (it)
                    }
                }
                @if day.is_some() { a href=(part(path, verdict, None, None)) { "of any day" } }
            }
            @if runs.is_empty() {
                p.dim { @if is_all && day.is_none() { "There are none yet." } @else { "There are none of these." } }
            }
            ul.runs.wide { @for it in runs { (run(it)) } }
            @if later || next.is_some() {
                nav.pages aria-label="More runs" {
                    @if later { a href=(part(path, verdict, day, None)) { "← newest" } }
                    @if let Some(next) = next {
                        a rel="next" href=(part(path, verdict, day, Some(next))) { "older →" }
                    }
                }
            }
        }
    }
}

fn run(run: &Summary) -> Markup {
    let trigger = match run.trigger {
        Trigger::Schedule => None,
        Trigger::Recheck => Some("recheck"),
        Trigger::Request => Some("on request"),
    };
    html! {
        li {
            (badge(run.verdict))
            a href=(run_path(&run.run)) { (when(run.started)) }
            span.number { (time(run.duration_ms)) }
            span.dim {
                (counted(run.counts.passed, "step", "steps")) " passed"
                @for (count, what) in [
                    (run.counts.flaky, "flaky"), (run.counts.failed, "failed"),
                    (run.counts.inconclusive, "inconclusive"), (run.counts.blocked, "blocked"),
                ] {
                    @if count > 0 { " · " (count) " " (what) }
                }
                @if let Some(trigger) = trigger { " · " (trigger) }
                @if run.filtered { " · some steps only, not counted" }
            }
            @if let Some(root) = &run.root {
                p.why {
                    b { (line(root, NAME)) }
                    @if let Some(message) = &run.message { " " (line(message, NAME)) }
                    @if let Some(cause) = run.cause { span.dim { " (" (cause) ")" } }
                }
            }
        }
    }
}

/// The days in words, for whom bars are too small.
fn days(canary: &CanaryRow, path: &str) -> Markup {
    let mut days: Vec<_> = canary.days.iter().filter(|it| it.canary == canary.canary).collect();
    days.sort_by_key(|it| std::cmp::Reverse(it.day));
    html! {
        @if !days.is_empty() {
            details.card.group #days {
                summary { "Days in words" }
                div.scroll role="region" aria-label="Days" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "day (UTC)" }
                                @for it in ["passed", "failed", "inconclusive", "uptime"] {
                                    th.number scope="col" { (it) }
                                }
                            }
                        }
                        tbody {
                            @for it in days {
                                @let tally = Tally {
                                    passed: it.passed, failed: it.failed, inconclusive: it.inconclusive,
                                };
                                tr {
                                    th scope="row" { a href=(part(path, None, Some(it.day), None)) { (it.day) } }
                                    td.number { (it.passed) }
                                    td.number {
                                        @if it.failed > 0 { span.word.failed { (it.failed) } } @else { "0" }
                                    }
                                    td.number { (it.inconclusive) }
                                    td.number { (tally.text()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
