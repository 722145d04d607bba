//! What many runs say together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil};
use sqlx::{Error, Row as _, SqlitePool, sqlite::SqliteRow};

use super::{
    fault,
    prepared::{self, time},
};
use crate::{
    record::{RunRecord, StepKind},
    store::{
        Day, Outcomes, Schedule, StepPoint, StepStatistics, StoreError, Totals,
        cursor::Cursor,
        timings::{self, Brief},
    },
    verdict::Verdict,
};

/// How many runs are fetched at once: none of the transactions is long, so that the write-ahead log can be emptied
/// between them, and nobody else waits long for a connection.
const CHUNK: i64 = 2_000;
/// The most points of one step.
const POINTS: usize = 10_000;

const READ: &str = "read the timings of steps";

/// One run's timings.
struct Timed {
    at: Cursor,
    name: String,
    outline: i64,
    filtered: bool,
    timings: Vec<u8>,
}

impl sqlx::FromRow<'_, SqliteRow> for Timed {
    fn from_row(row: &SqliteRow) -> Result<Self, Error> {
        Ok(Self {
            at: Cursor { started: row.try_get("started")?, id: row.try_get("id")? },
            name: row.try_get("name")?,
            outline: row.try_get("outline")?,
            filtered: row.try_get("filtered")?,
            timings: row.try_get("timings")?,
        })
    }
}

/// The next runs of a canary behind that place, newest first.
async fn chunk(
    pool: &SqlitePool,
    canary: &str,
    since: Timestamp,
    after: Cursor,
    limit: i64,
) -> Result<Vec<Timed>, Error> {
    sqlx::query_as(
        "SELECT id, name, outline, filtered, started, timings FROM run \
         WHERE canary = (SELECT id FROM canary WHERE name = ?) AND started >= ? AND (started, id) < (?, ?) \
         ORDER BY started DESC, id DESC LIMIT ?",
    )
    .bind(canary)
    .bind(prepared::nanos(since))
    .bind(after.started)
    .bind(after.id)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Names and kinds of the steps of outlines that were read before: there are few, and each is some KB of JSON.
#[derive(Debug, Default)]
pub(super) struct Outlines(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashMap<i64, Names>,
    /// How many sweeps go on, and how many there were.
    sweeping: u32,
    sweeps: u64,
}

/// Of one outline.
type Names = Arc<[(StepKind, String)]>;

/// As long as this is there, nothing is remembered.
pub(super) struct Sweeping<'o>(&'o Outlines);

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        self.0.known().sweeping -= 1;
    }
}

impl Outlines {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sweep may remove some, and their numbers may be given again.
    pub(super) fn forget(&self) -> Sweeping<'_> {
        let mut known = self.known();
        known.names.clear();
        known.sweeping += 1;
        known.sweeps += 1;
        Sweeping(self)
    }

    async fn of(&self, pool: &SqlitePool, place: &str, outline: i64) -> Result<Names, StoreError> {
        let sweeps = {
            let known = self.known();
            if let Some(names) = known.names.get(&outline) {
                return Ok(Arc::clone(names));
            }
            known.sweeps
        };
        let names: Names = names(pool, place, outline).await?.into();
        let mut known = self.known();
        if known.sweeping == 0 && known.sweeps == sweeps && !names.is_empty() {
            known.names.insert(outline, Arc::clone(&names));
        }
        Ok(names)
    }
}

/// Names and kinds of the steps of an outline.
async fn names(pool: &SqlitePool, place: &str, outline: i64) -> Result<Vec<(StepKind, String)>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM outline WHERE id = ?")
        .bind(outline)
        .fetch_optional(pool)
        .await
        .map_err(|error| fault::of(READ, place, &error))?;
    // A sweep took the runs, and the outline with them, since they were read.
    let Some(body) = body else { return Ok(Vec::new()) };
    let record =
        RunRecord::from_json(&body).map_err(|error| fault::damaged(READ, place, &error.to_string()))?;
    Ok(record.steps.into_iter().map(|it| (it.kind, it.name)).collect())
}

/// What is known of one step.
#[derive(Clone, Debug, Default)]
struct Column {
    runs: u64,
    failed: u64,
    /// In microseconds. A step of more than 71 minutes counts as one of 71 minutes.
    passed: Vec<u32>,
}

impl Column {
    fn add(&mut self, timing: &Brief) {
        self.runs += 1;
        self.failed += u64::from(timing.verdict == Verdict::Failed);
        self.passed.extend(timing.passed_us().map(|it| u32::try_from(it).unwrap_or(u32::MAX)));
    }

