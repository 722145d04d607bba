//! What came of an incident, in one sentence.

use jiff::Timestamp;

use crate::{
    alert::{
        Audience, Closed, Ending, Held, Incident, Kind,
        log::{Happened, LogEntry, OutcomeWord},
        notifier::Action,
    },
    cli::layout::lasted,
};

/// Why there was nothing to wake anybody for any more.
const TOO_SOON: &str = "it closed before any attempt could have arrived";

/// Who was told how soon, or why nobody was; and how it ended.
pub(super) fn summary(incident: &Incident, log: &[LogEntry], now: Timestamp) -> String {
    let mut parts = vec![told(incident, log)];
    parts.extend(swallowed(log));
    parts.extend(log.iter().find_map(|it| match &it.what {
        Happened::ResolvedByHuman { notifier, by } => {
            Some(format!("{by} resolved it at {notifier} while it was still down"))
        }
        _ => None,
    }));
    if let Some(it) = &incident.acknowledged {
        parts.push(format!("{} took it after {}", it.by, lasted(incident.opened, it.at)));
    }
    parts.push(end(incident, log, now));
    parts.join("; ")
}

/// What has become of the attempts at one notifier.
struct Attempts<'l> {
    notifier: &'l str,
    /// When it took the page.
    accepted: Option<Timestamp>,
    /// How many triggers failed before.
    failed: u32,
    /// Whether one of them may have arrived.
    unknown: bool,
    /// Whether one of them was refused for good.
    refused: bool,
    /// What the last of them ended with.
    trouble: Option<&'l str>,
}

/// The attempts to tell of it, by notifier, in the order in which they began.
fn attempts(log: &[LogEntry]) -> Vec<Attempts<'_>> {
    let mut all: Vec<Attempts<'_>> = Vec::new();
    for entry in log {
        let (notifier, failures, outcome, answer) = match &entry.what {
            Happened::Sent { notifier, action: Action::Trigger, outcome, answer, .. } => {
                (notifier, 1, *outcome, answer)
            }
            Happened::More { notifier, attempts, answer } => {
                (notifier, *attempts, OutcomeWord::NotTaken, answer)
            }
            _ => continue,
        };
        let at = all.iter().position(|it| it.notifier == notifier).unwrap_or_else(|| {
            all.push(Attempts {
                notifier,
                accepted: None,
                failed: 0,
                unknown: false,
                refused: false,
                trouble: None,
            });
            all.len() - 1
        });
        let Some(known) = all.get_mut(at).filter(|it| it.accepted.is_none()) else { continue };
        if outcome == OutcomeWord::Accepted {
            known.accepted = Some(entry.at);
        } else {
            known.failed += failures;
            known.unknown |= outcome == OutcomeWord::Unknown;
            known.refused |= outcome == OutcomeWord::Refused;
            known.trouble = Some(answer);
        }
    }
    all
}

