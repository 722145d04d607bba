//! Which of all that could be sent is sent now, and when there is more.

use jiff::Timestamp;

use super::{
    Line, Post,
    step::{Rank, Step},
};

impl Post {
    /// When there is something to do, if nothing happens before.
    #[must_use]
    pub fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        let mut wake: Option<Timestamp> = None;
        let mut sooner = |at: Timestamp| wake = Some(wake.map_or(at, |it| it.min(at)).max(now));
        // The same for all lines of a notifier: when it can be asked at all, and when for what is not urgent.
        let gates: Vec<_> = self
            .ways
            .iter()
            .map(|way| {
                let opens = way.opens(now)?;
                Some((opens.max(way.bucket.ready(true, now)), opens.max(way.bucket.ready(false, now))))
            })
            .collect();
        for line in self.lines.values().flatten() {
            let Some((at, way)) = self.way_of(line) else { continue };
            if let (Some(step), Some(Some((urgent, other)))) = (line.next(&way.route.manner), gates.get(at)) {
                sooner(step.at.max(if step.rank == Rank::Repeat { *other } else { *urgent }));
            }
            if let Some(at) = self.escalates_at(line, way, now) {
                sooner(at);
            }
        }
        wake
    }

    /// What to begin: way, key, place among the lines of the key, and what.
    pub(super) fn choose(&mut self, now: Timestamp) -> Vec<(usize, String, usize, Step)> {
        let mut waiting: Vec<Vec<(&Line, usize, Step)>> = vec![Vec::new(); self.ways.len()];
        for lines in self.lines.values() {
            for (place, line) in lines.iter().enumerate() {
                let Some(at) = self.ways.iter().position(|it| it.name() == line.notifier) else { continue };
                let (Some(way), Some(waiting)) = (self.ways.get(at), waiting.get_mut(at)) else { continue };
                if let Some(step) = line.next(&way.route.manner).filter(|it| it.at <= now) {
                    waiting.push((line, place, step));
                }
            }
        }
        let mut chosen = Vec::new();
        for (at, (way, mut waiting)) in self.ways.iter_mut().zip(waiting).enumerate() {
            if way.opens(now).is_none_or(|it| it > now) {
                continue;
            }
            let away = way.is_away();
            waiting.sort_by_key(|(line, _, step)| {
                // One line that nobody can take must not be the only one that is ever tried.
                let last = line.last_ended.filter(|_| away);
                (step.rank == Rank::Repeat, last, step.rank, line.since)
            });
            for (line, place, step) in waiting.into_iter().take(if away { 1 } else { usize::MAX }) {
                if !way.bucket.take(step.rank != Rank::Repeat, now) {
                    break;
                }
                chosen.push((at, line.key.clone(), place, step));
            }
        }
        chosen
    }
}
