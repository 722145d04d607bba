//! What a run has seen of the product's document, and what another document has otherwise: for people as tables, for
//! machines as JSON.
//!
//! The JSON forms have a version; readers take every version up to their own. `canaries surface --json` prints
//!
//! ```json
//! {
//!   "version": 1, "suite": "shop", "target": "https://shop.example", "verdict": "passed",
//!   "coverage": {
//!     "operations": {"seen": 2, "of": 2}, "statuses": {"seen": 3, "of": 4},
//!     "response_fields": {"seen": 9, "of": 11}, "request_fields": {"seen": 4, "of": 5},
//!     "holes": [
//!       {"kind": "status", "operation": "list-pets", "status": "404", "fields": 1},
//!       {"kind": "response_field", "operation": "read-pet", "status": "200", "field": "/born", "only_null": true},
//!       {"kind": "request_field", "operation": "list-pets", "field": "/size"}
//!     ],
//!     "unknown": [],
//!     "unprovoked": [{"operation": "list-pets", "status": "500", "reason": "only when it is broken", "seen": 0}],
//!     "unmatched": [{"method": "GET", "url": "https://shop.example/", "requests": 1}],
//!     "breaches": 0
//!   }
//! }
//! ```
//!
//! with the members of [`Coverage`], and `canaries surface --against … --json`
//!
//! ```json
//! {
//!   "version": 1, "against": "https://shop.example/openapi.json",
//!   "changes": [
//!     {"change": "new", "part": "operation", "operation": "sell-pet", "method": "POST", "path": "/pets/{id}/sell"}
//!   ]
//! }
//! ```
//!
//! with those of [`Change`].

use std::fmt::Write as _;

use serde::Serialize;

use super::text::one_line;
use crate::{
    record::KEPT_BODY,
    surface::{Change, Coverage, Hole, Missing, Part, Tally, Unmatched, Unprovoked, Way},
    verdict::Verdict,
};

/// The version of both JSON forms.
const VERSION: u32 = 1;

/// How long a cell may be, in bytes.
const CELL: usize = 200;

/// Which run a coverage is of.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Seen<'s> {
    /// The suite.
    pub suite: &'s str,
    /// The product instance.
    pub target: &'s str,
    /// How the run ended.
    pub verdict: Verdict,
}

/// A coverage as JSON.
///
/// # Errors
/// Never: everything in it has a JSON form.
pub fn coverage_json(seen: Seen<'_>, coverage: &Coverage) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Form<'f> {
        version: u32,
        suite: &'f str,
        target: &'f str,
        verdict: Verdict,
        coverage: &'f Coverage,
    }
    let Seen { suite, target, verdict } = seen;
    serde_json::to_string_pretty(&Form { version: VERSION, suite, target, verdict, coverage })
}

/// What two documents have otherwise, as JSON.
///
/// # Errors
/// Never: everything in it has a JSON form.
pub fn difference_json(against: &str, changes: &[Change]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Form<'f> {
        version: u32,
        against: &'f str,
        changes: &'f [Change],
    }
    serde_json::to_string_pretty(&Form { version: VERSION, against, changes })
}

/// A coverage for people: the totals, then every hole.
#[must_use]
pub fn coverage(coverage: &Coverage) -> String {
    let Coverage {
        operations,
        statuses,
        response_fields,
        request_fields,
        holes,
        unknown,
        unprovoked,
        unmatched,
        breaches,
    } = coverage;
    let total = |tally: &Tally, what: &str| {
        vec![format!("{} of {}", tally.seen, tally.of), what.to_owned(), format!("{} %", tally.percent())]
    };
    let mut text = table(&[
        total(operations, "operations"),
        total(statuses, "statuses"),
        total(response_fields, "response fields"),
        total(request_fields, "request fields"),
    ]);
    if !holes.is_empty() {
        text.push_str("\nnot covered:\n");
        text.push_str(&table(&holes.iter().map(hole).collect::<Vec<_>>()));
    }
    if !unknown.is_empty() {
        let limit = KEPT_BODY / 1024;
        let _ =
            writeln!(text, "\nperhaps in the rest of a body of which only the first {limit} KiB are kept:");
        text.push_str(&table(&unknown.iter().map(hole).collect::<Vec<_>>()));
    }
    if !unprovoked.is_empty() {
        text.push_str("\nnot counted, because no client can bring it about:\n");
        text.push_str(&table(&reasons(unprovoked)));
    }
    if !unmatched.is_empty() {
        text.push_str("\nrequests for no operation of the document:\n");
        let row = |it: &Unmatched| vec![it.method.clone(), it.url.clone(), times(it.requests)];
        text.push_str(&table(&unmatched.iter().map(row).collect::<Vec<_>>()));
    }
    if *breaches > 0 {
        let _ = writeln!(text, "\nnot counted, because they break the document: {breaches} answers");
    }
    text
}

