//! A fixture suite as a program with commands.

use std::{process::ExitCode, sync::Arc};

use coalmine::{
    Suite, cli,
    config::{ConfigError, Environment},
    surface::Surface,
};

use crate::{setup::FixtureSetup, suites};

pub(crate) fn main() -> ExitCode {
    cli::main::<FixtureSetup, ()>(suite, document, |_, _, _| Err(nothing()))
}

fn document() -> Result<Arc<Surface>, ConfigError> {
    Err(nothing())
}

fn nothing() -> ConfigError {
    ConfigError::one("fixture", "there is no such thing here", "test it elsewhere")
}

fn suite() -> Suite {
    suites::by_name(Environment::of_process().get("FIXTURE_SUITE").unwrap_or_default())
}
