//! Breaking the product on purpose, to see whether the canaries notice.
//!
//! [`Proxy`] stands in front of any HTTPS target and makes the faults that any HTTP API can have. [`Control`] lets
//! people and scripts switch the faults of a [`World`](crate::world::World) from outside the process. [`main`] runs
//! a suite once per fault and demands that the right step fails.

mod background;
mod control;
mod fault;
#[cfg(all(feature = "harness", feature = "surface"))]
mod fields;
mod json;
mod proxy;
mod rewrite;
#[cfg(feature = "harness")]
mod runner;
mod start_error;
mod upstream;

pub use control::Control;
pub use fault::{FaultName, Kind, catalogue};
/// What an [`ErrorAnswer`] is made with.
pub use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header::HeaderValue};
pub use json::{BadPointer, Change, Pointer};
pub use proxy::{ErrorAnswer, Proxy, ProxyOptions};
#[cfg(feature = "harness")]
pub use runner::{DrillWorld, Expectation, main};
pub use start_error::StartError;
