//! JUnit XML, for whatever shows test results.
//!
//! [`junit`] writes the extended profile: properties and source places on every case, failed attempts as reruns.
//! [`strict`] derives from it what even the strictest reader accepts. A suite is a canary, a case is a step:
//!
//! | step | element |
//! |---|---|
//! | passed | none; `flakyFailure` or `flakyError` for each failed attempt |
//! | failed | `failure`; `rerunFailure` or `rerunError` for each earlier attempt |
//! | inconclusive | `error`, reruns as above |
//! | blocked, skipped | `skipped` |
//!
//! A fixture is a case only if it did not pass. Some readers show an element's `message`, others only its text, so
//! the message is the first line of the text as well.

mod cap;
mod operations;
mod rewrite;
mod strict;

use std::{collections::HashSet, fmt, time::Duration};

use chrono::{DateTime, FixedOffset};
use jiff::{SignedDuration, Timestamp};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use self::cap::capped;
pub use self::{rewrite::redacted, strict::strict};
use super::{
    surface::SurfaceCase,
    text::{exchange_line, one_line, plain},
};
use crate::{
    record::{AttemptRecord, FailureRecord, RunRecord, StepKind, StepRecord},
    verdict::Verdict,
};

/// How long a `message` may be, in bytes; the text has the whole.
const MESSAGE: usize = 1000;

/// How many exchanges a failure's text shows; the case's output has them all.
const EXCHANGES: usize = 10;

/// Name of the only case of a suite that has no step to show.
const RUN_CASE: &str = "run";

/// What stands in every file until the run is over.
pub(super) const UNFINISHED: &str = "the run did not finish: it was killed, or it is still going on";

/// What may be chosen about a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JunitOptions {
    /// How many bytes the text of one failure, and the output of one case, may have.
    pub text_limit: usize,
}

impl Default for JunitOptions {
    fn default() -> Self {
        Self { text_limit: 64 * 1024 }
    }
}

/// Why there is no XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JunitError {
    /// The report could not be put into XML.
    Write(String),
    /// The text to be rewritten is no well-formed XML.
    Read(String),
}

impl fmt::Display for JunitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => write!(f, "JUnit could not be written: {error}"),
            Self::Read(error) => write!(f, "not well-formed XML: {error}"),
        }
    }
}

impl std::error::Error for JunitError {}

/// The extended profile: a suite for each record, a case for each step; and a suite `surface` with a case for each
/// operation, if there are any.
///
/// A record without any case becomes an `error`: a green report means that something was checked.
///
/// # Errors
/// If the XML writer refuses the report.
pub fn junit(
    suite: &str,
    records: &[RunRecord],
    surface: &[SurfaceCase],
    options: &JunitOptions,
) -> Result<String, JunitError> {
    let mut report = Report::new(one_line(suite, MESSAGE));
    let mut names = Names::default();
    for record in records {
        report.add_test_suite(test_suite(suite, record, options, &mut names));
    }
    if let Some(first) = records.first().filter(|_| !surface.is_empty()) {
        report.add_test_suite(operations::test_suite(suite, surface, first, options));
    }
    if records.is_empty() {
        let mut empty = TestSuite::new(one_line(suite, MESSAGE));
        empty.add_test_case(error_case(
            &dotted(suite),
            "nothing_checked",
            "nothing was checked: no canary ran",
        ));
        report.add_test_suite(empty);
    }
    if let Some(started) = records.iter().map(|it| it.started).min() {
        // Canaries run side by side, so the wall time is not the sum.
        let ended = records.iter().map(|it| at(it.started, it.duration_ms)).max().unwrap_or(started);
        report.set_timestamp(date(started));
        report.set_time(Duration::try_from(ended.duration_since(started)).unwrap_or_default());
    }
    write(&report)
}

/// The report that stands in the file until the run is over: an `error` for each canary, and one for the suite if no
/// canary is named.
#[must_use]
pub fn unfinished(suite: &str, canaries: &[&str], target: &str) -> String {
    let mut report = Report::new(one_line(suite, MESSAGE));
    let mut add = |name: &str, classname: &str| {
        let mut empty = TestSuite::new(one_line(name, MESSAGE));
        empty.add_property(property("target", target));
        empty.add_test_case(error_case(classname, "unfinished", UNFINISHED));
        report.add_test_suite(empty);
    };
    for canary in canaries {
        add(canary, &dotted(&format!("{suite}.{canary}")));
    }
    if canaries.is_empty() {
        add(suite, &dotted(suite));
    }
    write(&report).expect("a report of constant words and cleaned names can be put into XML in memory")
}

fn write(report: &Report) -> Result<String, JunitError> {
    report.to_string().map_err(|error| JunitError::Write(error.to_string()))
}

