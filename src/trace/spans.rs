//! A finished run as spans: run > step > attempt > request. A pure function of the record.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for CI/CD, tests and HTTP clients where there
//! are any; what only we know begins with `coalmine.`. A request's span has the id that its `traceparent` said, so that
//! the spans of the product hang below it. Those of the others nobody has been told; they follow from the run's id, so
//! that a record gives the same spans whenever it is sent.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::message::{KeyValue, Kind, Span, Status, StatusCode, attribute};
use crate::{
    record::{AttemptRecord, CleanupRecord, Exchange, FailureRecord, RunRecord, StepKind, StepRecord},
    verdict::{Cause, Verdict},
};

/// Sampled (W3C), as every request says; and it is known that the parent is no other process's.
const FLAGS: u32 = 0x101;

/// The methods that a span may name as they are (HTTP conventions): others could be any text.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// The spans of a run, the outermost first; none if its trace id is none.
pub(super) fn of(record: &RunRecord) -> Vec<Span> {
    let Some(trace) = bytes::<16>(&record.trace) else { return Vec::new() };
    let mut spans = Spans { record, trace, done: Vec::new() };
    let run = spans.run();
    for step in &record.steps {
        spans.step(run, step);
    }
    let mut until = record.duration_ms;
    // They ended one after the other, the last with the run; when they began is not recorded.
    for (index, action) in record.cleanup.iter().enumerate().rev() {
        until = spans.cleanup(run, index, action, until);
    }
    spans.done
}

type Id = [u8; 8];

struct Spans<'r> {
    record: &'r RunRecord,
    trace: [u8; 16],
    done: Vec<Span>,
}

