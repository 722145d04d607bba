//! `run`: the canaries once, in a terminal, with progress as steps end.
//!
//! Settings, engine, reports and exit codes are the harness's; only what people see differs.

mod choice;
mod screen;
mod terminal;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;

use self::{screen::Screen, terminal::Terminal};
use super::{fault::switch, outputs::Outputs};
use crate::{
    config::{Environment, Setup},
    harness::{Refusal, Selection, Session, Wishes},
    suite::Suite,
    verdict::EXIT_USAGE,
};

/// What people ask next.
const HELP: &str = "\
On a terminal, a line per canary shows how far it is; elsewhere, there is a line per step as it ends. The summary \
names for each failure the exchange and the command that repeats it. JUnit and the records are in the folder of the \
reports as well: target/canaries, or what COALMINE_REPORTS names.";

#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct RunArguments {
    /// The canaries to run; without any, all.
    #[arg(value_name = "CANARY")]
    canaries: Vec<String>,
    /// Runs this step and what it needs; may be repeated.
    #[arg(long, value_name = "CANARY::STEP")]
    step: Vec<String>,
    /// Writes the records as JSON to this file; without a name, or with `-`, to standard output, and what people read
    /// to standard error.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// Writes a report as HTML to this file, which needs nothing else.
    #[cfg(feature = "server")]
    #[arg(long, value_name = "PATH")]
    html: Option<PathBuf>,
    /// Writes JUnit to this file.
    #[arg(long, value_name = "PATH")]
    junit: Option<PathBuf>,
    /// Switches a fault of the sandbox on; may be repeated. `sandbox --fault list` prints all names.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
}

pub(super) fn run<S: Setup>(arguments: &RunArguments, suite: Suite) -> ExitCode {
    match once::<S>(arguments, suite) {
        Ok(code) => code,
        Err(Refusal(message)) => {
            super::say(format_args!("error: {message}"));
            EXIT_USAGE.into()
        }
    }
}

fn once<S: Setup>(arguments: &RunArguments, suite: Suite) -> Result<ExitCode, Refusal> {
    let plan = suite.plan()?;
    let RunArguments { canaries, step, json, junit, fault, .. } = arguments;
    let chosen = choice::chosen(&plan, canaries, step, json.as_deref())?;
    let selection = Selection::of(&plan, chosen);
    let outputs = Outputs {
        json: json.clone(),
        junit: junit.clone(),
        #[cfg(feature = "server")]
        html: arguments.html.clone(),
    };
    outputs.check()?;

    let environment = Environment::of_process();
    let screen = Screen::new(outputs.takes_standard_output(), &environment);
    let front = Arc::new(Terminal::new(screen, outputs));
    let start = |setup: S| {
        if fault.is_empty() {
            return setup.start();
        }
        let start = setup.start_breakable()?;
        switch(fault, start.world.as_deref())?;
        Ok(start)
    };
    let session =
        Session::open(plan, &selection, Wishes { environment: &environment, limit: None, start, front })?;
    Ok(session.end(None).into())
}
