//! Forms that change a canary's schedule. They work without JavaScript; whose page they come from is for the server to
//! see.

use maud::{Markup, html};

use super::{CanaryRow, NAME};
use crate::report::html::{canary_path, text::line};

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

/// The form that stops a canary's schedule, or the button that lets it go on. `next` is the page to come back to.
pub(super) fn control(canary: &CanaryRow, id: &str, next: &str) -> Markup {
    let path = canary_path(&canary.canary);
    let name = line(&canary.canary, NAME);
    let Some(schedule) = &canary.schedule else { return html! {} };
    if schedule.paused.is_some() {
        return html! {
            form.resume method="post" action={ (path) "/resume" } {
                input type="hidden" name="next" value=(next);
                button id={ (id) "-resume" } aria-label={ "Resume " (name) } { "Resume" }
            }
        };
    }
    // What runs only on request has nothing to pause.
    if schedule.next.is_none() {
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
