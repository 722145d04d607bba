//! Mutes and maintenance windows: what holds, and the forms that begin and lift one. They work without JavaScript.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{NAME, REASON, SENTENCE, alerts::kind_word};
use crate::{
    alert::Silence,
    report::html::text::{encoded, lasting, line, near, shape, slug},
};

/// How long a silence may last, as the form offers it: for the service, and for people.
const LENGTHS: [(&str, &str); 7] = [
    ("30m", "for 30 minutes"),
    ("1h", "for an hour"),
    ("4h", "for 4 hours"),
    ("12h", "for 12 hours"),
    ("24h", "for a day"),
    ("72h", "for 3 days"),
    ("168h", "for a week"),
];

/// How many canaries are offered by name; others can be typed.
const OFFERED: usize = 200;

/// What a form may silence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scopes<'a> {
    /// Anything: these canaries are offered.
    Any(&'a [String]),
    /// These, each as it is sent and as it is read; the first one unless somebody chooses.
    Of(&'a [(String, String)]),
}

/// The form that begins a silence. `next` is the page to come back to.
pub(super) fn mute(id: &str, next: &str, scopes: Scopes<'_>) -> Markup {
    html! {
        details.pause id={ (id) "-mute" } {
            summary { "Mute …" }
            form method="post" action="/silences" {
                input type="hidden" name="next" value=(next);
                label for={ (id) "-scope" } { "What?" }
                @match scopes {
                    Scopes::Any(canaries) => {
                        input id={ (id) "-scope" } name="scope" required list={ (id) "-scopes" } autocomplete="off"
                            aria-describedby={ (id) "-scope-help" };
                        small id={ (id) "-scope-help" } {
                            "A canary, a step as " code { "canary::step" } ", or " code { "*" } " for everything"
                        }
                        datalist id={ (id) "-scopes" } {
                            option value="*" { "everything" }
                            @for it in canaries.iter().take(OFFERED) { option value=(it) {} }
                        }
                    },
                    Scopes::Of(scopes) => {
                        select id={ (id) "-scope" } name="scope" {
                            @for (scope, words) in scopes { option value=(scope) { (line(words, NAME)) } }
                        }
                    },
                }
                label for={ (id) "-kind" } { "Was it planned?" }
                select id={ (id) "-kind" } name="kind" {
                    option value="mute" { "no: a mute" }
                    option value="maintenance" { "yes: a maintenance window" }
                }
                label for={ (id) "-why" } { "Why? Everybody who reads this page will see it." }
                input id={ (id) "-why" } name="reason" required maxlength=(REASON) autocomplete="off";
                label for={ (id) "-for" } { "How long?" }
                select id={ (id) "-for" } name="for" {
                    @for (length, words) in LENGTHS { option value=(length) selected[length == "1h"] { (words) } }
                }
                label for={ (id) "-from" } { "From when on (UTC)? Empty: now." }
                input id={ (id) "-from" } name="from" type="datetime-local" autocomplete="off";
                label for={ (id) "-by" } { "Who are you? (optional)" }
                input id={ (id) "-by" } name="by" maxlength="100" autocomplete="name";
                p.dim { "Runs go on, and nobody is told of what fails. What is still down at its end is told then." }
                button { "Mute" }
            }
        }
    }
}

/// What holds, or will, each with the button that lifts it.
pub(super) fn list(silences: &[&Silence], now: Timestamp, next: &str, may_change: bool) -> Markup {
    html! {
        ul.silences {
            @for it in silences {
                @let Silence { id, kind, scope, from, until, reason, by } = it;
                @let scope = if matches!(scope, crate::alert::Scope::Everything) { "everything".to_owned() } else { scope.to_string() };
                li id={ "silence-" (slug(id)) } {
                    div {
                        (shape("paused")) b { (line(&scope, NAME)) } " "
                        span.tag { (kind_word(*kind)) }
                        p { (line(reason, SENTENCE)) }
                        p.dim {
                            @if it.holds(now) { "until " (near(*until, now)) ", for " (lasting(until.duration_since(now))) " more" }
                            @else { "from " (near(*from, now)) " until " (near(*until, now)) }
                            @if let Some(by) = by { " · by " (line(by, NAME)) }
                            " · " code { (line(id, NAME)) }
                        }
                    }
                    @if may_change {
                        form method="post" action={ "/silences/" (encoded(id)) "/lift" } {
                            input type="hidden" name="next" value=(next);
                            button.quiet aria-label={ "Lift the " (kind_word(*kind)) " of " (line(&scope, NAME)) } { "Lift" }
                        }
                    }
                }
            }
        }
    }
}
