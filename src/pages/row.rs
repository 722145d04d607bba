//! A canary as pages show it: how it stands, since when, what is planned, and its past.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{NAME, SENTENCE, timeline, uptime::Tally};
use crate::{
    report::html::{
        run_path, step_anchor,
        text::{counted, from_now, lasting, line, near, shape, time},
    },
    store::{Day, Schedule, Summary, Totals},
    verdict::Verdict,
};

/// How late a run may be before the page says so.
const LATE: SignedDuration = SignedDuration::from_secs(60);

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

impl CanaryRow {
    /// The newest run that counts: filtered ones say little about the canary.
    pub(super) fn last(&self) -> Option<&Summary> {
        self.runs.iter().find(|it| !it.filtered).or(self.totals.last.as_ref())
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.last().map(|it| it.verdict)
    }

    /// The first of the runs in a row that ended like the last, and whether an older one ended otherwise.
    fn streak(&self) -> Option<(Timestamp, bool)> {
        let last = self.last()?;
        let counted = || self.runs.iter().filter(|it| !it.filtered);
        let streak = counted().take_while(|it| it.verdict == last.verdict).count();
        let first = streak.checked_sub(1).and_then(|at| counted().nth(at)).unwrap_or(last);
        Some((first.started, counted().count() > streak))
    }
}

/// That its schedule stands still, beside its verdict: what is green may be old.
pub(super) fn paused(canary: &CanaryRow) -> Markup {
    let is_paused = canary.schedule.as_ref().is_some_and(|it| it.paused.is_some());
    html! { @if is_paused { span.tag.paused { "paused" } } }
}

/// The past of a canary at a glance: its last runs, at most so many, its days, its uptime.
pub(super) fn past(canary: &CanaryRow, now: Timestamp, links: Option<&str>, most: usize) -> Markup {
    let runs: Vec<_> = canary.runs.iter().filter(|it| !it.filtered).take(most).cloned().collect();
    let days: Vec<_> = canary.days.iter().filter(|it| it.canary == canary.canary).cloned().collect();
    html! {
        div.past {
            h3 { "Last runs" }
            (timeline::runs(&runs, now))
        }
        div.past {
            h3 { "Last 90 days" }
            (timeline::days(&days, now, links))
        }
        div.uptime {
          h3 { "Uptime" }
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
        }
    }
}

/// How uptime is counted.
pub(super) fn uptime_is() -> Markup {
    html! {
        b { "Uptime" }
        " is passed / (passed + failed) runs, rounded down. "
        "Inconclusive runs are excluded and shown apart. "
        "7 d and 90 d count whole days (UTC), today included. Runs of some steps only are not counted."
    }
}

pub(super) fn since(canary: &CanaryRow, now: Timestamp) -> Markup {
    let Some((since, is_known)) = canary.streak() else { return html! {} };
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

pub(super) fn plan(canary: &CanaryRow, now: Timestamp) -> Markup {
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
        @if paused.is_some() {
            div { dt { "next run" } dd { (shape("paused")) "paused" } }
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
pub(super) fn root(canary: &CanaryRow) -> Markup {
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
