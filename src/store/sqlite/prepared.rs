//! A run as it will be written: everything that costs time is done before the writer is asked.

use jiff::{Timestamp, tz::TimeZone};
use sqlx::{Error, Sqlite, SqliteConnection, query, query_scalar, sqlite::SqliteArguments};

use crate::{
    record::RunRecord,
    store::{Finished, Schedule, Summary, Trigger, outline, timings},
    verdict::Verdict,
};

/// How hard to compress: six takes 5 ms and 65 KB for a real record of 610 KB, one 2 ms and 84 KB, nine 8 ms and 63 KB.
const LEVEL: u8 = 6;

/// A run without its record: `run.kept`.
pub(super) const THIN: i64 = 0;
/// A run that is kept in full.
const FULL: i64 = 1;
/// A run that is kept in full as long as it is among the newest of its kind.
const FOR_NOW: i64 = 2;

/// The columns of one run.
#[derive(Debug)]
pub(super) struct Prepared {
    summary: Summary,
    last: String,
    trace: String,
    outline: String,
    hash: i64,
    timings: Vec<u8>,
    extras: Option<String>,
    kept: i64,
    body: Vec<u8>,
}

impl Prepared {
    pub(super) fn of(run: &Finished) -> serde_json::Result<Self> {
        let record: &RunRecord = &run.record;
        let summary = Summary::of(run);
        let outline = serde_json::to_string(&outline::of(record))?;
        Ok(Self {
            last: serde_json::to_string(&summary)?,
            trace: record.trace.clone(),
            hash: outline::hash(&outline),
            outline,
            timings: timings::write(&record.steps),
            extras: outline::Extras::of(record).map(|it| serde_json::to_string(&it)).transpose()?,
            kept: match record.verdict {
                Verdict::Failed | Verdict::Inconclusive => FULL,
                Verdict::Passed | Verdict::Blocked | Verdict::Skipped => FOR_NOW,
            },
            body: miniz_oxide::deflate::compress_to_vec(&serde_json::to_vec(record)?, LEVEL),
            summary,
        })
    }

