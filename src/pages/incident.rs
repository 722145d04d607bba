//! One incident: what is wrong, who knows, what to do about it, and what has happened, drawn and in words.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Alerts, NAME, OpenIncident, SENTENCE,
    alerts::{found, mark, severity, standing},
    incidents::{ending, last_green, root},
    silence::{Scopes, list, mute},
    story,
};
use crate::{
    alert::{Evidence, Incident, Kind, Page, PageContext, log::LogEntry},
    report::html::{
        HOME, Head, INCIDENTS, Site, address, canary_path, framed, incident_path, run_path, step_anchor,
        step_path,
        text::{clipped, lasting, line, near, shape, slug, when},
    },
    verdict::Verdict,
};

/// An incident, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct IncidentView<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// It, and who has been told.
    pub open: &'a OpenIncident,
    /// What has happened, oldest first.
    pub log: &'a [LogEntry],
    /// How alerts stand otherwise.
    pub alerts: &'a Alerts,
    /// Whether who looks may change anything, or has only a link to this page.
    pub may_change: bool,
}

/// The page.
#[must_use]
pub fn incident(site: &Site<'_>, view: &IncidentView<'_>) -> String {
    let IncidentView { now, open, log, alerts, may_change } = *view;
    let incident = &open.incident;
    let is_open = incident.closed.is_none();
    let path = incident_path(&incident.id);
    let main = html! {
        nav.crumbs aria-label="Place" {
            a href=(HOME) { "Overview" } a href=(INCIDENTS) { "Incidents" }
            span aria-current="page" { (line(&incident.id, NAME)) }
        }
        div.headline {
            h1 { (shape(mark(incident))) (root(incident)) (severity(incident)) }
            p.found { (found(incident)) }
        }
        section class={ "card incident " (mark(incident)) } aria-labelledby="stands" {
            h2 #stands { @if is_open { "Open" } @else { "Closed" } }
            (stands(open, now))
            @if is_open && may_change {
                (take(incident, &path))
                @if !incident.canary.is_empty() { div.more { (mute("incident", &path, Scopes::Of(&scopes(incident)))) } }
            } @else if is_open {
                p { a href={ "/login?next=" (path) } { "Log in" } " to acknowledge or mute it." }
            }
            (silenced(incident, alerts, now, &path, may_change))
        }
        @for it in &incident.roots { (evidence(incident, it)) }
        section.card aria-labelledby="happened" {
            h2 #happened { "What has happened" }
            @if log.is_empty() { p.notice { "The history cannot be read at the moment." } }
            @else { (story::drawn(incident, log, now)) (story::table(log)) }
        }
    };
    let verdict = match (is_open, mark(incident)) {
        (false, _) => Verdict::Passed,
        (true, "failed") => Verdict::Failed,
        (true, _) => Verdict::Inconclusive,
    };
    let name = root(incident);
    let head = Head { verdict: Some(verdict), title: &name, live: is_open, alone: false, waits: false };
    framed(site, &head, &main)
}

fn stands(open: &OpenIncident, now: Timestamp) -> Markup {
    let incident = &open.incident;
    let end = incident.closed.as_ref().map_or(now, |it| it.at);
    html! {
        dl.facts {
            dt { "since" }
            dd { (when(incident.since)) " (" (lasting(end.duration_since(incident.since))) ")" }
            @if let Some(closed) = &incident.closed {
                dt { "closed" }
                dd {
                    (when(closed.at)) ", " (ending(closed.why))
                    @if let Some(run) = &closed.run { ", decided by " a href=(run_path(run)) { "run " (line(run, NAME)) } }
                }
            }
            dt { "last green" } dd { (last_green(incident, now)) }
            dt { "opened" }
            dd {
                (when(incident.opened))
                @if let Some(run) = &incident.run { ", by " a href=(run_path(run)) { "run " (line(run, NAME)) } }
            }
            @if incident.closed.is_none() {
                dt { "who knows" } dd { (standing(open, now)) }
                @if let Some(at) = incident.remind_at { dt { "told again" } dd { "at " (near(at, now)) " if it is still open" } }
            }
            @if !incident.canary.is_empty() {
                dt { "canary" } dd { a href=(canary_path(&incident.canary)) { (line(&incident.canary, NAME)) } }
            }
            dt { "key" } dd.code { (line(&incident.key, NAME)) }
        }
    }
}

