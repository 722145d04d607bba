//! Alerts: pure values, tried by tables and by random histories.

mod post;
