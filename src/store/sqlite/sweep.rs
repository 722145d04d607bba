//! What a store throws away, a little at a time: no transaction is so long that a run waits noticeably.

use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Error, SqliteConnection, SqlitePool, query, query_scalar};

use super::{
    BUSY, alerts,
    prepared::{self, THIN},
    writer::{begin, end},
};
use crate::store::{Retention, Swept};

/// Records per transaction: some dozens of pages each.
const RECORDS: i64 = 50;
/// Runs per transaction.
const RUNS: i64 = 200;
/// Pages that are given back to the disk per transaction.
const PAGES: u32 = 500;

pub(super) async fn sweep(pool: &SqlitePool, keep: &Retention, now: Timestamp) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let age = SignedDuration::try_from(keep.age).unwrap_or(SignedDuration::MAX);
    let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN);
    swept.runs += Portion::TooOld(oldest).all(pool).await?;
    Portion::OldIncidents(oldest).all(pool).await?;
    for (canary, verdict) in kinds(pool).await? {
        let keep = keep.passed_in_full;
        swept.thinned += Portion::Thin { canary, verdict, keep }.all(pool).await?;
    }
    swept.runs += Portion::TooMuch(keep.size).all(pool).await?;
    Portion::WithoutRuns.all(pool).await?;
    Portion::FreePages.all(pool).await?;
    shorten(pool).await?;
    Ok(swept)
}

/// Moves the log into the file and cuts both. If somebody is reading, this does what it can, and waits for nobody:
/// others would wait for it.
async fn shorten(pool: &SqlitePool) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    query("PRAGMA busy_timeout = 0").execute(&mut *connection).await?;
    let ended = query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await;
    let timeout = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", BUSY.as_millis()));
    query(timeout).execute(&mut *connection).await?;
    ended.map(drop)
}

/// What one transaction removes.
#[derive(Clone, Copy, Debug)]
enum Portion {
    /// Runs that began before that time.
    TooOld(Timestamp),
    /// Incidents that closed before that time.
    OldIncidents(Timestamp),
    /// Records of all but the newest runs of a kind.
    Thin { canary: i64, verdict: i64, keep: u32 },
    /// The oldest runs, as long as more bytes are used.
    TooMuch(u64),
    /// Outlines that no run has any more.
    WithoutRuns,
    /// Pages that hold nothing any more.
    FreePages,
}

impl Portion {
    /// Removes one portion after the other until there is nothing left of the kind; says how many things went.
    async fn all(self, pool: &SqlitePool) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let mut connection = pool.acquire().await?;
            begin(&mut connection).await?;
            let done = self.one(&mut connection).await;
            let done = end(&mut connection, done).await?;
            if done == 0 {
                return Ok(all);
            }
            all += done;
        }
    }

    async fn one(self, connection: &mut SqliteConnection) -> Result<u64, Error> {
        match self {
            Self::TooOld(oldest) => too_old(connection, oldest).await,
            Self::OldIncidents(oldest) => alerts::too_old(connection, oldest, RUNS).await,
            Self::Thin { canary, verdict, keep } => thin(connection, canary, verdict, keep).await,
            Self::TooMuch(limit) => too_much(connection, limit).await,
            Self::WithoutRuns => without_runs(connection).await,
            Self::FreePages => give_back(connection).await,
        }
    }
}

async fn too_old(connection: &mut SqliteConnection, oldest: Timestamp) -> Result<u64, Error> {
    query("DELETE FROM run WHERE id IN (SELECT id FROM run WHERE started < ? ORDER BY started LIMIT ?)")
        .bind(prepared::nanos(oldest))
        .bind(RUNS)
        .execute(connection)
        .await
        .map(|it| it.rows_affected())
}

/// Canaries and verdicts of which there are runs that are kept in full for now.
async fn kinds(pool: &SqlitePool) -> Result<Vec<(i64, i64)>, Error> {
    sqlx::query_as("SELECT DISTINCT canary, verdict FROM run WHERE kept = 2").fetch_all(pool).await
}

async fn thin(connection: &mut SqliteConnection, canary: i64, verdict: i64, keep: u32) -> Result<u64, Error> {
    let runs: Vec<i64> = query_scalar(
        "SELECT id FROM run WHERE kept = 2 AND canary = ? AND verdict = ? ORDER BY started DESC, id DESC \
         LIMIT ? OFFSET ?",
    )
    .bind(canary)
    .bind(verdict)
    .bind(RECORDS)
    .bind(keep)
    .fetch_all(&mut *connection)
    .await?;
    for run in &runs {
        query("DELETE FROM record WHERE run = ?").bind(run).execute(&mut *connection).await?;
        query("UPDATE run SET kept = ? WHERE id = ?").bind(THIN).bind(run).execute(&mut *connection).await?;
    }
    Ok(runs.len() as u64)
}

/// The oldest runs, in portions that get smaller as the limit comes nearer.
async fn too_much(connection: &mut SqliteConnection, limit: u64) -> Result<u64, Error> {
    let used = used(connection).await?;
    if used <= limit {
        return Ok(0);
    }
    let runs: i64 = query_scalar("SELECT count(*) FROM run").fetch_one(&mut *connection).await?;
    let share = u128::from(used - limit) * u128::from(runs.unsigned_abs()) / u128::from(used) / 2;
    let portion = i64::try_from(share).unwrap_or(RUNS).clamp(1, RUNS);
    query("DELETE FROM run WHERE id IN (SELECT id FROM run ORDER BY started, id LIMIT ?)")
        .bind(portion)
        .execute(connection)
        .await
        .map(|it| it.rows_affected())
}

/// How many bytes of the file hold something.
async fn used(connection: &mut SqliteConnection) -> Result<u64, Error> {
    let pages: i64 = query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
    let free: i64 = query_scalar("PRAGMA freelist_count").fetch_one(&mut *connection).await?;
    let size: i64 = query_scalar("PRAGMA page_size").fetch_one(connection).await?;
    Ok((pages - free).unsigned_abs() * size.unsigned_abs())
}

async fn without_runs(connection: &mut SqliteConnection) -> Result<u64, Error> {
    query("DELETE FROM outline WHERE NOT EXISTS (SELECT 1 FROM run WHERE outline = outline.id)")
        .execute(connection)
        .await
        .map(|it| it.rows_affected())
}

async fn give_back(connection: &mut SqliteConnection) -> Result<u64, Error> {
    let before: i64 = query_scalar("PRAGMA freelist_count").fetch_one(&mut *connection).await?;
    if before == 0 {
        return Ok(0);
    }
    let statement = AssertSqlSafe(format!("PRAGMA incremental_vacuum({PAGES})"));
    query(statement).execute(&mut *connection).await?;
    let after: i64 = query_scalar("PRAGMA freelist_count").fetch_one(connection).await?;
    // None if the file was made without the possibility.
    Ok((before - after).unsigned_abs())
}
