//! What is open, whether pages arrive, and whether the pager works: what several pages say in the same words.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{NAME, SENTENCE};
use crate::{
    alert::{
        Audience, Held, Incident, Kind, Page, PageContext, Silence, SilenceKind, Telling, drill::DrillState,
        heartbeat::UNDELIVERED, post::NotifierHealth,
    },
    report::html::{
        INCIDENTS, incident_path,
        text::{counted, from_now, lasting, line, near, shape},
    },
    verdict::Severity,
};

/// A page that has waited no longer than this is on its way.
const IN_A_MOMENT: SignedDuration = SignedDuration::from_secs(15);

/// How alerts stand, as pages show it.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    /// What is open.
    pub open: Vec<OpenIncident>,
    /// What is silent, or will be, in the order in which it ends.
    pub silences: Vec<Silence>,
    /// Whether pages arrive.
    pub pager: Pager,
}

/// What is open, and who has been told.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIncident {
    /// It.
    pub incident: Incident,
    /// Who has been told, and who is still to be.
    pub tellings: Vec<Telling>,
}

/// Whether pages arrive.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// The names of the notifiers of the engineer on call.
    pub on_call: Vec<String>,
    /// Whether it can be seen that a page is where it should be.
    pub provable: bool,
    /// Whether it is drilled on a schedule.
    pub drilled: bool,
    /// How it has fared.
    pub drill: DrillState,
    /// Since when, and why, nobody knows what the notifier shows.
    pub blind: Option<(Timestamp, String)>,
    /// Since when a page waits that nobody at all has taken, and how many such there are.
    pub undelivered: Option<(Timestamp, usize)>,
    /// How each notifier stands.
    pub notifiers: Vec<NotifierHealth>,
    /// Why no sign of life is given, if one is to be given.
    pub heartbeat: Option<Vec<String>>,
}

/// What is wrong, in the words of its page.
pub(super) fn title(incident: &Incident) -> String {
    Page { round: 1, ..Page::of(incident, &PageContext::default()) }.title()
}

/// What is wrong, below a heading that names the step.
pub(super) fn found(incident: &Incident) -> String {
    match (incident.kind, incident.roots.as_slice()) {
        (Kind::Step, [root]) => format!("{} ({})", line(&root.message, SENTENCE), root.cause),
        _ => line(&title(incident), SENTENCE),
    }
}

/// The name of the mark before it.
pub(super) fn mark(incident: &Incident) -> &'static str {
    match (incident.closed.is_some(), incident.kind.audience(), incident.severity) {
        (true, _, _) => "passed",
        (false, Audience::OnCall, Severity::Critical) => "failed",
        (false, _, _) => "inconclusive",
    }
}

/// How loud it is, in a word.
pub(super) fn severity(incident: &Incident) -> Markup {
    html! {
        @match (incident.kind.audience(), incident.severity) {
            (Audience::Owners, _) => span.tag { "owners" },
            (Audience::OnCall, Severity::Critical) => span.tag.failed { "critical" },
            (Audience::OnCall, Severity::Warning) => span.tag { "warning" },
        }
    }
}

/// What is open, before all else.
pub(super) fn banner(alerts: &Alerts, now: Timestamp) -> Markup {
    let Alerts { open, silences, pager } = alerts;
    let held = silences.iter().filter(|it| it.holds(now)).count();
    let worst = open.iter().map(|it| mark(&it.incident)).min_by_key(|it| *it != "failed");
    html! {
        (shout(pager, now))
        section class={ "card incidents " (worst.unwrap_or_default()) } aria-labelledby="incidents" {
            h2 #incidents {
                @if open.is_empty() { a href=(INCIDENTS) { "No open incidents" } }
                @else { a href=(INCIDENTS) { (counted(open.len(), "open incident", "open incidents")) } }
            }
            @if !open.is_empty() { ul { @for it in open { (item(it, now)) } } }
            p.pager-line {
                (pager_line(pager, now))
                @if held > 0 { span.dim { " · " a href={ (INCIDENTS) "#silences" } { (counted(held, "silence holds", "silences hold")) } } }
            }
        }
    }
}

/// One of what is open, in a list.
pub(super) fn item(open: &OpenIncident, now: Timestamp) -> Markup {
    let incident = &open.incident;
    html! {
        li {
            (severity(incident)) " "
            a href=(incident_path(&incident.id)) { (line(&title(incident), SENTENCE)) }
            p.dim {
                "since " (near(incident.since, now)) " (" (lasting(now.duration_since(incident.since))) ")"
                " · " (standing(open, now))
            }
        }
    }
}

