//! What has happened to an incident: drawn on lanes, and as a table in words.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{NAME, SENTENCE};
use crate::{
    alert::{
        Incident,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
    },
    report::html::text::{counted, full, lasting, line, time},
};

/// The drawing's width in its own units; it is stretched to the room there is.
const WIDTH: f64 = 1000.0;
/// A mark at the very edge would be cut.
const EDGE: f64 = 14.0;
/// How many entries are drawn; of more, those in between are left to the table.
const DRAWN: usize = 400;

/// Something that lasts, on a lane.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    class: &'static str,
    words: String,
}

/// Something that happened, on a lane.
struct Mark {
    at: Timestamp,
    class: &'static str,
    words: String,
}

/// One line of the drawing.
#[derive(Default)]
struct Lane {
    name: String,
    stretches: Vec<Stretch>,
    marks: Vec<Mark>,
}

/// Where moments are. Seconds matter at the beginning, and hours pass later: distances are shortened, the longer the
/// more, so that the order of things can be seen whatever the whole took.
struct Scale(Vec<(Timestamp, f64)>);

impl Scale {
    fn over(mut moments: Vec<Timestamp>) -> Self {
        moments.sort_unstable();
        moments.dedup();
        let mut at = 0.0;
        let mut places: Vec<(Timestamp, f64)> = Vec::with_capacity(moments.len());
        for moment in moments {
            if let Some((before, _)) = places.last() {
                at += (1.0 + moment.duration_since(*before).as_secs_f64().max(0.0)).ln() + 0.02;
            }
            places.push((moment, at));
        }
        let whole = if at > 0.0 { at } else { 1.0 };
        for (_, place) in &mut places {
            *place = EDGE + (WIDTH - 2.0 * EDGE) * *place / whole;
        }
        Self(places)
    }

    fn x(&self, moment: Timestamp) -> f64 {
        let at = self.0.partition_point(|(it, _)| *it < moment);
        self.0.get(at).or(self.0.last()).map_or(EDGE, |it| it.1)
    }
}

/// The history as a drawing. What it says is in the table as well.
pub(super) fn drawn(incident: &Incident, log: &[LogEntry], now: Timestamp) -> Markup {
    let end = incident.closed.as_ref().map_or(now, |it| it.at);
    let log: Vec<&LogEntry> = match log.len() {
        0..=DRAWN => log.iter().collect(),
        _ => log.iter().take(DRAWN / 2).chain(log.iter().skip(log.len() - DRAWN / 2)).collect(),
    };
    let lanes = lanes(incident, &log, end);
    let last = log.last().map_or(end, |it| it.at.max(end));
    let scale = Scale::over(log.iter().map(|it| it.at).chain([incident.since, end, last]).collect());
    html! {
        figure.story {
            @for lane in &lanes { (self::lane(lane, &scale)) }
            div.lane aria-hidden="true" {
                span {}
                div.moments {
                    span { (clock(incident.since)) }
                    span { "+ " (lasting(last.duration_since(incident.since))) }
                    span { @if incident.closed.is_none() { "now" } @else { (clock(last)) } }
                }
            }
            figcaption {
                span.key.dot-passed { "taken" } " " span.key.dot-failed { "not taken" }
                " · distances are shortened, the longer the more"
            }
        }
    }
}

fn clock(moment: Timestamp) -> String {
    moment.strftime("%H:%M:%S").to_string()
}

fn lane(lane: &Lane, scale: &Scale) -> Markup {
    let Lane { name, stretches, marks } = lane;
    let said = stretches.iter().map(|it| it.words.as_str()).chain(marks.iter().map(|it| it.words.as_str()));
    let label = format!("{name}: {}", said.take(20).collect::<Vec<_>>().join("; "));
    html! {
        div.lane {
            span.name { (name) }
            svg viewBox={ "0 0 " (WIDTH) " 24" } preserveAspectRatio="none" role="img" aria-label=(label) {
                path.grid d={ "M0 12H" (WIDTH) } {}
                @for it in stretches {
                    @let (from, to) = (scale.x(it.from), scale.x(it.to));
                    rect class={ "stretch " (it.class) } x=(unit(from)) y="7" width=(unit((to - from).max(2.0))) height="10"
                        fill=[(it.class == "held").then_some("url(#hatch)")] {
                        title { (it.words) }
                    }
                }
                @for it in marks {
                    // A line without length has round or square ends: a mark, however the drawing is stretched.
                    path class={ "point " (it.class) } d={ "M" (unit(scale.x(it.at))) " 12h0" } { title { (it.words) } }
                }
            }
        }
    }
}

