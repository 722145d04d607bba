//! The suite as a whole, as people and machines use it: processes of its own, against sandboxes of its own.
//!
//! Every process is held by a guard that ends it, every wait is for a state and has a limit, and nothing is shared
//! between tests but the machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "tests/alert_commands.rs"]
mod alert_commands;
#[path = "tests/bad_input.rs"]
mod bad_input;
#[path = "tests/codes.rs"]
mod codes;
#[path = "tests/coverage.rs"]
mod coverage;
#[path = "tests/gmail.rs"]
mod gmail;
#[path = "tests/imports.rs"]
mod imports;
#[path = "tests/logs.rs"]
mod logs;
#[path = "tests/markers.rs"]
mod markers;
#[path = "tests/outside.rs"]
mod outside;
#[path = "tests/paging.rs"]
mod paging;
#[path = "tests/process.rs"]
mod process;
#[path = "tests/program.rs"]
mod program;
#[path = "tests/refusals.rs"]
mod refusals;
#[path = "tests/run_command.rs"]
mod run_command;
#[path = "tests/runs.rs"]
mod runs;
#[path = "tests/sandbox.rs"]
mod sandbox_command;
#[path = "tests/serve.rs"]
mod serve;
#[path = "tests/settings.rs"]
mod settings;
#[path = "tests/signals.rs"]
mod signals;
#[path = "tests/store_commands.rs"]
mod store_commands;
#[path = "tests/surface.rs"]
mod surface;
#[path = "tests/traces.rs"]
mod traces;
