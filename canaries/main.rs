//! `cargo run -- …`: the suite as a program.

use std::process::ExitCode;

use canaries::{Config, sequence, standalone, suite};

fn main() -> ExitCode {
    coalmine::cli::main::<Config, _>(suite, sequence::surface, standalone::start)
}