fn error_case(classname: &str, kind: &str, message: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(message).set_description(message);
    let mut case = TestCase::new(RUN_CASE, status);
    case.set_classname(classname);
    case
}

fn test_suite(suite: &str, record: &RunRecord, options: &JunitOptions, names: &mut Names) -> TestSuite {
    let mut out = TestSuite::new(one_line(&record.canary, MESSAGE));
    let classname = dotted(&format!("{suite}.{}", record.canary));
    out.set_timestamp(date(record.started)).set_time(duration(record.duration_ms));
    for (name, value) in [
        ("target", record.target.as_str()),
        ("run", &record.run),
        ("location", &record.location),
        ("verdict", record.verdict.as_str()),
        ("trace", &record.trace),
    ] {
        out.add_property(property(name, value));
    }
    let cases = record.steps.iter().filter(|step| {
        step.kind == StepKind::Step || !matches!(step.verdict, Verdict::Passed | Verdict::Skipped)
    });
    for step in cases {
        out.add_test_case(test_case(record, step, &classname, options, names));
    }
    if out.test_cases.is_empty() {
        let name = names.unique(&classname, RUN_CASE);
        let mut case = error_case(&classname, "nothing_checked", "nothing was checked: the run has no steps");
        case.name = name.into();
        out.add_test_case(case);
    }
    // The strict profile has no place on a case, so the suite says it where all cases agree.
    let file = |case: &TestCase| case.extra.get("file").cloned();
    if let Some(first) = out.test_cases.first().and_then(file)
        && out.test_cases.iter().all(|case| file(case).as_ref() == Some(&first))
    {
        out.extra.insert("file".into(), first);
    }
    out
}

fn test_case(
    record: &RunRecord,
    step: &StepRecord,
    classname: &str,
    options: &JunitOptions,
    names: &mut Names,
) -> TestCase {
    let status = match step.verdict {
        Verdict::Passed => passed(record, step, options),
        Verdict::Failed => not_passed(NonSuccessKind::Failure, record, step, options),
        Verdict::Inconclusive => not_passed(NonSuccessKind::Error, record, step, options),
        Verdict::Blocked => left_out(&blocked_by(record, step)),
        Verdict::Skipped => left_out(step.reason.as_deref().unwrap_or("not selected")),
    };
    let name = names.unique(classname, &one_line(&step.title(), MESSAGE));
    let mut case = TestCase::new(name, status);
    case.set_classname(classname).set_time(duration(step.duration_ms));
    if !step.attempts.is_empty() {
        case.set_timestamp(date(at(record.started, step.started_ms)));
    }
    if let Some((file, line)) = step.place.rsplit_once(':') {
        case.extra.insert("file".into(), one_line(file, MESSAGE).into());
        case.extra.insert("line".into(), one_line(line, MESSAGE).into());
    }
    case.add_property(property("run", &record.run));
    case.add_property(property("trace", &record.trace));
    if !step.covers.is_empty() {
        case.add_property(property("covers", &step.covers.join(", ")));
    }
    if !step.promise.is_empty() {
        case.add_property(property("promise", &step.promise));
    }
    let output = output(step);
    if !output.is_empty() {
        case.set_system_out(capped(&output, options.text_limit));
    }
    case
}

fn passed(record: &RunRecord, step: &StepRecord, options: &JunitOptions) -> TestCaseStatus {
    let mut status = TestCaseStatus::success();
    let failed = step.attempts.iter().filter(|attempt| attempt.verdict != Verdict::Passed);
    status.add_reruns(failed.map(|attempt| rerun(record, step, attempt, options)));
    status
}

fn not_passed(
    kind: NonSuccessKind,
    record: &RunRecord,
    step: &StepRecord,
    options: &JunitOptions,
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let earlier = match step.attempts.split_last() {
        Some((last, earlier)) => {
            status.set_description(failure_text(step, step.failure.as_deref(), Some(last), options));
            earlier
        }
        None => {
            status.set_description(failure_text(step, step.failure.as_deref(), None, options));
            &[]
        }
    };
    status.set_message(message(step.failure.as_deref()));
    status.set_type(kind_of(step.failure.as_deref(), step.verdict));
    status.add_reruns(earlier.iter().map(|attempt| rerun(record, step, attempt, options)));
    status
}

