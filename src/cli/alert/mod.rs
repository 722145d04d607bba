//! `alert`: whether a page would arrive, tried on the real way.

mod drill;
mod trial;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::trouble::code;
use crate::{config::Setup, suite::Suite};

/// What both end with.
const EXIT_CODES: &str = "\
Exit codes:
   0  the page arrived
   1  it did not: a notifier refused it, or has taken it and does not show it
  64  wrong usage or configuration; nobody was told anything
  75  it could not be told: nobody answered";

#[derive(Args)]
pub(super) struct AlertArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends a test page to every notifier that `serve` would tell, looks whether it is there, and resolves it.
    #[command(after_help = EXIT_CODES)]
    Test(trial::TestArguments),
    /// Asks the running service for a drill of the pager, and waits until its page was seen to be there.
    #[command(after_help = EXIT_CODES)]
    Drill(drill::DrillArguments),
}

pub(super) fn run<S: Setup>(arguments: &AlertArguments, suite: Suite) -> ExitCode {
    code(match &arguments.command {
        Command::Test(arguments) => trial::run::<S>(arguments, suite),
        Command::Drill(arguments) => drill::run(arguments),
    })
}
