//! Integration tests of the library: one binary, modules inside.

#[cfg(feature = "server")]
mod alert;
mod compile_fail;
mod engine;
#[cfg(feature = "server")]
mod html;
#[cfg(feature = "drill")]
mod http;
#[cfg(feature = "gmail")]
mod inbox;
#[cfg(feature = "gmail")]
mod mail_reader;
mod plan;
#[cfg(feature = "drill")]
mod proxy;
#[cfg(feature = "harness")]
mod report;
#[cfg(feature = "server")]
mod schedule;
#[cfg(feature = "server")]
mod server;
mod server_api;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "surface")]
mod surface;
#[cfg(feature = "harness")]
mod trace;
