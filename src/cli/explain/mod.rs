//! `explain`: why an incident paged somebody, or did not. It reads the store alone, so that it answers also when no
//! service runs.

mod lines;
mod summary;
#[cfg(test)]
mod tests;
mod text;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;

#[cfg(test)]
pub(super) use self::tests::sample;
pub(super) use self::text::what_of;
use self::{
    summary::summary,
    text::{Reading, text_of},
};
use super::{sandbox::print, say, store};
use crate::{
    alert::{Incident, log::LogEntry},
    clock::Clock,
    config::ConfigError,
    harness::Refusal,
    nearest,
    store::{IncidentFilter, SqliteStore, Store as _, StoreError},
    verdict::EXIT_USAGE,
};

/// Among how many of the newest incidents one is looked for that may have been meant.
const NEWEST: usize = 10_000;

#[derive(Args)]
pub(super) struct ExplainArguments {
    /// The incident's id, as pages and `incidents` have it; without it, the newest that is open, or else the
    /// newest of all.
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// The file in which runs are kept; without it, `store.db` in the folder of the reports.
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) fn run(arguments: &ExplainArguments) -> ExitCode {
    match explain(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

/// An incident with its history, as far as this version can read it.
struct Story {
    incident: Incident,
    log: Vec<LogEntry>,
    /// How many entries of the history it cannot.
    unread: usize,
}

fn explain(arguments: &ExplainArguments) -> Result<(), Refusal> {
    let ExplainArguments { incident: wanted, json, store } = arguments;
    let place = store::place(store.as_deref())?;
    let found = store::runtime()?.block_on(async {
        let store = SqliteStore::open_to_read(&place).await?;
        let found = find(&store, wanted.as_deref()).await;
        store.close().await;
        found
    })?;
    let (body, log) = match found {
        Found::One(body, log) => (body, log),
        Found::NoneAtAll => {
            let nothing =
                format!("no incident is kept in {}: nothing has been decided yet\n", place.display());
            return Ok(print(if *json { "null\n" } else { &nothing })?);
        }
        Found::Other(meant) => return Err(unknown(wanted.as_deref().unwrap_or_default(), meant, &place)),
    };
    let Story { incident, log, unread } = read(&body, &log, &place)?;
    if unread > 0 {
        say(format_args!("warning: {unread} entries of its history are of another version and left out"));
    }
    let reading = Reading { now: Clock::system().now(), zone: TimeZone::system() };
    let text = if *json {
        let summary = summary(&incident, &log, reading.now);
        format!("{:#}\n", json!({"incident": incident, "log": log, "summary": summary}))
    } else {
        text_of(&incident, &log, &reading)
    };
    Ok(print(&text)?)
}

/// What the store knows of what is asked for.
enum Found {
    /// The incident and its history, as JSON.
    One(String, Vec<String>),
    /// There never was one.
    NoneAtAll,
    /// There is none of that id; the one that was most likely meant.
    Other(Option<String>),
}

async fn find(store: &SqliteStore, wanted: Option<&str>) -> Result<Found, StoreError> {
    let newest = |limit| IncidentFilter { limit, ..IncidentFilter::default() };
    let id = match wanted {
        Some(id) => id.to_owned(),
        None => {
            // Whoever asks at night means what is open and wakes people, not what concerns a canary's owners.
            let open = IncidentFilter { open: Some(true), ..newest(NEWEST) };
            let open = store.incidents(&open).await?.into_iter().find(|it| !it.key.contains("/~"));
            match open.or(store.incidents(&newest(1)).await?.into_iter().next()) {
                Some(row) => row.id,
                None => return Ok(Found::NoneAtAll),
            }
        }
    };
    if let Some((row, log)) = store.incident(&id).await? {
        return Ok(Found::One(row.body, log));
    }
    let rows = store.incidents(&newest(NEWEST)).await?;
    Ok(Found::Other(nearest(&id, rows.iter().map(|it| it.id.as_str())).map(ToOwned::to_owned)))
}

fn unknown(id: &str, meant: Option<String>, place: &Path) -> Refusal {
    let remedy = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`canaries incidents` lists them; those that are too old are not kept".to_owned(),
    };
    ConfigError::one("INCIDENT", format!("there is no incident `{id}` in `{}`", place.display()), remedy)
        .into()
}

fn read(body: &str, log: &[String], place: &Path) -> Result<Story, Refusal> {
    let incident = serde_json::from_str(body).map_err(|error| {
        let found = format!("the incident in `{}` cannot be read: {error}", place.display());
        ConfigError::one("INCIDENT", found, "use the program that has written it, or a newer one")
    })?;
    let read: Vec<LogEntry> = log.iter().filter_map(|it| serde_json::from_str(it).ok()).collect();
    Ok(Story { incident, unread: log.len() - read.len(), log: read })
}
