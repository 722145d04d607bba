//! Calls of the dashboard that can be made again exactly as they were.

use coalmine::Result;
use serde_json::Value;

use super::{Dashboard, Session, ledger::new_key, reply::Reply};

/// A call that was made, with all that makes a second one equal to it, and what it was answered.
pub struct Sent {
    operation: &'static str,
    session: Option<Session>,
    key: String,
    body: Value,
    /// The answer.
    pub reply: Reply,
}

impl Dashboard {
    /// Calls an operation so that the call can be repeated.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn send(
        &self,
        operation: &'static str,
        session: Option<&Session>,
        body: Value,
    ) -> Result<Sent> {
        let key = new_key();
        let reply = self.repeatable(operation, session, &key, &body).await?;
        Ok(Sent { operation, session: session.cloned(), key, body, reply })
    }

    /// Repeats a call, as a client does that has not seen the answer, and demands that answer.
    ///
    /// # Errors
    /// A refusal, or another answer: then the product has done the work twice.
    pub async fn again(&self, sent: &Sent) -> Result<()> {
        let Sent { operation, session, key, body, reply } = sent;
        self.repeatable(operation, session.as_ref(), key, body).await?.repeats(reply)
    }
}
