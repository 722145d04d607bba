//! How delivery stands: for the heartbeat, for `/health`, and for the page.

use jiff::Timestamp;

use super::{
    Post,
    line::{Line, Why},
    step::Rank,
    way::Way,
};

/// How one notifier stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifierHealth {
    /// Its name.
    pub notifier: String,
    /// When it last took something, if this process has seen it.
    pub last_accepted: Option<Timestamp>,
    /// How many attempts in a row it has not accepted.
    pub failures: u32,
    /// What went wrong last, and when.
    pub last_error: Option<(Timestamp, String)>,
    /// Whether it is taken to be away, so that only one attempt at a time is made.
    pub away: bool,
    /// How many lines have something to tell it.
    pub waiting: usize,
    /// Since when the oldest of these waits.
    pub oldest: Option<Timestamp>,
}

impl Post {
    /// Since when there is an incident that should be shown and that no notifier is known to show, and how many there
    /// are.
    #[must_use]
    pub fn undelivered(&self, now: Timestamp) -> Option<(Timestamp, usize)> {
        let mut all: Option<(Timestamp, usize)> = None;
        for lines in self.lines.values() {
            let confirmed = |line: &Line| {
                self.way_of(line).is_some_and(|(_, way)| line.is_confirmed(&way.route.manner, now))
            };
            let wanted = |line: &Line| line.wanted.as_ref().map(|it| it.incident.clone());
            let waits = |line: &&Line| {
                let id = wanted(line);
                !lines.iter().any(|it| wanted(it) == id && confirmed(it))
            };
            let since = lines
                .iter()
                .filter_map(|line| {
                    let (_, way) = self.way_of(line)?;
                    line.waits_since(&way.route.manner, now).filter(|_| waits(&line))
                })
                .min();
            if let Some(since) = since {
                all = Some(all.map_or((since, 1), |(oldest, count)| (oldest.min(since), count + 1)));
            }
        }
        all
    }

    /// How each notifier stands.
    #[must_use]
    pub fn health(&self, now: Timestamp) -> Vec<NotifierHealth> {
        self.ways.iter().map(|way| self.health_of(way, now)).collect()
    }

    fn health_of(&self, way: &Way, now: Timestamp) -> NotifierHealth {
        let mut waiting = 0;
        let mut oldest: Option<Timestamp> = None;
        for line in self.lines.values().flatten().filter(|it| it.notifier == way.name()) {
            let step = line.next(&way.route.manner);
            let has_more = step.is_some_and(|it| !matches!(it.rank, Rank::Repeat | Rank::Refresh));
            let flies = line.in_flight.as_ref().is_some_and(|it| !it.repeat);
            let since = match line.waits_since(&way.route.manner, now) {
                // Resolved there, or told as often as may be: nobody waits for that.
                Some(_) if matches!(line.rests(), Some(Why::ResolvedThere | Why::MayBeTold)) => None,
                None if has_more || flies => Some(line.since),
                since => since,
            };
            if let Some(since) = since {
                waiting += 1;
                oldest = Some(oldest.map_or(since, |it| it.min(since)));
            }
        }
        NotifierHealth {
            notifier: way.name().to_owned(),
            last_accepted: way.last_accepted,
            failures: way.failures,
            last_error: way.last_error.clone(),
            away: way.is_away(),
            waiting,
            oldest,
        }
    }
}