fn unit(length: f64) -> String {
    format!("{length:.1}")
}

fn lanes(incident: &Incident, log: &[&LogEntry], end: Timestamp) -> Vec<Lane> {
    let mut down = Lane { name: "canary".to_owned(), ..Lane::default() };
    let is_green = incident.closed.is_some();
    down.stretches.push(Stretch {
        from: incident.since,
        to: end,
        class: super::alerts::mark(&Incident { closed: None, ..incident.clone() }),
        words: format!(
            "wrong from {} to {}",
            full(incident.since),
            if is_green { full(end) } else { "now".to_owned() }
        ),
    });
    down.marks.push(Mark {
        at: incident.since,
        class: "turn",
        words: format!("{}: the first run that speaks for it", full(incident.since)),
    });
    let mut held = Lane { name: "held".to_owned(), ..Lane::default() };
    let mut taken = Lane { name: "taken care of".to_owned(), ..Lane::default() };
    let mut told: Vec<Lane> = Vec::new();
    let stretch = |at, class, words: &str| Stretch { from: at, to: end, class, words: words.to_owned() };
    for entry in log {
        let LogEntry { at, what, .. } = entry;
        let words = format!("{}: {}", full(*at), words(what));
        let mark = |class| Mark { at: *at, class, words: words.clone() };
        if let Some(notifier) = notifier(what) {
            let name = line(notifier, NAME);
            let number = told.iter().position(|it| it.name == name).unwrap_or_else(|| {
                told.push(Lane { name, ..Lane::default() });
                told.len() - 1
            });
            tell(&mut told[number], what, *at, &words, end);
            continue;
        }
        match what {
            Happened::Held { .. } => {
                close(&mut held, *at);
                held.stretches.push(stretch(*at, "held", &words));
            }
            Happened::Acknowledged { .. } => {
                close(&mut taken, *at);
                taken.stretches.push(stretch(*at, "passed", &words));
                taken.marks.push(mark("passed"));
            }
            Happened::Released { why } if why.starts_with("given back by ") => close(&mut taken, *at),
            Happened::Released { .. } => close(&mut held, *at),
            Happened::Opened { .. } | Happened::Joined { .. } => down.marks.push(mark("turn")),
            Happened::Reminded { .. } => down.marks.push(mark("turn")),
            Happened::Closed { .. } => down.marks.push(mark("turn")),
            _ => {}
        }
    }
    let more = [taken, held].into_iter().filter(|it| !it.stretches.is_empty());
    [down].into_iter().chain(told).chain(more).collect()
}

/// The last stretch that is open ends.
fn close(lane: &mut Lane, at: Timestamp) {
    if let Some(it) = lane.stretches.last_mut() {
        it.to = it.to.min(at);
    }
}

/// What a notifier shows: from the first time that it has taken it, to its end.
fn tell(lane: &mut Lane, what: &Happened, at: Timestamp, words: &str, end: Timestamp) {
    let mark = |class| Mark { at, class, words: words.to_owned() };
    match what {
        Happened::Sent { action, outcome, .. } => {
            let is_taken = *outcome == OutcomeWord::Accepted;
            lane.marks.push(mark(if is_taken { "passed" } else { "failed" }));
            match action {
                Action::Trigger if is_taken && lane.stretches.is_empty() => lane.stretches.push(Stretch {
                    from: at,
                    to: end.max(at),
                    class: "told",
                    words: format!("it shows there from {}", full(at)),
                }),
                Action::Resolve if is_taken => {
                    if let Some(it) = lane.stretches.last_mut() {
                        it.to = at.max(it.from);
                    }
                }
                Action::Trigger | Action::Acknowledge | Action::Resolve => {}
            }
        }
        Happened::Confirmed { .. } => lane.marks.push(mark("neutral")),
        Happened::ResolvedByHuman { .. } => {
            close(lane, at);
            lane.marks.push(mark("neutral"));
        }
        _ => lane.marks.push(mark("failed")),
    }
}

