//! All that exists in a sandbox at one moment, so that "nothing is left" is one comparison.

use std::collections::BTreeMap;

use serde::Serialize;

/// What exists now, in names that a person can read. Sessions, mail and remembered answers do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Census {
    /// Addresses; unconfirmed ones say so.
    pub users: Vec<String>,
    /// Names.
    pub teams: Vec<String>,
    /// `team/address/role`.
    pub members: Vec<String>,
    /// `team/name`.
    pub ledgers: Vec<String>,
    /// `team/id`, never the secret.
    pub credentials: Vec<String>,
    /// `team/address/role` of invitations that nobody has accepted or revoked.
    pub invites: Vec<String>,
    /// What each ledger holds, by `team/name`.
    pub contents: BTreeMap<String, Contents>,
}

/// How much one ledger holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// How many keys.
    pub keys: usize,
    /// How many accounts.
    pub accounts: usize,
    /// How many flavors.
    pub flavors: usize,
    /// How many transactions.
    pub transactions: usize,
    /// How many feeds.
    pub feeds: usize,
}
