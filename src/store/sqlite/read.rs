//! Runs out of the database.

use sqlx::{FromRow as _, QueryBuilder, Row as _, Sqlite, SqlitePool, sqlite::SqliteRow};

use super::{
    fault,
    prepared::{self, time},
};
use crate::{
    record::RunRecord,
    store::{
        Counts, Filter, Kept, Page, StoreError, Summary,
        cursor::Cursor,
        outline::{self, Extras},
        timings,
    },
    verdict::{Cause, Verdict},
};

/// The most runs on one page.
pub(super) const PAGE: usize = 1_000;
/// The largest record that is read back, in bytes, against a file that unfolds.
const RECORD: usize = 1 << 30;

const SUMMARY: &str = "SELECT run.id, run.name, canary.name AS canary, started, duration, verdict, origin, filtered, \
     steps_passed, steps_flaky, steps_failed, steps_inconclusive, steps_blocked, steps_skipped, root, cause, message, \
     outline.target, outline.location";
/// `CROSS` fixes the order: without statistics SQLite might go through the canaries first, and sort all their runs.
const FROM: &str =
    " FROM run CROSS JOIN canary ON canary.id = run.canary CROSS JOIN outline ON outline.id = run.outline";

/// A run's place and what a list says of it.
struct Listed(Cursor, Summary);

impl sqlx::FromRow<'_, SqliteRow> for Listed {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let started: i64 = row.try_get("started")?;
        let duration: i64 = row.try_get("duration")?;
        let cause: Option<String> = row.try_get("cause")?;
        let summary = Summary {
            run: row.try_get("name")?,
            canary: row.try_get("canary")?,
            verdict: verdict(row)?,
            trigger: prepared::trigger(row.try_get("origin")?).ok_or_else(|| unknown("trigger"))?,
            started: time(started),
            duration_ms: timings::millis(duration.unsigned_abs()),
            target: row.try_get("target")?,
            location: row.try_get("location")?,
            filtered: row.try_get("filtered")?,
            counts: Counts {
                passed: row.try_get("steps_passed")?,
                flaky: row.try_get("steps_flaky")?,
                failed: row.try_get("steps_failed")?,
                inconclusive: row.try_get("steps_inconclusive")?,
                blocked: row.try_get("steps_blocked")?,
                skipped: row.try_get("steps_skipped")?,
            },
            root: row.try_get("root")?,
            cause: cause.and_then(|word| Cause::ALL.iter().copied().find(|it| it.as_str() == word)),
            message: row.try_get("message")?,
        };
        Ok(Self(Cursor { started, id: row.try_get("id")? }, summary))
    }
}

fn verdict(row: &SqliteRow) -> Result<Verdict, sqlx::Error> {
    timings::verdict(row.try_get("verdict")?).ok_or_else(|| unknown("verdict"))
}

fn unknown(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a {what} that this program does not know").into())
}

pub(super) async fn runs(
    pool: &SqlitePool,
    place: &str,
    filter: &Filter,
) -> Result<Page<Summary>, StoreError> {
    let after = filter.after.as_deref().map_or(Ok(Cursor::NEWEST), Cursor::read)?;
    let limit = filter.limit.min(PAGE);
    let mut query = QueryBuilder::<Sqlite>::new(SUMMARY);
    query
        .push(FROM)
        .push(" WHERE (started, run.id) < (")
        .push_bind(after.started)
        .push(", ")
        .push_bind(after.id);
    query.push(")");
    if let Some(canary) = &filter.canary {
        query.push(" AND run.canary = (SELECT id FROM canary WHERE name = ").push_bind(canary).push(")");
    }
    if let Some(before) = filter.before {
        query.push(" AND started < ").push_bind(prepared::nanos(before));
    }
    if let Some(verdict) = filter.verdict {
        query.push(" AND verdict = ").push_bind(timings::code(verdict));
    }
    // One more than wanted tells whether there is another page.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    query.push(" ORDER BY started DESC, run.id DESC LIMIT ").push_bind(rows);
    let mut listed: Vec<Listed> = query
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(|error| fault::of("list runs", place, &error))?;
    let more = listed.len() > limit;
    listed.truncate(limit);
    let next = listed.last().filter(|_| more).map(|it| it.0.write());
    Ok(Page { items: listed.into_iter().map(|it| it.1).collect(), next })
}

const KEPT: &str = ", trace, extras, timings, outline.body AS outline, record.body AS record";
const WITH_RECORD: &str = " LEFT JOIN record ON record.run = run.id";

pub(super) async fn run(pool: &SqlitePool, place: &str, id: &str) -> Result<Option<Kept>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SUMMARY);
    query.push(KEPT).push(FROM).push(WITH_RECORD).push(" WHERE run.name = ").push_bind(id);
    kept(query, pool, place).await
}

pub(super) async fn last_passed(
    pool: &SqlitePool,
    place: &str,
    canary: &str,
    before: jiff::Timestamp,
) -> Result<Option<Kept>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SUMMARY);
    query.push(KEPT).push(FROM).push(WITH_RECORD);
    // By the index of those that are still kept in full: numbers, not parameters, let SQLite see that it fits.
    query.push(" WHERE kept = 2 AND verdict = 0 AND run.canary = (SELECT id FROM canary WHERE name = ");
    query.push_bind(canary).push(") AND started < ").push_bind(prepared::nanos(before));
    query.push(" ORDER BY started DESC, run.id DESC LIMIT 1");
    kept(query, pool, place).await
}

async fn kept(
    mut query: QueryBuilder<Sqlite>,
    pool: &SqlitePool,
    place: &str,
) -> Result<Option<Kept>, StoreError> {
    const READ: &str = "read a run";
    let fault = |error: sqlx::Error| fault::of(READ, place, &error);
    let Some(row) = query.build().fetch_optional(pool).await.map_err(fault)? else { return Ok(None) };
    let summary = Listed::from_row(&row).map_err(fault)?.1;
    let damaged = |why: &str| fault::damaged(READ, place, &format!("run {}: {why}", summary.run));
    let body: Option<Vec<u8>> = row.try_get("record").map_err(fault)?;
    if let Some(body) = body {
        let record = unpack(&body).map_err(|why| damaged(&why))?;
        return Ok(Some(Kept { summary, record, full: true }));
    }
    let body: String = row.try_get("outline").map_err(fault)?;
    let timings: Vec<u8> = row.try_get("timings").map_err(fault)?;
    let extras: Option<String> = row.try_get("extras").map_err(fault)?;
    let extras: Option<Extras> = extras
        .map(|it| serde_json::from_str(&it))
        .transpose()
        .map_err(|error| damaged(&error.to_string()))?;
    let mut record = RunRecord::from_json(&body).map_err(|error| damaged(&error.to_string()))?;
    outline::fill(&mut record, &timings, extras).map_err(|why| damaged(&why))?;
    record.run.clone_from(&summary.run);
    record.trace = row.try_get("trace").map_err(fault)?;
    record.started = summary.started;
    record.duration_ms = summary.duration_ms;
    record.verdict = summary.verdict;
    record.filtered = summary.filtered;
    Ok(Some(Kept { summary, record, full: false }))
}

fn unpack(body: &[u8]) -> Result<RunRecord, String> {
    let json = miniz_oxide::inflate::decompress_to_vec_with_limit(body, RECORD)
        .map_err(|error| format!("its record: {error}"))?;
    let json = String::from_utf8(json).map_err(|error| format!("its record: {error}"))?;
    RunRecord::from_json(&json).map_err(|error| format!("its record: {error}"))
}
