//! How long runs and steps took and how they ended, since the service started: what metrics are made of.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    record::{CERTIFICATES, CertificateRecord, RunRecord},
    store::Trigger,
    verdict::Verdict,
};

/// The upper ends of the buckets for whole runs, in seconds; the last bucket has none.
pub const RUN_BOUNDS: &[f64] = &[0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0];

/// The upper ends of the buckets for steps, in seconds: from one quick request to a mail that takes its time.
pub const STEP_BOUNDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// The upper ends of the buckets for the way of a mail, in seconds: most take moments, and a promise is about a minute.
pub const MAIL_BOUNDS: &[f64] = &[0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The verdicts that a run can have.
const OF_RUNS: [Verdict; 4] = [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Skipped];
/// The verdicts that a step can have.
const OF_STEPS: [Verdict; 5] =
    [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Blocked, Verdict::Skipped];
/// What can start a run.
const TRIGGERS: [Trigger; 3] = [Trigger::Schedule, Trigger::Recheck, Trigger::Request];

/// How durations are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    bounds: &'static [f64],
    /// One more than there are bounds. Not cumulative.
    buckets: Vec<u64>,
    sum: Duration,
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: vec![0; bounds.len() + 1], sum: Duration::ZERO }
    }

    fn add(&mut self, millis: f64) {
        let seconds = millis / 1e3;
        let bucket = self.bounds.iter().position(|it| seconds <= *it).unwrap_or(self.bounds.len());
        self.buckets[bucket] += 1;
        // A record that was made elsewhere might hold nonsense.
        let took = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.sum = self.sum.saturating_add(took);
    }

    /// The upper ends of the buckets, in seconds.
    #[must_use]
    pub fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// How many lie in each bucket, and how many behind the last. Not cumulative.
    #[must_use]
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

/// How one step went.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMeasures {
    /// The step, as people read it.
    pub step: String,
    /// How long all its attempts took, of those times that it was tried at all.
    pub duration: Distribution,
    outcomes: [u64; OF_STEPS.len()],
}

impl StepMeasures {
    /// How often it ended how; every verdict is there, also with zero.
    pub fn outcomes(&self) -> impl Iterator<Item = (Verdict, u64)> {
        OF_STEPS.into_iter().zip(self.outcomes)
    }
}

/// How a canary's runs went. The steps are those of the plan, so that this never grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// How long whole runs took.
    pub duration: Distribution,
    /// Every step, in the order of the table of contents.
    pub steps: Vec<StepMeasures>,
    /// How long mails took that steps had waited for, and that came.
    pub mails: Distribution,
    certificates: Vec<CertificateRecord>,
    runs: [[u64; TRIGGERS.len()]; OF_RUNS.len()],
}

impl Default for Measures {
    fn default() -> Self {
        Self::new([])
    }
}

impl Measures {
    pub(super) fn new(steps: impl IntoIterator<Item = String>) -> Self {
        let steps = steps.into_iter().map(|step| StepMeasures {
            step,
            duration: Distribution::new(STEP_BOUNDS),
            outcomes: [0; OF_STEPS.len()],
        });
        Self {
            duration: Distribution::new(RUN_BOUNDS),
            steps: steps.collect(),
            mails: Distribution::new(MAIL_BOUNDS),
            certificates: Vec::new(),
            runs: [[0; TRIGGERS.len()]; OF_RUNS.len()],
        }
    }

    /// How many runs ended how, by what started them; every combination is there, also with zero, because what
    /// appears with one would not count as an increase.
    pub fn runs(&self) -> impl Iterator<Item = (Verdict, Trigger, u64)> {
        OF_RUNS.into_iter().zip(self.runs).flat_map(|(verdict, by)| {
            TRIGGERS.into_iter().zip(by).map(move |(trigger, count)| (verdict, trigger, count))
        })
    }

