//! What the store says of the past, for pages and programs, without asking it more often than need be.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{Service, lock, remembered::Remembered};
use crate::store::{Day, StepStatistics, StoreError};

/// The days of each canary, oldest first.
pub type Days = HashMap<String, Vec<Day>>;

/// What is remembered.
#[derive(Default)]
pub(super) struct History {
    steps: Remembered<Vec<StepStatistics>>,
    days: Remembered<Days>,
}

impl Service {
    /// What is known of each step of a canary since that time, as [`crate::store::Store::steps`] says. Over so many runs
    /// that this takes long, it may lack the newest of them for some seconds.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn steps(
        &self,
        canary: &str,
        since: Timestamp,
    ) -> Result<Arc<Vec<StepStatistics>>, StoreError> {
        let state = self.canary(canary).map_or(0, |it| it.totals.runs());
        let (store, name) = (Arc::clone(self.store()), canary.to_owned());
        let make = async move { store.steps(&name, since).await };
        let question = format!("{} {canary}", since.as_nanosecond());
        self.shared.history.steps.get(&question, state, make).await
    }

    /// How the days went for each canary since that time, as [`crate::store::Store::days`] says. Over so many that this
    /// takes long, it may lack the newest runs for some seconds.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn days(&self, since: Timestamp) -> Result<Arc<Days>, StoreError> {
        let state = self.shared.views.iter().map(|it| lock(it).totals.runs()).sum();
        let store = Arc::clone(self.store());
        let make = async move {
            let mut days = Days::new();
            for day in store.days(since).await? {
                match days.get_mut(&day.canary) {
                    Some(known) => known.push(day),
                    None => drop(days.insert(day.canary.clone(), vec![day])),
                }
            }
            Ok(days)
        };
        // The sums are of whole days.
        let first = since.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.shared.history.days.get(&first.to_string(), state, make).await
    }
}

/// The begin of the minute. Whoever asks for "the last seven days" asks for a whole minute, so that many who do so are
/// given the same answer.
#[must_use]
pub fn whole_minute(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}
