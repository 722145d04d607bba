//! Why a command has not done what it was asked for, and the exit code that says so.

use std::process::ExitCode;

use super::say;
use crate::{
    harness::Refusal,
    verdict::{EXIT_USAGE, Verdict},
};

/// Why a command has not done what it was asked for.
pub(super) enum Trouble {
    /// What was asked for makes no sense, or whoever knows refuses it. Nothing was done.
    Usage(String),
    /// Something stood in the way.
    Elsewhere(String),
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Refusal> for Trouble {
    fn from(Refusal(message): Refusal) -> Self {
        Self::Usage(message)
    }
}

/// Says what went wrong; the exit code.
pub(super) fn code(ended: Result<Verdict, Trouble>) -> ExitCode {
    let (message, code) = match ended {
        Ok(verdict) => return verdict.exit_code().into(),
        Err(Trouble::Usage(message)) => (message, EXIT_USAGE),
        Err(Trouble::Elsewhere(message)) => (message, Verdict::Inconclusive.exit_code()),
    };
    say(format_args!("error: {message}"));
    code.into()
}
