//! How the last 24 hours went for a canary, whatever its pace: counted as runs end, and asked of the store once for what
//! was before the service started.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::{SignedDuration, Timestamp};

use super::{Service, lock};
use crate::{
    store::{Outcomes, StoreError, Summary},
    verdict::Verdict,
};

/// How long it is.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Runs are counted by the ten minutes in which they began; the day begins with a whole one of these.
pub(crate) const SLOT: SignedDuration = SignedDuration::from_mins(10);

/// The counts of one canary.
#[derive(Default)]
pub(super) struct LastDay {
    /// By number of the slot. Runs that began since the service started.
    slots: Mutex<BTreeMap<i64, Outcomes>>,
    /// Those before, once somebody has asked.
    before: tokio::sync::OnceCell<BTreeMap<i64, Outcomes>>,
}

/// The slot in which a time lies.
fn slot(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SLOT.as_secs())
}

impl LastDay {
    /// Takes a run in that has ended.
    pub(super) fn add(&self, run: &Summary) {
        if run.filtered {
            return;
        }
        let mut slots = lock(&self.slots);
        let counts = slots.entry(slot(run.started)).or_default();
        match run.verdict {
            Verdict::Passed => counts.passed += 1,
            Verdict::Failed => counts.failed += 1,
            Verdict::Inconclusive => counts.inconclusive += 1,
            Verdict::Blocked | Verdict::Skipped => (),
        }
        let first = slot(run.started.saturating_sub(DAY).unwrap_or(Timestamp::MIN));
        while slots.first_key_value().is_some_and(|(slot, _)| *slot < first) {
            slots.pop_first();
        }
    }
}

impl Service {
    /// How the runs of a canary ended that began in the last 24 hours, to ten minutes. Filtered runs, and those that
    /// checked nothing, are not counted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn last_day(&self, canary: &str) -> Result<Outcomes, StoreError> {
        let shared = &self.shared;
        let Some(number) = shared.plan.canaries.iter().position(|it| it.name() == canary) else {
            return Ok(Outcomes::default());
        };
        let day = &shared.last_days[number];
        let since = shared.now().saturating_sub(DAY).unwrap_or(Timestamp::MIN);
        let ask = async || -> Result<BTreeMap<i64, Outcomes>, StoreError> {
            if since >= shared.started {
                return Ok(BTreeMap::new());
            }
            let found = shared.store.outcomes(canary, since, shared.started, SLOT).await?;
            Ok(found.into_iter().map(|(at, counts)| (slot(at), counts)).collect())
        };
        let before = day.before.get_or_try_init(ask).await?;
        let first = slot(since);
        let counted = |slots: &BTreeMap<i64, Outcomes>| -> Outcomes {
            slots.range(first..).fold(Outcomes::default(), |sum, (_, it)| sum.plus(*it))
        };
        Ok(counted(before).plus(counted(&lock(&day.slots))))
    }
}
