//! Where a page of runs ends: opaque to those who carry it, and right however many runs have come since.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::StoreError;

/// The first byte, so that another form can follow one day.
const FORM: u8 = 1;

/// A run's place among all, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// When it began, in nanoseconds since 1970.
    pub(super) started: i64,
    /// Its number in the store, which tells runs apart that began together.
    pub(super) id: i64,
}

impl Cursor {
    /// Before every run.
    pub(super) const NEWEST: Self = Self { started: i64::MAX, id: i64::MAX };

    pub(super) fn write(self) -> String {
        let mut bytes = [FORM; 17];
        bytes[1..9].copy_from_slice(&self.started.to_be_bytes());
        bytes[9..].copy_from_slice(&self.id.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        let bytes: [u8; 17] = bytes.try_into().map_err(|_| StoreError::BadCursor)?;
        let [FORM, rest @ ..] = bytes else { return Err(StoreError::BadCursor) };
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&rest[at..at + 8]);
            i64::from_be_bytes(eight)
        };
        Ok(Self { started: number(0), id: number(8) })
    }
}
