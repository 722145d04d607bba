//! Forms that change a canary's schedule. They work without JavaScript; whose page they come from is for the server to
//! see.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{CanaryRow, NAME, SENTENCE};
use crate::{
    report::html::{
        canary_path,
        text::{line, near, shape},
    },
    store::Schedule,
};

/// How long a pause may last, as the form offers it: for the schedule, and for people.
const LENGTHS: [(&str, &str); 6] = [
    ("", "until somebody resumes it"),
    ("30m", "for 30 minutes"),
    ("1h", "for an hour"),
    ("4h", "for 4 hours"),
    ("24h", "for a day"),
    ("72h", "for 3 days"),
];

/// How many characters a reason may have.
pub(crate) const REASON: usize = 500;

/// Why a canary's schedule stands still, with the button that lets it go on. `next` is the page to come back to.
pub(super) fn resume(canary: &CanaryRow, id: &str, next: &str, now: Timestamp) -> Markup {
    let Some(pause) = canary.schedule.as_ref().and_then(|it| it.paused.as_ref()) else { return html! {} };
    html! {
        div.root.pausing {
            p {
                (shape("paused")) b { "paused" } " since " (near(pause.since, now)) ": "
                (line(&pause.reason, SENTENCE))
                span.dim {
                    @match pause.until {
                        Some(until) => { ", until " (near(until, now)) },
                        None => ", until somebody resumes it",
                    }
                }
            }
            form method="post" action={ (canary_path(&canary.canary)) "/resume" } {
                input type="hidden" name="next" value=(next);
                button id={ (id) "-resume" } aria-label={ "Resume " (line(&canary.canary, NAME)) } { "Resume" }
            }
        }
    }
}

/// The form that stops a canary's schedule.
pub(super) fn pause(canary: &CanaryRow, id: &str, next: &str) -> Markup {
    let path = canary_path(&canary.canary);
    let name = line(&canary.canary, NAME);
    // What runs only on request has nothing to pause.
    let runs_by_itself = |it: &Schedule| it.next.is_some() && it.paused.is_none();
    if !canary.schedule.as_ref().is_some_and(runs_by_itself) {
        return html! {};
    }
    html! {
        details.pause id={ (id) "-pause" } {
            summary { "Pause …" }
            form method="post" action={ (path) "/pause" } {
                input type="hidden" name="next" value=(next);
                label for={ (id) "-reason" } { "Why? Everybody who reads this page will see it." }
                input id={ (id) "-reason" } name="reason" required maxlength=(REASON) autocomplete="off";
                label for={ (id) "-length" } { "How long?" }
                select id={ (id) "-length" } name="for" {
                    @for (length, words) in LENGTHS { option value=(length) { (words) } }
                }
                button aria-label={ "Pause " (name) } { "Pause" }
            }
        }
    }
}

/// The button that runs a canary now, paused or not.
pub(super) fn run_now(canary: &CanaryRow) -> Markup {
    html! {
        form method="post" action={ (canary_path(&canary.canary)) "/run" } {
            button.quiet aria-label={ "Run now: " (line(&canary.canary, NAME)) } { "Run now" }
        }
    }
}