    fn append(&mut self, other: Self) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.passed.extend(other.passed);
    }

    fn finish(mut self, step: String) -> StepStatistics {
        let mut rest = self.passed.as_mut_slice();
        let count = rest.len();
        // The smallest of which that share of all is not slower. To be asked from the slowest down, so that each is
        // looked for among fewer.
        let mut share = |percent: usize| {
            let Some(place) = (count * percent).div_ceil(100).checked_sub(1) else { return 0.0 };
            let value = *rest.select_nth_unstable(place).1;
            rest = &mut std::mem::take(&mut rest)[..=place];
            timings::millis(value.into())
        };
        let (max_ms, p99_ms, p90_ms, p50_ms) = (share(100), share(99), share(90), share(50));
        StepStatistics { step, runs: self.runs, failed: self.failed, p50_ms, p90_ms, p99_ms, max_ms }
    }
}

/// What is known of the runs of one outline.
#[derive(Default)]
struct Outline {
    id: i64,
    /// Whether a run of it was not filtered.
    whole: bool,
    /// One per step.
    columns: Vec<Column>,
}

impl Outline {
    /// None if the run's timings are cut short.
    fn add(&mut self, run: &Timed) -> Option<()> {
        self.whole |= !run.filtered;
        for (index, timing) in timings::read_briefly(&run.timings).enumerate() {
            if self.columns.len() <= index {
                self.columns.push(Column::default());
            }
            self.columns[index].add(&timing?);
        }
        Some(())
    }
}

fn cut_short(place: &str, run: &Timed) -> StoreError {
    fault::damaged(READ, place, &format!("run {}: its timings are cut short", run.name))
}

/// Fixtures are none of the steps: they are no test cases.
pub(super) async fn steps(
    pool: &SqlitePool,
    known: &Outlines,
    place: &str,
    canary: &str,
    since: Timestamp,
) -> Result<Vec<StepStatistics>, StoreError> {
    // In the order in which they are met: the newest first.
    let mut outlines: Vec<Outline> = Vec::new();
    let mut after = Cursor::NEWEST;
    loop {
        let runs = chunk(pool, canary, since, after, CHUNK).await.map_err(|e| fault::of(READ, place, &e))?;
        let Some(last) = runs.last() else { break };
        after = last.at;
        for run in runs {
            let at = outlines.iter().position(|it| it.id == run.outline).unwrap_or_else(|| {
                outlines.push(Outline { id: run.outline, ..Outline::default() });
                outlines.len() - 1
            });
            outlines[at].add(&run).ok_or_else(|| cut_short(place, &run))?;
        }
    }
    // The steps of the last whole run lead, then those that are no more.
    outlines.sort_by_key(|it| !it.whole);
    let mut named: Vec<(String, Column)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for Outline { id, whole: _, columns } in outlines {
        for ((kind, name), column) in known.of(pool, place, id).await?.iter().zip(columns) {
            if *kind == StepKind::Fixture {
                continue;
            }
            let at = *places.entry(name.clone()).or_insert_with(|| {
                named.push((name.clone(), Column::default()));
                named.len() - 1
            });
            named[at].1.append(column);
        }
    }
    let finish = move || named.into_iter().map(|(step, column)| column.finish(step)).collect();
    tokio::task::spawn_blocking(finish).await.map_err(|_| fault::closed(READ, place))
}

pub(super) async fn step(
    pool: &SqlitePool,
    known: &Outlines,
    place: &str,
    canary: &str,
    step: &str,
    limit: usize,
) -> Result<Vec<StepPoint>, StoreError> {
    let limit = limit.min(POINTS);
    let mut points = Vec::new();
    // Where the step stands in each outline.
    let mut indices: HashMap<i64, Option<usize>> = HashMap::new();
    let mut after = Cursor::NEWEST;
    while points.len() < limit {
        let wanted = i64::try_from(limit - points.len()).unwrap_or(CHUNK).clamp(50, CHUNK);
        let runs = chunk(pool, canary, Timestamp::MIN, after, wanted)
            .await
            .map_err(|error| fault::of(READ, place, &error))?;
        let Some(last) = runs.last() else { break };
        after = last.at;
        for run in runs {
            let index = match indices.get(&run.outline) {
                Some(known) => *known,
                None => {
                    let names = known.of(pool, place, run.outline).await?;
                    let index = names.iter().position(|(_, name)| name == step);
                    indices.insert(run.outline, index);
                    index
                }
            };
            let Some(index) = index else { continue };
            let timing = timings::read_briefly(&run.timings).nth(index).flatten();
            let timing = timing.ok_or_else(|| cut_short(place, &run))?;
            points.push(StepPoint {
                run: run.name,
                started: time(run.at.started),
                verdict: timing.verdict,
                flaky: timing.flaky,
                duration_ms: timings::millis(timing.duration_us),
            });
        }
    }
    points.truncate(limit);
    Ok(points)
}