fn told(incident: &Incident, log: &[LogEntry]) -> String {
    let attempts = attempts(log);
    let verb = if incident.kind.audience() == Audience::OnCall { "paged" } else { "told" };
    let mut paged: Vec<String> = Vec::new();
    for it in &attempts {
        if let Some(at) = it.accepted {
            let after = lasted(incident.opened, at);
            let tries = if it.failed > 0 { format!(" (attempt {})", it.failed + 1) } else { String::new() };
            paged.push(format!("{} {after}{tries}", it.notifier));
        }
    }
    if !paged.is_empty() {
        let deciding = match incident.kind {
            Kind::Step | Kind::Canary | Kind::Inconclusive | Kind::Leftovers => "after the deciding run",
            Kind::Missed => "after it was seen to be late",
            Kind::Drill => "after its begin",
        };
        return format!("{verb} {} {deciding}", paged.join(" and "));
    }
    let nobody = match (incident.closed.is_some(), verb) {
        (true, verb) => format!("nobody was {verb}"),
        (false, verb) => format!("nobody has been {verb} yet"),
    };
    if let Some(it) = attempts.iter().find(|it| it.unknown) {
        let trouble = it.trouble.unwrap_or_default();
        return format!("{} may have been {verb}, but never said so: {trouble}", it.notifier);
    }
    let held = log.iter().any(|it| matches!(it.what, Happened::Held { .. }));
    match (attempts.as_slice(), &incident.held) {
        (_, Some(Held::Silence { silence, reason, .. })) => {
            let holds = if incident.closed.is_some() { "held" } else { "holds" };
            format!("{nobody}: silence {silence} {holds} it ({reason})")
        }
        (_, Some(Held::Paused)) => {
            let is = if incident.closed.is_some() { "was" } else { "is" };
            format!("{nobody}: the canary {is} paused")
        }
        ([], _) if held && incident.closed.is_some() => format!("{nobody}: it closed while it was held"),
        ([], _) if incident.closed.is_some() => match not_told(log) {
            true => format!("{nobody}: {TOO_SOON}"),
            false => format!("{nobody}: no notifier is told of such incidents"),
        },
        ([], _) => format!("{nobody}: nothing has been sent"),
        (all, _) => {
            let failed: Vec<_> = all.iter().map(not_taken).collect();
            let failed = failed.join("; ");
            match incident.closed.is_some() && all.iter().all(|it| !it.refused) {
                true => format!("{nobody}: {TOO_SOON} ({failed})"),
                false => format!("{nobody}: {failed}"),
            }
        }
    }
}

fn not_taken(it: &Attempts<'_>) -> String {
    let trouble = it.trouble.unwrap_or_default();
    match it.failed {
        1 => format!("{} did not take its one attempt: {trouble}", it.notifier),
        failed => format!("{} took none of {failed} attempts, the last: {trouble}", it.notifier),
    }
}

fn not_told(log: &[LogEntry]) -> bool {
    log.iter().any(|it| matches!(it.what, Happened::NotTold { .. }))
}

/// What was taken and not shown, and who was told instead.
fn swallowed(log: &[LogEntry]) -> Option<String> {
    let swallowed = log.iter().find_map(|it| match &it.what {
        Happened::Swallowed { notifier, .. } => Some(format!("{notifier} swallowed it")),
        _ => None,
    });
    let instead = log.iter().find_map(|it| match &it.what {
        Happened::Escalated { from, to: Some(to), .. } => Some(format!("{to} was told instead of {from}")),
        Happened::Escalated { from, to: None, .. } => {
            Some(format!("there was nobody to be told instead of {from}"))
        }
        _ => None,
    });
    let parts: Vec<_> = swallowed.into_iter().chain(instead).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn end(incident: &Incident, log: &[LogEntry], now: Timestamp) -> String {
    let Some(Closed { at, why, run: _ }) = &incident.closed else {
        return format!("open for {}", lasted(incident.opened, now));
    };
    let after = lasted(incident.opened, *at);
    let word = if attempts(log).iter().any(|it| it.accepted.is_some()) { "resolved" } else { "closed" };
    match why {
        Ending::Green => {
            let rule = log.iter().rev().find_map(|it| match &it.what {
                Happened::Closed { why } => Some(why.split_once(':').map_or(why.as_str(), |(rule, _)| rule)),
                _ => None,
            });
            match rule.map(|rule| rule.strip_prefix("passed in ").map_or_else(|| rule.to_owned(), passes)) {
                Some(rule) => format!("{word} after {after} by {rule}"),
                None => format!("{word} after {after}"),
            }
        }
        Ending::Removed => format!("{word} after {after}, because it is no part of the suite any more"),
        Ending::Merged => format!("part of the page for the whole canary after {after}"),
        Ending::Drilled => match log.iter().any(|it| matches!(it.what, Happened::Confirmed { .. })) {
            true => format!("seen to be there and {word} after {after}"),
            false => format!("never seen to be there, given up after {after}"),
        },
    }
}

/// `2 runs in a row` as `2 passes in a row`.
fn passes(runs: &str) -> String {
    match runs.strip_suffix(" runs in a row") {
        Some(count) => format!("{count} passes in a row"),
        None => "one pass".to_owned(),
    }
}
