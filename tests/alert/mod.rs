//! Alerts: who is told of what, and in which words.

mod notifiers;