pub(super) async fn days(pool: &SqlitePool, place: &str, since: Timestamp) -> Result<Vec<Day>, StoreError> {
    const READ: &str = "read the sums of days";
    let rows: Vec<(i64, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT day, name, day.passed, day.failed, day.inconclusive FROM day JOIN canary ON canary.id = canary \
         WHERE day >= ? ORDER BY day, name",
    )
    .bind(prepared::day(since))
    .fetch_all(pool)
    .await
    .map_err(|error| fault::of(READ, place, &error))?;
    let day = |(day, canary, passed, failed, inconclusive): (i64, String, i64, i64, i64)| {
        let date = civil::date(1970, 1, 1).checked_add(day.days()).ok()?;
        let [passed, failed, inconclusive] = [passed, failed, inconclusive].map(i64::unsigned_abs);
        Some(Day { canary, day: date, passed, failed, inconclusive })
    };
    Ok(rows.into_iter().filter_map(day).collect())
}

pub(super) async fn outcomes(
    pool: &SqlitePool,
    place: &str,
    canary: &str,
    from: Timestamp,
    until: Timestamp,
    part: SignedDuration,
) -> Result<Vec<(Timestamp, Outcomes)>, StoreError> {
    const READ: &str = "count runs";
    let part = i64::try_from(part.as_nanos()).unwrap_or(i64::MAX).max(1);
    let rows: Vec<(i64, u8, i64)> = sqlx::query_as(
        "SELECT started / ?1, verdict, COUNT(*) FROM run \
         WHERE canary = (SELECT id FROM canary WHERE name = ?2) AND started >= ?3 AND started < ?4 AND NOT filtered \
         GROUP BY 1, 2 ORDER BY 1",
    )
    .bind(part)
    .bind(canary)
    .bind(prepared::nanos(from))
    .bind(prepared::nanos(until))
    .fetch_all(pool)
    .await
    .map_err(|error| fault::of(READ, place, &error))?;
    let mut found: Vec<(Timestamp, Outcomes)> = Vec::new();
    for (number, verdict, count) in rows {
        let at = time(number.saturating_mul(part));
        if found.last().is_none_or(|(last, _)| *last != at) {
            found.push((at, Outcomes::default()));
        }
        let (count, known) = (count.unsigned_abs(), found.last_mut().map(|it| &mut it.1));
        match (timings::verdict(verdict), known) {
            (Some(Verdict::Passed), Some(known)) => known.passed += count,
            (Some(Verdict::Failed), Some(known)) => known.failed += count,
            (Some(Verdict::Inconclusive), Some(known)) => known.inconclusive += count,
            _ => (),
        }
    }
    Ok(found)
}

pub(super) async fn totals(pool: &SqlitePool, place: &str) -> Result<Vec<Totals>, StoreError> {
    const READ: &str = "read the sums of all runs";
    let rows: Vec<SqliteRow> = sqlx::query(
        "SELECT name, passed, failed, inconclusive, skipped, last, last_passed FROM canary ORDER BY name",
    )
    .fetch_all(pool)
    .await
    .map_err(|error| fault::of(READ, place, &error))?;
    let totals = |row: SqliteRow| -> Result<Totals, Error> {
        let count = |name| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        let last: Option<String> = row.try_get("last")?;
        Ok(Totals {
            canary: row.try_get("name")?,
            passed: count("passed")?,
            failed: count("failed")?,
            inconclusive: count("inconclusive")?,
            skipped: count("skipped")?,
            last: last
                .map(|it| serde_json::from_str(&it))
                .transpose()
                .map_err(|it| Error::Decode(it.into()))?,
            last_passed: row.try_get::<Option<i64>, _>("last_passed")?.map(time),
        })
    };
    rows.into_iter().map(totals).collect::<Result<_, _>>().map_err(|error| fault::of(READ, place, &error))
}

pub(super) async fn schedule(pool: &SqlitePool, place: &str) -> Result<Vec<Schedule>, StoreError> {
    const READ: &str = "read the schedule";
    let rows: Vec<String> = sqlx::query_scalar("SELECT body FROM schedule ORDER BY canary")
        .fetch_all(pool)
        .await
        .map_err(|error| fault::of(READ, place, &error))?;
    rows.iter()
        .map(|it| serde_json::from_str(it))
        .collect::<Result<_, _>>()
        .map_err(|error: serde_json::Error| fault::damaged(READ, place, &error.to_string()))
}
