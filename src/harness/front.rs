//! Who shows people what the runs of a process do.

use std::{
    fmt,
    io::{IsTerminal as _, Write as _},
    sync::Arc,
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Environment,
    record::RunRecord,
    redact::Redactor,
    report::{console, files::ReportError, surface::SurfaceCase},
    suite::Run,
};

/// Shows people what runs do. Everything it is given is redacted, but the runs themselves.
pub(crate) trait Front: Send + Sync {
    /// Puts something into the places of its own reports that says that the run did not finish.
    fn placeholder(
        &self,
        suite: &str,
        canaries: &[&str],
        target: &str,
        redactor: &Redactor,
    ) -> Result<(), ReportError> {
        let _ = (suite, canaries, target, redactor);
        Ok(())
    }

    /// A line for people, at any time, from any thread.
    fn say(&self, line: &str);

    /// Runs are about to start.
    fn begin(&self, begun: &Begun<'_>) {
        let _ = begun;
    }

    /// A step has ended, of the run with that number. Told on the step's task, before anybody else hears of it: it must
    /// not wait.
    fn step_ended(&self, run: usize, step: usize) {
        let _ = (run, step);
    }

    /// The runs are over, or given up. Whether everything reached those who had asked for it. No thread of the runtime
    /// may be needed for this: they may all be blocked.
    fn conclude(&self, outcome: &Outcome<'_>) -> bool;
}

/// Runs that are about to start.
pub(crate) struct Begun<'b> {
    pub(crate) runs: &'b [Arc<Run>],
    /// Cancelled when somebody wants the runs to stop.
    pub(crate) cancel: &'b CancellationToken,
    pub(crate) runtime: &'b Handle,
}

/// Runs that are over.
pub(crate) struct Outcome<'o> {
    pub(crate) suite: &'o str,
    pub(crate) records: &'o [RunRecord],
    pub(crate) surface: &'o [SurfaceCase],
    /// Knows the secrets of all runs.
    pub(crate) redactor: &'o Redactor,
}

/// Standard error: standard output belongs to the trials.
pub(super) struct StandardError {
    colours: bool,
}

impl StandardError {
    pub(super) fn new(environment: &Environment) -> Self {
        Self { colours: std::io::stderr().is_terminal() && environment.get("NO_COLOR").is_none() }
    }
}

impl Front for StandardError {
    fn say(&self, line: &str) {
        say(line);
    }

    fn conclude(&self, outcome: &Outcome<'_>) -> bool {
        let Outcome { suite: _, records, surface, redactor } = outcome;
        say(redactor.clean(&console::summary(records, surface, self.colours)));
        true
    }
}

/// A line for people. That nobody reads it any more (`| head`, or Ctrl-C that ends `tee` first) must not end the run.
pub(super) fn say(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