impl Spans<'_> {
    fn run(&mut self) -> Id {
        let record = self.record;
        let root = record.roots().find(|it| it.verdict == record.verdict);
        let failure = root.and_then(|it| it.failure.as_deref());
        let cause = failure.map(|it| it.cause);
        let mut attributes = vec![
            attribute("cicd.pipeline.name", &*record.canary),
            attribute("cicd.pipeline.run.id", &*record.run),
            attribute("cicd.pipeline.action.name", "RUN"),
            attribute("cicd.pipeline.result", result(record.verdict, cause)),
            attribute("test.suite.name", &*record.suite),
            attribute("test.suite.run.status", suite_status(record.verdict)),
            attribute("coalmine.verdict", record.verdict.as_str()),
            attribute("coalmine.target", &*record.target),
            attribute("coalmine.location", &*record.location),
            attribute("coalmine.filtered", record.filtered),
        ];
        attributes.extend(error_type(cause));
        let id = self.id(&["run"]);
        let status = match (root, failure) {
            (Some(root), Some(failure)) => error(format!("{}: {}", root.title(), failure.message)),
            _ => unset(),
        };
        let name = format!("RUN {}", record.canary);
        self.add(None, id, name, Kind::Server, (0.0, record.duration_ms), attributes, status);
        id
    }

    /// A step that was left out did nothing that could be shown.
    fn step(&mut self, run: Id, step: &StepRecord) {
        if step.verdict == Verdict::Skipped {
            return;
        }
        let id = self.id(&["step", &step.name]);
        let blocked = step.verdict == Verdict::Blocked;
        // The failure of a blocked step is its root's, which has a span of its own.
        let failure = step.failure.as_deref().filter(|_| !blocked);
        let cause = failure.map(|it| it.cause);
        let title = step.title();
        let mut attributes = vec![
            attribute("cicd.pipeline.task.name", &*title),
            attribute("cicd.pipeline.task.run.id", format!("{}/{}", self.record.run, step.name)),
            attribute("cicd.pipeline.task.run.result", result(step.verdict, cause)),
            attribute("coalmine.verdict", step.verdict.as_str()),
        ];
        if step.kind == StepKind::Step {
            attributes.push(attribute("test.case.name", self.record.full_name(step)));
            // There is no word for a test case that could not tell.
            match step.verdict {
                Verdict::Passed => attributes.push(attribute("test.case.result.status", "pass")),
                Verdict::Failed => attributes.push(attribute("test.case.result.status", "fail")),
                Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => (),
            }
        }
        if step.flaky {
            attributes.push(attribute("coalmine.flaky", true));
        }
        attributes.extend(step.root.as_deref().map(|root| attribute("coalmine.root", root)));
        attributes.extend(error_type(cause));
        let time = (step.started_ms, step.duration_ms);
        self.add(Some(run), id, title, Kind::Internal, time, attributes, of_failure(failure));
        for attempt in &step.attempts {
            self.attempt(id, step, attempt);
        }
    }

    fn attempt(&mut self, step_id: Id, step: &StepRecord, attempt: &AttemptRecord) {
        let number = attempt.number.to_string();
        let id = self.id(&["attempt", &step.name, &number]);
        let failure = attempt.failure.as_deref();
        let cause = failure.map(|it| it.cause);
        let mut attributes = vec![
            attribute("coalmine.attempt", attempt.number),
            attribute("coalmine.verdict", attempt.verdict.as_str()),
        ];
        attributes.extend(error_type(cause));
        let name = format!("{} attempt {number}", step.title());
        let time = (attempt.started_ms, attempt.duration_ms);
        self.add(Some(step_id), id, name, Kind::Internal, time, attributes, of_failure(failure));
        let end = attempt.started_ms + attempt.duration_ms;
        for (index, exchange) in attempt.exchanges.iter().enumerate() {
            let about = failure.filter(|it| it.exchange == Some(index));
            let fallback = self.id(&["request", &step.name, &number, &index.to_string()]);
            self.request(id, exchange, fallback, about, failure.is_none(), end);
        }
    }

    /// One undo action; when it began, in milliseconds from the start of the run.
    fn cleanup(&mut self, run: Id, index: usize, action: &CleanupRecord, until: f64) -> f64 {
        let first = action.exchanges.iter().map(|it| it.started_ms).reduce(f64::min);
        let from = first.unwrap_or(until - action.duration_ms).min(until).max(0.0);
        let number = index.to_string();
        let id = self.id(&["cleanup", &number]);
        let attributes =
            vec![attribute("coalmine.kind", &*action.kind), attribute("coalmine.name", &*action.name)];
        let status = action.error.clone().map_or_else(unset, error);
        let time = (from, action.duration_ms);
        self.add(
            Some(run),
            id,
            format!("clean up {}", action.kind),
            Kind::Internal,
            time,
            attributes,
            status,
        );
        for (index, exchange) in action.exchanges.iter().enumerate() {
            let fallback = self.id(&["clean-up request", &number, &index.to_string()]);
            let end = from + action.duration_ms;
            self.request(id, exchange, fallback, None, action.error.is_none(), end);
        }
        from
    }

    /// `about`: the failure that names this request. `well`: whether the step went well all the same; then an answer
    /// of 4xx is what it was after, and no error of this span. `end`: when there was nobody any more to take an answer.
    fn request(
        &mut self,
        parent: Id,
        exchange: &Exchange,
        fallback: Id,
        about: Option<&FailureRecord>,
        well: bool,
        end: f64,
    ) {
        let id = exchange.span_id().and_then(bytes).unwrap_or(fallback);
        let method = METHODS.into_iter().find(|it| *it == exchange.method);
        let mut attributes = vec![
            attribute("http.request.method", method.unwrap_or("_OTHER")),
            attribute("user_agent.synthetic.type", "test"),
        ];
        if method.is_none() {
            attributes.push(attribute("http.request.method_original", &*exchange.method));
        }
        attributes.extend(address(&exchange.url));
        attributes.extend(exchange.status.map(|it| attribute("http.response.status_code", it)));
        attributes.extend(exchange.operation.as_deref().map(|it| attribute("coalmine.operation", it)));
        attributes.extend(exchange.request_id.as_deref().map(|it| attribute("coalmine.request_id", it)));
        attributes.extend(exchange.breach.as_deref().map(|it| attribute("coalmine.breach", it)));
        let status = match (exchange.status, &exchange.error) {
            (_, Some(why)) => {
                let kind = about.map_or("_OTHER", |it| it.cause.as_str());
                attributes.push(attribute("error.type", kind));
                error(why.clone())
            }
            (Some(status @ 400..), None) => {
                attributes.push(attribute("error.type", status.to_string()));
                // The status says it all, so the conventions want no message beside it.
                if status >= 500 || !well { error(String::new()) } else { unset() }
            }
            (_, None) => unset(),
        };
        // The conventions leave room for a target that takes few values; a template of the path is not recorded.
        let verb = method.unwrap_or("HTTP");
        let name = exchange.operation.as_ref().map_or_else(|| verb.to_owned(), |it| format!("{verb} {it}"));
        let open = exchange.status.is_none() && exchange.duration_ms == 0.0;
        let took = if open { end - exchange.started_ms } else { exchange.duration_ms };
        self.add(Some(parent), id, name, Kind::Client, (exchange.started_ms, took), attributes, status);
    }

    fn add(
        &mut self,
        parent: Option<Id>,
        id: Id,
        name: String,
        kind: Kind,
        (started_ms, duration_ms): (f64, f64),
        attributes: Vec<KeyValue>,
        status: Status,
    ) {
        let started = started_ms.max(0.0);
        self.done.push(Span {
            trace_id: self.trace.to_vec(),
            span_id: id.to_vec(),
            parent_span_id: parent.map(Vec::from).unwrap_or_default(),
            name,
            kind: kind.into(),
            start_time_unix_nano: self.time(started),
            end_time_unix_nano: self.time(started + duration_ms.max(0.0)),
            attributes,
            status: Some(status),
            flags: FLAGS,
        });
    }

    /// Nanoseconds since 1970. Records have microseconds, so that nothing is lost on the way.
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float ends at the integer's bounds")]
    fn time(&self, millis: f64) -> u64 {
        let offset = (millis * 1e3).round() as i128 * 1_000;
        u64::try_from(self.record.started.as_nanosecond().saturating_add(offset)).unwrap_or(0)
    }

    /// An id that nobody else has in this trace.
    fn id(&self, path: &[&str]) -> Id {
        let mut hasher = DefaultHasher::new();
        (&self.record.run, &self.trace, path).hash(&mut hasher);
        // Nothing but noughts is no id.
        hasher.finish().max(1).to_be_bytes()
    }
}

