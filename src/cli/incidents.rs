//! `incidents`: what is wrong and what was, out of the store, also while the service writes to it.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    explain::what_of,
    layout::lasted,
    sandbox::print,
    say,
    store::{place, runtime},
};
use crate::{
    alert::{Held, Incident},
    clock::Clock,
    config::ConfigError,
    harness::Refusal,
    nearest,
    report::text::one_line,
    store::{IncidentFilter, SqliteStore, Store as _},
    suite::Suite,
    verdict::{EXIT_USAGE, Severity},
};

/// How much of what is wrong stands in the table, in bytes.
const WHAT: usize = 200;

#[derive(Args)]
pub(super) struct IncidentsArguments {
    /// Only what is open.
    #[arg(long)]
    open: bool,
    /// Only those of this canary.
    #[arg(long, value_name = "NAME")]
    canary: Option<String>,
    /// How many at most, the newest first.
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// The file in which runs are kept; without it, `store.db` in the folder of the reports.
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) fn run(arguments: &IncidentsArguments, suite: Suite) -> ExitCode {
    match list(arguments, suite) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(message)) => {
            say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn list(arguments: &IncidentsArguments, suite: Suite) -> Result<(), Refusal> {
    let IncidentsArguments { open, canary, limit, json, store } = arguments;
    let place = place(store.as_deref())?;
    let filter = IncidentFilter {
        canary: canary.clone(),
        open: open.then_some(true),
        limit: usize::from(*limit),
        ..IncidentFilter::default()
    };
    let rows = runtime()?.block_on(async {
        let store = SqliteStore::open_to_read(&place).await?;
        let rows = store.incidents(&filter).await;
        store.close().await;
        rows
    })?;
    if let Some(canary) = canary.as_deref().filter(|_| rows.is_empty()) {
        // One that is no part of the suite any more may have had incidents; one that has none may be mistyped.
        known(canary, suite)?;
    }
    let incidents: Vec<Incident> = rows.iter().filter_map(|it| serde_json::from_str(&it.body).ok()).collect();
    let unread = rows.len() - incidents.len();
    if unread > 0 {
        say(format_args!("warning: {unread} incidents are of another version and left out"));
    }
    let text = match (json, incidents.as_slice()) {
        (true, all) => format!("{:#}\n", serde_json::json!(all)),
        (false, []) if *open => "nothing is open\n".to_owned(),
        (false, []) => "there are no incidents\n".to_owned(),
        (false, all) => table(all, Clock::system().now(), &TimeZone::system()),
    };
    Ok(print(&text)?)
}

/// Whether the suite has such a canary.
fn known(canary: &str, suite: Suite) -> Result<(), Refusal> {
    let plan = suite.plan()?;
    let names: Vec<&str> = plan.canaries.iter().map(|it| it.name()).collect();
    if names.contains(&canary) {
        return Ok(());
    }
    let remedy = match nearest(canary, names.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    Err(ConfigError::one("--canary", format!("there is no canary `{canary}`"), remedy).into())
}

fn table(incidents: &[Incident], now: Timestamp, zone: &TimeZone) -> String {
    let width = incidents.iter().map(|it| it.id.chars().count()).max().unwrap_or_default();
    let opened = format!("opened ({})", zone.to_offset_info(now).abbreviation());
    let mut text =
        format!("{:width$}  {:8}  {:8}  {opened:16}  {:9}  what\n", "id", "state", "severity", "lasted");
    for incident in incidents {
        let opened = zone.to_datetime(incident.opened).strftime("%Y-%m-%d %H:%M");
        let end = incident.closed.as_ref().map_or(now, |it| it.at);
        let severity = match incident.severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        };
        let _ = writeln!(
            text,
            "{:width$}  {:8}  {severity:8}  {opened:16}  {:9}  {}",
            incident.id,
            state(incident),
            lasted(incident.opened, end),
            one_line(&what_of(incident), WHAT)
        );
    }
    text
}

fn state(incident: &Incident) -> &'static str {
    match (&incident.closed, &incident.held, &incident.acknowledged) {
        (Some(_), ..) => "closed",
        (None, Some(Held::Silence { .. }), _) => "muted",
        (None, Some(Held::Paused), _) => "paused",
        (None, Some(Held::Resolved { .. }), _) => "held",
        (None, None, Some(_)) => "taken",
        (None, None, None) => "open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{Acknowledged, Closed, Ending},
        cli::explain::sample,
    };

    #[test]
    fn a_table_says_at_a_glance_what_is_open() {
        let (incident, _) = sample();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let taken = Incident {
            acknowledged: Some(Acknowledged { at: at("2026-11-30T12:01:00Z"), by: "anna".into() }),
            ..incident.clone()
        };
        let closed = Incident {
            closed: Some(Closed { at: at("2026-11-30T12:12:03Z"), why: Ending::Green, run: None }),
            severity: Severity::Warning,
            ..incident.clone()
        };
        let text = table(&[incident, taken, closed], at("2026-11-30T12:00:13Z"), &TimeZone::UTC);
        assert_eq!(
            text,
            "\
id            state     severity  opened (UTC)      lasted     what
i-7k2m9q4xwz  open      critical  2026-11-30 12:00  10.0 s     api::create_key failed
i-7k2m9q4xwz  taken     critical  2026-11-30 12:00  10.0 s     api::create_key failed
i-7k2m9q4xwz  closed    warning   2026-11-30 12:00  12 min     api::create_key failed
"
        );
    }
}
