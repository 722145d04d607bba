//! Who is told of what, and when: without a clock, without a network.

mod facts;
mod rules;
