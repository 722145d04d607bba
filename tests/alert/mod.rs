//! Who is told of what, when, and until it has arrived: pure values, tried by tables and by random histories; and what
//! notifiers are sent.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

mod book;
mod facts;
mod notifiers;
mod post;
mod rules;
