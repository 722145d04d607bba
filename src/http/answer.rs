//! A whole answer, with assertions whose failures name the exchange.

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::{
    failure::{Failure, Result},
    record::Exchange,
    redact::Redactor,
    verdict::Cause,
};

/// What came back: status, headers and the whole body.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// As recorded under this number; failures name it, redacted.
    pub(super) exchange: Exchange,
    pub(super) index: usize,
    pub(super) redactor: Redactor,
}

impl Answer {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The operation that was called, if it is known.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.exchange.operation.as_deref()
    }

    /// A header's first value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// Cause *contract*, with the place, if it has another form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            self.failure(Cause::Contract, format_args!("the answer does not have the expected form: {error}"))
        })
    }

    /// Demands a status.
    ///
    /// # Errors
    /// If it is another one.
    pub fn ensure_status(&self, expected: u16) -> Result<()> {
        if self.status == expected {
            return Ok(());
        }
        Err(self.fail(format_args!("expected status {expected}, got {}", self.status)))
    }

    /// A failed expectation about this answer.
    #[must_use]
    pub fn fail(&self, message: impl std::fmt::Display) -> Failure {
        self.failure(Cause::Assertion, message)
    }

    /// A failure of a given kind about this answer.
    #[must_use]
    pub fn failure(&self, cause: Cause, message: impl std::fmt::Display) -> Failure {
        Failure::of(cause, message).exchange(self.exchange.reference(self.index, &self.redactor))
    }
}
