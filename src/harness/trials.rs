//! What each trial says when its step has ended.

use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::Handle;

use super::{
    select::{Selection, full, operation_name, suite_name},
    session::{Reporter, Session},
};
use crate::{
    failure::Failure,
    record::{StepRecord, TEXT_LIMIT, shorten},
    redact::Redactor,
    report::{
        console,
        surface::worst,
        text::{one_line, plain},
    },
    suite::{Run, StepEnd},
    verdict::Verdict,
};

/// How long the reason of an ignored trial may be, in bytes: it stands on the trial's line.
const REASON: usize = 500;

/// What trials share.
#[derive(Clone)]
struct Shared {
    /// The redactor of the process: clients that outlive a run register with it, also after the run has begun.
    redactor: Redactor,
    handle: Handle,
}

/// A trial for every case of the plan; those that are not selected do nothing, because the harness leaves them out.
pub(super) fn trials(args: &Arguments, selection: &Selection, session: &Session) -> Vec<Trial> {
    let reporter = &session.reporter;
    let Reporter { plan, runs, redactor, .. } = &**reporter;
    let shared = &Shared { redactor: redactor.clone(), handle: session.runtime.handle().clone() };
    if selection.is_single() {
        let (reporter, shared) = (Arc::clone(reporter), shared.clone());
        return vec![Trial::test(suite_name(), move || whole_suite(&reporter, &shared))];
    }
    let asked = args.ignored || args.include_ignored;
    let mut trials = Vec::new();
    for (number, canary) in plan.canaries.iter().enumerate() {
        let selected: Arc<[usize]> = selection.asked(number).into();
        let run = runs.iter().find(|run| Arc::ptr_eq(run.plan(), canary));
        for (step, name) in canary.cases() {
            let name = full(canary, name);
            match canary.ignored(step) {
                // Without the harness's own flag, because that leaves no place for the reason.
                Some(reason) if !asked => {
                    let reason = one_line(reason, REASON);
                    trials.push(Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason))));
                }
                ignored => {
                    let (run, selected, shared) = (run.cloned(), Arc::clone(&selected), shared.clone());
                    let trial = Trial::ignorable_test(name, move || {
                        let Some(run) = run else { return Ok(Completion::ignored_with("not selected")) };
                        outcome(&run, &selected, step, &shared)
                    });
                    trials.push(trial.with_ignored_flag(ignored.is_some()));
                }
            }
        }
    }
    let asked: Arc<[String]> = plan
        .canaries
        .iter()
        .enumerate()
        .flat_map(|(number, canary)| {
            selection.asked(number).iter().map(|&it| full(canary, &canary.title(it)))
        })
        .collect();
    // Last, because they wait for everything else.
    trials.extend(plan.operations.iter().map(|operation| {
        let (reporter, shared, asked) = (Arc::clone(reporter), shared.clone(), Arc::clone(&asked));
        let (name, operation) = (operation_name(operation), operation.clone());
        Trial::ignorable_test(name, move || surface_case(&reporter, &shared, &asked, &operation))
    }));
    trials
}

/// The trial of an operation; `asked` are the steps that have a trial.
fn surface_case(
    reporter: &Reporter,
    shared: &Shared,
    asked: &[String],
    operation: &str,
) -> Result<Completion, Failed> {
    let (cases, records) = reporter.surface(&shared.handle);
    let Some(case) = cases.iter().find(|it| it.operation == operation) else {
        return Ok(Completion::ignored_with("not selected"));
    };
    let clean = |text: &str| reporter.runs.iter().fold(text.to_owned(), |text, run| shared.clean(run, &text));
    let message = clean(case.message.as_deref().unwrap_or_default());
    // A trial that reports the root: its own, that of an operation which it proves, or that of a step which it blocks
    // if it is a fixture.
    let reported = || {
        let judged = |step: &StepRecord| {
            cases.iter().any(|it| it.verdict == Verdict::Failed && step.covers.contains(&it.operation))
        };
        records.iter().any(|record| {
            let roots =
                record.steps.iter().filter(|step| case.root.as_ref() == Some(&record.full_name(step)));
            roots.into_iter().any(|root| {
                let blocked = record.steps.iter().filter(|it| it.root.as_ref() == Some(&root.name));
                judged(root)
                    || asked.contains(&record.full_name(root))
                    || blocked.into_iter().any(|it| asked.contains(&record.full_name(it)))
            })
        })
    };
    match case.verdict {
        Verdict::Passed => Ok(Completion::Completed),
        Verdict::Skipped => Ok(Completion::ignored_with(one_line(&message, REASON))),
        Verdict::Blocked if reported() => Ok(Completion::ignored_with(one_line(&message, REASON))),
        verdict @ (Verdict::Failed | Verdict::Inconclusive | Verdict::Blocked) => {
            let also: String = case.also.iter().map(|it| format!("\n  also: {}", clean(it))).collect();
            let word = match verdict {
                Verdict::Inconclusive => "inconclusive: ",
                _ => "",
            };
            Err(format!("{word}{message}{also}").into())
        }
    }
}

