//! `report`: a run that the service has kept, for people to read and send around.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{outputs::Outputs, sandbox::print, say, store};
use crate::{
    config::ConfigError,
    harness::{Outcome, Refusal},
    nearest,
    redact::Redactor,
    report::console,
    store::{Filter, Kept, SqliteStore, Store as _, StoreError},
    verdict::EXIT_USAGE,
};

/// Among how many of the newest runs one is looked for that may have been meant.
const NEWEST: usize = 1_000;

#[derive(Args)]
pub(super) struct ReportArguments {
    /// The run's id, as the status page and the service's output have it.
    #[arg(value_name = "RUN")]
    run: String,
    /// Writes the record as JSON to this file; without a name, or with `-`, to standard output.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// Writes a report as HTML to this file, which needs nothing else.
    #[arg(long, value_name = "PATH")]
    html: Option<PathBuf>,
    /// Writes JUnit to this file.
    #[arg(long, value_name = "PATH")]
    junit: Option<PathBuf>,
    /// The file in which runs are kept; without it, `store.db` in the folder of the reports.
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) fn run(arguments: &ReportArguments) -> ExitCode {
    match report(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn report(arguments: &ReportArguments) -> Result<(), Refusal> {
    let ReportArguments { run, json, html, junit, store } = arguments;
    let outputs = Outputs { json: json.clone(), junit: junit.clone(), html: html.clone() };
    outputs.check()?;
    let place = store::place(store.as_deref())?;
    let found = store::runtime()?.block_on(async {
        let store = SqliteStore::open_to_read(&place).await?;
        let found = find(&store, run).await;
        store.close().await;
        found
    })?;
    let Kept { summary: _, record, full } = found.map_err(|meant| {
        let remedy = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "take one from the status page; runs that are too old are not kept".to_owned(),
        };
        ConfigError::one("RUN", format!("there is no run `{run}` in `{}`", place.display()), remedy)
    })?;
    if !full {
        say("only the timings of this run are kept; requests and answers are not");
    }
    // What is kept was redacted before.
    let records = [record];
    let redactor = Redactor::new();
    let outcome = Outcome { suite: &records[0].suite, records: &records, surface: &[], redactor: &redactor };
    if let Some(error) = outputs.write(&outcome).first() {
        return Err(Refusal(error.to_string()));
    }
    let text = match outputs.standard_output(&outcome).transpose()? {
        Some(json) => json,
        None => console::summary(&records, &[], false),
    };
    Ok(print(&text)?)
}

/// The run of that id; or else the one that was most likely meant.
async fn find(store: &SqliteStore, run: &str) -> Result<Result<Kept, Option<String>>, StoreError> {
    if let Some(kept) = store.run(run).await? {
        return Ok(Ok(kept));
    }
    let newest = store.runs(&Filter { limit: NEWEST, ..Filter::default() }).await?;
    let names = newest.items.iter().map(|it| it.run.as_str());
    Ok(Err(nearest(run, names).map(ToOwned::to_owned)))
}
