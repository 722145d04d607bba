//! A suite as people write it: canaries, their steps in reading order, and each step's options.
//!
//! Reading order: `context` (what an argument may be), `handler` (which functions are steps), this file
//! (registration), `plan` (the checked graph), `run` (one execution, memoised), `cleanup` (undoing it).

mod cleanup;
mod context;
mod handler;
mod plan;
mod policies;
mod problem;
mod run;

use std::{any::TypeId, future::Future, panic::Location, sync::Arc, time::Duration};

pub use cleanup::{CLEANUP_LIMIT, Cleanup, Journal, JournalEntry, NoJournal, Undo};
pub use context::Key;
pub use context::{Context, Ends, FromContext, Needs, Out, Recorder, Resources};
pub use handler::{Arguments, Handler, Outcome};
use handler::{BoxStep, erase};
#[cfg(feature = "harness")]
pub(crate) use plan::SURFACE;
pub use plan::{CanaryPlan, Plan};
pub use problem::{PlanError, Problem};
pub(crate) use run::hex;
pub use run::{Limits, Observer, Run, RunOptions, StepEnd, new_run_id};

use crate::{
    policy::{AlertPolicy, PolicyChoice},
    record::StepKind,
    verdict::Severity,
};

/// How long a step may take that says nothing of it.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long after its first failure a canary is run once more, if it says nothing of it.
pub const DEFAULT_RECHECK: Duration = Duration::from_secs(30);

/// All canaries of one product.
///
/// ```
/// use coalmine::{Canary, Result, Suite};
///
/// async fn answers() -> Result<()> {
///     Ok(())
/// }
///
/// let suite = Suite::new("shop").canary(Canary::new("front").step("answers", answers).promise("it answers"));
/// assert!(suite.plan().is_ok());
/// ```
pub struct Suite {
    pub(crate) name: Arc<str>,
    pub(crate) canaries: Vec<Canary>,
    pub(crate) operations: Option<Vec<String>>,
    pub(crate) policies: Vec<(Arc<str>, AlertPolicy)>,
    /// Steps that are no test cases in this run, as `canary::step`.
    pub(crate) without: Vec<String>,
}

impl Suite {
    /// A suite without canaries.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            canaries: Vec::new(),
            operations: None,
            policies: Vec::new(),
            without: Vec::new(),
        }
    }

    /// Adds a canary.
    #[must_use]
    pub fn canary(mut self, canary: Canary) -> Self {
        self.canaries.push(canary);
        self
    }

    /// Gives a policy a name by which canaries choose it with [`Canary::alert`]. The one called `default` is that of all
    /// who choose none.
    #[must_use]
    pub fn policy(mut self, name: &str, policy: AlertPolicy) -> Self {
        self.policies.push((name.into(), policy));
        self
    }

    /// Names the product's operations. Each must then have exactly one prover.
    #[must_use]
    pub fn operations<S: Into<String>>(mut self, operations: impl IntoIterator<Item = S>) -> Self {
        self.operations = Some(operations.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves a step out, given as `canary::step`: it is no test case any more, and nobody proves the operations that it
    /// covers, so their cases of the [surface](crate::report::surface) fail. Where other steps take its output it is
    /// still made, as by a fixture. For finding out what a suite would miss.
    #[must_use]
    pub fn without(mut self, step: &str) -> Self {
        self.without.push(step.to_owned());
        self
    }

    /// Checks everything that can be wrong with a suite before the first request.
    ///
    /// # Errors
    /// All problems at once, each with its remedy.
    pub fn plan(self) -> Result<Plan, PlanError> {
        Plan::check(self)
    }
}

/// One flow with a schedule of its own: steps in the order in which people should read them.
///
/// An option that follows a step is that step's; see [`Canary::step`].
pub struct Canary {
    pub(crate) name: Arc<str>,
    pub(crate) steps: Vec<Step>,
    pub(crate) every: Option<Duration>,
    /// Expression and time zone.
    pub(crate) cron: Option<(Arc<str>, Arc<str>)>,
    pub(crate) recheck: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) alert: Option<PolicyChoice>,
    budget: Option<Duration>,
    /// Options that stood before the first step; the plan reports them.
    pub(crate) misplaced: Vec<&'static str>,
}