    /// When the certificates of the target's hosts end, as they were seen last. A record names few hosts, so that these
    /// are few.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.certificates.iter().map(|it| (it.host.as_str(), it.not_after))
    }

    /// Takes a run in.
    pub(super) fn add(&mut self, trigger: Trigger, record: &RunRecord) {
        // A run is never blocked; if one were, nothing would have been checked.
        let verdict = OF_RUNS.iter().position(|it| *it == record.verdict).unwrap_or(OF_RUNS.len() - 1);
        if let Some(trigger) = TRIGGERS.iter().position(|it| *it == trigger) {
            self.runs[verdict][trigger] += 1;
        }
        self.duration.add(record.duration_ms);
        for step in &record.steps {
            let title = step.title();
            let Some(measures) = self.steps.iter_mut().find(|it| it.step == title) else { continue };
            if let Some(verdict) = OF_STEPS.iter().position(|it| *it == step.verdict) {
                measures.outcomes[verdict] += 1;
            }
            if !step.attempts.is_empty() {
                measures.duration.add(step.duration_ms);
            }
        }
        let mails = record.steps.iter().flat_map(|it| &it.attempts).flat_map(|it| &it.mails);
        mails.for_each(|mail| self.mails.add(mail.delivery_ms));
        self.see_certificates(record);
    }

    /// A run that passed has seen every host there is; of another one, those that it has not come to stay as they were.
    fn see_certificates(&mut self, record: &RunRecord) {
        let complete = record.verdict == Verdict::Passed && !record.filtered;
        self.certificates
            .retain(|known| !complete && record.certificates.iter().all(|seen| seen.host != known.host));
        let room = CERTIFICATES.saturating_sub(self.certificates.len());
        self.certificates.extend(record.certificates.iter().take(room).cloned());
        self.certificates.sort_by(|a, b| a.host.cmp(&b.host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_lie_in_the_bucket_that_they_do_not_exceed() {
        let mut spread = Distribution::new(&[0.5, 1.0]);
        for millis in [0.0, 500.0, 500.1, 1_000.0, 1_000.1, f64::NAN, -1.0] {
            spread.add(millis);
        }
        assert_eq!(spread.buckets(), [3, 2, 2]);
        assert_eq!(spread.sum(), Duration::from_micros(3_000_200));
    }

    fn record(verdict: Verdict, seen: &[(&str, i64)]) -> RunRecord {
        let seen = seen.iter().map(
            |(host, at)| serde_json::json!({"host": host, "not_after": Timestamp::from_second(*at).unwrap()}),
        );
        serde_json::from_value(serde_json::json!({
            "version": 1, "suite": "s", "canary": "c", "run": "r", "trace": "t", "target": "x", "location": "l",
            "started": "2026-01-01T00:00:00Z", "duration_ms": 1.0, "verdict": verdict, "steps": [],
            "certificates": seen.collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn certificates_are_those_that_were_seen_last() {
        let mut measures = Measures::default();
        let mut check = |verdict, seen: &[(&str, i64)], expected: &[(&str, i64)]| {
            measures.add(Trigger::Schedule, &record(verdict, seen));
            let found: Vec<_> = measures.certificates().map(|(host, at)| (host, at.as_second())).collect();
            assert_eq!(found, expected);
        };
        check(Verdict::Passed, &[("b", 1), ("c", 1)], &[("b", 1), ("c", 1)]);
        check(Verdict::Failed, &[("c", 2)], &[("b", 1), ("c", 2)]);
        check(Verdict::Failed, &[], &[("b", 1), ("c", 2)]);
        check(Verdict::Failed, &[("a", 3)], &[("a", 3), ("b", 1), ("c", 2)]);
        check(Verdict::Passed, &[("c", 4)], &[("c", 4)]);
    }

    #[test]
    fn hosts_do_not_pile_up() {
        let mut measures = Measures::default();
        for number in 0..3 * CERTIFICATES {
            measures.add(Trigger::Schedule, &record(Verdict::Failed, &[(&format!("h{number}"), 1)]));
        }
        assert_eq!(measures.certificates().count(), CERTIFICATES);
    }

    #[test]
    fn every_combination_is_there_from_the_start() {
        let measures = Measures::new(["look".to_owned()]);
        assert_eq!(measures.runs().count(), 12);
        assert!(measures.runs().all(|(_, _, count)| count == 0));
        assert_eq!(measures.steps[0].outcomes().count(), 5);
    }
}
