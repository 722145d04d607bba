//! An incident laid out for reading at 80 columns: what it is, why, what was found, what happened, and in a sentence
//! what came of it.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use super::{lines::line_of, summary::summary};
use crate::{
    alert::{
        Audience, Ending, Evidence, Held, Incident, Kind,
        log::{Happened, LogEntry},
        page::first,
    },
    cli::layout::{clock_time, day, lasted, wrapped},
    verdict::Severity,
};

/// How wide the names before a text are.
const LABEL: usize = 11;

/// How many of the steps that a failure blocks are named.
const NAMED: usize = 5;

/// How somebody reads it.
pub(super) struct Reading {
    /// When.
    pub(super) now: Timestamp,
    /// Where their clock hangs.
    pub(super) zone: TimeZone,
}

/// Everything that is known of an incident, for people.
pub(super) fn text_of(incident: &Incident, log: &[LogEntry], reading: &Reading) -> String {
    let mut text = wrapped(&format!("{}: {}", incident.id, what_of(incident)), "", "  ");
    text.push('\n');
    for (name, value) in head(incident, log, reading) {
        labelled(&mut text, name, &value);
    }
    for root in &incident.roots {
        text.push('\n');
        evidence(&mut text, incident, root);
    }
    timeline(&mut text, log, reading);
    text.push('\n');
    text.push_str(&wrapped(&summary(incident, log, reading.now), "", ""));
    text
}

/// What is wrong, in the fewest words: `api::create_key failed`.
pub(in crate::cli) fn what_of(incident: &Incident) -> String {
    let canary = if incident.canary.is_empty() { "coalmine" } else { &incident.canary };
    match (incident.kind, incident.roots.as_slice()) {
        (Kind::Step, [root, ..]) => format!("{canary}::{} failed", root.step),
        (Kind::Step, []) => format!("{canary} failed"),
        (Kind::Canary, roots) => {
            let count = roots.len();
            format!("{canary} failed in {count} {}", if count == 1 { "step" } else { "steps" })
        }
        (Kind::Inconclusive, _) => format!("{canary} could not tell for long"),
        (Kind::Leftovers, _) => format!("{canary} leaves things behind"),
        (Kind::Missed, _) => format!("{canary} did not run when it should"),
        (Kind::Drill, _) => "a drill of the pager".to_owned(),
    }
}

fn head(incident: &Incident, log: &[LogEntry], reading: &Reading) -> Vec<(&'static str, String)> {
    // No `..`: what is known of an incident is to be shown.
    let Incident {
        id: _,
        key,
        kind,
        canary: _,
        roots: _,
        severity,
        since,
        opened,
        run,
        last_green,
        acknowledged,
        rounds,
        remind_at,
        held,
        closed,
    } = incident;
    let at = |at: Timestamp| format!("{} {}", day(at, &reading.zone), clock_time(at, &reading.zone));
    let mut head = Vec::new();
    let why = log.iter().find_map(|it| match &it.what {
        Happened::Opened { why } => Some(why.clone()),
        _ => None,
    });
    head.push(("why", why.unwrap_or_else(|| "not known: the start of its history is not kept".to_owned())));
    head.push(("severity", meaning(*kind, *severity)));
    head.push(("since", at(*since)));
    let by = run.as_ref().map(|run| format!(", by run {run}")).unwrap_or_default();
    head.push(("opened", format!("{}{by}", at(*opened))));
    match closed {
        Some(closed) => {
            let by = closed.run.as_ref().map(|run| format!(", by run {run}")).unwrap_or_default();
            let open = lasted(*opened, closed.at);
            head.push(("closed", format!("{} after {open}{by}{}", at(closed.at), ending(closed.why))));
        }
        None => head.push(("closed", format!("no, it has been open for {}", lasted(*opened, reading.now)))),
    }
    let green = last_green.as_ref();
    head.push((
        "last green",
        green.map_or_else(|| "none is known".to_owned(), |it| format!("{}, run {}", at(it.started), it.run)),
    ));
    if let Some(it) = acknowledged {
        head.push(("taken by", format!("{}, {}", it.by, at(it.at))));
    }
    // What still holds it when it closes holds nothing any more; the timeline has it.
    if let Some(it) = held.as_ref().filter(|_| closed.is_none()) {
        head.push(("held", why_held(it, &at)));
    }
    if *rounds > 1 {
        head.push(("told", format!("{rounds} times")));
    }
    if let Some(next) = remind_at.filter(|_| closed.is_none()) {
        head.push(("reminder", at(next)));
    }
    head.push(("key", key.clone()));
    head
}

