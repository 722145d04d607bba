//! The checked graph: every need has exactly one provider, every operation one prover, and there is no cycle.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Step, Suite,
    context::{Key, Resources},
    policies,
    problem::{PlanError, Problem},
};
use crate::{
    policy::AlertPolicy,
    record::{StepKind, title},
};

/// What the cases of the product's operations stand under, as steps do under their canary.
pub(crate) const SURFACE: &str = "surface";

/// A suite whose needs are all met.
pub struct Plan {
    /// The suite's name.
    pub suite: Arc<str>,
    /// Its canaries, in the order of the table of contents.
    pub canaries: Vec<Arc<CanaryPlan>>,
    /// The product's operations, if the suite names them.
    pub operations: Vec<String>,
    /// Operations with the step that would prove them if it were not [left out](Suite::without).
    pub(crate) left_out: HashMap<Arc<str>, String>,
}

/// One canary with its steps wired up.
pub struct CanaryPlan {
    pub(crate) suite: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) steps: Vec<Planned>,
    pub(crate) every: Option<Duration>,
    pub(crate) cron: Option<(Arc<str>, Arc<str>)>,
    pub(crate) recheck: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) alert: AlertPolicy,
}

pub(crate) struct Planned {
    pub(crate) step: Step,
    /// Where each argument's output comes from.
    pub(crate) inputs: Vec<(TypeId, usize)>,
    /// The steps behind `inputs`, each once. They are pulled, and block.
    pub(crate) needs: Vec<usize>,
    /// Steps to wait for if they run in this run. They neither are pulled nor block.
    pub(crate) order: Vec<usize>,
}

impl Plan {
    pub(crate) fn check(suite: Suite) -> Result<Self, PlanError> {
        let Suite { name, mut canaries, operations, policies, without } = suite;
        let mut problems = Vec::new();
        policies::check(&policies, &mut problems);
        let left_out = leave_out(&mut canaries, without, &mut problems);
        if canaries.is_empty() {
            problems.push(Problem::NoCanaries { suite: name.clone() });
        }

        let mut names = HashSet::new();
        let mut provers: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        for canary in &canaries {
            if !names.insert(canary.name.clone()) {
                problems.push(Problem::DuplicateCanary { canary: canary.name.clone() });
            }
            if &*canary.name == SURFACE && operations.is_some() {
                problems.push(Problem::ReservedName { canary: canary.name.clone() });
            }
            for step in &canary.steps {
                let full = format!("{}::{}", canary.name, title(step.kind, &step.name));
                for operation in &step.covers {
                    if step.kind == StepKind::Fixture {
                        problems.push(Problem::FixtureCovers {
                            step: full.clone(),
                            operation: operation.clone(),
                        });
                    }
                    if operations.as_ref().is_some_and(|all| !all.iter().any(|it| **it == **operation)) {
                        problems.push(Problem::UnknownOperation {
                            step: full.clone(),
                            operation: operation.clone(),
                        });
                    }
                    let by = provers.entry(operation.clone()).or_default();
                    if by.last() != Some(&full) {
                        by.push(full.clone());
                    }
                }
            }
        }
        let mut contested: Vec<_> = provers.iter().filter(|(_, by)| by.len() > 1).collect();
        contested.sort();
        for (operation, by) in contested {
            problems.push(Problem::TwoProvers { operation: operation.clone(), steps: by.clone() });
        }
        for operation in operations.iter().flatten() {
            let known = provers.contains_key(operation.as_str()) || left_out.contains_key(operation.as_str());
            if !known {
                problems.push(Problem::NoProver { operation: operation.clone() });
            }
        }

        let mut everywhere: HashMap<TypeId, String> = HashMap::new();
        for canary in &canaries {
            for step in canary.steps.iter().filter(|it| it.returns_a_fact()) {
                let full = || format!("{}::{}", canary.name, title(step.kind, &step.name));
                everywhere.entry(step.output.id).or_insert_with(full);
            }
        }
        let canaries = canaries
            .into_iter()
            .map(|canary| {
                Arc::new(CanaryPlan::wire(name.clone(), canary, &policies, &everywhere, &mut problems))
            })
            .collect();
        if problems.is_empty() {
            Ok(Self { suite: name, canaries, operations: operations.unwrap_or_default(), left_out })
        } else {
            Err(PlanError { problems })
        }
    }

