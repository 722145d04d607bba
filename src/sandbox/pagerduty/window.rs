//! How often something happened in the last minute: the measure of every limit here.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// The length of the window \[V\].
const SPAN: SignedDuration = SignedDuration::from_secs(60);

/// A window that slides with the clock.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// What happened less than [`SPAN`] ago, oldest first.
    at: VecDeque<Timestamp>,
}

impl Window {
    /// How often it happened in the minute before `now`.
    pub(super) fn count(&mut self, now: Timestamp) -> usize {
        while self.at.front().is_some_and(|first| now.duration_since(*first) >= SPAN) {
            self.at.pop_front();
        }
        self.at.len()
    }

    /// It happens now.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.at.push_back(now);
    }

    /// Lets it happen, unless it happened `limit` times in the minute before. What is refused does not count \[C\].
    pub(super) fn admits(&mut self, now: Timestamp, limit: u32) -> bool {
        let admitted = self.count(now) < usize::try_from(limit).unwrap_or(usize::MAX);
        if admitted {
            self.note(now);
        }
        admitted
    }

    /// Whole seconds until the oldest leaves, rounded up.
    pub(super) fn resets_in(&self, now: Timestamp) -> i64 {
        let Some(first) = self.at.front() else { return 0 };
        let left = SPAN - now.duration_since(*first);
        left.as_secs() + i64::from(left.subsec_nanos() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut window = Window::default();
        assert_eq!(window.resets_in(at(0)), 0);
        for (second, admitted) in [(0, true), (30, true), (59, false), (60, true), (61, false), (90, true)] {
            assert_eq!(window.admits(at(second), 2), admitted, "at {second}");
        }
        assert_eq!((window.count(at(90)), window.resets_in(at(90))), (2, 30));
        assert_eq!(window.resets_in(at(90) + SignedDuration::from_millis(500)), 30);
        assert_eq!(window.count(at(150)), 0);
    }
}