fn meaning(kind: Kind, severity: Severity) -> String {
    match (kind.audience(), severity) {
        _ if kind == Kind::Drill => "a drill: nothing is wrong".to_owned(),
        (Audience::Owners, _) => "warning, for the owners of the canary: nobody is woken".to_owned(),
        (Audience::OnCall, Severity::Critical) => "critical: it wakes the engineer on call".to_owned(),
        (Audience::OnCall, Severity::Warning) => "warning: it waits for the morning".to_owned(),
    }
}

fn ending(why: Ending) -> &'static str {
    match why {
        Ending::Green | Ending::Drilled => "",
        Ending::Removed => ": no part of the suite any more",
        Ending::Merged => ": part of the page for the whole canary from then on",
    }
}

fn why_held(held: &Held, at: &dyn Fn(Timestamp) -> String) -> String {
    match held {
        Held::Silence { silence, kind: _, reason, until } => {
            format!("nobody is told until {} by silence {silence}: {reason}", at(*until))
        }
        Held::Resolved { who, until: None } => format!("{who} has resolved it; nobody is told anew"),
        Held::Resolved { who, until: Some(until) } => {
            format!("{who} has resolved it; it is told anew {} if it is still down", at(*until))
        }
        Held::Paused => "the canary is paused".to_owned(),
    }
}

/// What one run says against one step.
fn evidence(text: &mut String, incident: &Incident, root: &Evidence) {
    let Evidence { step, promise, severity: _, cause, message, remedy, request, request_id, .. } = root;
    let Evidence { runbook, blocks, run, trace, started: _, .. } = root;
    let canary = &incident.canary;
    let name = if step.is_empty() { canary.clone() } else { format!("{canary}::{step}") };
    text.push_str(&wrapped(&format!("{name} ({cause})"), "", "  "));
    let request_id = request_id.as_ref().map(|it| format!(", request id {it}")).unwrap_or_default();
    let request = request.as_ref().map(|it| format!("{it}{request_id}"));
    let (named, more) = first(blocks, NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let blocks = (!blocks.is_empty()).then(|| format!("{}{more}", named.join(", ")));
    let rows = [
        ("promise", Some(promise.clone())),
        ("found", Some(message.clone())),
        ("remedy", remedy.clone()),
        ("request", request),
        ("blocks", blocks),
        ("newest run", Some(run.clone())),
        ("trace", Some(trace.clone())),
        ("runbook", runbook.clone()),
    ];
    for (name, value) in rows {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            labelled(text, name, &value);
        }
    }
}

fn labelled(text: &mut String, name: &str, value: &str) {
    let first = format!("  {name:LABEL$} ");
    text.push_str(&wrapped(value, &first, &" ".repeat(first.len())));
}

/// What has happened, line by line, with a heading for each day.
fn timeline(text: &mut String, log: &[LogEntry], reading: &Reading) {
    let width = log.iter().map(|it| line_of(&it.what).0.chars().count()).max().unwrap_or_default();
    let mut today = None;
    for LogEntry { incident: _, at, what } in log {
        let date = day(*at, &reading.zone);
        if today.as_ref() != Some(&date) {
            let zone = if today.is_none() { zone_name(*at, &reading.zone) } else { String::new() };
            let _ = writeln!(text, "\nwhat happened on {date}{zone}");
            today = Some(date);
        }
        let (who, what) = line_of(what);
        let first = format!("  {}  {who:width$}  ", clock_time(*at, &reading.zone));
        text.push_str(&wrapped(&what, &first, &" ".repeat(first.chars().count())));
    }
}

/// ` (times in UTC)`.
fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    format!(" (times in {})", zone.to_offset_info(at).abbreviation())
}
