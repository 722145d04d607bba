//! The service's face on HTTP.

pub mod api;
pub mod metrics;
