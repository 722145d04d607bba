//! Integration tests of the library: one binary, modules inside.

#[cfg(feature = "drill")]
mod proxy;
mod report;
