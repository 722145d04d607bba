//! Alerts: who is told of what, and in which words.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod notifiers;
