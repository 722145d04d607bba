//! The surface: a case for each operation of the product, read off what the canaries did.
//!
//! An operation *failed* if the step that is responsible for it did, if a failed step's failure is about an exchange of
//! it, if any answer of it broke the contract and that was not what the step was after, or if nobody called it. It is
//! *inconclusive* or *blocked* if the step that is responsible for it is. What clean-up did is not looked at.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::{
    record::{Exchange, RunRecord, StepRecord},
    suite::Plan,
    verdict::{Cause, Verdict},
};

/// What came of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurfaceCase {
    /// The operation.
    pub operation: String,
    /// How it stands.
    pub verdict: Verdict,
    /// The step that is responsible for it, as `canary::step`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prover: Option<String>,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What kind of reason that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What else speaks against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The step that the prover of a blocked operation is blocked by, as `canary::step`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// How often it was called, by status of the answer. Calls without an answer are not counted.
    pub answers: BTreeMap<u16, usize>,
    /// How long all calls took together.
    pub duration_ms: f64,
}

#[cfg(feature = "server")]
impl SurfaceCase {
    /// Removes every secret from every text.
    pub(crate) fn clean(&mut self, redactor: &crate::redact::Redactor) {
        for text in self.message.iter_mut().chain(&mut self.also) {
            *text = redactor.clean(text).into_owned();
        }
    }
}

/// The cases of these operations of the plan, in its order.
#[must_use]
pub fn cases<'o>(
    plan: &Plan,
    operations: impl IntoIterator<Item = &'o str>,
    records: &[RunRecord],
) -> Vec<SurfaceCase> {
    let seen = seen(records);
    operations.into_iter().map(|operation| case(plan, operation, records, seen.get(operation))).collect()
}

/// The worst of all canaries and of all cases.
#[must_use]
pub fn worst(records: &[RunRecord], cases: &[SurfaceCase]) -> Verdict {
    let verdicts = records.iter().map(|it| it.verdict).chain(cases.iter().map(|it| it.verdict));
    Verdict::worst(verdicts)
}

