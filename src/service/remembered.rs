//! Answers of the store that take long, given again for a while.
//!
//! What is quick is asked anew whenever something has changed. What is slow may be somewhat old, in proportion: it takes
//! a hundredth of one processor, however many ask, and nobody waits for it but the first.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::lock;
use crate::{clock::Clock, store::StoreError};

/// What takes longer than this is given again although something has changed.
const SLOW: Duration = Duration::from_millis(50);
/// So many times as long as it took to make.
const AGE: u32 = 100;
/// An answer that is older than this is given to nobody.
const OLDEST: Duration = Duration::from_secs(60);
/// How many questions are remembered.
const QUESTIONS: usize = 256;

/// Answers by question.
pub(super) struct Remembered<V>(Mutex<HashMap<String, Arc<Slot<V>>>>);

struct Slot<V> {
    last: Mutex<Option<Answer<V>>>,
    /// Held by the one who makes the next answer.
    making: Arc<tokio::sync::Mutex<()>>,
}

struct Answer<V> {
    value: Arc<V>,
    /// What it was made of: with the same it is still right.
    state: u64,
    at: Instant,
    took: Duration,
}

impl<V> Default for Remembered<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> Clone for Answer<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), ..*self }
    }
}

impl<V> Answer<V> {
    /// Whether it is as good as a new one.
    fn is_good(&self, state: u64) -> bool {
        self.state == state || (self.is_slow() && self.at.elapsed() < (self.took * AGE).min(OLDEST))
    }

    fn is_slow(&self) -> bool {
        self.took >= SLOW
    }
}

impl<V: Send + Sync + 'static> Remembered<V> {
    /// The answer to a question, from `make` if there is none that is good. `state` changes whenever the answer might.
    pub(super) async fn get<F>(&self, question: &str, state: u64, make: F) -> Result<Arc<V>, StoreError>
    where
        F: Future<Output = Result<V, StoreError>> + Send + 'static,
    {
        let slot = self.slot(question);
        let last = lock(&slot.last).clone();
        match last {
            Some(answer) if answer.is_good(state) => return Ok(answer.value),
            Some(answer) if answer.is_slow() && answer.at.elapsed() < OLDEST => {
                // One makes the next, and nobody waits for it.
                if let Ok(guard) = Arc::clone(&slot.making).try_lock_owned() {
                    tokio::spawn(async move {
                        let _guard = guard;
                        // Whoever asks when this one is too old hears of the trouble.
                        let _ = slot.make(state, make).await;
                    });
                }
                return Ok(answer.value);
            }
            Some(_) | None => (),
        }
        let _guard = slot.making.lock().await;
        let last = lock(&slot.last).clone();
        match last.filter(|it| it.is_good(state)) {
            Some(answer) => Ok(answer.value),
            None => slot.make(state, make).await,
        }
    }

    fn slot(&self, question: &str) -> Arc<Slot<V>> {
        let mut slots = lock(&self.0);
        if let Some(slot) = slots.get(question) {
            return Arc::clone(slot);
        }
        if slots.len() >= QUESTIONS {
            slots.clear();
        }
        let slot = Arc::new(Slot { last: Mutex::default(), making: Arc::default() });
        slots.insert(question.to_owned(), Arc::clone(&slot));
        slot
    }
}

impl<V> Slot<V> {
    async fn make(
        &self,
        state: u64,
        make: impl Future<Output = Result<V, StoreError>>,
    ) -> Result<Arc<V>, StoreError> {
        let begun = Clock::instant();
        let value = Arc::new(make.await?);
        let answer = Answer { value: Arc::clone(&value), state, at: Clock::instant(), took: begun.elapsed() };
        *lock(&self.last) = Some(answer);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Answers with how often it was asked.
    fn asked(times: &Arc<AtomicU32>) -> impl Future<Output = Result<u32, StoreError>> + Send + use<> {
        let times = Arc::clone(times);
        async move { Ok(times.fetch_add(1, Ordering::SeqCst) + 1) }
    }

    #[tokio::test]
    async fn what_is_quick_is_asked_anew_when_something_has_changed() {
        let (remembered, times) = (Remembered::default(), Arc::default());
        for (state, expected) in [(0, 1), (0, 1), (1, 2), (1, 2), (0, 3)] {
            assert_eq!(*remembered.get("a", state, asked(&times)).await.unwrap(), expected);
        }
        assert_eq!(*remembered.get("b", 0, asked(&times)).await.unwrap(), 4, "another question");
    }

    #[tokio::test]
    async fn what_is_slow_is_given_again_and_made_once() {
        let (remembered, times) = (Arc::new(Remembered::default()), Arc::default());
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let callers: Vec<_> = (0..10)
            .map(|_| {
                let (remembered, asked, gate) = (Arc::clone(&remembered), asked(&times), Arc::clone(&gate));
                tokio::spawn(async move {
                    let slow = async move {
                        gate.acquire().await.unwrap().forget();
                        asked.await
                    };
                    *remembered.get("a", 0, slow).await.unwrap()
                })
            })
            .collect();
        gate.add_permits(1);
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 1);
        }
        // As if it had taken a second.
        let slot = remembered.slot("a");
        lock(&slot.last).as_mut().unwrap().took = Duration::from_secs(1);
        assert_eq!(*remembered.get("a", 1, asked(&times)).await.unwrap(), 1, "a minute has not passed");
        lock(&slot.last).as_mut().unwrap().took = Duration::ZERO;
        assert_eq!(*remembered.get("a", 1, asked(&times)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn an_error_is_not_remembered() {
        let remembered = Remembered::default();
        let error = remembered.get("a", 0, async { Err::<u32, _>(StoreError::BadCursor) }).await;
        assert_eq!(error.unwrap_err(), StoreError::BadCursor);
        assert_eq!(*remembered.get("a", 0, async { Ok(7) }).await.unwrap(), 7);
    }
}
