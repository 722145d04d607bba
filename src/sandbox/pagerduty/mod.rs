//! PagerDuty: it takes events and makes incidents of them, which the REST API shows, and people and time end.
//!
//! It is here so that "the page arrived" can be proven and not only "the page was sent": PagerDuty answers 202 before
//! it has decided anything, and has a dozen ways to open no incident afterwards. Comments say how sure we are:
//! \[V\] the vendor documents it, \[T\] a real client was tried, \[S\] seen in the wild, \[M\] from memory, \[C\] ours.
//!
//! It is part of a [`Sandbox`](crate::Sandbox), and starts alone for tests that need nothing else:
//!
//! ```
//! use sandbox::pagerduty::{Options, PagerDuty};
//!
//! let pagerduty = PagerDuty::start(Options::default())?;
//! let service = pagerduty.service();
//! println!("POST {}/v2/enqueue with the routing key {}", service.root(), service.routing_key());
//! assert!(service.open().is_empty());
//! # Ok::<(), sandbox::StartError>(())
//! ```

mod alone;
mod catalogue;
mod event;
mod events_api;
mod incident;
mod incidents;
mod options;
mod rest;
mod service;
mod shared;
#[cfg(test)]
mod tests;
mod window;

pub use self::{
    alone::PagerDuty,
    catalogue::CATALOGUE,
    incident::{Action, Agent, Entry, Incident, Severity, Status, Urgency},
    options::{Options, UnknownKey},
    service::{Counts, PagerDutyService},
};