/// Requests that are for no operation of the product: `METHOD address`, with how often and by which steps.
#[must_use]
pub fn unmatched(records: &[RunRecord]) -> BTreeMap<String, (usize, Vec<String>)> {
    let mut found: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for (step, exchange) in exchanges(records).filter(|(_, it)| it.operation.is_none()) {
        let path = exchange.url.split(['?', '#']).next().unwrap_or_default();
        let (count, steps) = found.entry(format!("{} {path}", exchange.method)).or_default();
        *count += 1;
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    found
}

/// What the canaries saw of one operation.
#[derive(Default)]
struct Seen {
    answers: BTreeMap<u16, usize>,
    duration_ms: f64,
    /// Steps whose failure is about it, with what they say, and why.
    failed: Vec<(String, String, Cause)>,
    /// How its answers broke the contract, with the steps that saw it.
    breaches: BTreeMap<String, Vec<String>>,
}

fn exchanges(records: &[RunRecord]) -> impl Iterator<Item = (String, &Exchange)> {
    records.iter().flat_map(|record| {
        record.steps.iter().flat_map(move |step| {
            let all = step.attempts.iter().flat_map(|attempt| &attempt.exchanges);
            all.map(move |exchange| (record.full_name(step), exchange))
        })
    })
}

fn seen(records: &[RunRecord]) -> HashMap<&str, Seen> {
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    for (step, exchange) in exchanges(records) {
        let Some(operation) = exchange.operation.as_deref() else { continue };
        let seen = seen.entry(operation).or_default();
        if let Some(status) = exchange.status {
            *seen.answers.entry(status).or_default() += 1;
            seen.duration_ms += exchange.duration_ms;
        }
        if let Some(breach) = exchange.breach.as_ref().filter(|_| !exchange.breach_expected) {
            let by = seen.breaches.entry(breach.clone()).or_default();
            if !by.contains(&step) {
                by.push(step);
            }
        }
    }
    for record in records {
        for step in record.steps.iter().filter(|step| step.verdict == Verdict::Failed) {
            let (Some(failure), Some(attempt)) = (&step.failure, step.attempts.last()) else { continue };
            let about = failure.exchange.and_then(|index| attempt.exchanges.get(index)?.operation.as_deref());
            let Some(operation) = about else { continue };
            let by = (record.full_name(step), failure.message.clone(), failure.cause);
            seen.entry(operation).or_default().failed.push(by);
        }
    }
    seen
}

fn case(plan: &Plan, operation: &str, records: &[RunRecord], seen: Option<&Seen>) -> SurfaceCase {
    let prover = records.iter().find_map(|record| {
        let mut steps = record.steps.iter();
        Some((record, steps.find(|step| step.covers.iter().any(|it| it == operation))?))
    });
    let mut against = Against::default();
    if let Some((record, step)) = prover.filter(|(_, step)| step.verdict == Verdict::Failed) {
        against.failure(
            format!("`{}`, which proves it, failed: {}", record.full_name(step), message(step)),
            step.failure.as_ref().map(|it| it.cause),
        );
    }
    let own = prover.map(|(record, step)| record.full_name(step));
    for (step, message, cause) in seen.iter().flat_map(|seen| &seen.failed) {
        // The prover has been named.
        if own.as_ref() != Some(step) {
            against.failure(format!("`{step}` failed at it: {message}"), Some(*cause));
        }
    }
    for (breach, by) in seen.iter().flat_map(|seen| &seen.breaches) {
        // Where it failed a step, that has said it.
        if !against.reasons.iter().any(|reason| reason.contains(breach.as_str())) {
            let others = if by.len() > 1 { format!(" and {} more", by.len() - 1) } else { String::new() };
            against.failure(format!("{breach}, seen by `{}`{others}", by[0]), Some(Cause::Contract));
        }
    }

    let called = seen.is_some_and(|it| !it.answers.is_empty());
    let mut root = None;
    let verdict = match prover {
        None => {
            let by = match plan.left_out.get(operation) {
                Some(step) => format!("nobody proves it: `{step}` is left out"),
                None => "nobody proves it: the step that covers it did not run".to_owned(),
            };
            against.failure(by, Some(Cause::Assertion));
            Verdict::Failed
        }
        _ if !against.reasons.is_empty() => Verdict::Failed,
        Some((record, step)) => match step.verdict {
            Verdict::Passed if called => Verdict::Passed,
            Verdict::Passed => {
                let message = format!("nobody called it: `{}` passed without", record.full_name(step));
                against.failure(message, Some(Cause::Assertion));
                Verdict::Failed
            }
            Verdict::Blocked => {
                let by = step.root.as_deref().and_then(|root| record.step(root));
                let by = by.map(|by| record.full_name(by));
                let title = by.as_deref().unwrap_or("a prerequisite");
                against.failure(
                    format!(
                        "`{}`, which proves it, is blocked by `{title}`: {}",
                        record.full_name(step),
                        message(step)
                    ),
                    step.failure.as_ref().map(|it| it.cause),
                );
                root = by;
                Verdict::Blocked
            }
            Verdict::Skipped => {
                against.failure(step.reason.clone().unwrap_or_else(|| "not selected".to_owned()), None);
                Verdict::Skipped
            }
            other @ (Verdict::Failed | Verdict::Inconclusive) => {
                against.failure(
                    format!(
                        "`{}`, which proves it, could not tell: {}",
                        record.full_name(step),
                        message(step)
                    ),
                    step.failure.as_ref().map(|it| it.cause),
                );
                other
            }
        },
    };
    let mut reasons = against.reasons.into_iter();
    SurfaceCase {
        operation: operation.to_owned(),
        verdict,
        prover: own,
        message: reasons.next(),
        cause: against.cause,
        also: reasons.collect(),
        root,
        answers: seen.map(|it| it.answers.clone()).unwrap_or_default(),
        duration_ms: seen.map(|it| it.duration_ms).unwrap_or_default(),
    }
}

/// What speaks against an operation, the most telling first.
#[derive(Default)]
struct Against {
    reasons: Vec<String>,
    cause: Option<Cause>,
}

impl Against {
    fn failure(&mut self, reason: String, cause: Option<Cause>) {
        if self.reasons.is_empty() {
            self.cause = cause;
        }
        self.reasons.push(reason);
    }
}

fn message(step: &StepRecord) -> &str {
    step.failure.as_ref().map_or("no reason was recorded", |it| &it.message)
}
