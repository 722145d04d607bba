//! What one notifier does not take is told by another one.

use jiff::{SignedDuration, Timestamp};

use super::{
    Post,
    bucket::later,
    line::{Line, Wanted, Why},
    way::Way,
};
use crate::alert::{
    Audience,
    log::{Happened, LogEntry},
};

/// How long a page may be undelivered before somebody else is told.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

impl Post {
    /// Escalates all lines whose time has come.
    pub(super) fn escalate(&mut self, now: Timestamp) {
        let late: Vec<(String, String, String)> = self
            .lines
            .values()
            .flatten()
            .filter(|line| {
                let way = self.way_of(line);
                way.and_then(|(_, way)| self.escalates_at(line, way, now)).is_some_and(|at| at <= now)
            })
            .map(|line| (line.key.clone(), line.notifier.clone(), why_late(line)))
            .collect();
        for (key, notifier, why) in late {
            self.escalate_line(&key, &notifier, &why, now);
        }
    }

    /// When a line is escalated, if nothing happens before.
    pub(super) fn escalates_at(&self, line: &Line, way: &Way, now: Timestamp) -> Option<Timestamp> {
        let wanted = line.wanted.as_ref()?;
        if wanted.escalated || wanted.guest {
            return None;
        }
        line.waits_since(&way.route.manner, now).map(|since| later(since, PATIENCE))
    }

    /// Tells somebody else of what is wanted on a line; once per incident.
    pub(super) fn escalate_line(&mut self, key: &str, from: &str, why: &str, now: Timestamp) {
        let Some(line) = self.line_mut(key, from) else { return };
        let Some(wanted) = &mut line.wanted else { return };
        if wanted.escalated || wanted.guest {
            return;
        }
        wanted.escalated = true;
        let wanted = wanted.clone();
        line.changed = true;
        let to = self.second_of(from, wanted.audience);
        if let Some(to) = &to {
            self.open_at(key, to, &wanted, why, now);
        }
        self.log.push(LogEntry {
            incident: wanted.incident,
            at: now,
            what: Happened::Escalated { from: from.to_owned(), to, why: why.to_owned() },
        });
    }

    /// Makes sure that a notifier is told, and hastens it if it is going to be.
    fn open_at(&mut self, key: &str, to: &str, wanted: &Wanted, why: &str, now: Timestamp) {
        let Some(manner) = self.ways.iter().find(|it| it.name() == to).map(|it| it.route.manner.clone())
        else {
            return;
        };
        let lines = self.lines.entry(key.to_owned()).or_default();
        let line = match lines.iter_mut().position(|it| it.notifier == to) {
            Some(at) => lines.get_mut(at),
            None => {
                lines.push(Line::new(key, to, now));
                lines.last_mut()
            }
        };
        let Some(line) = line else { return };
        let confirmed = line.is_confirmed(&manner, now);
        match line.wanted.as_mut().filter(|it| it.incident == wanted.incident) {
            Some(_) if confirmed => (),
            Some(its) => {
                its.urgent = true;
                its.instead.get_or_insert_with(|| why.to_owned());
                line.changed = true;
            }
            None => {
                line.unwant(now, &mut self.log);
                let instead = Some(why.to_owned());
                let guest = Wanted { guest: true, urgent: true, instead, seen: false, ..wanted.clone() };
                line.want_now(guest, now);
            }
        }
    }

    /// Who is told of what a notifier does not take: the second, or the next one for the same people. What concerns
    /// the owners alone never wakes the engineer on call.
    fn second_of(&self, from: &str, audience: Audience) -> Option<String> {
        let may = |way: &&Way| {
            let to_nobody_else = !way.route.on_call && !way.route.owners;
            way.name() != from && (way.route.tells(audience) || to_nobody_else)
        };
        let named = self.ways.iter().find(|it| Some(it.name()) == self.second.as_deref()).filter(may);
        let other = || self.ways.iter().find(|it| it.name() != from && it.route.tells(audience));
        named.or_else(other).map(|it| it.name().to_owned())
    }
}

fn why_late(line: &Line) -> String {
    let notifier = &line.notifier;
    match (line.rests(), &line.trouble) {
        (Some(Why::MayBeTold), trouble) => {
            format!(
                "{notifier} may have taken it, but never said so: {}",
                trouble.as_deref().unwrap_or_default()
            )
        }
        (_, Some(trouble)) => format!("{notifier} has not taken it for 5 minutes: {trouble}"),
        (_, None) => format!("{notifier} has not taken it for 5 minutes"),
    }
}
