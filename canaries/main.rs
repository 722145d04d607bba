//! `cargo run -- …`: the suite as a program.

use std::process::ExitCode;

use canaries::{Config, sequence, suite, world::SandboxWorld};

fn main() -> ExitCode {
    coalmine::cli::main::<Config>(suite, sequence::surface, SandboxWorld::standalone)
}
