//! A record taken apart: what stays the same from run to run, and what only this run says.
//!
//! A passed run is kept as its [timings](super::timings) beside an outline that it shares with many others. Put
//! together again they are its record, without what was sent and received.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    record::{CleanupRecord, RunRecord, StepRecord},
    verdict::Verdict,
};

use super::timings;

/// A record of which only that is set which the next run will most likely say too.
pub(super) fn of(record: &RunRecord) -> RunRecord {
    // No `..` in this and the following: of a new field it has to be decided where it is kept.
    let RunRecord {
        version,
        suite,
        canary,
        run: _,
        trace: _,
        target,
        location,
        started: _,
        duration_ms: _,
        verdict: _,
        filtered: _,
        steps,
        cleanup: _,
        // They change with every renewal. The service has the newest at hand.
        certificates: _,
    } = record;
    RunRecord {
        version: *version,
        suite: suite.clone(),
        canary: canary.clone(),
        run: String::new(),
        trace: String::new(),
        target: target.clone(),
        location: location.clone(),
        started: Timestamp::UNIX_EPOCH,
        duration_ms: 0.0,
        verdict: Verdict::Skipped,
        filtered: false,
        steps: steps.iter().map(of_step).collect(),
        cleanup: Vec::new(),
        certificates: Vec::new(),
    }
}

fn of_step(step: &StepRecord) -> StepRecord {
    let StepRecord {
        name,
        kind,
        promise,
        covers,
        severity,
        runbook,
        place,
        needs,
        waited_for,
        verdict: _,
        flaky: _,
        failure: _,
        root: _,
        reason: _,
        started_ms: _,
        duration_ms: _,
        attempts: _,
    } = step;
    StepRecord {
        name: name.clone(),
        kind: *kind,
        promise: promise.clone(),
        covers: covers.clone(),
        severity: *severity,
        runbook: runbook.clone(),
        place: place.clone(),
        needs: needs.clone(),
        waited_for: waited_for.clone(),
        ..StepRecord::default()
    }
}

/// What neither the outline nor the timings say of a run, but is worth keeping.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Extras {
    /// Why steps were left out, by their number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<usize, String>,
    /// What steps were blocked by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    roots: BTreeMap<usize, String>,
    /// Undo actions that did not succeed: something was left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cleanup: Vec<CleanupRecord>,
}

impl Extras {
    /// Those of a run, if there are any.
    pub(super) fn of(record: &RunRecord) -> Option<Self> {
        let each = |what: fn(&StepRecord) -> Option<&String>| -> BTreeMap<_, _> {
            let steps = record.steps.iter().enumerate();
            steps.filter_map(|(index, step)| Some((index, what(step)?.clone()))).collect()
        };
        let failed = record.cleanup.iter().filter(|it| it.error.is_some());
        let extras = Self {
            reasons: each(|it| it.reason.as_ref()),
            roots: each(|it| it.root.as_ref()),
            cleanup: failed.map(|it| CleanupRecord { exchanges: Vec::new(), ..it.clone() }).collect(),
        };
        let none = extras.reasons.is_empty() && extras.roots.is_empty() && extras.cleanup.is_empty();
        (!none).then_some(extras)
    }

    fn fill(self, record: &mut RunRecord) {
        let Self { reasons, roots, cleanup } = self;
        for (index, reason) in reasons {
            if let Some(step) = record.steps.get_mut(index) {
                step.reason = Some(reason);
            }
        }
        for (index, root) in roots {
            if let Some(step) = record.steps.get_mut(index) {
                step.root = Some(root);
            }
        }
        record.cleanup = cleanup;
    }
}

/// Puts the steps of a run back into its outline; says what does not fit.
pub(super) fn fill(outline: &mut RunRecord, timings: &[u8], extras: Option<Extras>) -> Result<(), String> {
    let mut read = timings::read(timings);
    for step in &mut outline.steps {
        read.next().flatten().ok_or("its timings are cut short")?.fill(step);
    }
    if read.next().is_some() {
        return Err("it has more timings than steps".into());
    }
    if let Some(extras) = extras {
        extras.fill(outline);
    }
    Ok(())
}

/// FNV-1a, which stays the same on every machine and in every version.
pub(super) fn hash(text: &str) -> i64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}
