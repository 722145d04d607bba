//! What is wrong with the canary rather than with the product: for those who own it. Nobody is woken.

use super::{
    CanaryState,
    observe::{Opening, Turn},
    product::{in_a_row, of_the_last},
    state::Blind,
    window::{Slot, lasted},
};
use crate::{
    alert::{Evidence, Kind, RunFacts},
    record::{MESSAGE_LIMIT, cut},
    schedule::between,
    verdict::{Cause, Severity},
};

/// Two runs may be inconclusive by chance, however far apart they are.
const FEWEST: u32 = 3;

/// So many things that are left over are told one by one.
const NAMED: usize = 10;

/// Nobody could tell: the owners hear of it when that goes on. That somebody stopped a run is no sign of anything.
pub(super) fn unclear(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let roots: Vec<Evidence> = facts.unclear().filter(|it| it.cause != Cause::Cancelled).cloned().collect();
    if roots.is_empty() {
        return;
    }
    let blind = state.blind.get_or_insert(Blind { since: facts.started, runs: 0 });
    // The clock may have gone back: then it is counted from there.
    blind.since = blind.since.min(facts.started);
    blind.runs = blind.runs.saturating_add(1);
    let Blind { since, runs } = *blind;
    if let Some(incident) = state.open_mut(Kind::Inconclusive) {
        incident.roots = roots;
        return;
    }
    let Some(limit) = turn.watched.policy.inconclusive else { return };
    if runs < FEWEST || !lasted(since, facts.ended, limit) {
        return;
    }
    let minutes = between(since, facts.ended).as_secs() / 60;
    let run = &facts.run;
    let why = format!("none of {runs} runs in {minutes} minutes could tell anything: {run} was the last");
    turn.open(state, Opening { kind: Kind::Inconclusive, roots, since, run: Some(run.clone()), why });
}

/// A run could tell.
pub(super) fn clear(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    state.blind = None;
    let why = format!("{} could tell: it {}", facts.run, facts.verdict);
    turn.close(state, Kind::Inconclusive, &why, Some(&facts.run));
}

/// A counted run has removed what it had made, or has not.
pub(super) fn cleaned(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let watched = turn.watched;
    let left = !facts.leftovers.is_empty();
    state.cleanups.push(Slot::of(facts, left), watched);
    if !left {
        let pass = watched.policy.pass;
        if state.cleanups.well >= pass {
            let row = in_a_row(pass);
            let why = format!("removed all that it had made in {row}: {} was the last", facts.run);
            turn.close(state, Kind::Leftovers, &why, Some(&facts.run));
        }
        return;
    }
    let roots = vec![left_over(facts)];
    if let Some(incident) = state.open_mut(Kind::Leftovers) {
        incident.roots = roots;
        return;
    }
    let window = &state.cleanups.window;
    if !window.down(watched) {
        return;
    }
    let runs: Vec<&str> = window.failures().map(|it| &*it.run).collect();
    let ratio = of_the_last(runs.len(), window.len());
    let why = format!("could not remove all that it had made in {ratio}: {}", runs.join(", "));
    let since = window.failures().map(|it| it.started).min().unwrap_or(facts.started);
    turn.open(state, Opening { kind: Kind::Leftovers, roots, since, run: Some(facts.run.clone()), why });
}

/// What is left over, in the form of what speaks against a step.
fn left_over(facts: &RunFacts) -> Evidence {
    let named: Vec<&str> = facts.leftovers.iter().take(NAMED).map(|it| &**it).collect();
    let mut message = named.join("; ");
    let more = facts.leftovers.len().saturating_sub(NAMED);
    message.truncate(cut(&message, MESSAGE_LIMIT).len());
    if more > 0 {
        message += &format!("; and {more} more");
    }
    Evidence {
        step: "clean-up".to_owned(),
        promise: String::new(),
        severity: Severity::Warning,
        cause: Cause::Assertion,
        message,
        remedy: None,
        request: None,
        request_id: None,
        runbook: None,
        blocks: Vec::new(),
        run: facts.run.clone(),
        trace: String::new(),
        started: facts.started,
    }
}