fn rerun(
    record: &RunRecord,
    step: &StepRecord,
    attempt: &AttemptRecord,
    options: &JunitOptions,
) -> TestRerun {
    let mut rerun = TestRerun::new(match attempt.verdict {
        Verdict::Inconclusive => NonSuccessKind::Error,
        Verdict::Passed | Verdict::Failed | Verdict::Blocked | Verdict::Skipped => NonSuccessKind::Failure,
    });
    let failure = attempt.failure.as_deref();
    rerun
        .set_timestamp(date(at(record.started, attempt.started_ms)))
        .set_time(duration(attempt.duration_ms))
        .set_message(message(failure))
        .set_type(kind_of(failure, attempt.verdict))
        // Readers look for the text of a rerun in this element.
        .set_stack_trace(failure_text(step, failure, Some(attempt), options));
    rerun
}

fn left_out(reason: &str) -> TestCaseStatus {
    let message = one_line(reason, MESSAGE);
    let text = plain(reason);
    let mut status = TestCaseStatus::skipped();
    if !message.is_empty() {
        status.set_message(message).set_description(text.trim());
    }
    status
}

fn blocked_by(record: &RunRecord, step: &StepRecord) -> String {
    let root = step.root.as_deref();
    let title = root.map(|root| record.step(root).map_or_else(|| root.to_owned(), StepRecord::title));
    let by = title.map_or_else(|| "a prerequisite".to_owned(), |title| format!("`{title}`"));
    match &step.failure {
        Some(failure) => format!("blocked by {by}: {}", failure.message),
        None => format!("blocked by {by}"),
    }
}

fn kind_of(failure: Option<&FailureRecord>, verdict: Verdict) -> &'static str {
    failure.map_or(verdict.as_str(), |failure| failure.cause.as_str())
}

fn message(failure: Option<&FailureRecord>) -> String {
    match failure.map(|failure| one_line(&failure.message, MESSAGE)) {
        Some(message) if !message.is_empty() => message,
        _ => "no reason was recorded".to_owned(),
    }
}

/// The message as one line, then all that is known: some readers show nothing but this text.
fn failure_text(
    step: &StepRecord,
    failure: Option<&FailureRecord>,
    attempt: Option<&AttemptRecord>,
    options: &JunitOptions,
) -> String {
    let mut lines = vec![message(failure)];
    if let Some(failure) = failure {
        let text = plain(&failure.text);
        // The text begins with the message; it is not said twice unless it had to be changed to be one line.
        match text.strip_prefix(&lines[0]) {
            Some(rest) if rest.is_empty() || rest.starts_with('\n') => lines[0].push_str(rest),
            _ => lines.push(text),
        }
    }
    if !step.promise.is_empty() {
        lines.push(format!("promise: {}", one_line(&step.promise, MESSAGE)));
    }
    if let Some(attempt) = attempt
        && !attempt.exchanges.is_empty()
    {
        let first = attempt.exchanges.len().saturating_sub(EXCHANGES);
        lines.push(if first == 0 {
            "exchanges:".to_owned()
        } else {
            format!("exchanges, the last {EXCHANGES} of {}:", attempt.exchanges.len())
        });
        for (index, exchange) in attempt.exchanges.iter().enumerate().skip(first) {
            lines.push(format!("  {index}: {}", exchange_line(exchange)));
        }
    }
    capped(lines.join("\n").trim_end(), options.text_limit)
}

/// What the step did: a line for each exchange, then its notes.
fn output(step: &StepRecord) -> String {
    let mut lines = Vec::new();
    for attempt in &step.attempts {
        if step.attempts.len() > 1 {
            lines.push(format!("attempt {}: {}", attempt.number, attempt.verdict));
        }
        lines.extend(attempt.exchanges.iter().map(exchange_line));
        lines.extend(attempt.notes.iter().map(|note| format!("note: {}", plain(note))));
    }
    // A report server would attach a file of its own machine if an answer or a mail asked for it.
    lines.join("\n").trim().replace("[[ATTACHMENT|", "[ [ATTACHMENT|")
}

/// The names given so far: many readers drop, or take for a retry, a second case of the same name.
#[derive(Default)]
struct Names(HashSet<(String, String)>);

impl Names {
    fn unique(&mut self, classname: &str, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.0.insert((classname.to_owned(), unique.clone())) {
            unique = format!("{name} ({number})");
            number += 1;
        }
        unique
    }
}

fn property(name: &str, value: &str) -> Property {
    Property::new(name, one_line(value, MESSAGE))
}

/// A class name has no white space.
fn dotted(name: &str) -> String {
    one_line(name, MESSAGE).replace(' ', "_")
}

fn at(started: Timestamp, milliseconds: f64) -> Timestamp {
    let offset = SignedDuration::try_from(duration(milliseconds)).unwrap_or_default();
    started.checked_add(offset).unwrap_or(started)
}

fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default()
}

fn date(time: Timestamp) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_millis(time.as_millisecond()).unwrap_or_default().fixed_offset()
}
