//! What is wrong with the product: one incident per step that is down, or one for the canary if too many are, or if
//! it is another one from run to run.

use super::{
    CanaryState,
    observe::{Opening, Turn, severity},
    window::Slot,
};
use crate::{
    alert::{Evidence, Kind, RunFacts},
    verdict::Verdict,
};

/// What fails now is the newest evidence of what is open, and no step gets nearer to green by it. That holds for runs
/// that take no slot as well.
pub(super) fn refresh(state: &mut CanaryState, facts: &RunFacts) {
    if facts.roots().any(|root| !state.own().any(|it| it.step == root.step)) {
        state.calm = 0;
    }
    for root in facts.roots() {
        if let Some(course) = state.steps.get_mut(&root.step) {
            course.well = 0;
        }
        for incident in state.incidents.iter_mut().filter(|it| matches!(it.kind, Kind::Step | Kind::Canary)) {
            for old in incident.roots.iter_mut().filter(|it| it.step == root.step) {
                old.clone_from(root);
            }
            incident.severity = severity(incident.kind, &incident.roots);
        }
    }
}

/// A run takes a slot: its steps do, and what follows from that opens and closes.
pub(super) fn count(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let watched = turn.watched;
    let failed = facts.verdict == Verdict::Failed;
    let unexplained = facts.roots().map(|it| it.step.clone()).collect();
    state.runs.push(Slot { unexplained, ..Slot::of(facts, failed) }, watched);
    for step in &facts.steps {
        match step.verdict {
            Verdict::Failed => {
                let course = state.steps.entry(step.step.clone()).or_default();
                course.push(Slot::of(facts, true), watched);
            }
            Verdict::Passed => {
                if let Some(course) = state.steps.get_mut(&step.step) {
                    course.push(Slot::of(facts, false), watched);
                }
            }
            Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => {}
        }
    }

    close_steps(turn, state, facts);
    close_canary(turn, state, facts);
    open(turn, state, facts);
    explain(state);
    open_moving(turn, state, facts);

    let open: Vec<String> = state.open_roots().map(|it| it.step.clone()).collect();
    state.steps.retain(|step, course| course.window.failures().next().is_some() || open.contains(step));
}

/// A step that has passed often enough in a row is well again: a failure begins the count anew.
fn close_steps(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let pass = turn.watched.policy.pass;
    let well: Vec<String> = state
        .own()
        .map(|it| it.step.clone())
        .filter(|step| state.steps.get(step).is_some_and(|it| it.well >= pass))
        .collect();
    let why = format!("passed in {}: {} was the last", in_a_row(pass), facts.run);
    let green = |it: &crate::alert::Incident| {
        it.kind == Kind::Step && it.roots.iter().all(|root| well.contains(&root.step))
    };
    turn.close_where(state, green, &why, Some(&facts.run));
}

/// The canary as a whole is well again after enough runs in which nothing failed but what has an incident of its own.
/// A run in which one of its roots could not be looked at says nothing: green means that something was checked.
fn close_canary(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let Some(incident) = state.open(Kind::Canary) else { return };
    let unseen = |step: &str| {
        let unseen = |verdict| matches!(verdict, Verdict::Blocked | Verdict::Inconclusive);
        facts.steps.iter().any(|it| it.step == step && unseen(it.verdict))
    };
    let fails = |root: &Evidence| !state.own().any(|it| it.step == root.step);
    if facts.roots().any(fails) || incident.roots.iter().any(|it| unseen(&it.step)) {
        return;
    }
    state.calm = state.calm.saturating_add(1);
    let pass = turn.watched.policy.pass;
    if state.calm >= pass {
        let row = in_a_row(pass);
        let why =
            format!("{row} without a failure that has no incident of its own: {} was the last", facts.run);
        turn.close(state, Kind::Canary, &why, Some(&facts.run));
    }
}