    /// Writes the run and adds it to every sum; does nothing if the run is there already.
    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let Self { summary, last, trace, outline: _, hash: _, timings, extras, kept, body } = self;
        let started = nanos(summary.started);
        let known: Option<i64> = query_scalar("SELECT id FROM run WHERE name = ?")
            .bind(&summary.run)
            .fetch_optional(&mut *connection)
            .await?;
        if known.is_some() {
            return Ok(());
        }
        let canary = self.canary(connection).await?;
        let outline = self.outline(connection).await?;
        let counts = &summary.counts;
        let id: i64 = query_scalar(
            "INSERT INTO run (name, canary, outline, started, duration, verdict, kept, origin, filtered, trace, \
             steps_passed, steps_flaky, steps_failed, steps_inconclusive, steps_blocked, steps_skipped, \
             root, cause, message, extras, timings) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             RETURNING id",
        )
        .bind(&summary.run)
        .bind(canary)
        .bind(outline)
        .bind(started)
        .bind(i64::try_from(timings::micros(summary.duration_ms)).unwrap_or(i64::MAX))
        .bind(timings::code(summary.verdict))
        .bind(kept)
        .bind(origin(summary.trigger))
        .bind(summary.filtered)
        .bind(trace)
        .bind(counts.passed)
        .bind(counts.flaky)
        .bind(counts.failed)
        .bind(counts.inconclusive)
        .bind(counts.blocked)
        .bind(counts.skipped)
        .bind(&summary.root)
        .bind(summary.cause.map(|it| it.as_str()))
        .bind(&summary.message)
        .bind(extras)
        .bind(timings)
        .fetch_one(&mut *connection)
        .await?;
        query("INSERT INTO record (run, body) VALUES (?, ?)")
            .bind(id)
            .bind(body)
            .execute(&mut *connection)
            .await?;
        let [passed, failed, inconclusive, skipped] = one(summary.verdict);
        query(
            "UPDATE canary SET passed = passed + ?2, failed = failed + ?3, inconclusive = inconclusive + ?4, \
             skipped = skipped + ?5, last_passed = CASE WHEN ?2 = 0 THEN last_passed \
             ELSE max(coalesce(last_passed, ?6), ?6) END, \
             last = CASE WHEN last_started > ?6 THEN last ELSE ?7 END, \
             last_started = max(coalesce(last_started, ?6), ?6) WHERE id = ?1",
        )
        .bind(canary)
        .bind(passed)
        .bind(failed)
        .bind(inconclusive)
        .bind(skipped)
        .bind(started)
        .bind(last)
        .execute(&mut *connection)
        .await?;
        if !summary.filtered {
            query(
                "INSERT INTO day (day, canary, passed, failed, inconclusive) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (day, canary) DO UPDATE SET passed = passed + excluded.passed, \
                 failed = failed + excluded.failed, inconclusive = inconclusive + excluded.inconclusive",
            )
            .bind(day(summary.started))
            .bind(canary)
            .bind(passed)
            .bind(failed)
            .bind(inconclusive)
            .execute(connection)
            .await?;
        }
        Ok(())
    }

    async fn canary(&self, connection: &mut SqliteConnection) -> Result<i64, Error> {
        let known = query_scalar("SELECT id FROM canary WHERE name = ?")
            .bind(&self.summary.canary)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(id) = known {
            return Ok(id);
        }
        query_scalar("INSERT INTO canary (name) VALUES (?) RETURNING id")
            .bind(&self.summary.canary)
            .fetch_one(connection)
            .await
    }

    async fn outline(&self, connection: &mut SqliteConnection) -> Result<i64, Error> {
        let known = query_scalar("SELECT id FROM outline WHERE hash = ? AND body = ?")
            .bind(self.hash)
            .bind(&self.outline)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(id) = known {
            return Ok(id);
        }
        query_scalar("INSERT INTO outline (hash, target, location, body) VALUES (?, ?, ?, ?) RETURNING id")
            .bind(self.hash)
            .bind(&self.summary.target)
            .bind(&self.summary.location)
            .bind(&self.outline)
            .fetch_one(connection)
            .await
    }
}

/// Writes one canary's entry of the schedule.
pub(super) fn schedule(entry: &Schedule) -> serde_json::Result<(String, String)> {
    Ok((entry.canary.clone(), serde_json::to_string(entry)?))
}

/// The statement for it.
pub(super) fn put_schedule<'q>(
    canary: &'q str,
    body: &'q str,
) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
    query(
        "INSERT INTO schedule (canary, body) VALUES (?, ?) ON CONFLICT (canary) DO UPDATE SET body = excluded.body",
    )
    .bind(canary)
    .bind(body)
}

/// Which of the sums grows: passed, failed, inconclusive, skipped. Blocked runs have checked nothing either.
fn one(verdict: Verdict) -> [i64; 4] {
    match verdict {
        Verdict::Passed => [1, 0, 0, 0],
        Verdict::Failed => [0, 1, 0, 0],
        Verdict::Inconclusive => [0, 0, 1, 0],
        Verdict::Blocked | Verdict::Skipped => [0, 0, 0, 1],
    }
}

/// A trigger's number in the store. Never to be given another meaning.
fn origin(trigger: Trigger) -> i64 {
    match trigger {
        Trigger::Schedule => 0,
        Trigger::Recheck => 1,
        Trigger::Request => 2,
    }
}

/// The trigger with that number.
pub(super) fn trigger(origin: i64) -> Option<Trigger> {
    [Trigger::Schedule, Trigger::Recheck, Trigger::Request].into_iter().find(|it| self::origin(*it) == origin)
}

/// Nanoseconds since 1970; the years 1677 to 2262 have such a number, others the nearest.
pub(super) fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The time with that number.
pub(super) fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::MAX)
}

/// Days since 1970 in UTC.
pub(super) fn day(time: Timestamp) -> i64 {
    let date = time.to_zoned(TimeZone::UTC).date();
    let since = jiff::civil::date(1970, 1, 1).until(date).map(|it| it.get_days());
    since.unwrap_or_default().into()
}
