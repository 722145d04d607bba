//! Reports: what reads a [`RunRecord`](crate::RunRecord) and writes a format.
//!
//! Every report is a pure function from records to text. Only [`files`] touches the disk, and it does nothing
//! else: it takes the texts, passes them through the redactor and puts them in place.

pub mod console;
#[cfg(feature = "surface")]
pub mod coverage;
#[cfg(feature = "harness")]
pub mod files;
#[cfg(feature = "server")]
pub mod html;
#[cfg(feature = "harness")]
pub mod junit;
#[cfg(all(feature = "harness", feature = "drill", feature = "surface"))]
pub(crate) mod place;
pub(crate) mod repeat;
pub mod surface;
pub(crate) mod text;
