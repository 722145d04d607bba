//! What can be wrong with a suite, and what is said of it: each text ends with the remedy.

use std::{fmt, sync::Arc};

use super::context::Key;

/// Everything wrong with a suite, all at once.
#[derive(Debug)]
pub struct PlanError {
    /// Each with its remedy in its text.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a suite.
#[derive(Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts below say what each is, with the same names")]
pub enum Problem {
    NoCanaries { suite: Arc<str> },
    NoSteps { canary: Arc<str> },
    NoPause { canary: Arc<str> },
    TwoRhythms { canary: Arc<str> },
    BadName { name: String },
    DuplicateCanary { canary: Arc<str> },
    DuplicateName { step: String, places: [String; 2] },
    Misplaced { canary: Arc<str>, option: &'static str },
    Missing { step: String, need: Key, elsewhere: Option<String>, offered: Vec<(Key, Arc<str>)> },
    MissingResource { step: String, need: Key },
    Ambiguous { step: String, need: Key, providers: Vec<Arc<str>> },
    WrongPick { step: String, need: Key, picked: Arc<str>, returns: Key },
    IdlePick { step: String, key: Key },
    UnknownStep { step: String, named: Arc<str> },
    TwoEnds { key: Key, steps: Vec<String> },
    Cycle { path: Vec<String>, ends: Vec<[String; 2]> },
    UnknownOperation { step: String, operation: Arc<str> },
    FixtureCovers { step: String, operation: Arc<str> },
    TwoProvers { operation: Arc<str>, steps: Vec<String> },
    NoProver { operation: String },
    NothingToLeaveOut { step: String },
    ReservedName { canary: Arc<str> },
    UnknownPolicy { canary: Arc<str>, policy: Arc<str>, known: Vec<Arc<str>> },
    BadPolicy { of: String, mistake: String },
    DuplicatePolicy { policy: Arc<str> },
}

impl std::error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the suite has a problem:")?,
            many => write!(f, "the suite has {many} problems:")?,
        }
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCanaries { suite } => {
                write!(f, "the suite `{suite}` has no canary; add one with `.canary(..)`")
            }
            Self::NoSteps { canary } => {
                write!(f, "the canary `{canary}` has no step; add one with `.step(..)`")
            }
            Self::NoPause { canary } => write!(
                f,
                "the canary `{canary}` is to run every 0 s; give `.every(..)` the time from one run to the next"
            ),
            Self::TwoRhythms { canary } => {
                write!(f, "the canary `{canary}` has both `.every(..)` and `.cron(..)`; remove one")
            }
            Self::BadName { name } => {
                write!(f, "`{name}` is no good name: use letters, digits, `_`, `-` and `.`")
            }
            Self::DuplicateCanary { canary } => write!(f, "two canaries are called `{canary}`; rename one"),
            Self::DuplicateName { step, places: [first, second] } => {
                write!(f, "two steps are called `{step}`; rename one\n  {first}\n  {second}")
            }
            Self::Misplaced { canary, option } => {
                write!(
                    f,
                    "`.{option}(..)` stands before the first step of `{canary}`; put it behind its step"
                )
            }
            Self::Missing { step, need, elsewhere, offered } => {
                write!(f, "`{step}` needs `{}`, which no step returns", need.name())?;
                if let Some(elsewhere) = elsewhere {
                    return write!(
                        f,
                        "\n  `{elsewhere}` returns it, but a step can only take from steps of its own canary"
                    );
                }
                if let Some((key, by)) = offered.iter().find(|(key, _)| key.name() == need.name()) {
                    return write!(
                        f,
                        "\n  `{by}` returns another type of that name: `{}`, not `{}`",
                        key.full_name, need.full_name
                    );
                }
                if offered.is_empty() {
                    return f.write_str("\n  no step returns anything yet: add the one that does");
                }
                f.write_str("\n  add the step that does, or take one of these: ")?;
                for (at, (key, by)) in offered.iter().take(12).enumerate() {
                    write!(f, "{}`{}` from `{by}`", if at == 0 { "" } else { ", " }, key.name())?;
                }
                if offered.len() > 12 {
                    write!(f, " and {} more", offered.len() - 12)?;
                }
                Ok(())
            }
            Self::MissingResource { step, need } => write!(
                f,
                "`{step}` takes `{0}`, but the run was not given one; add it to `Resources` where the target is \
                 set up",
                need.name()
            ),
            Self::Ambiguous { step, need, providers } => write!(
                f,
                "`{step}` needs `{0}`, which several steps return: {1}\n  say which with \
                 `.pick::<{0}>(\"{2}\")`, or wrap one in a type of its own",
                need.name(),
                providers.join(", "),
                providers[0],
            ),
            Self::WrongPick { step, need, picked, returns } => write!(
                f,
                "`{step}` picks `{}` from `{picked}`, which returns `{}`; name the step that returns it",
                need.name(),
                returns.name()
            ),
            Self::IdlePick { step, key } => {
                write!(f, "`{step}` picks `{0}`, but does not need it; remove the `.pick`", key.name())
            }
            Self::UnknownStep { step, named } => {
                write!(f, "`{step}` names `{named}`, but the canary has no such step; correct the name")
            }
            Self::TwoEnds { key, steps } => write!(
                f,
                "several steps take `Ends<{}>`, but only one can destroy it: {}; let the others take `Out`",
                key.name(),
                steps.join(", ")
            ),
            Self::Cycle { path, ends } => {
                if let [only, _] = path.as_slice() {
                    return write!(
                        f,
                        "`{only}` waits for itself: it takes what it returns, or comes `.after` itself; remove that"
                    );
                }
                write!(
                    f,
                    "steps wait for one another, each for the next: {}; break the circle",
                    path.join(" -> ")
                )?;
                for [ender, reader] in ends {
                    write!(f, "\n  `{ender}` waits for `{reader}` because it ends what that one takes")?;
                }
                Ok(())
            }
            Self::UnknownOperation { step, operation } => write!(
                f,
                "`{step}` covers `{operation}`, which is no operation of the product; correct the name"
            ),
            Self::FixtureCovers { step, operation } => {
                write!(f, "`{step}` covers `{operation}`, but a fixture is no test case; let a step cover it")
            }
            Self::TwoProvers { operation, steps } => write!(
                f,
                "the operation `{operation}` has several provers: {}; let one of them cover it and the others \
                 take its output",
                steps.join(", ")
            ),
            Self::NothingToLeaveOut { step } => {
                write!(f, "`{step}` is to be left out, but there is no such step; correct the name")
            }
            Self::ReservedName { canary } => write!(
                f,
                "the canary `{canary}` has the name that the cases of the product's operations stand under; rename it"
            ),
            Self::UnknownPolicy { canary, policy, known } => {
                write!(f, "the canary `{canary}` alerts by `{policy}`, which is no policy of the suite; ")?;
                match crate::nearest(policy, known.iter().map(|it| &**it)) {
                    Some(nearest) => write!(f, "did you mean `{nearest}`?"),
                    None => write!(f, "add it with `.policy(\"{policy}\", ..)`, or correct the name"),
                }
            }
            Self::BadPolicy { of, mistake } => {
                write!(f, "the alert policy {of} makes no sense: {mistake}")
            }
            Self::DuplicatePolicy { policy } => {
                write!(f, "two policies are called `{policy}`; rename one")
            }
            Self::NoProver { operation } => write!(
                f,
                "the operation `{operation}` has no prover; add `.covers(\"{operation}\")` to the step that is \
                 responsible for it"
            ),
        }
    }
}
