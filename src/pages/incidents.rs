//! All incidents: what is open, what is silent, whether the pager works, and what has been.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Alerts, NAME, SENTENCE,
    alerts::{found, mark, pager_line, severity, shout, standing},
    incident::take,
    silence::{Scopes, list, mute},
};
use crate::{
    alert::{Ending, Incident, post::NotifierHealth},
    report::html::{
        HOME, Head, INCIDENTS, Site, canary_path, framed, incident_path, run_path,
        text::{counted, encoded, from_now, full, lasting, line, near, shape, slug, when},
    },
    verdict::Verdict,
};

/// What the page of all incidents shows.
#[derive(Clone, Copy, Debug)]
pub struct IncidentsView<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// How alerts stand.
    pub alerts: &'a Alerts,
    /// What can be muted.
    pub canaries: &'a [String],
    /// What has closed, newest first.
    pub history: &'a [PastIncident],
    /// Whether that begins somewhere behind the newest.
    pub later: bool,
    /// Where older ones begin.
    pub next: Option<Timestamp>,
    /// Whether who looks may change anything.
    pub may_change: bool,
}

/// An incident that has closed.
#[derive(Clone, Debug, PartialEq)]
pub struct PastIncident {
    /// It.
    pub incident: Incident,
    /// Who had been told.
    pub told: Vec<String>,
    /// Why nobody was told, as far as that was said.
    pub not_told: Option<String>,
}

/// The page.
#[must_use]
pub fn incidents(site: &Site<'_>, view: &IncidentsView<'_>) -> String {
    let IncidentsView { now, alerts, canaries, history, later, next, may_change } = *view;
    let open = &alerts.open;
    let title = match open.len() {
        0 => "No open incidents".to_owned(),
        count => counted(count, "open incident", "open incidents"),
    };
    let worst = open.iter().map(|it| mark(&it.incident)).min_by_key(|it| *it != "failed").unwrap_or("passed");
    let main = html! {
        nav.crumbs aria-label="Place" { a href=(HOME) { "Overview" } span aria-current="page" { "Incidents" } }
        div.headline { h1 { (shape(worst)) (title) } }
        (shout(&alerts.pager, now))
        @for it in open {
            (self::open(&it.incident, &standing(it, now), now, may_change))
        }
        (silences(alerts, canaries, now, may_change))
        (pager(alerts, now, may_change))
        (past(history, later, next, now))
    };
    let verdict = match worst {
        _ if open.is_empty() => None,
        "failed" => Some(Verdict::Failed),
        _ => Some(Verdict::Inconclusive),
    };
    framed(site, &Head { verdict, title: &title, live: true, alone: false, waits: false }, &main)
}

fn open(incident: &Incident, standing: &Markup, now: Timestamp, may_change: bool) -> Markup {
    let id = format!("incident-{}", slug(&incident.id));
    html! {
        section class={ "card incident " (mark(incident)) } id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } {
                a href=(incident_path(&incident.id)) { (root(incident)) } (severity(incident))
            }
            p.found { (found(incident)) }
            dl.facts {
                dt { "since" }
                dd { (near(incident.since, now)) " (" (lasting(now.duration_since(incident.since))) ")" }
                dt { "last green" } dd { (last_green(incident, now)) }
                dt { "who knows" } dd { (standing) }
            }
            @if may_change { (take(incident, INCIDENTS)) }
        }
    }
}

/// What it is about, as `canary::root`.
pub(super) fn root(incident: &Incident) -> String {
    match (incident.canary.as_str(), incident.roots.as_slice()) {
        ("", _) => "the pager".to_owned(),
        (canary, [root]) if !root.step.is_empty() => line(&format!("{canary}::{}", root.step), NAME),
        (canary, _) => line(canary, NAME),
    }
}

pub(super) fn last_green(incident: &Incident, now: Timestamp) -> Markup {
    html! {
        @match &incident.last_green {
            Some(green) => {
                a href=(run_path(&green.run)) { (near(green.started, now)) }
                ", " (lasting(incident.since.duration_since(green.started))) " before"
            },
            None => "none is known",
        }
    }
}

fn silences(alerts: &Alerts, canaries: &[String], now: Timestamp, may_change: bool) -> Markup {
    let all: Vec<_> = alerts.silences.iter().collect();
    html! {
        section.card aria-labelledby="silences" {
            h2 #silences { "Mutes and maintenance windows" }
            @if all.is_empty() { p.dim { "Nothing is muted." } }
            @else { (list(&all, now, INCIDENTS, may_change)) }
            @if may_change { div.more { (mute("all", INCIDENTS, Scopes::Any(canaries))) } }
        }
    }
}