pub(crate) struct Step {
    pub(crate) name: Arc<str>,
    pub(crate) kind: StepKind,
    pub(crate) run: BoxStep,
    pub(crate) needs: context::Needs,
    pub(crate) output: Key,
    pub(crate) picks: Vec<(Key, Arc<str>)>,
    pub(crate) after: Vec<Arc<str>>,
    pub(crate) covers: Vec<Arc<str>>,
    pub(crate) promise: Arc<str>,
    pub(crate) severity: Severity,
    pub(crate) runbook: Option<Arc<str>>,
    pub(crate) timeout: Duration,
    pub(crate) within: Option<Duration>,
    pub(crate) retries: u32,
    pub(crate) ignored: Option<Arc<str>>,
    pub(crate) place: &'static Location<'static>,
}

impl Canary {
    /// A canary without steps. Its name keys history and pages.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
            every: None,
            cron: None,
            recheck: DEFAULT_RECHECK,
            deadline: None,
            alert: None,
            budget: None,
            misplaced: Vec::new(),
        }
    }

    /// Runs this often when it runs on a schedule.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = Some(interval);
        self
    }

    /// Runs at these times when it runs on a schedule: a cron expression, with seconds as an optional first field, and
    /// the time zone that it is meant in, by its IANA name. What is wrong with either is said when the service starts.
    ///
    /// Where a zone's clocks go forward, a time that does not exist is replaced by the first one that does. Where they
    /// go back, a canary whose hour is fixed runs once; one whose hour is `*` or a step runs in both passes.
    ///
    /// ```
    /// # use coalmine::Canary;
    /// let canary = Canary::new("front").cron("*/5 6-22 * * MON-FRI", "Europe/Berlin");
    /// ```
    #[must_use]
    pub fn cron(mut self, expression: &str, zone: &str) -> Self {
        self.cron = Some((expression.into(), zone.into()));
        self
    }

    /// How long after a first failure it is run once more by the service, if its schedule does not run it sooner.
    /// Default: [`DEFAULT_RECHECK`].
    #[must_use]
    pub fn recheck(mut self, delay: Duration) -> Self {
        self.recheck = delay;
        self
    }

    /// How long a whole run may take. Without it: the longest chain of the steps' own timeouts.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// When somebody is told of this canary: a policy of the suite by its name, or one of its own. Without it, the
    /// suite's `default`.
    ///
    /// ```
    /// # use coalmine::{AlertPolicy, Canary, Suite};
    /// let suite = Suite::new("shop")
    ///     .policy("patient", AlertPolicy::default().open(3, 5))
    ///     .canary(Canary::new("front").alert("patient"))
    ///     .canary(Canary::new("back").alert(AlertPolicy::default().close(5)));
    /// ```
    #[must_use]
    pub fn alert(mut self, policy: impl Into<PolicyChoice>) -> Self {
        self.alert = Some(policy.into());
        self
    }

    /// The latency budget of all steps added from here on that have no [`within`](Self::within) of their own.
    #[must_use]
    pub fn budget(mut self, limit: Duration) -> Self {
        self.budget = Some(limit);
        self
    }

    /// Adds a step: an async function whose argument types say what it holds and needs, and whose output is the
    /// fact that it establishes.
    #[must_use]
    #[track_caller]
    pub fn step<Args, H>(self, name: &str, handler: H) -> Self
    where
        Args: Arguments,
        H: Handler<Args>,
        H::Future: Future<Output: Outcome> + Send + 'static,
    {
        self.add(name, StepKind::Step, handler, Location::caller())
    }

    /// Adds shared set-up that is no test case of its own: it runs once, when the first step asks for its output.
    #[must_use]
    #[track_caller]
    pub fn fixture<Args, H>(self, name: &str, handler: H) -> Self
    where
        Args: Arguments,
        H: Handler<Args>,
        H::Future: Future<Output: Outcome> + Send + 'static,
    {
        self.add(name, StepKind::Fixture, handler, Location::caller())
    }

    /// The step just added is responsible for an operation of the product.
    #[must_use]
    pub fn covers(self, operation: &str) -> Self {
        self.option("covers", |step| step.covers.push(operation.into()))
    }

    /// The one sentence that the step just added promises, for reports and pages.
    #[must_use]
    pub fn promise(self, sentence: &str) -> Self {
        self.option("promise", |step| step.promise = sentence.into())
    }

    /// The step just added fails when an attempt is still running after this time. Default: [`DEFAULT_TIMEOUT`].
    #[must_use]
    pub fn timeout(self, limit: Duration) -> Self {
        self.option("timeout", |step| step.timeout = limit)
    }

    /// The latency budget of the step just added: right but later than this is a failure with cause *latency*.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        self.option("within", |step| step.within = Some(limit))
    }

    /// Tries the step just added up to this many times more. Every attempt is in the record, and a pass that took
    /// more than one is marked as flaky.
    #[must_use]
    pub fn retry(self, times: u32) -> Self {
        self.option("retry", |step| step.retries = times)
    }

    /// The step just added runs after another one if that one runs at all: it neither pulls it in nor is blocked
    /// by it.
    #[must_use]
    pub fn after(self, step: &str) -> Self {
        self.option("after", |it| it.after.push(step.into()))
    }

    /// As [`Self::after`], for several steps.
    #[must_use]
    pub fn after_all(self, steps: &[&str]) -> Self {
        steps.iter().fold(self, |canary, step| canary.after(step))
    }

    /// The step just added takes `Out<T>` from a certain step, where several return a `T`.
    #[must_use]
    pub fn pick<T: 'static>(self, step: &str) -> Self {
        self.option("pick", |it| {
            it.picks.reserve_exact(1);
            it.picks.push((Key::of::<T>(), step.into()));
        })
    }

    /// How loud a failure of the step just added is. Default: critical.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        self.option("severity", |step| step.severity = severity)
    }

    /// Where the engineer on call reads on about the step just added.
    #[must_use]
    pub fn runbook(self, link: &str) -> Self {
        self.option("runbook", |step| step.runbook = Some(link.into()))
    }

    /// Leaves the step just added out, unless ignored steps are asked for or a step that runs takes its output.
    #[must_use]
    pub fn ignore(self, reason: &str) -> Self {
        self.option("ignore", |step| step.ignored = Some(reason.into()))
    }

    fn option(mut self, name: &'static str, set: impl FnOnce(&mut Step)) -> Self {
        match self.steps.last_mut() {
            Some(step) => set(step),
            None => self.misplaced.push(name),
        }
        self
    }

    fn add<Args, H>(
        mut self,
        name: &str,
        kind: StepKind,
        handler: H,
        place: &'static Location<'static>,
    ) -> Self
    where
        Args: Arguments,
        H: Handler<Args>,
        H::Future: Future<Output: Outcome> + Send + 'static,
    {
        let mut needs = context::Needs::default();
        Args::needs(&mut needs);
        needs.outputs.shrink_to_fit();
        self.steps.push(Step {
            name: name.into(),
            kind,
            run: erase::<Args, H>(handler),
            needs,
            output: Key::of::<<<H::Future as Future>::Output as Outcome>::Output>(),
            picks: Vec::new(),
            after: Vec::new(),
            covers: Vec::new(),
            promise: Arc::default(),
            severity: Severity::default(),
            runbook: None,
            timeout: DEFAULT_TIMEOUT,
            within: self.budget,
            retries: 0,
            ignored: None,
            place,
        });
        self
    }
}

impl Step {
    /// A step that returns `()` establishes nothing that another could take.
    pub(crate) fn returns_a_fact(&self) -> bool {
        self.output.id != TypeId::of::<()>()
    }
}
