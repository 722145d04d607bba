//! How each step of a run went, in some ten bytes each: what statistics read, and what is left of a passed run.
//!
//! For each step of the outline, in its order: one byte of flags, when it began, how long it took, and its attempts;
//! all numbers in microseconds and of variable length. A row per step would take four times the room: with canaries of
//! 100 and 70 steps every 1 and 5 minutes 164,000 rows a day instead of 1,728.

use crate::{
    record::{AttemptRecord, StepRecord},
    verdict::Verdict,
};

/// The step's verdict.
const VERDICT: u8 = 0b0000_0111;
const FLAKY: u8 = 0b0000_1000;
/// There is one attempt, number 1, which ended as the step did; nearly always so.
const SINGLE: u8 = 0b0001_0000;

/// How one step went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) verdict: Verdict,
    pub(super) flaky: bool,
    pub(super) started_us: u64,
    pub(super) duration_us: u64,
    pub(super) attempts: Vec<AttemptTiming>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptTiming {
    pub(super) number: u32,
    pub(super) verdict: Verdict,
    pub(super) started_us: u64,
    pub(super) duration_us: u64,
}

/// What statistics need of a step. Without the list of attempts: there are millions of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) verdict: Verdict,
    pub(super) flaky: bool,
    started_us: u64,
    pub(super) duration_us: u64,
    /// How long the attempt took that passed, if one did.
    passed_us: Option<u64>,
}

impl Brief {
    /// How long the attempt took that passed, if the step did.
    pub(super) fn passed_us(&self) -> Option<u64> {
        (self.verdict == Verdict::Passed).then(|| self.passed_us.unwrap_or(self.duration_us))
    }
}

impl Timing {
    /// Puts into a step's record what is known.
    pub(super) fn fill(&self, step: &mut StepRecord) {
        step.verdict = self.verdict;
        step.flaky = self.flaky;
        step.started_ms = millis(self.started_us);
        step.duration_ms = millis(self.duration_us);
        step.attempts = self
            .attempts
            .iter()
            .map(|it| AttemptRecord {
                number: it.number,
                started_ms: millis(it.started_us),
                duration_ms: millis(it.duration_us),
                verdict: it.verdict,
                failure: None,
                exchanges: Vec::new(),
                notes: Vec::new(),
                mails: Vec::new(),
            })
            .collect();
    }
}

/// Writes the timings of a run's steps.
pub(super) fn write(steps: &[StepRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(steps.len() * 12);
    for step in steps {
        let single = match step.attempts.as_slice() {
            [only] => only.number == 1 && only.verdict == step.verdict,
            _ => false,
        };
        let flags = code(step.verdict) | if step.flaky { FLAKY } else { 0 } | if single { SINGLE } else { 0 };
        let (started, duration) = (micros(step.started_ms), micros(step.duration_ms));
        out.push(flags);
        put(&mut out, started);
        put(&mut out, duration);
        if !single {
            put(&mut out, step.attempts.len() as u64);
        }
        for attempt in &step.attempts {
            if !single {
                put(&mut out, u64::from(attempt.number));
                out.push(code(attempt.verdict));
            }
            // An attempt begins and ends nearly with its step: the differences have a byte each.
            put(&mut out, difference(micros(attempt.started_ms), started));
            put(&mut out, difference(micros(attempt.duration_ms), duration));
        }
    }
    out
}

/// The timings of one run's steps, one after another. Ends with `None` in the middle if they are cut short.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = Option<Timing>> {
    each(bytes, |rest| {
        let mut attempts = Vec::new();
        let Brief { verdict, flaky, started_us, duration_us, passed_us: _ } =
            one(rest, |attempt| attempts.push(attempt))?;
        Some(Timing { verdict, flaky, started_us, duration_us, attempts })
    })
}

/// The same, only what statistics need.
pub(super) fn read_briefly(bytes: &[u8]) -> impl Iterator<Item = Option<Brief>> {
    each(bytes, |rest| one(rest, |_| ()))
}

fn each<T>(bytes: &[u8], next: impl Fn(&mut &[u8]) -> Option<T>) -> impl Iterator<Item = Option<T>> {
    let mut rest = bytes;
    let mut whole = true;
    std::iter::from_fn(move || {
        if rest.is_empty() || !whole {
            return None;
        }
        let timing = next(&mut rest);
        whole = timing.is_some();
        Some(timing)
    })
}

