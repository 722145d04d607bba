//! What is answered. Every member is always there, with `null` for nothing, so that a program need not guess whether
//! it is missing or misspelt. Times follow RFC 3339, durations are milliseconds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    record::RunRecord,
    service::{CanaryView, Running},
    store::{Counts, Kept, Page, StepPoint, StepStatistics, Summary, Trigger},
    verdict::{Cause, Verdict},
};

/// All canaries.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryList {
    /// The suite's name.
    pub suite: String,
    /// The product instance under watch.
    pub target: String,
    /// Where runs are made from.
    pub location: String,
    /// When the service started.
    pub started: Timestamp,
    /// In the order of the table of contents.
    pub canaries: Vec<CanaryAnswer>,
}

/// How a canary stands.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryAnswer {
    /// Its name.
    pub name: String,
    /// When it runs by itself, for people.
    pub rhythm: Option<String>,
    /// How its newest run ended.
    pub verdict: Option<Verdict>,
    /// The run in flight.
    pub running: Option<RunningAnswer>,
    /// When it runs.
    pub schedule: ScheduleAnswer,
    /// How it has fared since the store exists.
    pub totals: CanaryTotals,
    /// Its newest run.
    pub last_run: Option<RunSummary>,
}

/// How a canary stands, and what it is made of.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryDetail {
    /// What the list says as well.
    #[serde(flatten)]
    pub canary: CanaryAnswer,
    /// Its steps and fixtures, in the order of the table of contents.
    pub steps: Vec<PlannedStep>,
}

/// A step as it is planned.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedStep {
    /// As people read it.
    pub step: String,
    /// Whether it is what steps hold, and no case of its own.
    pub fixture: bool,
    /// The one sentence that it promises; may be empty.
    pub promise: String,
}

/// A run in flight.
#[derive(Clone, Debug, Serialize)]
pub struct RunningAnswer {
    /// Its id.
    pub run: String,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub since: Timestamp,
    /// How many steps and fixtures it has.
    pub steps: usize,
    /// How many of them have ended.
    pub ended: usize,
}

/// When a canary runs.
#[derive(Clone, Debug, Serialize)]
pub struct ScheduleAnswer {
    /// When it is to run next.
    pub next: Option<Timestamp>,
    /// When it is run once more because it has failed.
    pub recheck: Option<Timestamp>,
    /// Why it does not run by itself.
    pub paused: Option<PauseAnswer>,
    /// How many times it was not run because it was still running.
    pub skipped: u64,
    /// How many times its time passed unseen.
    pub missed: u64,
}

/// Why a canary does not run by itself.
#[derive(Clone, Debug, Serialize)]
pub struct PauseAnswer {
    /// Since when.
    pub since: Timestamp,
    /// What was said.
    pub reason: String,
    /// When the schedule goes on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How a canary has fared since the store exists.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryTotals {
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that could not tell.
    pub inconclusive: u64,
    /// Runs that checked nothing.
    pub skipped: u64,
    /// When the newest run that passed began.
    pub last_passed: Option<Timestamp>,
}

/// What is known of a run without its record.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: String,
    /// Its canary.
    pub canary: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: Timestamp,
    /// From the start to the end of clean-up.
    pub duration_ms: f64,
    /// The product instance that it watched.
    pub target: String,
    /// Where it was made from.
    pub location: String,
    /// Whether only some steps were asked for.
    pub filtered: bool,
    /// How many steps ended how.
    pub counts: Counts,
    /// The first step that failed or could not tell.
    pub root: Option<String>,
    /// Why it did not pass.
    pub cause: Option<Cause>,
    /// What it says.
    pub message: Option<String>,
}

/// A part of the list of runs, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct RunList {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// What to give as `after` for those behind; none on the last page.
    pub next: Option<String>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct RunAnswer {
    /// What lists say of it.
    pub run: RunSummary,
    /// Whether the whole record is kept; otherwise it has no exchanges, notes and failures.
    pub full: bool,
    /// What came of it, in the form of reports.
    pub record: RunRecord,
}

