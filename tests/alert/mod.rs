//! Who is told of what, when, and until it has arrived.

mod post;
mod rules;
