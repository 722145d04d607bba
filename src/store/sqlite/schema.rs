//! The form of the file: its migrations, and how a store is told from other files and from newer ones.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};

use super::fault;
use crate::store::StoreError;

/// Every migration that there ever was, oldest first. What was released stays as it is: its checksum is in the files.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "runs", include_str!("../migrations/0001_runs.sql")),
    (2, "alerts", include_str!("../migrations/0002_alerts.sql")),
];

/// `application_id` of a store, "CoMi".
const APPLICATION: i64 = 0x436f_4d69;

const OPEN: &str = "open the store";

/// What a file turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// A store that this program can read, perhaps after migrations.
    Store,
}

/// How to connect to that file, without anything that would change it.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).disable_statement_logging()
}

/// Looks what a file is, and changes nothing.
pub(super) async fn look(path: &Path) -> Result<Found, StoreError> {
    let place = path.display().to_string();
    let fault = |error: sqlx::Error| fault::of(OPEN, &place, &error);
    if std::fs::metadata(path).map_or(true, |it| it.is_file() && it.len() == 0) {
        return Ok(Found::Empty);
    }
    let mut connection = options(path).connect().await.map_err(fault)?;
    let found = found(&mut connection, &place).await;
    connection.close().await.map_err(fault)?;
    found
}

async fn found(connection: &mut SqliteConnection, place: &str) -> Result<Found, StoreError> {
    let fault = |error: sqlx::Error| fault::of(OPEN, place, &error);
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(fault)?;
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> '_sqlx_migrations'",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(fault)?;
    match (application, tables) {
        // Also what is left of a process that was killed before its first migration had ended.
        (0, 0) => return Ok(Found::Empty),
        (APPLICATION, _) => {}
        _ => {
            return Err(StoreError::Broken {
                what: OPEN,
                why: format!("`{place}` is a database, but none of runs"),
                remedy: "name another file; this one was left as it is",
            });
        }
    }
    let version: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    if MIGRATIONS.iter().all(|(known, ..)| *known < version) {
        return Err(StoreError::Newer { found: version });
    }
    Ok(Found::Store)
}

/// Brings a store, or an empty file, to the newest form. Each step is one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let ended = Migrator::with_migrations(migrations.collect()).run(connection).await;
    ended.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMissing(found) => StoreError::Newer { found },
        sqlx::migrate::MigrateError::Execute(error)
        | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => fault::of(OPEN, place, &error),
        other => fault::damaged(OPEN, place, &other.to_string()),
    })
}

/// Reads every page of a store, and demands that all is in order.
pub(super) async fn check(connection: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    const CHECK: &str = "check the store";
    for pragma in ["integrity_check(1)", "foreign_key_check"] {
        let found: Option<sqlx::sqlite::SqliteRow> = sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}")))
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| fault::of(CHECK, place, &error))?;
        let Some(row) = found else { continue };
        let text: String = sqlx::Row::try_get(&row, 0).map_err(|error| fault::of(CHECK, place, &error))?;
        if text != "ok" {
            return Err(fault::damaged(CHECK, place, &format!("{pragma}: {text}")));
        }
    }
    Ok(())
}
