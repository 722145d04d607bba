//! `cargo test --test canaries`: every step is a test case.

use std::process::ExitCode;

fn main() -> ExitCode {
    coalmine::harness::main::<canaries::Config>(canaries::suite())
}
