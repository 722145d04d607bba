//! `gmail`: lets the canaries into a mailbox, and looks whether they are in.

mod browser;
mod check;
mod login;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::runtime::{self, Runtime};

use super::trouble::{Trouble, code};

/// What `login` ends with.
const LOGIN_CODES: &str = "\
Exit codes:
   0  the variables are on standard output
   1  the user has not granted what is needed
  64  wrong usage or configuration
  75  it could not be tried: nobody came back from the browser, or nobody answered";

/// What `check` ends with.
const CHECK_CODES: &str = "\
Exit codes:
   0  the mailbox can be read
  64  wrong usage or configuration
  75  the mailbox cannot be read";

#[derive(Args)]
pub(super) struct GmailArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asks the mailbox's user, in a browser on this machine, to let the canaries read it; prints the variables that do.
    #[command(after_help = LOGIN_CODES)]
    Login(login::LoginArguments),
    /// Looks whether the mailbox can be read: whose it is, what opens it and for how long, what is newest in it.
    #[command(after_help = CHECK_CODES)]
    Check(check::CheckArguments),
}

pub(super) fn run(arguments: &GmailArguments) -> ExitCode {
    code(match &arguments.command {
        Command::Login(arguments) => login::run(arguments),
        Command::Check(arguments) => check::run(arguments),
    })
}

/// What both wait in.
fn runtime() -> Result<Runtime, Trouble> {
    Ok(runtime::Builder::new_current_thread().enable_all().build()?)
}

/// What Google does to grants of an application that is being tested, and what helps.
const TESTING: &str = "publish the application in Google's console or, in a Workspace, make it internal, and log in \
                       again: publishing does not lengthen a grant that was made before";