fn pager(alerts: &Alerts, now: Timestamp, may_change: bool) -> Markup {
    let pager = &alerts.pager;
    let drill = &pager.drill;
    let was_drilled = drill.proven.is_some() || drill.succeeded + drill.failures > 0;
    let is_known = was_drilled || (pager.drilled && drill.next.is_some()) || pager.heartbeat.is_some();
    html! {
        section.card aria-labelledby="pager" {
            h2 #pager { "The pager" }
            p { (pager_line(pager, now)) }
            @if is_known {
                dl.facts {
                    @if let Some(proven) = drill.proven {
                        dt { "last proven" } dd { (when(proven)) }
                    }
                    @if drill.succeeded + drill.failures > 0 {
                        dt { "drills" } dd { (drill.succeeded) " succeeded, " (drill.failures) " failed" }
                    }
                    @if let Some(next) = drill.next.filter(|_| pager.drilled) {
                        dt { "next drill" } dd { (near(next, now)) }
                    }
                    @if let Some(trouble) = &pager.heartbeat {
                        dt { "sign of life" }
                        dd {
                            @if trouble.is_empty() { "given" }
                            @else { span.word.failed { "not given" } ": " (line(&trouble.join("; "), SENTENCE)) }
                        }
                    }
                }
            }
            @if !pager.notifiers.is_empty() {
                ul { @for it in &pager.notifiers { (notifier(it, pager.on_call.contains(&it.notifier), now)) } }
            }
            @if may_change && pager.provable && drill.running.is_none() {
                form.single method="post" action="/alerts/drill" {
                    button.quiet { "Drill the pager now" }
                    small { "A page that says that it is a test goes the real way, and is over as soon as it was seen." }
                }
            }
        }
    }
}

fn notifier(health: &NotifierHealth, on_call: bool, now: Timestamp) -> Markup {
    let NotifierHealth { notifier, last_accepted, failures, last_error, away, waiting, oldest } = health;
    html! {
        li {
            (shape(if *failures > 0 { "failed" } else if last_accepted.is_some() { "passed" } else { "none" }))
            b { (line(notifier, NAME)) }
            @if on_call { span.tag { "on call" } }
            span.dim {
                @match last_accepted {
                    Some(at) => { " has taken something " (from_now(*at, now)) },
                    None => " has taken nothing yet since the service started",
                }
                @if *waiting > 0 {
                    " · " (counted(*waiting, "message waits", "messages wait"))
                    @if let Some(oldest) = oldest { ", the oldest for " (lasting(now.duration_since(*oldest))) }
                }
                @if *away { " · taken to be away" }
            }
            @if *failures > 0 {
                p.why {
                    (counted(*failures, "failure", "failures")) " in a row"
                    @if let Some((at, error)) = last_error { ", last at " (near(*at, now)) ": " (line(error, SENTENCE)) }
                }
            }
        }
    }
}

fn past(history: &[PastIncident], later: bool, next: Option<Timestamp>, now: Timestamp) -> Markup {
    html! {
        section.card aria-labelledby="history" {
            h2 #history { "What has been" }
            @if history.is_empty() { p.dim { "Nothing has closed yet." } }
            ul.past-incidents { @for it in history { (one_past(it, now)) } }
            @if later || next.is_some() {
                nav.pages aria-label="More incidents" {
                    @if later { a href={ (INCIDENTS) "#history" } { "← newest" } }
                    @if let Some(next) = next {
                        a rel="next" href={ (INCIDENTS) "?before=" (encoded(&next.to_string())) "#history" } { "older →" }
                    }
                }
            }
        }
    }
}

fn one_past(past: &PastIncident, now: Timestamp) -> Markup {
    let PastIncident { incident, told, not_told } = past;
    html! {
        li {
            a href=(incident_path(&incident.id)) { (near(incident.since, now)) } " "
            b { (root(incident)) } (severity(incident))
            p { (found(incident)) }
            p.dim {
                @if let Some(closed) = &incident.closed {
                    span title=(full(closed.at)) { (ending(closed.why)) " after " (lasting(closed.at.duration_since(incident.since))) }
                }
                " · "
                @if !told.is_empty() { "told: " (line(&told.join(", "), NAME)) }
                @else if let Some(why) = not_told { "nobody was told: " (line(why, SENTENCE)) }
                @else { "closed before anybody was told" }
                @if !incident.canary.is_empty() { " · " a href=(canary_path(&incident.canary)) { (line(&incident.canary, NAME)) } }
            }
        }
    }
}

/// Why it has ended, in few words.
pub(super) fn ending(why: Ending) -> &'static str {
    match why {
        Ending::Green => "well again",
        Ending::Removed => "no part of the suite any more",
        Ending::Merged => "became part of the page for the whole canary",
        Ending::Drilled => "drill over",
    }
}
