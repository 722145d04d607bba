//! What a run leaves behind: plain data that reports, store, metrics, traces and alert rules read, and nothing else.
//!
//! Times are offsets in milliseconds from the start of the run, with microseconds as decimals. The JSON form has a
//! version; readers take every version up to their own.

mod clean;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    failure::{ExchangeRef, Failure},
    redact::Redactor,
    verdict::{Cause, Severity, Verdict},
};

#[cfg(feature = "harness")]
pub(crate) use clean::shorten;

/// The version of the JSON form that this library writes.
pub const VERSION: u32 = 1;

/// How much of a body a record keeps, in bytes.
pub const BODY_LIMIT: usize = 4096;

/// How much of a body is kept until the record is cleaned and cut, in bytes.
pub const KEPT_BODY: usize = 64 * 1024;

/// Of how many hosts a record keeps the end of the certificate. A target has a handful.
pub const CERTIFICATES: usize = 16;

/// How long a failure's message, and each of its causes, may be in a record, in bytes.
pub const MESSAGE_LIMIT: usize = 2048;

/// How long the whole text of a failure may be in a record, in bytes.
pub const TEXT_LIMIT: usize = 16 * 1024;

/// One execution of one canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this form, [`VERSION`] when written by this library.
    pub version: u32,
    /// The suite that the canary belongs to.
    pub suite: String,
    /// The canary.
    pub canary: String,
    /// Id of the run: unique, and part of every name that the run gives to what it creates.
    pub run: String,
    /// W3C trace id that every request of the run carried.
    pub trace: String,
    /// The product instance under watch.
    pub target: String,
    /// Where the run was made from.
    pub location: String,
    /// When the run began.
    pub started: Timestamp,
    /// From the start to the end of clean-up.
    pub duration_ms: f64,
    /// The worst of the steps.
    pub verdict: Verdict,
    /// Whether only some steps were asked for. Filtered runs do not count for alerts.
    #[serde(default)]
    pub filtered: bool,
    /// Steps and fixtures in the order of the table of contents.
    pub steps: Vec<StepRecord>,
    /// What was undone afterwards, in the order in which it was undone.
    #[serde(default)]
    pub cleanup: Vec<CleanupRecord>,
    /// Until when certificates are valid that the target has shown, at most [`CERTIFICATES`] of them, by host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateRecord>,
}

/// The end of a host's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// The host as in the request's address, with its port if that is another than 443.
    pub host: String,
    /// When its certificate ends; if it has shown several, the first of them.
    pub not_after: Timestamp,
}

/// Whether a record is of a test case or of what test cases hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A test case of its own.
    #[default]
    Step,
    /// Shared set-up; reported only when it did not pass.
    Fixture,
}

/// One step of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step's name; it keys history and pages.
    pub name: String,
    /// Step or fixture.
    #[serde(default)]
    pub kind: StepKind,
    /// The one sentence that the step promises.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub promise: String,
    /// Operations that this step is responsible for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// How loud a failure is.
    #[serde(default)]
    pub severity: Severity,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// Where the step is registered: `file:line`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Steps whose output this one takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Steps that this one only waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waited_for: Vec<String>,
    /// How the step ended.
    pub verdict: Verdict,
    /// Passed, but not at the first attempt.
    #[serde(default, skip_serializing_if = "is_false")]
    pub flaky: bool,
    /// Why it did not pass; of a blocked step, why its root did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<FailureRecord>>,
    /// The step that a blocked one is blocked by: the first cause, not the nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Why a skipped step was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the first attempt began.
    #[serde(default)]
    pub started_ms: f64,
    /// All attempts together; waiting for prerequisites is not counted.
    #[serde(default)]
    pub duration_ms: f64,
    /// Every attempt, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
}

/// One attempt of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_ms: f64,
    /// How long it took.
    pub duration_ms: f64,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<FailureRecord>>,
    /// Requests that the attempt made, in the order in which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What else the step saw, such as a mail's way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Mails that the step has waited for and that came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<MailRecord>,
}

/// How a mail came that a step had waited for. Neither to whom nor what it says: mails carry codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailRecord {
    /// What the step calls the addressee: `owner`.
    pub role: String,
    /// Where it was filed: `inbox`, `spam`, `trash` or `archive`.
    pub folder: String,
    /// From the making of the address, from the mail to it before this one, or from the time that the step named, until
    /// the provider took the mail. Two
    /// clocks are compared: a little below nought is possible.
    pub delivery_ms: f64,
    /// How long that was allowed to take, if the step said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<f64>,
}

/// A [`Failure`] as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// One sentence.
    pub message: String,
    /// What lies below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What kind it is.
    pub cause: Cause,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Number of the attempt's exchange that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<usize>,
    /// The whole failure as a person reads it.
    pub text: String,
}

/// One HTTP request with its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The operation of the product that it called, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The request's method.
    pub method: String,
    /// The request's address.
    pub url: String,
    /// As sent; secret ones without their value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers: Vec<(String, String)>,
    /// The start of what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// The answer's status, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// As received; secret ones without their value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers: Vec<(String, String)>,
    /// The start of what was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// The product's own id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When it was sent.
    #[serde(default)]
    pub started_ms: f64,
    /// Until the whole answer was there, or was given up.
    #[serde(default)]
    pub duration_ms: f64,
    /// Why there is no answer, or not a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the answer has that the API's own description does not allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<String>,
    /// Whether the step was after that, so that it counts against no operation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub breach_expected: bool,
}

