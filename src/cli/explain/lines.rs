//! One thing that happened, in words, and who did it.

use crate::{
    alert::log::{Happened, OutcomeWord},
    report::text::time,
};

/// Who has decided what no notifier and no person has.
const OURS: &str = "coalmine";

/// What people are called in the column that says who.
const PEOPLE: &str = "people";

/// Who, and what.
pub(super) fn line_of(happened: &Happened) -> (&str, String) {
    match happened {
        Happened::Opened { why } => (OURS, format!("opens: {why}")),
        Happened::Joined { step } => (OURS, format!("another step is part of it: {step}")),
        Happened::Held { why } => (OURS, format!("nobody is told for now: {why}")),
        Happened::Released { why } => (OURS, format!("goes on: {why}")),
        Happened::Acknowledged { by } => (PEOPLE, format!("{by} takes care of it")),
        Happened::Reminded { round } => (OURS, format!("is told again, time {round}")),
        Happened::Closed { why } => (OURS, format!("closes: {why}")),
        Happened::Sent { notifier, action, attempt, minimal, outcome, answer, took_ms } => {
            let mut line = action.as_str().to_owned();
            if *attempt > 1 {
                line.push_str(&format!(" (attempt {attempt})"));
            }
            if *minimal {
                line.push_str(" in its shortest form");
            }
            line.push_str(&format!(" {} {}", word(*outcome), time(*took_ms)));
            // What says yes says it in a word; what says no is the reason why this is read.
            if *outcome != OutcomeWord::Accepted {
                line.push_str(&format!(": {answer}"));
            }
            (notifier, line)
        }
        Happened::More { notifier, attempts: 1, answer } => {
            (notifier, format!("one more attempt failed: {answer}"))
        }
        Happened::More { notifier, attempts, answer } => {
            (notifier, format!("{attempts} more attempts failed, the last: {answer}"))
        }
        Happened::Escalated { from, to: Some(to), why } => (from, format!("{to} is told instead: {why}")),
        Happened::Escalated { from, to: None, why } => {
            (from, format!("there is nobody else to be told: {why}"))
        }
        Happened::NotTold { notifier, why } => (notifier, format!("not told: {why}")),
        Happened::Swallowed { notifier, why } => (notifier, format!("has swallowed it: {why}")),
        Happened::ResolvedByHuman { notifier, by } => (notifier, format!("{by} has resolved it there")),
        Happened::Confirmed { notifier, place } => (notifier, format!("seen to be there: {place}")),
    }
}

fn word(outcome: OutcomeWord) -> &'static str {
    match outcome {
        OutcomeWord::Accepted => "accepted in",
        OutcomeWord::Refused => "refused in",
        OutcomeWord::NotTaken => "not taken in",
        OutcomeWord::Unknown => "may have arrived, after",
    }
}
