//! `cargo run -- …`: the suite as a program.

use std::process::ExitCode;

use canaries::{Config, suite, world::SandboxWorld};

fn main() -> ExitCode {
    coalmine::cli::main::<Config>(suite, SandboxWorld::standalone)
}