    /// What the steps need from outside and would not be given.
    ///
    /// # Errors
    /// One problem per step and missing resource.
    pub fn check_resources(&self, resources: &Resources) -> Result<(), PlanError> {
        let mut problems = Vec::new();
        for canary in &self.canaries {
            for planned in &canary.steps {
                for need in planned.step.needs.resources.iter().filter(|need| !resources.has(need)) {
                    problems.push(Problem::MissingResource {
                        step: canary.full_name(&planned.step),
                        need: *need,
                    });
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(PlanError { problems }) }
    }

    /// The step that is responsible for an operation: the canary's number in [`Self::canaries`], and the step's in it.
    #[must_use]
    pub fn prover(&self, operation: &str) -> Option<(usize, usize)> {
        self.canaries.iter().enumerate().find_map(|(number, canary)| {
            let covers = |it: &Planned| it.step.covers.iter().any(|it| **it == *operation);
            Some((number, canary.steps.iter().position(covers)?))
        })
    }

    /// The canary of that name.
    #[must_use]
    pub fn canary(&self, name: &str) -> Option<&Arc<CanaryPlan>> {
        self.canaries.iter().find(|it| *it.name == *name)
    }
}

impl CanaryPlan {
    fn wire(
        suite: Arc<str>,
        canary: super::Canary,
        policies: &[(Arc<str>, AlertPolicy)],
        everywhere: &HashMap<TypeId, String>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let super::Canary { name, steps, every, cron, recheck, deadline, alert, budget: _, misplaced } =
            canary;
        let full = |step: &Step| format!("{name}::{}", title(step.kind, &step.name));
        if !well_named(&name) {
            problems.push(Problem::BadName { name: name.to_string() });
        }
        for option in misplaced {
            problems.push(Problem::Misplaced { canary: name.clone(), option });
        }
        let alert = policies::choose(&name, alert, policies, problems);
        if every.is_some_and(|it| it.is_zero()) {
            problems.push(Problem::NoPause { canary: name.clone() });
        }
        if every.is_some() && cron.is_some() {
            problems.push(Problem::TwoRhythms { canary: name.clone() });
        }
        if !steps.iter().any(|step| step.kind == StepKind::Step) {
            problems.push(Problem::NoSteps { canary: name.clone() });
        }

        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut by_output: HashMap<TypeId, Vec<usize>> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            if !well_named(&step.name) {
                problems.push(Problem::BadName { name: full(step) });
            }
            if let Some(first) = by_name.insert(&step.name, index) {
                problems.push(Problem::DuplicateName {
                    step: full(step),
                    places: [steps[first].place.to_string(), step.place.to_string()],
                });
            }
            by_output.entry(step.output.id).or_default().push(index);
        }

        let mut edges = Vec::with_capacity(steps.len());
        let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut enders: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let mut inputs = Vec::with_capacity(step.needs.outputs.len());
            for need in &step.needs.outputs {
                match provider(step, need, &steps, &by_name, &by_output, everywhere, &full) {
                    Ok(from) => {
                        inputs.push((need.id, from));
                        let ends = step.needs.ends.iter().any(|it| it.id == need.id);
                        let side = if ends { &mut enders } else { &mut readers };
                        let users = side.entry(from).or_default();
                        if users.last() != Some(&index) {
                            users.push(index);
                        }
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            for (key, _) in &step.picks {
                if !step.needs.outputs.iter().any(|need| need.id == key.id) {
                    problems.push(Problem::IdlePick { step: full(step), key: *key });
                }
            }
            let mut needs: Vec<usize> = Vec::with_capacity(inputs.len());
            for &(_, from) in &inputs {
                if !needs.contains(&from) {
                    needs.push(from);
                }
            }
            let mut order = Vec::new();
            for named in &step.after {
                match by_name.get(&**named) {
                    Some(&other) => order.push(other),
                    None => problems.push(Problem::UnknownStep { step: full(step), named: named.clone() }),
                }
            }
            edges.push((inputs, needs, order));
        }
        for (provider, by) in &enders {
            if by.len() > 1 {
                problems.push(Problem::TwoEnds {
                    key: steps[*provider].output,
                    steps: by.iter().map(|&it| full(&steps[it])).collect(),
                });
            }
            for &ender in by {
                let order = &mut edges[ender].2;
                order.extend(readers.get(provider).into_iter().flatten().filter(|&&it| it != ender));
            }
        }
        for (_, needs, order) in &mut edges {
            order.sort_unstable();
            order.dedup();
            order.retain(|it| !needs.contains(it));
        }
        for path in find_cycles(&edges) {
            let named = |at: usize, other: usize| steps[at].after.iter().any(|it| *it == steps[other].name);
            problems.push(Problem::Cycle {
                ends: path
                    .windows(2)
                    .filter(|pair| !edges[pair[0]].1.contains(&pair[1]) && !named(pair[0], pair[1]))
                    .map(|pair| [full(&steps[pair[0]]), full(&steps[pair[1]])])
                    .collect(),
                path: path.into_iter().map(|it| full(&steps[it])).collect(),
            });
        }

        let steps = steps
            .into_iter()
            .zip(edges)
            .map(|(step, (inputs, needs, order))| Planned { step, inputs, needs, order })
            .collect();
        Self { suite, name, steps, every, cron, recheck, deadline, alert }
    }

    /// The canary's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it runs on a schedule.
    #[must_use]
    pub fn every(&self) -> Option<Duration> {
        self.every
    }

    /// The cron expression that says when it runs on a schedule, and its time zone; neither has been looked at.
    #[must_use]
    pub fn cron(&self) -> Option<(&str, &str)> {
        self.cron.as_ref().map(|(expression, zone)| (&**expression, &**zone))
    }

    /// How long after a first failure it is run once more.
    #[must_use]
    pub fn recheck(&self) -> Duration {
        self.recheck
    }

    /// When somebody is told of it.
    #[must_use]
    pub fn alert(&self) -> &AlertPolicy {
        &self.alert
    }

    /// Index and name of every test case, fixtures left out.
    pub fn cases(&self) -> impl Iterator<Item = (usize, &str)> {
        let steps = self.steps.iter().enumerate();
        steps.filter(|(_, it)| it.step.kind == StepKind::Step).map(|(index, it)| (index, &*it.step.name))
    }

    /// Whether a step is left out unless ignored steps are asked for.
    #[must_use]
    pub fn ignored(&self, step: usize) -> Option<&str> {
        self.steps[step].step.ignored.as_deref()
    }

    /// How many steps and fixtures it has; they are numbered from 0 in reading order.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a plan without steps is refused")]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// What a step promises; empty if it says nothing.
    #[must_use]
    pub fn promise(&self, step: usize) -> &str {
        &self.steps[step].step.promise
    }

    /// A step's name as people read it: `sign_up`, or `fixture workspace`.
    #[must_use]
    pub fn title(&self, step: usize) -> String {
        title(self.steps[step].step.kind, &self.steps[step].step.name)
    }

    /// Whether a step is shared set-up and no test case.
    #[must_use]
    pub fn is_fixture(&self, step: usize) -> bool {
        self.steps[step].step.kind == StepKind::Fixture
    }

    /// The selected steps with everything they pull in.
    #[must_use]
    pub fn closure(&self, selected: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut wanted = vec![false; self.steps.len()];
        let mut queue: Vec<usize> = selected.into_iter().collect();
        while let Some(step) = queue.pop() {
            if !std::mem::replace(&mut wanted[step], true) {
                queue.extend(&self.steps[step].needs);
            }
        }
        wanted
    }

    /// The steps that chose to come [after](super::Canary::after) a step without needing it: they may judge what it did.
    #[must_use]
    pub fn followers(&self, step: usize) -> Vec<usize> {
        let name = &self.steps[step].step.name;
        let follows = |it: &Planned| it.step.after.contains(name);
        self.steps.iter().enumerate().filter(|(_, it)| follows(it)).map(|(index, _)| index).collect()
    }

    /// How long a run may take: what the canary says, or the longest chain of its steps' timeouts.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        if let Some(limit) = self.deadline {
            return limit;
        }
        let mut until: Vec<Option<Duration>> = vec![None; self.steps.len()];
        let mut stack: Vec<usize> = (0..self.steps.len()).collect();
        // Deepest first, without recursion: a chain may be thousands of steps long.
        while let Some(&at) = stack.last() {
            let Planned { step, needs, order, .. } = &self.steps[at];
            let open: Vec<_> = needs.iter().chain(order).copied().filter(|&it| until[it].is_none()).collect();
            if open.is_empty() {
                let before = needs.iter().chain(order).filter_map(|&it| until[it]).max().unwrap_or_default();
                let own = step.timeout.saturating_mul(step.retries.saturating_add(1));
                until[at] = Some(before.saturating_add(own));
                stack.pop();
            } else {
                stack.extend(open);
            }
        }
        until.into_iter().flatten().max().unwrap_or_default()
    }

    pub(crate) fn full_name(&self, step: &Step) -> String {
        format!("{}::{}", self.name, title(step.kind, &step.name))
    }
}

/// Turns steps that are left out into fixtures that cover nothing; says which operations nobody proves then.
fn leave_out(
    canaries: &mut [super::Canary],
    without: Vec<String>,
    problems: &mut Vec<Problem>,
) -> HashMap<Arc<str>, String> {
    let mut left_out = HashMap::new();
    for full in without {
        let step = full.split_once("::").and_then(|(canary, step)| {
            let mut steps = canaries.iter_mut().filter(|it| *it.name == *canary).flat_map(|it| &mut it.steps);
            steps.find(|it| *it.name == *step && it.kind == StepKind::Step)
        });
        match step {
            Some(step) => {
                step.kind = StepKind::Fixture;
                left_out.extend(step.covers.drain(..).map(|operation| (operation, full.clone())));
            }
            None => problems.push(Problem::NothingToLeaveOut { step: full }),
        }
    }
    left_out
}

/// The one step that an argument's output comes from.
fn provider(
    step: &Step,
    need: &Key,
    steps: &[Step],
    by_name: &HashMap<&str, usize>,
    by_output: &HashMap<TypeId, Vec<usize>>,
    everywhere: &HashMap<TypeId, String>,
    full: &impl Fn(&Step) -> String,
) -> Result<usize, Problem> {
    let providers = by_output.get(&need.id).map_or(&[][..], Vec::as_slice);
    if let Some((_, picked)) = step.picks.iter().find(|(key, _)| key.id == need.id) {
        return match by_name.get(&**picked) {
            Some(&index) if steps[index].output.id == need.id => Ok(index),
            Some(&index) => Err(Problem::WrongPick {
                step: full(step),
                need: *need,
                picked: picked.clone(),
                returns: steps[index].output,
            }),
            None => Err(Problem::UnknownStep { step: full(step), named: picked.clone() }),
        };
    }
    match providers {
        [only] => Ok(*only),
        [] => Err(Problem::Missing {
            step: full(step),
            need: *need,
            elsewhere: everywhere.get(&need.id).cloned(),
            offered: steps
                .iter()
                .filter(|it| it.returns_a_fact())
                .map(|it| (it.output, it.name.clone()))
                .collect(),
        }),
        several => Err(Problem::Ambiguous {
            step: full(step),
            need: *need,
            providers: several.iter().map(|&it| steps[it].name.clone()).collect(),
        }),
    }
}

type Edges = (Vec<(TypeId, usize)>, Vec<usize>, Vec<usize>);

/// Cycles that have no step in common, each with its first step again at the end.
fn find_cycles(edges: &[Edges]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }

    let mut cycles: Vec<Vec<usize>> = Vec::new();
    let mut reported = vec![false; edges.len()];
    let mut marks = vec![Mark::New; edges.len()];
    for start in 0..edges.len() {
        // The path from `start`, each step with the number of its edges already followed. No recursion: a chain may
        // be thousands of steps long.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, followed)) = path.last_mut() {
            if *followed == 0 {
                if marks[*at] == Mark::Done {
                    path.pop();
                    continue;
                }
                marks[*at] = Mark::Open;
            }
            let (_, needs, order) = &edges[*at];
            let Some(&next) = needs.iter().chain(order).nth(*followed) else {
                marks[*at] = Mark::Done;
                path.pop();
                continue;
            };
            *followed += 1;
            if marks[next] != Mark::Open {
                path.push((next, 0));
                continue;
            }
            let cycle = path.iter().map(|&(step, _)| step).skip_while(|&step| step != next);
            let cycle: Vec<usize> = cycle.chain([next]).collect();
            if !cycle.iter().any(|&step| reported[step]) {
                cycle.iter().for_each(|&step| reported[step] = true);
                cycles.push(cycle);
            }
        }
    }
    cycles
}

/// Names become parts of trial names, keys of pages and labels: letters, digits, `_`, `-` and `.` only.
fn well_named(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '.'))
}