/// Where a request went. Secrets have been removed from the address; a user's name and password never belong there.
fn address(url: &str) -> Vec<KeyValue> {
    let Ok(mut parsed) = reqwest::Url::parse(url) else { return vec![attribute("url.full", url)] };
    let plain = parsed.username().is_empty() && parsed.password().is_none();
    let hidden = plain || parsed.set_username("REDACTED").and(parsed.set_password(Some("REDACTED"))).is_ok();
    let mut attributes = Vec::with_capacity(3);
    if plain {
        // As it was sent, and not as it would be written today.
        attributes.push(attribute("url.full", url));
    } else if hidden {
        attributes.push(attribute("url.full", parsed.as_str()));
    }
    // The brackets of an IPv6 address belong to the URL.
    let host = parsed.host_str().map(|it| it.trim_start_matches('[').trim_end_matches(']'));
    attributes.extend(host.map(|it| attribute("server.address", it)));
    attributes.extend(parsed.port_or_known_default().map(|it| attribute("server.port", it)));
    attributes
}

fn result(verdict: Verdict, cause: Option<Cause>) -> &'static str {
    match (verdict, cause) {
        (Verdict::Passed, _) => "success",
        (Verdict::Failed, Some(Cause::Timeout)) => "timeout",
        (Verdict::Failed, _) => "failure",
        (Verdict::Inconclusive, Some(Cause::Cancelled)) => "cancellation",
        (Verdict::Inconclusive, _) => "error",
        (Verdict::Blocked | Verdict::Skipped, _) => "skip",
    }
}

fn suite_status(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "success",
        Verdict::Failed => "failure",
        Verdict::Inconclusive => "aborted",
        Verdict::Blocked | Verdict::Skipped => "skipped",
    }
}

fn error_type(cause: Option<Cause>) -> Option<KeyValue> {
    cause.map(|it| attribute("error.type", it.as_str()))
}

fn of_failure(failure: Option<&FailureRecord>) -> Status {
    failure.map_or_else(unset, |it| error(it.message.clone()))
}

fn error(message: String) -> Status {
    Status { message, code: StatusCode::Error.into() }
}

fn unset() -> Status {
    Status { message: String::new(), code: StatusCode::Unset.into() }
}

/// Hexadecimal digits as bytes; nothing if they are not that many, or all are noughts.
fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests;