/// The button that takes it, or gives it back. `next` is the page to come back to. A drill is nobody's work.
pub(super) fn take(incident: &Incident, next: &str) -> Markup {
    if incident.kind == Kind::Drill || incident.closed.is_some() {
        return html! {};
    }
    let id = slug(&incident.id);
    let (action, words) = match incident.acknowledged {
        None => ("acknowledge", "Acknowledge"),
        Some(_) => ("unacknowledge", "Give it back"),
    };
    html! {
        form.take method="post" action={ (incident_path(&incident.id)) "/" (action) } {
            input type="hidden" name="next" value=(next);
            label.unseen for={ (id) "-by" } { "Who are you? (optional)" }
            input id={ (id) "-by" } name="by" maxlength="100" placeholder="your name" autocomplete="name";
            button id={ (id) "-take" } aria-label={ (words) ": " (root(incident)) } { (words) }
        }
    }
}

/// What can be muted from here: the narrowest first.
fn scopes(incident: &Incident) -> Vec<(String, String)> {
    let canary = &incident.canary;
    let steps = incident.roots.iter().filter(|it| !it.step.is_empty()).map(|it| {
        let step = format!("{canary}::{}", it.step);
        (step.clone(), step)
    });
    // Muting one of many roots would still tell of the others.
    let steps: Vec<_> = if incident.kind == Kind::Step { steps.collect() } else { Vec::new() };
    steps.into_iter().chain([(canary.clone(), format!("the whole canary {canary}"))]).collect()
}

/// The silences that hold for it, so that they can be lifted from here.
fn silenced(incident: &Incident, alerts: &Alerts, now: Timestamp, path: &str, may_change: bool) -> Markup {
    let covers = |it: &&crate::alert::Silence| {
        it.scope.covers_all_of(&incident.canary)
            || incident.roots.iter().any(|root| it.scope.covers(&incident.canary, &root.step))
    };
    let silences: Vec<_> = match incident.closed {
        None if !incident.canary.is_empty() => alerts.silences.iter().filter(covers).collect(),
        None | Some(_) => Vec::new(),
    };
    html! { @if !silences.is_empty() { (list(&silences, now, path, may_change)) } }
}

fn evidence(incident: &Incident, root: &Evidence) -> Markup {
    let Evidence { step, promise, severity: _, cause, message, remedy, request, request_id, runbook, .. } =
        root;
    let Evidence { blocks, run, trace, started, .. } = root;
    let canary = &incident.canary;
    let id = format!("root-{}", slug(step));
    let command = Page::of(incident, &PageContext::default()).command(root);
    html! {
        section.card aria-labelledby=(id) {
            h2 id=(id) {
                @if step.is_empty() { (line(canary, NAME)) }
                @else { a href=(step_path(canary, step)) { (line(step, NAME)) } }
            }
            @if !promise.is_empty() { p.promise { (line(promise, SENTENCE)) } }
            div class={ "failure " (cause.verdict()) } {
                p.message { (clipped(message, 4096)) }
                p.dim { (cause) }
                @if let Some(remedy) = remedy { p.remedy { (clipped(remedy, 4096)) } }
            }
            dl.facts {
                @if let Some(request) = request { dt { "request" } dd.code { (line(request, SENTENCE)) } }
                @if let Some(id) = request_id { dt { "request id" } dd.code { (line(id, NAME)) } }
                @if let Some(runbook) = runbook { dt { "runbook" } dd { (address(runbook)) } }
                @if !run.is_empty() {
                    dt { "seen in" }
                    dd {
                        a href={ (run_path(run)) @if !step.is_empty() { "#" (step_anchor(step)) } } { "run " (line(run, NAME)) }
                        " of " (when(*started))
                    }
                }
                @if !trace.is_empty() { dt { "trace id" } dd.code { (line(trace, NAME)) } }
                @if !blocks.is_empty() {
                    dt { "blocks" }
                    dd { @for (number, it) in blocks.iter().enumerate() { @if number > 0 { ", " } (line(it, NAME)) } }
                }
            }
            @if let Some(command) = command {
                p.dim { "Repeat it with" }
                pre.command { (line(&command, SENTENCE)) }
            }
        }
    }
}
