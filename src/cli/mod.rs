//! The suite as a program: one binary per product, with the same commands for each.

#[cfg(feature = "server")]
mod acknowledge;
#[cfg(feature = "server")]
mod alert;
#[cfg(feature = "server")]
mod amount;
mod document;
#[cfg(feature = "server")]
mod explain;
mod fault;
#[cfg(feature = "gmail")]
mod gmail;
#[cfg(feature = "server")]
mod incidents;
#[cfg(feature = "server")]
mod layout;
mod outputs;
#[cfg(feature = "server")]
mod report;
mod run;
mod sandbox;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod silence;
#[cfg(feature = "server")]
mod store;
mod surface;
#[cfg(any(feature = "gmail", feature = "server"))]
mod trouble;

use std::{ffi::OsString, fmt, io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};
pub use sandbox::{Exports, Standalone, socket_address};

use crate::{
    config::{ConfigError, Setup},
    harness,
    suite::Suite,
    surface::Surface,
    verdict::EXIT_USAGE,
};

/// What every command that runs canaries ends with.
const EXIT_CODES: &str = "\
Exit codes:
   0  passed
   1  failed: the product is wrong, or a customer would see it as wrong; or nothing was checked
  64  wrong usage or configuration; nothing was run
  75  inconclusive: something that is not the product stood in the way";

/// Canaries: they test production from the outside, the way a customer uses it.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true, after_help = EXIT_CODES)]
struct Arguments<O: Args> {
    #[command(subcommand)]
    command: Command<O>,
}

#[derive(Subcommand)]
enum Command<O: Args> {
    /// Runs the canaries once, and shows how they get on.
    Run(run::RunArguments),
    /// Runs the canaries once, as `cargo test --test canaries` does, with the same arguments.
    #[command(disable_help_flag = true)]
    Test {
        /// Filter and options of the test harness; `test --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Runs the canaries on their schedules until it is stopped, and keeps what came of it.
    #[cfg(feature = "server")]
    Serve(serve::ServeArguments),
    /// Shows a run that the service has kept, or writes a report of it.
    #[cfg(feature = "server")]
    Report(report::ReportArguments),
    /// Looks after what the service keeps: how much it is, a copy, a copy put back.
    #[cfg(feature = "server")]
    Store(store::StoreArguments),
    /// Lists what is wrong and what was.
    #[cfg(feature = "server")]
    Incidents(incidents::IncidentsArguments),
    /// Says why an incident paged somebody, or did not.
    #[cfg(feature = "server")]
    Explain(explain::ExplainArguments),
    /// Takes care of an incident: nobody is reminded of it.
    #[cfg(feature = "server")]
    Ack(acknowledge::AcknowledgeArguments),
    /// Gives an incident back: reminders begin anew.
    #[cfg(feature = "server")]
    Unack(acknowledge::AcknowledgeArguments),
    /// Tells nobody of what fails, for a while and with a reason. Runs go on.
    #[cfg(feature = "server")]
    Mute(silence::MuteArguments),
    /// Announces a maintenance window: nobody is told of what fails in it.
    #[cfg(feature = "server")]
    Maintenance(silence::MaintenanceArguments),
    /// Ends a mute or a maintenance window before its time.
    #[cfg(feature = "server")]
    Unmute(silence::UnmuteArguments),
    /// Lists what is muted, now or later.
    #[cfg(feature = "server")]
    Silences(silence::SilencesArguments),
    /// Tries whether a page would arrive.
    #[cfg(feature = "server")]
    Alert(alert::AlertArguments),
    /// Lets the canaries into a Gmail mailbox, and looks whether they are in.
    #[cfg(feature = "gmail")]
    Gmail(gmail::GmailArguments),
    /// Runs the product's sandbox alone, and prints the environment that points the canaries at it.
    Sandbox(sandbox::SandboxArguments<O>),
    /// Runs the canaries once and prints what of the product's OpenAPI document they have not seen.
    Surface(surface::SurfaceArguments),
}

/// Runs the program; the arguments are the process's.
///
/// `suite` is the table of contents; `document` reads what its answers are held against, without starting anything;
/// `sandbox` starts a world of the product, with these faults on, this added to every answer, and what the product's
/// own options say. They are listed among those of the subcommand `sandbox`; a product that needs none takes `()`.
#[must_use]
pub fn main<S: Setup, O: Args>(
    suite: fn() -> Suite,
    document: fn() -> Result<Arc<Surface>, ConfigError>,
    sandbox: impl FnOnce(Vec<String>, Duration, O) -> Result<Standalone, ConfigError>,
) -> ExitCode {
    let Arguments { command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    match command {
        Command::Run(arguments) => run::run::<S>(&arguments, suite()),
        Command::Test { arguments } => {
            let arguments = [OsString::from("canaries test")].into_iter().chain(arguments);
            harness::main_with::<S>(suite(), arguments, true)
        }
        #[cfg(feature = "server")]
        Command::Serve(arguments) => serve::run::<S>(&arguments, suite()),
        #[cfg(feature = "server")]
        Command::Report(arguments) => report::run(&arguments),
        #[cfg(feature = "server")]
        Command::Store(arguments) => store::run(&arguments),
        #[cfg(feature = "server")]
        Command::Incidents(arguments) => incidents::run(&arguments, suite()),
        #[cfg(feature = "server")]
        Command::Explain(arguments) => explain::run(&arguments),
        #[cfg(feature = "server")]
        Command::Ack(arguments) => acknowledge::run(&arguments, true),
        #[cfg(feature = "server")]
        Command::Unack(arguments) => acknowledge::run(&arguments, false),
        #[cfg(feature = "server")]
        Command::Mute(arguments) => silence::mute(&arguments),
        #[cfg(feature = "server")]
        Command::Maintenance(arguments) => silence::maintenance(&arguments),
        #[cfg(feature = "server")]
        Command::Unmute(arguments) => silence::unmute(&arguments),
        #[cfg(feature = "server")]
        Command::Silences(arguments) => silence::list(&arguments),
        #[cfg(feature = "server")]
        Command::Alert(arguments) => alert::run::<S>(&arguments, suite()),
        #[cfg(feature = "gmail")]
        Command::Gmail(arguments) => gmail::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(arguments, sandbox),
        Command::Surface(arguments) => surface::run::<S>(&arguments, suite, document),
    }
}

/// A line for people. That nobody reads it any more must end nothing.
fn say(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
