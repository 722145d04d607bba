//! Integration tests of the library: one binary, modules inside.

#[cfg(feature = "gmail")]
mod inbox;
#[cfg(feature = "drill")]
mod proxy;
#[cfg(feature = "harness")]
mod report;
