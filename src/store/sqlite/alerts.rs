//! What alerts remember, in tables of its own.

use sqlx::{
    Error, QueryBuilder, Row as _, SqliteConnection, SqlitePool, query, query_scalar, sqlite::SqliteRow,
};

use super::{
    fault,
    prepared::{nanos, time},
};
use crate::store::{AlertRows, Document, IncidentFilter, IncidentRow, LogRow, StoreError};

/// The most incidents that are given out at once.
const MOST: usize = 10_000;

/// Writes them, within a transaction of the caller's.
pub(super) async fn write(rows: &AlertRows, connection: &mut SqliteConnection) -> Result<(), Error> {
    let AlertRows { documents, incidents, log } = rows;
    for Document { name, revision, body } in documents {
        query(
            "INSERT INTO alert_document (name, revision, body) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE \
             SET revision = excluded.revision, body = excluded.body WHERE excluded.revision > revision",
        )
        .bind(name)
        .bind(number(*revision))
        .bind(body)
        .execute(&mut *connection)
        .await?;
    }
    for IncidentRow { id, key, canary, opened, closed, revision, body } in incidents {
        query(
            "INSERT INTO incident (id, key, canary, opened, closed, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET closed = excluded.closed, revision = excluded.revision, \
             body = excluded.body WHERE excluded.revision > revision",
        )
        .bind(id)
        .bind(key)
        .bind(canary)
        .bind(nanos(*opened))
        .bind(closed.map(nanos))
        .bind(number(*revision))
        .bind(body)
        .execute(&mut *connection)
        .await?;
    }
    for LogRow { incident, number: place, at, body } in log {
        query("INSERT OR IGNORE INTO incident_log (incident, number, at, body) VALUES (?, ?, ?, ?)")
            .bind(incident)
            .bind(number(*place))
            .bind(nanos(*at))
            .bind(body)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Documents that are gone are forgotten: nobody who still has an older one to write can be left now.
pub(super) async fn forget_gone(connection: &mut SqliteConnection) -> Result<(), Error> {
    query("DELETE FROM alert_document WHERE body IS NULL").execute(connection).await.map(drop)
}

pub(super) async fn documents(pool: &SqlitePool, place: &str) -> Result<Vec<Document>, StoreError> {
    let rows = query("SELECT name, revision, body FROM alert_document WHERE body IS NOT NULL ORDER BY name")
        .fetch_all(pool)
        .await;
    let document = |row: SqliteRow| -> Result<Document, Error> {
        Ok(Document {
            name: row.try_get("name")?,
            revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
            body: row.try_get("body")?,
        })
    };
    rows.and_then(|rows| rows.into_iter().map(document).collect())
        .map_err(|error| fault::of("read the state of alerts", place, &error))
}

pub(super) async fn incidents(
    pool: &SqlitePool,
    place: &str,
    filter: &IncidentFilter,
) -> Result<Vec<IncidentRow>, StoreError> {
    let IncidentFilter { canary, open, before, limit } = filter;
    let mut sql =
        QueryBuilder::new("SELECT id, key, canary, opened, closed, revision, body FROM incident WHERE 1");
    if let Some(canary) = canary {
        sql.push(" AND canary = ").push_bind(canary);
    }
    match open {
        Some(true) => _ = sql.push(" AND closed IS NULL"),
        Some(false) => _ = sql.push(" AND closed IS NOT NULL"),
        None => {}
    }
    if let Some(before) = before {
        sql.push(" AND opened < ").push_bind(nanos(*before));
    }
    let limit = i64::try_from((*limit).min(MOST)).unwrap_or(i64::MAX);
    sql.push(" ORDER BY opened DESC, id LIMIT ").push_bind(limit);
    let rows = sql.build().fetch_all(pool).await;
    rows.and_then(|rows| rows.iter().map(row).collect())
        .map_err(|error| fault::of("read incidents", place, &error))
}

fn row(row: &SqliteRow) -> Result<IncidentRow, Error> {
    Ok(IncidentRow {
        id: row.try_get("id")?,
        key: row.try_get("key")?,
        canary: row.try_get("canary")?,
        opened: time(row.try_get("opened")?),
        closed: row.try_get::<Option<i64>, _>("closed")?.map(time),
        revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
        body: row.try_get("body")?,
    })
}

pub(super) async fn incident(
    pool: &SqlitePool,
    place: &str,
    id: &str,
) -> Result<Option<(IncidentRow, Vec<String>)>, StoreError> {
    const READ: &str = "read an incident";
    let fault = |error: Error| fault::of(READ, place, &error);
    let found = query("SELECT id, key, canary, opened, closed, revision, body FROM incident WHERE id = ?")
        .bind(id)
        .fetch_optional(pool)
        .await
        .map_err(fault)?;
    let Some(found) = found else { return Ok(None) };
    let log = query_scalar("SELECT body FROM incident_log WHERE incident = ? ORDER BY number")
        .bind(id)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
    Ok(Some((row(&found).map_err(fault)?, log)))
}

/// Removes incidents that closed before that time, and what happened to them; says how many.
pub(super) async fn too_old(
    connection: &mut SqliteConnection,
    oldest: jiff::Timestamp,
    portion: i64,
) -> Result<u64, Error> {
    let ids: Vec<String> = query_scalar("SELECT id FROM incident WHERE closed < ? ORDER BY closed LIMIT ?")
        .bind(nanos(oldest))
        .bind(portion)
        .fetch_all(&mut *connection)
        .await?;
    for id in &ids {
        query("DELETE FROM incident_log WHERE incident = ?").bind(id).execute(&mut *connection).await?;
        query("DELETE FROM incident WHERE id = ?").bind(id).execute(&mut *connection).await?;
    }
    Ok(ids.len() as u64)
}

/// Revisions are counted up one by one, so that they never come near the limit.
fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