fn hole(hole: &Hole) -> Vec<String> {
    let Hole { kind, operation, status, field, only_null, fields } = hole;
    let (place, what) = match kind {
        Missing::Operation => (String::new(), "never exercised"),
        Missing::Status => (status.clone().unwrap_or_default(), "never seen"),
        Missing::ResponseField if *only_null => (status.clone().unwrap_or_default(), "only ever null"),
        Missing::ResponseField => (status.clone().unwrap_or_default(), "never seen"),
        Missing::RequestField if *only_null => ("request".to_owned(), "only ever null"),
        Missing::RequestField => ("request".to_owned(), "never sent"),
    };
    let with = match fields {
        0 => String::new(),
        1 => ", with 1 field".to_owned(),
        more => format!(", with {more} fields"),
    };
    vec![operation.clone(), place, field.clone().unwrap_or_default(), format!("{what}{with}")]
}

/// One row per status and reason.
fn reasons(all: &[Unprovoked]) -> Vec<Vec<String>> {
    let mut rows: Vec<(&str, &str, usize, usize)> = Vec::new();
    for Unprovoked { operation: _, status, reason, seen } in all {
        match rows.iter_mut().find(|row| (row.0, row.1) == (status, reason)) {
            Some((_, _, operations, sum)) => {
                *operations += 1;
                *sum += seen;
            }
            None => rows.push((status, reason, 1, *seen)),
        }
    }
    let row = |(status, reason, operations, seen): (&str, &str, usize, usize)| {
        let seen = if seen == 0 { String::new() } else { format!(", yet seen {}", times(seen)) };
        let operations = if operations == 1 { "1 operation" } else { &format!("{operations} operations") };
        vec![status.to_owned(), format!("of {operations}{seen}"), reason.to_owned()]
    };
    rows.into_iter().map(row).collect()
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// What two documents have otherwise, for people.
#[must_use]
pub fn difference(against: &str, changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("{against} has the same operations, statuses and fields\n");
    }
    let things = if changes.len() == 1 { "1 thing" } else { &format!("{} things", changes.len()) };
    let row = |change: &Change| {
        let Change { way, part, operation, method, path, status, field, name } = change;
        let word = match way {
            Way::New => "new",
            Way::Gone => "gone",
            Way::Renamed => "renamed",
            Way::Required => "now required",
            Way::Optional => "now optional",
        };
        let place = match part {
            Part::Operation => format!("{method} {path}"),
            Part::Status => format!("status {}", status.as_deref().unwrap_or_default()),
            Part::Request => "request body".to_owned(),
            Part::RequestField => format!("request {}", field.as_deref().unwrap_or_default()),
            Part::ResponseField => {
                format!("{} {}", status.as_deref().unwrap_or_default(), field.as_deref().unwrap_or_default())
            }
        };
        let name = name.as_ref().map_or_else(String::new, |name| format!("now `{name}`"));
        vec![word.to_owned(), operation.clone(), place, name]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    format!("{against} has {things} otherwise:\n{}", table(&rows))
}

/// Columns as wide as their widest cells.
fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(cell, CELL)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
            let _ = write!(line, "  {cell:width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