/// Who knows of it, and why others do not.
pub(super) fn standing(open: &OpenIncident, now: Timestamp) -> Markup {
    let OpenIncident { incident, tellings } = open;
    let told = tellings.iter().filter_map(|it| Some((it, it.told?)));
    let waiting = tellings.iter().filter_map(|it| Some((it, it.waiting?)));
    let mut parts: Vec<Markup> = Vec::new();
    if let Some(it) = &incident.acknowledged {
        parts.push(html! { b { "acknowledged by " (line(&it.by, NAME)) } " at " (near(it.at, now)) });
    }
    if let Some(it) = &incident.held {
        parts.push(html! { b { "held" } ": " (held(it, now)) });
    }
    for (it, at) in told {
        parts.push(html! {
            (line(&it.notifier, NAME)) " told at " (near(at, now))
            @if it.seen { ", and seen there" }
        });
    }
    for (it, since) in waiting.filter(|_| incident.held.is_none()) {
        parts.push(html! {
            span.word.failed { (line(&it.notifier, NAME)) " not told" } " since " (near(since, now))
            @if let Some(trouble) = &it.trouble { ": " (line(trouble, SENTENCE)) }
        });
    }
    if parts.is_empty() {
        parts.push(html! { "nobody is told" });
    }
    html! { @for (number, it) in parts.iter().enumerate() { @if number > 0 { " · " } (it) } }
}

/// Why nobody is told.
pub(super) fn held(held: &Held, now: Timestamp) -> Markup {
    html! {
        @match held {
            Held::Silence { silence: _, kind, reason, until } => {
                (kind_word(*kind)) " until " (near(*until, now)) ": " (line(reason, SENTENCE))
            },
            Held::Resolved { who, until } => {
                (line(who, NAME)) " has resolved it where it was told, although it is still down"
                @if let Some(until) = until { "; told anew at " (near(*until, now)) }
            },
            Held::Paused => "the canary is paused",
        }
    }
}

pub(super) fn kind_word(kind: SilenceKind) -> &'static str {
    match kind {
        SilenceKind::Maintenance => "maintenance window",
        SilenceKind::Mute => "mute",
    }
}

/// That somebody should have been told long ago and was not: the one thing worse than what is wrong.
pub(super) fn shout(pager: &Pager, now: Timestamp) -> Markup {
    let Some((since, pages)) = pager.undelivered else { return html! {} };
    let waited = now.duration_since(since);
    if waited < IN_A_MOMENT {
        return html! {};
    }
    let is_long = waited >= SignedDuration::try_from(UNDELIVERED).unwrap_or(SignedDuration::ZERO);
    html! {
        div class={ "shout " (if is_long { "failed" } else { "inconclusive" }) } {
            p {
                (shape(if is_long { "failed" } else { "inconclusive" }))
                b {
                    (counted(pages, "page has", "pages have")) " not been delivered for " (lasting(waited))
                    @if is_long { ": call somebody" }
                }
            }
            @for it in &pager.notifiers {
                @if let Some((at, error)) = &it.last_error {
                    @if it.failures > 0 {
                        p { (line(&it.notifier, NAME)) ", " (counted(it.failures, "failure", "failures"))
                            " in a row, last at " (near(*at, now)) ": " (line(error, SENTENCE)) }
                    }
                }
            }
        }
    }
}

/// Whether the pager works, in one line.
pub(super) fn pager_line(pager: &Pager, now: Timestamp) -> Markup {
    let Pager { on_call, provable, drilled, drill, blind, .. } = pager;
    let said = |mark: &str, words: Markup| html! { (shape(mark)) (words) };
    if on_call.is_empty() {
        let words = html! { b { "Nobody is told of what fails" } ": set " code { "COALMINE_NOTIFY" } };
        return said("inconclusive", words);
    }
    if let Some(it) = &drill.running {
        let words = html! {
            "A " a href=(incident_path(&it.id)) { "drill of the pager" } " goes on for "
            (lasting(now.duration_since(it.opened)))
        };
        return said("running", words);
    }
    if let Some((at, why)) = &drill.failed {
        let words = html! { b { "The last drill of the pager failed" } " at " (near(*at, now)) ": " (line(why, SENTENCE)) };
        return said("failed", words);
    }
    if let Some((since, why)) = blind {
        let words = html! {
            b { "Nobody can see whether pages arrive" } " since " (near(*since, now)) ": " (line(why, SENTENCE))
        };
        return said("inconclusive", words);
    }
    match (drill.proven, provable, drilled) {
        (Some(proven), _, _) => said(
            "passed",
            html! {
                "Pager: last proven page " span title=(proven.strftime("%F %T UTC")) { (from_now(proven, now)) }
                @if let Some(next) = drill.next { ", next drill " (from_now(next, now)) }
                @if !drilled { ", no drill is planned: set " code { "COALMINE_PAGER_DRILL" } }
            },
        ),
        (None, false, _) => said(
            "none",
            html! {
                "Pager: " (line(&on_call.join(", "), NAME)) "; whether pages arrive is not looked at: that needs PagerDuty with "
                code { "COALMINE_PAGERDUTY_TOKEN" }
            },
        ),
        (None, true, false) => {
            said("inconclusive", html! { "Pager: never proven: set " code { "COALMINE_PAGER_DRILL" } })
        }
        (None, true, true) => said(
            "none",
            html! {
                "Pager: never proven"
                @if let Some(next) = drill.next { ", first drill " (from_now(next, now)) }
            },
        ),
    }
}
