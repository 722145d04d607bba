//! `surface`: what of the product's document the canaries have not seen; or, with `--against`, what a live document
//! has otherwise than the suite's own.

use std::{process::ExitCode, sync::Arc};

use clap::Args;

use super::{document, sandbox::print};
use crate::{
    config::{ConfigError, Setup},
    harness::{self, Finished},
    redact::Redactor,
    report::coverage::{self as report, Seen},
    suite::Suite,
    surface::{Coverage, Surface, coverage, difference, exchanges},
    verdict::EXIT_USAGE,
};

#[derive(Args)]
pub(super) struct SurfaceArguments {
    /// Prints JSON, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Runs nothing; compares the suite's document with this one, and exits with 1 if anything differs.
    #[arg(long, value_name = "URL|FILE")]
    against: Option<String>,
    /// A header for the request of the document; may be repeated. The value is never printed.
    #[arg(long, value_name = "NAME: VALUE", requires = "against")]
    header: Vec<String>,
}

/// Exit code if the documents differ.
const DIFFERENT: u8 = 1;

pub(super) fn run<S: Setup>(
    arguments: &SurfaceArguments,
    suite: fn() -> Suite,
    own: fn() -> Result<Arc<Surface>, ConfigError>,
) -> ExitCode {
    let SurfaceArguments { json, against, header } = arguments;
    let outcome = own().and_then(|own| match against {
        Some(against) => compare(&own, against, header, *json),
        None => Ok(harness::once::<S>(suite(), &|finished| look(finished, &own, *json))),
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        EXIT_USAGE.into()
    })
}

/// Prints what the runs have not seen; whether somebody could read it.
fn look(finished: &Finished, surface: &Surface, json: bool) -> bool {
    let Finished { suite, target, verdict, records, redactor } = finished;
    let mut coverage = coverage(surface, records.iter().flat_map(exchanges));
    clean(&mut coverage, redactor);
    let text = if json {
        let seen = Seen { suite, target, verdict: *verdict };
        report::coverage_json(seen, &coverage).map(|text| text + "\n").map_err(|error| error.to_string())
    } else {
        Ok(report::coverage(&coverage))
    };
    let printed = text.and_then(|text| print(&text).map_err(|error| error.to_string()));
    printed.inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

/// Addresses are all that a coverage has of the run itself.
fn clean(coverage: &mut Coverage, redactor: &Redactor) {
    for unmatched in &mut coverage.unmatched {
        unmatched.url = redactor.clean(&unmatched.url).into_owned();
    }
}

fn compare(own: &Surface, against: &str, headers: &[String], json: bool) -> Result<ExitCode, ConfigError> {
    let document::Document { name, surface, redactor } = document::read(against, headers)?;
    let changes = difference(own, &surface);
    let text = if json {
        let text = report::difference_json(&name, &changes);
        text.map(|text| text + "\n")
            .map_err(|error| ConfigError::one(&name, error.to_string(), "report this"))?
    } else {
        report::difference(&name, &changes)
    };
    print(&redactor.clean(&text))?;
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { DIFFERENT.into() })
}