/// How the steps of a canary went.
#[derive(Clone, Debug, Serialize)]
pub struct StepList {
    /// The canary.
    pub canary: String,
    /// From when on runs are counted.
    pub since: Timestamp,
    /// In the order of the newest run.
    pub steps: Vec<StepStatistics>,
}

/// How one step went, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct StepHistory {
    /// The canary.
    pub canary: String,
    /// The step.
    pub step: String,
    /// One per run.
    pub points: Vec<StepPoint>,
}

/// How the operations of the product stand.
#[derive(Clone, Debug, Serialize)]
pub struct SurfaceAnswer {
    /// What it is read off: the newest run of each canary that is kept in full.
    pub runs: Vec<SeenRun>,
    /// In the order of the suite.
    pub operations: Vec<OperationAnswer>,
}

/// A run that the surface is read off.
#[derive(Clone, Debug, Serialize)]
pub struct SeenRun {
    /// Its canary.
    pub canary: String,
    /// Its id.
    pub run: String,
    /// When it began.
    pub started: Timestamp,
}

/// How one operation stands.
#[derive(Clone, Debug, Serialize)]
pub struct OperationAnswer {
    /// The operation.
    pub operation: String,
    /// The step that is responsible for it, as `canary::step`.
    pub prover: Option<String>,
    /// How it stands; nothing as long as its canary has not run.
    pub verdict: Option<Verdict>,
    /// Why it did not pass.
    pub message: Option<String>,
    /// What kind of reason that is.
    pub cause: Option<Cause>,
    /// What else speaks against it.
    pub also: Vec<String>,
    /// The step that the prover of a blocked operation is blocked by.
    pub root: Option<String>,
    /// How often it was called, by status of the answer.
    pub answers: BTreeMap<u16, usize>,
    /// How long all calls took together.
    pub duration_ms: f64,
}

impl From<&CanaryView> for CanaryAnswer {
    fn from(view: &CanaryView) -> Self {
        let last = view.last();
        Self {
            name: view.canary.to_string(),
            rhythm: view.rhythm.clone(),
            verdict: last.map(|it| it.verdict),
            running: view.running.as_ref().map(Into::into),
            schedule: ScheduleAnswer {
                next: view.schedule.next,
                recheck: view.recheck,
                paused: (view.schedule.paused.as_ref()).map(|it| PauseAnswer {
                    since: it.since,
                    reason: it.reason.clone(),
                    until: it.until,
                }),
                skipped: view.schedule.skipped,
                missed: view.schedule.missed,
            },
            totals: CanaryTotals {
                passed: view.totals.passed,
                failed: view.totals.failed,
                inconclusive: view.totals.inconclusive,
                skipped: view.totals.skipped,
                last_passed: view.totals.last_passed,
            },
            last_run: last.cloned().map(Into::into),
        }
    }
}

impl From<&Running> for RunningAnswer {
    fn from(running: &Running) -> Self {
        Self {
            run: running.run.clone(),
            trigger: running.trigger,
            since: running.since,
            steps: running.steps,
            ended: running.ended(),
        }
    }
}

impl From<Summary> for RunSummary {
    fn from(summary: Summary) -> Self {
        // No `..`: a new field has to be answered, too.
        let Summary {
            run,
            canary,
            verdict,
            trigger,
            started,
            duration_ms,
            target,
            location,
            filtered,
            counts,
            root,
            cause,
            message,
        } = summary;
        Self {
            run,
            canary,
            verdict,
            trigger,
            started,
            duration_ms,
            target,
            location,
            filtered,
            counts,
            root,
            cause,
            message,
        }
    }
}

impl From<Page<Summary>> for RunList {
    fn from(page: Page<Summary>) -> Self {
        Self { runs: page.items.into_iter().map(Into::into).collect(), next: page.next }
    }
}

impl From<Kept> for RunAnswer {
    fn from(kept: Kept) -> Self {
        Self { run: kept.summary.into(), full: kept.full, record: kept.record }
    }
}
