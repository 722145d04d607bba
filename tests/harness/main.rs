//! The harness as its users see it: a process with arguments, an environment, two streams, an exit code and reports.
//!
//! One binary is both sides. With `FIXTURE_SUITE` set it *is* a test binary of a small suite of that name;
//! otherwise it starts itself so, once per trial, and looks at what comes out.
#![cfg(test)]

#[cfg(feature = "server")]
mod chaos;
mod child;
#[cfg(all(feature = "drill", feature = "server"))]
mod command;
mod configuration;
mod ending;
#[cfg(feature = "server")]
mod heartbeat;
#[cfg(feature = "server")]
mod kills;
mod marks;
mod nextest;
#[cfg(feature = "server")]
#[path = "../service/pings.rs"]
mod pings;
#[cfg(all(feature = "drill", feature = "server"))]
mod program;
mod scheduling;
mod secrets;
mod selection;
mod server;
mod setup;
mod streams;
mod suites;
mod verdicts;

use std::process::ExitCode;

use coalmine::config::Environment;
use libtest_mimic::{Arguments, Trial};

/// A trial: its name, and what panics unless the behaviour is there.
type Case = (&'static str, fn());

fn main() -> ExitCode {
    let environment = Environment::of_process();
    #[cfg(all(feature = "drill", feature = "server"))]
    if environment.get("FIXTURE_PROGRAM").is_some() {
        return program::main();
    }
    if let Some(name) = environment.get("FIXTURE_SUITE") {
        #[cfg(feature = "server")]
        match name {
            chaos::SUITE => return chaos::program(),
            kills::SUITE => return kills::program(),
            heartbeat::SUITE => return heartbeat::program(),
            _ => (),
        }
        return coalmine::harness::main::<setup::FixtureSetup>(suites::by_name(name));
    }
    let modules: &[(&str, &[Case])] = &[
        #[cfg(feature = "server")]
        ("chaos", chaos::CASES),
        #[cfg(all(feature = "drill", feature = "server"))]
        ("command", command::CASES),
        ("configuration", configuration::CASES),
        ("ending", ending::CASES),
        #[cfg(feature = "server")]
        ("heartbeat", heartbeat::CASES),
        #[cfg(feature = "server")]
        ("kills", kills::CASES),
        ("nextest", nextest::CASES),
        ("scheduling", scheduling::CASES),
        ("secrets", secrets::CASES),
        ("selection", selection::CASES),
        ("streams", streams::CASES),
        ("verdicts", verdicts::CASES),
    ];
    let mut trials = Vec::new();
    for &(module, cases) in modules {
        for &(name, case) in cases {
            trials.push(Trial::test(format!("{module}::{name}"), move || {
                case();
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