/// One undo action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CleanupRecord {
    /// What kind of thing was to be removed.
    pub kind: String,
    /// Which one.
    pub name: String,
    /// How long it took.
    pub duration_ms: f64,
    /// Why it is still there, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Requests that it took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

impl RunRecord {
    /// Reads a record that this library or an older one wrote.
    ///
    /// # Errors
    /// If it is no record, or one of a newer version.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head =
            serde_json::from_str(text).map_err(|error| ReadError::Malformed(error.to_string()))?;
        if head.version > VERSION {
            return Err(ReadError::Newer { found: head.version });
        }
        serde_json::from_str(text).map_err(|error| ReadError::Malformed(error.to_string()))
    }

    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepRecord> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// A step's name with its canary, as people read it: `onboarding::sign_up`.
    #[must_use]
    pub fn full_name(&self, step: &StepRecord) -> String {
        format!("{}::{}", self.canary, step.title())
    }

    /// Steps that failed or were inconclusive themselves: the roots of everything that is wrong.
    pub fn roots(&self) -> impl Iterator<Item = &StepRecord> {
        self.steps.iter().filter(|step| matches!(step.verdict, Verdict::Failed | Verdict::Inconclusive))
    }
}

impl StepRecord {
    /// The name as a person reads it: `sign_up`, or `fixture workspace`.
    #[must_use]
    pub fn title(&self) -> String {
        title(self.kind, &self.name)
    }
}

impl From<&Failure> for Box<FailureRecord> {
    fn from(failure: &Failure) -> Self {
        let Failure { message, causes, cause, remedy, exchange } = failure;
        Self::new(FailureRecord {
            message: message.clone(),
            causes: causes.clone(),
            cause: *cause,
            remedy: remedy.clone(),
            exchange: exchange.as_ref().map(|it| it.index),
            text: failure.to_string(),
        })
    }
}

impl Exchange {
    /// What a failure says of this exchange. The excerpt is redacted here because failures are printed while the
    /// run goes on.
    #[must_use]
    pub fn reference(&self, index: usize, redactor: &Redactor) -> ExchangeRef {
        const EXCERPT: usize = 300;
        ExchangeRef {
            index,
            request: redactor.clean(&format!("{} {}", self.method, self.url)).into_owned(),
            status: self.status,
            request_id: self.request_id.clone(),
            excerpt: self
                .response_body
                .as_deref()
                .filter(|body| !body.is_empty())
                .map(|body| cut(&redactor.clean(body).replace('\n', " "), EXCERPT).to_owned()),
        }
    }

    /// The id under which the request called itself its parent, for the spans of the product: 16 hexadecimal digits of
    /// the header `traceparent` (W3C Trace Context, 3.2.2).
    #[must_use]
    pub fn span_id(&self) -> Option<&str> {
        let (_, value) =
            self.request_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("traceparent"))?;
        value.split('-').nth(2).filter(|it| it.len() == 16)
    }
}

/// `sign_up` for a step, `fixture workspace` for a fixture.
#[must_use]
pub fn title(kind: StepKind, name: &str) -> String {
    match kind {
        StepKind::Step => name.to_owned(),
        StepKind::Fixture => format!("fixture {name}"),
    }
}

/// The longest start of `text` that has at most `limit` bytes and does not split a character.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Milliseconds with microseconds as decimals, as records have them.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Written by a newer version of this library.
    Newer {
        /// The version found.
        found: u32,
    },
    /// Not the JSON of a record.
    Malformed(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { found } => {
                write!(
                    f,
                    "the record has version {found}, this program reads up to {VERSION}; update the program"
                )
            }
            Self::Malformed(error) => write!(f, "not a run record: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as version 1 wrote it; it must stay readable for ever.
    pub(super) const VERSION_1: &str = r#"{"version":1,"suite":"s","canary":"c","run":"r1","trace":"t","target":"https://x",
        "location":"here","started":"2026-01-31T12:00:00Z","duration_ms":12.5,"verdict":"failed",
        "steps":[{"name":"a","verdict":"failed","started_ms":0.1,"duration_ms":3,
                  "failure":{"message":"m","cause":"mail_spam","text":"m"},
                  "attempts":[{"number":1,"started_ms":0.1,"duration_ms":3,"verdict":"failed",
                               "exchanges":[{"method":"GET","url":"https://x/"}]}]},
                 {"name":"b","kind":"fixture","verdict":"blocked","root":"a"}]}"#;

    #[test]
    fn the_first_version_stays_readable() {
        let record = RunRecord::from_json(VERSION_1).unwrap();
        assert_eq!(record.roots().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(record.steps[1].title(), "fixture b");
        let again = RunRecord::from_json(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again, record);
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let error = RunRecord::from_json(&VERSION_1.replacen('1', "9", 1)).unwrap_err();
        assert_eq!(error, ReadError::Newer { found: 9 });
    }

    #[test]
    fn cutting_never_splits_a_character() {
        assert_eq!(cut("aöb", 2), "a");
        assert_eq!(cut("ab", 9), "ab");
    }
}
