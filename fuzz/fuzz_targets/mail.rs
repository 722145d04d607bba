//! The mail reader: whatever comes, it ends, soon and without a panic, and takes nobody's word for Google's.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/mail.rs"]
mod mail;

fuzz_target!(|raw: &[u8]| mail::check(raw));
