//! Answers remembered by idempotency key (facts, section 6).
//!
//! Work is done and remembered under one lock, so the second of two equal requests finds the answer of the first.
//! Only successes get here: after a refusal the same key is worked on afresh.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// How long an answer is remembered at least \[C, 6\].
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// What an idempotency key belongs to: the operation, whoever calls (where that matters), and the key itself.
pub(crate) type Slot = (&'static str, String, String);

/// Answers by key.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    answers: HashMap<Slot, T>,
    /// The slots by age, so that forgetting does not need to look at all of them.
    ages: VecDeque<(Timestamp, Slot)>,
}

impl<T> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory { answers: HashMap::new(), ages: VecDeque::new() }
    }
}

impl<T: Clone> Memory<T> {
    pub(crate) fn recall(&self, slot: &Slot) -> Option<T> {
        self.answers.get(slot).cloned()
    }

    pub(crate) fn remember(&mut self, now: Timestamp, slot: Slot, answer: T) {
        while let Some((since, _)) = self.ages.front()
            && now.duration_since(*since) > LIFETIME
            && let Some((_, old)) = self.ages.pop_front()
        {
            self.answers.remove(&old);
        }
        if self.answers.insert(slot.clone(), answer).is_none() {
            self.ages.push_back((now, slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stay_a_day_and_then_go() {
        let slot = |key: &str| ("transact", String::new(), key.to_owned());
        let start = Timestamp::UNIX_EPOCH;
        let mut memory = Memory::default();
        memory.remember(start, slot("a"), 1);
        memory.remember(start + SignedDuration::from_hours(24), slot("b"), 2);
        assert_eq!(memory.recall(&slot("a")), Some(1));
        memory.remember(start + SignedDuration::from_hours(25), slot("c"), 3);
        assert_eq!((memory.recall(&slot("a")), memory.recall(&slot("b"))), (None, Some(2)));
    }
}
