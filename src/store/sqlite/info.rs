//! How much a store holds, for those who look after it.

use jiff::Timestamp;
use sqlx::{Row as _, SqlitePool};

use super::{fault, prepared::time};
use crate::store::StoreError;

const LOOK: &str = "look at the store";

/// How much a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many bytes of the file hold something; the rest is free for runs to come.
    pub used: u64,
    /// By canary, in the order of their names.
    pub canaries: Vec<CanaryContents>,
}

/// What a store holds of one canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryContents {
    /// Its name.
    pub canary: String,
    /// How many runs are kept.
    pub runs: u64,
    /// How many of them are kept in full; of the others there are the timings.
    pub in_full: u64,
    /// When the oldest of them began.
    pub oldest: Timestamp,
    /// When the newest of them began.
    pub newest: Timestamp,
}

pub(super) async fn contents(pool: &SqlitePool, place: &str) -> Result<Contents, StoreError> {
    let fault = |error: sqlx::Error| fault::of(LOOK, place, &error);
    let used: i64 = sqlx::query_scalar(
        "SELECT (page_count - freelist_count) * page_size \
         FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
    )
    .fetch_one(pool)
    .await
    .map_err(fault)?;
    let rows = sqlx::query(
        "SELECT canary.name, count(*) AS runs, sum(kept <> 0) AS in_full, min(started) AS oldest, max(started) AS newest \
         FROM run JOIN canary ON canary.id = run.canary \
         GROUP BY canary.id ORDER BY canary.name",
    )
    .fetch_all(pool)
    .await
    .map_err(fault)?;
    let canaries = rows.iter().map(|row| {
        let count = |name| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(CanaryContents {
            canary: row.try_get("name")?,
            runs: count("runs")?,
            in_full: count("in_full")?,
            oldest: time(row.try_get("oldest")?),
            newest: time(row.try_get("newest")?),
        })
    });
    let canaries = canaries.collect::<Result<_, sqlx::Error>>().map_err(fault)?;
    Ok(Contents { used: used.unsigned_abs(), canaries })
}