fn one(rest: &mut &[u8], mut attempted: impl FnMut(AttemptTiming)) -> Option<Brief> {
    let flags = byte(rest)?;
    let verdict = verdict(flags & VERDICT)?;
    let (started_us, duration_us) = (take(rest)?, take(rest)?);
    let single = flags & SINGLE != 0;
    let count = if single { 1 } else { take(rest)? };
    let mut passed_us = None;
    for _ in 0..count {
        let (number, verdict) = if single {
            (1, verdict)
        } else {
            (u32::try_from(take(rest)?).ok()?, self::verdict(byte(rest)?)?)
        };
        let attempt = AttemptTiming {
            number,
            verdict,
            started_us: apply(started_us, take(rest)?),
            duration_us: apply(duration_us, take(rest)?),
        };
        if verdict == Verdict::Passed {
            passed_us = Some(attempt.duration_us);
        }
        attempted(attempt);
    }
    Some(Brief { verdict, flaky: flags & FLAKY != 0, started_us, duration_us, passed_us })
}

/// A verdict's number in the store. Never to be given another meaning.
pub(super) fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed => 0,
        Verdict::Failed => 1,
        Verdict::Inconclusive => 2,
        Verdict::Blocked => 3,
        Verdict::Skipped => 4,
    }
}

/// The verdict with that number.
pub(super) fn verdict(code: u8) -> Option<Verdict> {
    [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Blocked, Verdict::Skipped]
        .into_iter()
        .find(|it| self::code(*it) == code)
}

/// Milliseconds as records have them.
#[expect(clippy::cast_precision_loss, reason = "exact for a hundred years")]
pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

/// Whole microseconds, the precision of a record; nothing for what is no time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(super) fn micros(millis: f64) -> u64 {
    (millis * 1e3).round() as u64
}

/// A signed difference, small ones of either sign as small numbers.
fn difference(value: u64, base: u64) -> u64 {
    let by = value.wrapping_sub(base).cast_signed();
    ((by << 1) ^ (by >> 63)).cast_unsigned()
}

fn apply(base: u64, difference: u64) -> u64 {
    let by = (difference >> 1).cast_signed() ^ -(difference & 1).cast_signed();
    base.wrapping_add_signed(by)
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(rest)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_verdict() -> impl Strategy<Value = Verdict> {
        (0u8..5).prop_map(|code| verdict(code).unwrap())
    }

    fn any_step() -> impl Strategy<Value = StepRecord> {
        let attempt = (any::<u32>(), any_verdict(), 0u64..1 << 40, 0u64..1 << 40);
        let attempts = prop::collection::vec(attempt, 0..3);
        (any_verdict(), any::<bool>(), 0u64..1 << 40, 0u64..1 << 40, attempts).prop_map(
            |(verdict, flaky, started_us, duration_us, attempts)| {
                let attempts = attempts
                    .into_iter()
                    .map(|(number, verdict, started_us, duration_us)| AttemptTiming {
                        number: number % 3,
                        verdict,
                        started_us,
                        duration_us,
                    })
                    .collect();
                let mut step = StepRecord::default();
                Timing { verdict, flaky, started_us, duration_us, attempts }.fill(&mut step);
                step
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(steps in prop::collection::vec(any_step(), 0..20)) {
            let read: Vec<_> = read(&write(&steps))
                .map(|timing| {
                    let mut step = StepRecord::default();
                    timing.unwrap().fill(&mut step);
                    step
                })
                .collect();
            prop_assert_eq!(read, steps);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let _ = read(&bytes).count();
        }
    }

    #[test]
    fn a_usual_step_takes_ten_bytes() {
        let mut step = StepRecord::default();
        let attempt =
            AttemptTiming { number: 1, verdict: Verdict::Passed, started_us: 1_234_570, duration_us: 58_512 };
        let timing = Timing {
            verdict: Verdict::Passed,
            flaky: false,
            started_us: 1_234_567,
            duration_us: 58_518,
            attempts: vec![attempt],
        };
        timing.fill(&mut step);
        assert!(write(&[step]).len() <= 10);
    }
}
