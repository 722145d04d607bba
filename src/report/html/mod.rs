//! Runs as HTML: a page that is readable on a phone, without JavaScript, in the dark.
//!
//! Everything is a pure function from records to text. What a product answered is text wherever it stands: it is
//! escaped, cut, and shown without what a reader cannot see. No page needs an inline handler or style, so that a strict
//! `Content-Security-Policy` can be sent along.

mod compare;
mod exchange;
mod json;
mod page;
mod run;
mod step;
pub(crate) mod text;
mod waterfall;

pub use page::{
    Asset, Assets, EVENTS, HOME, INCIDENTS, LOGOUT, SURFACE, Site, assets, canary_path, incident_path,
    run_path, security_policy, step_path,
};
pub(crate) use page::{Head, framed};
pub(crate) use run::step_anchor;
pub use run::{RunView, report, run};
pub(crate) use step::address;

/// How many bytes of a sentence are shown.
const SENTENCE: usize = 4096;

/// How many bytes of a name or an address are shown.
const NAME: usize = 300;
