//! Whether the mailbox can be read, and what can be said of it.

use super::{Mailbox, gmail::Headline, spending::Usage, token::Grant};
use crate::failure::Result;

/// What was seen of a mailbox.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its address.
    pub address: String,
    /// Where its history stands.
    pub history: u64,
    /// What opened it.
    pub grant: Grant,
    /// What is newest in it, newest first.
    pub newest: Vec<Headline>,
    /// What looking has cost.
    pub usage: Usage,
    /// Units of quota for this process in any minute.
    pub units_per_minute: u32,
}

impl Mailbox {
    /// Looks at the mailbox and at the headers of its newest mails, at most 100. Nobody waits for anything.
    ///
    /// # Errors
    /// If it cannot be read: inconclusive, with the remedy. Nothing is tried twice.
    pub async fn look(&self, newest: u32) -> Result<Look> {
        let gmail = self.gmail();
        let profile = gmail.profile().await.map_err(|trouble| trouble.failure())?;
        let newest = match newest {
            0 => Vec::new(),
            _ => gmail.newest(newest.min(100)).await.map_err(|trouble| trouble.failure())?,
        };
        Ok(Look {
            address: profile.address,
            history: profile.history,
            grant: gmail.grant(),
            newest,
            usage: gmail.spending.usage(),
            units_per_minute: gmail.units_per_minute(),
        })
    }
}