fn outcome(run: &Arc<Run>, selected: &[usize], step: usize, shared: &Shared) -> Result<Completion, Failed> {
    let end = shared.end_of(run, step);
    let clean = |text: String| shared.clean(run, &text);
    let text = |end: &StepEnd| end.failure().map_or_else(String::new, Failure::to_string);
    let promise = match run.plan().promise(step) {
        "" => String::new(),
        promise => format!("\n  promise: {promise}"),
    };
    match (end.verdict(), end.root()) {
        (Verdict::Passed, _) => Ok(Completion::Completed),
        (Verdict::Failed, _) => Err(clean(format!("{}{promise}", text(&end))).into()),
        (Verdict::Inconclusive, _) => Err(clean(format!("inconclusive: {}{promise}", text(&end))).into()),
        (Verdict::Blocked, Some(root)) => {
            let title = run.plan().title(root);
            if reported_elsewhere(run, selected, step, root, shared) {
                let message = end.failure().map_or("", |it| it.message.as_str());
                let reason = clean(format!("blocked by `{title}`: {message}"));
                return Ok(Completion::ignored_with(one_line(&reason, REASON)));
            }
            // Nobody else will say it, and a run must never be green having checked nothing.
            let word = end.failure().map_or(Verdict::Failed, Failure::verdict);
            Err(clean(format!("{word}: blocked by `{title}`: {}", text(&end))).into())
        }
        (Verdict::Blocked, None) => Err("blocked, and nobody says by what".into()),
        (Verdict::Skipped, _) => Ok(Completion::ignored_with("skipped")),
    }
}

impl Shared {
    /// Waits for a step's end. If nobody has started it, it starts now, which must happen inside the runtime.
    fn end_of(&self, run: &Arc<Run>, step: usize) -> StepEnd {
        self.handle.block_on(async { run.end_of(step).await })
    }

    /// The text without secrets, and without what would steer a terminal; the end of a very long one is left out.
    fn clean(&self, run: &Run, text: &str) -> String {
        let redacted = |text: &str| self.redactor.clean(&run.redactor().clean(text)).into_owned();
        // Once more, because a control character may have stood in the middle of a secret.
        let mut text = redacted(&plain(&redacted(text)));
        shorten(&mut text, TEXT_LIMIT);
        text
    }
}

/// Whether another trial of this process fails for `root`, so that this one may leave it at naming it.
///
/// A selected step reports itself. A fixture is no trial: the first selected step that it blocks reports it for all.
fn reported_elsewhere(run: &Arc<Run>, selected: &[usize], step: usize, root: usize, shared: &Shared) -> bool {
    if selected.contains(&root) {
        return true;
    }
    let plan = run.plan();
    // A step that needs several broken fixtures is blocked by one of them, and reports only that one.
    let mut before = selected.iter().filter(|&&other| other < step && plan.closure([other])[root]);
    plan.is_fixture(root) && before.any(|&other| shared.end_of(run, other).root() == Some(root))
}

fn whole_suite(reporter: &Reporter, shared: &Shared) -> Result<(), Failed> {
    let (surface, records) = reporter.surface(&shared.handle);
    match worst(records, surface) {
        Verdict::Passed => Ok(()),
        Verdict::Failed | Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => {
            let summary = console::summary(records, surface, false);
            Err(reporter.runs.iter().fold(summary, |text, run| shared.clean(run, &text)).into())
        }
    }
}