/// Whose lane it is on.
fn notifier(what: &Happened) -> Option<&str> {
    match what {
        Happened::Sent { notifier, .. }
        | Happened::More { notifier, .. }
        | Happened::NotTold { notifier, .. }
        | Happened::Swallowed { notifier, .. }
        | Happened::ResolvedByHuman { notifier, .. }
        | Happened::Confirmed { notifier, .. }
        | Happened::Escalated { from: notifier, .. } => Some(notifier),
        Happened::Opened { .. }
        | Happened::Joined { .. }
        | Happened::Held { .. }
        | Happened::Released { .. }
        | Happened::Acknowledged { .. }
        | Happened::Reminded { .. }
        | Happened::Closed { .. } => None,
    }
}

/// The history in words, oldest first.
pub(super) fn table(log: &[LogEntry]) -> Markup {
    html! {
        div.scroll.whole role="region" aria-label="What has happened, in words" tabindex="0" {
            table.log {
                thead { tr { th scope="col" { "when (UTC)" } th scope="col" { "what" } } }
                tbody {
                    @for it in log {
                        tr {
                            th scope="row" { time datetime=(it.at.to_string()) { (it.at.strftime("%F %T")) } }
                            td { (words(&it.what)) }
                        }
                    }
                }
            }
        }
    }
}

/// One thing that happened, as a sentence.
fn words(what: &Happened) -> String {
    let said = |text: &str| line(text, SENTENCE);
    match what {
        Happened::Opened { why } => format!("opened: {}", said(why)),
        Happened::Joined { step } => format!("{} is part of it from now on", said(step)),
        Happened::Held { why } => format!("held, nobody is told for now: {}", said(why)),
        Happened::Released { why } => format!("no longer so: {}", said(why)),
        Happened::Acknowledged { by } => format!("acknowledged by {}", said(by)),
        Happened::Reminded { round } => format!("to be told again, for the {}", nth(*round)),
        Happened::Closed { why } => format!("closed: {}", said(why)),
        Happened::Sent { notifier, action, attempt, minimal, outcome, answer, took_ms } => {
            let action = match action {
                Action::Trigger => "told",
                Action::Acknowledge => "told that somebody takes care",
                Action::Resolve => "told that it is over",
            };
            let outcome = match outcome {
                OutcomeWord::Accepted => "taken",
                OutcomeWord::Refused => "refused",
                OutcomeWord::NotTaken => "not taken",
                OutcomeWord::Unknown => "perhaps taken",
            };
            let form = if *minimal { ", in its shortest form" } else { "" };
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let (notifier, answer, took) = (said(notifier), said(answer), time(*took_ms));
            format!("{notifier} {action}{form}{again}: {outcome} in {took}: {answer}")
        }
        Happened::More { notifier, attempts, answer } => {
            let attempts = counted(*attempts, "more attempt", "more attempts");
            format!("{}: {attempts} failed meanwhile, the last with: {}", said(notifier), said(answer))
        }
        Happened::Escalated { from, to: Some(to), why } => {
            format!("{} is told instead of {}: {}", said(to), said(from), said(why))
        }
        Happened::Escalated { from, to: None, why } => {
            format!("nobody is there to be told instead of {}: {}", said(from), said(why))
        }
        Happened::NotTold { notifier, why } => format!("{} was not told: {}", said(notifier), said(why)),
        Happened::Swallowed { notifier, why } => {
            format!("{} had taken it and does not show it: {}", said(notifier), said(why))
        }
        Happened::ResolvedByHuman { notifier, by } => {
            format!("resolved at {} by {}, although it is still down", said(notifier), said(by))
        }
        Happened::Confirmed { notifier, place } => format!("seen at {}: {}", said(notifier), said(place)),
    }
}

fn nth(round: u32) -> String {
    match (round % 100, round % 10) {
        (11..=13, _) => format!("{round}th time"),
        (_, 1) => format!("{round}st time"),
        (_, 2) => format!("{round}nd time"),
        (_, 3) => format!("{round}rd time"),
        _ => format!("{round}th time"),
    }
}