/// Opens what is down and has no incident yet.
fn open(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let watched = turn.watched;
    let down: Vec<&Evidence> = facts
        .roots()
        .filter(|root| !state.open_roots().any(|it| it.step == root.step))
        .filter(|root| state.steps.get(&root.step).is_some_and(|it| it.window.down(watched)))
        .collect();
    if let Some(incident) = state.open_mut(Kind::Canary) {
        down.into_iter().for_each(|root| turn.join(incident, root));
        return;
    }
    let beside = state.own().count();
    let most = watched.policy.roots;
    if !down.is_empty() && down.len() + beside > most {
        let names: Vec<&str> = down.iter().map(|it| &*it.step).collect();
        let beside_those = match beside {
            0 => String::new(),
            1 => ", beside one that has an incident of its own".to_owned(),
            some => format!(", beside {some} that have incidents of their own"),
        };
        let count = down.len() + beside;
        let why =
            format!("{count} steps are down at once, more than {most}: {}{beside_those}", names.join(", "));
        open_canary(turn, state, facts, down.into_iter().cloned().collect(), why);
        return;
    }
    for root in down {
        let Some(course) = state.steps.get(&root.step) else { continue };
        let runs: Vec<&str> = course.window.failures().map(|it| &*it.run).collect();
        let why = format!("failed in {}: {}", of_the_last(runs.len(), course.window.len()), runs.join(", "));
        let since = oldest(course.window.failures()).unwrap_or(facts.started);
        let (roots, run) = (vec![root.clone()], Some(facts.run.clone()));
        turn.open(state, Opening { kind: Kind::Step, roots, since, run, why });
    }
}

/// A failed run with a root that is open is explained, and stays so after that has closed: it does not count twice.
/// While the whole canary has an incident, that explains everything.
fn explain(state: &mut CanaryState) {
    let all = state.open(Kind::Canary).is_some();
    let open: Vec<String> = state.open_roots().map(|it| it.step.clone()).collect();
    for slot in state.runs.slots_mut() {
        if all || slot.unexplained.iter().any(|it| open.contains(it)) {
            slot.unexplained.clear();
        }
    }
}

/// Runs fail, but no step does so often enough.
fn open_moving(turn: &mut Turn<'_>, state: &mut CanaryState, facts: &RunFacts) {
    let unexplained = |it: &&Slot| !it.unexplained.is_empty();
    let slots: Vec<&Slot> = state.runs.slots().iter().filter(unexplained).collect();
    let enough = u32::try_from(slots.len()).is_ok_and(|it| it >= turn.watched.policy.fail);
    if !enough || slots.last().is_none_or(|it| it.run != facts.run) {
        return;
    }
    let runs: Vec<String> =
        slots.iter().map(|it| format!("{} ({})", it.run, it.unexplained.join(", "))).collect();
    let ratio = of_the_last(runs.len(), state.runs.len());
    let why = format!("another step fails from run to run, in {ratio}: {}", runs.join(", "));
    open_canary(turn, state, facts, facts.roots().cloned().collect(), why);
    explain(state);
}

fn open_canary(
    turn: &mut Turn<'_>,
    state: &mut CanaryState,
    facts: &RunFacts,
    roots: Vec<Evidence>,
    why: String,
) {
    let courses = roots.iter().filter_map(|it| state.steps.get(&it.step));
    let failures = courses.flat_map(|it| it.window.failures());
    let moving = state.runs.slots().iter().filter(|it| !it.unexplained.is_empty());
    let since = oldest(failures.chain(moving)).unwrap_or(facts.started);
    let run = Some(facts.run.clone());
    turn.open(state, Opening { kind: Kind::Canary, roots, since, run, why });
}

fn oldest<'s>(slots: impl Iterator<Item = &'s Slot>) -> Option<jiff::Timestamp> {
    slots.map(|it| it.started).min()
}

/// `2 of the last 3 runs`.
pub(super) fn of_the_last(some: usize, all: usize) -> String {
    format!("{some} of the last {}", runs(all))
}

/// `2 runs in a row`.
pub(super) fn in_a_row(pass: u32) -> String {
    match pass {
        1 => "one run".to_owned(),
        more => format!("{more} runs in a row"),
    }
}

fn runs(count: usize) -> String {
    format!("{count} {}", if count == 1 { "run" } else { "runs" })
}
