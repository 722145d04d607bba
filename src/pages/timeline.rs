//! The past at a glance: a mark per run, a bar per day.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use maud::{Markup, html};

use super::{NAME, uptime::Tally};
use crate::{
    report::html::{
        run_path,
        text::{counted, full, line, near, time},
    },
    store::{Day, Summary},
    verdict::Verdict,
};

/// How many runs have a mark.
pub(super) const RUNS: usize = 30;
/// How many days have a bar.
pub(super) const DAYS: i64 = 90;
/// How wide a mark and what is around it is.
const SLOT: usize = 16;
/// From where to where bars of durations reach.
const BARS: (f64, f64) = (22.0, 46.0);

/// A mark per run, the newest on the right: shape and colour by verdict, each a link to its run; below it a bar says
/// how long it took, against the longest.
///
/// Whoever goes through the page by keyboard finds the newest and those that did not pass; the others are in the list
/// of runs.
pub(super) fn runs(runs: &[Summary], now: Timestamp) -> Markup {
    let shown: Vec<_> = runs.iter().take(RUNS).collect();
    let empty = RUNS - shown.len();
    let count = |verdict| shown.iter().filter(|it| it.verdict == verdict).count();
    let label = format!(
        "Last {}: {} failed, {} inconclusive",
        counted(shown.len(), "run", "runs"),
        count(Verdict::Failed),
        count(Verdict::Inconclusive)
    );
    let longest = shown.iter().map(|it| it.duration_ms).filter(|it| it.is_finite()).fold(1.0, f64::max);
    let (top, ground) = BARS;
    html! {
        figure.timeline {
          svg viewBox={ "0 0 " (RUNS * SLOT) " " (ground) } role="group" aria-label=(label) {
            // A dot per run that there was not, as one dotted line: a row of a young canary has many.
            @if empty > 0 {
                line.nothing x1=(SLOT / 2) x2={ (empty * SLOT - SLOT / 2) ".1" } y1="10" y2="10" {}
            }
            @for (slot, run) in shown.iter().rev().enumerate() {
                @let is_bad = matches!(run.verdict, Verdict::Failed | Verdict::Inconclusive);
                @let is_stop = is_bad || slot + 1 == shown.len();
                @let mark = mark(run);
                a href=(run_path(&run.run)) class={ "mark " (mark) } tabindex=[(!is_stop).then_some("-1")] {
                    title {
                        (full(run.started)) ": " (run.verdict)
                        @if let Some(root) = &run.root { ", " (line(root, NAME)) }
                        ", " (time(run.duration_ms))
                    }
                    rect.hit x=((empty + slot) * SLOT) y="0" width=(SLOT) height=(ground) {}
                    use href={ "#shape-" (mark) } x=((empty + slot) * SLOT + 1) y="3" width="14" height="14" {}
                    @let high = ((ground - top) * run.duration_ms / longest).clamp(1.5, ground - top);
                    rect.length x=((empty + slot) * SLOT + 4) y=(format!("{:.1}", ground - high)) width="8"
                        height=(format!("{high:.1}")) rx="1" {}
                }
            }
          }
          figcaption {
            @if let Some(oldest) = shown.last() { span { (near(oldest.started, now)) } }
            @if !shown.is_empty() { span { "longest " (time(longest)) } }
          }
        }
    }
}

/// The shape of a run: flaky ones have one of their own.
pub(super) fn mark(run: &Summary) -> &'static str {
    if run.verdict == Verdict::Passed && run.counts.flaky > 0 { "flaky" } else { run.verdict.as_str() }
}

/// A bar per day. Its height tells as well as its colour: a day on which something failed is the tallest, with the share
/// that failed on top; one that only could not tell is half as tall; one without runs is a dot on the ground.
///
/// With the path of the canary's page each bar leads to its runs.
pub(super) fn days(days: &[Day], now: Timestamp, links: Option<&str>) -> Markup {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut of_day: Vec<Option<&Day>> = vec![None; usize::try_from(DAYS).unwrap_or_default()];
    for day in days {
        let age = i64::from((today - day.day).get_days());
        if let Some(slot) = usize::try_from(DAYS - 1 - age).ok().and_then(|at| of_day.get_mut(at)) {
            *slot = Some(day);
        }
    }
    let ran = |it: &&Day| it.passed + it.failed + it.inconclusive > 0;
    let of_day: Vec<_> = of_day.into_iter().map(|it| it.filter(ran)).collect();
    let failed = of_day.iter().flatten().filter(|it| it.failed > 0).count();
    let none = of_day.iter().filter(|it| it.is_none()).count();
    let label = format!(
        "Last {DAYS} days: {} with failures, {} without runs",
        counted(failed, "day", "days"),
        counted(none, "day", "days")
    );
    let first = today.saturating_sub((DAYS - 1).days());
    html! {
        figure.days {
            svg viewBox={ "0 0 " (DAYS * 6) " 30" } preserveAspectRatio="none" aria-label=(label)
                role=(if links.is_some() { "group" } else { "img" }) {
                @for (at, day) in of_day.iter().enumerate() {
                    @match day {
                        Some(day) => @match links {
                            // The days in words lead there as well: ninety stops are too many for a keyboard.
                            Some(path) => a href={ (path) "?day=" (day.day) "#runs" } tabindex="-1" {
                                title { (told(day)) } (bar(at * 6, day))
                            },
                            None => g { title { (told(day)) } (bar(at * 6, day)) },
                        },
                        None => {},
                    }
                }
                @for (from, to) in gaps(&of_day) {
                    // A dot per day, drawn as one dashed line: most days of a young canary are such, and a page of a
                    // thousand canaries would have ninety thousand elements.
                    line.none x1=(from * 6 + 1) x2=(to * 6 - 1) y1="28" y2="28" {}
                }
            }
            figcaption { span { (first.strftime("%-d %b")) } span { "today" } }
        }
    }
}

/// From which slot to before which one there was no run.
fn gaps(of_day: &[Option<&Day>]) -> Vec<(usize, usize)> {
    let mut at = 0;
    let stretches = of_day.chunk_by(|one, next| one.is_some() == next.is_some());
    let stretches = stretches.map(|stretch| {
        at += stretch.len();
        (stretch[0].is_none(), (at - stretch.len(), at))
    });
    stretches.filter(|(is_gap, _)| *is_gap).map(|(_, gap)| gap).collect()
}

fn told(day: &Day) -> String {
    let Day { canary: _, day: date, passed, failed, inconclusive } = day;
    let tally = Tally { passed: *passed, failed: *failed, inconclusive: *inconclusive };
    format!("{date}: {passed} passed, {failed} failed, {inconclusive} inconclusive, {}", tally.text())
}

fn bar(x: usize, day: &Day) -> Markup {
    let tally = Tally { passed: day.passed, failed: day.failed, inconclusive: day.inconclusive };
    let x = x + 1;
    match tally.uptime() {
        None => html! { rect.inconclusive x=(x) y="17" width="4" height="12" {} },
        Some(_) if day.failed == 0 => html! { rect.passed x=(x) y="7" width="4" height="22" {} },
        Some(uptime) => {
            // A single failure among hundreds has to be seen.
            let top = (28.0 * (100.0 - uptime) / 100.0).clamp(9.0, 28.0);
            html! {
                rect.failed x=(x) y="1" width="4" height=(format!("{top:.1}")) {}
                @if top < 28.0 {
                    @let (from, height) = (format!("{:.1}", 1.0 + top), format!("{:.1}", 28.0 - top));
                    rect.passed x=(x) y=(from) width="4" height=(height) {}
                }
            }
        }
    }
}
