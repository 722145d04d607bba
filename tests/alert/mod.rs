//! Who is told of what, when, and until it has arrived: pure values, tried by tables and by random histories; and what
//! notifiers are sent.

mod notifiers;
mod post;
mod rules;
