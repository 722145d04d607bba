//! Which of the sandbox's own faults are switched on.
//!
//! These are the faults of the product's *domain* (a transfer that loses tokens, a mail that goes to the wrong
//! person). Faults of any HTTP API (an error status, a missing field) are made by a proxy in front of it and are
//! not known here.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// The faults of one sandbox; clones share the switches.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Names that are on. Written by [`Faults::switch`], read by the handlers.
    on: Arc<RwLock<BTreeSet<&'static str>>>,
}

/// Every fault, with what the product does while it is on.
pub const CATALOGUE: &[(&str, &str)] = &[
    ("mail_lost", "mail is taken by the relay and never reaches the mailbox"),
    ("mail_spam", "mail is filed under spam"),
    ("mail_wrong_code", "the mailed confirmation code is not the one that confirms"),
    ("mail_to_wrong_person", "mail goes to an address of somebody else"),
    ("wrong_code_confirms", "any code confirms a sign-up"),
    ("wrong_password_signs_in", "any password signs in"),
    (
        "member_gets_admin",
        "an accepted invitation gives the rights of an admin, under the name of the invited role",
    ),
    ("role_shown_wrong:list-members", "list-members says `readonly` for everybody who is not an admin"),
    ("removed_member_stays", "remove-member answers ok and leaves the member's rights in place"),
    ("deleted_credential_works", "the ledger API goes on accepting a deleted credential"),
    ("credential_unchecked", "the ledger API accepts any credential"),
    ("new_ledger_not_empty:stats", "stats of a ledger counts one account too many"),
    ("ledger_survives:delete-ledger", "delete-ledger answers ok and deletes nothing"),
    ("team_survives:delete-team", "delete-team answers ok and deletes nothing"),
    ("deleted_user_signs_in", "a deleted user can still sign in"),
    ("key_id_reused:create-key", "create-key answers with success for an id that is in use"),
    ("keys_optional:create-account", "create-account accepts an account without keys"),
    ("tags_dropped:create-account", "create-account forgets the tags"),
    ("quorum_ignored:create-flavor", "create-flavor stores a quorum of 1 whatever was asked"),
    ("issue_loses_tokens:transact", "an issue delivers one token less"),
    ("transfer_loses_tokens:transact", "a transfer delivers one token less than it takes"),
    ("retire_keeps_tokens:transact", "a retire leaves the tokens where they were"),
    ("repeat_doubles:transact", "a repeated idempotency key is worked on again"),
    ("overdraft_allowed:transact", "a transfer takes more tokens than there are"),
    ("half_done:transact", "when one action is refused the others are carried out all the same"),
    ("error_index_off:transact", "nested errors name the position of the action after the failing one"),
    ("times_repeat:transact", "transactions of one second share its timestamp"),
    ("list_skips_one:list-accounts", "every page after the first leaves out one account"),
    ("full_page_is_last:list-accounts", "a page that is exactly full claims to be the last"),
    ("oldest_first:list-transactions", "list-transactions gives the oldest first"),
    ("request_id_missing_on_errors", "refusals come without `Chain-Request-Id`"),
];

impl Faults {
    /// Whether `fault` is on. Handlers ask at the place where the product would go wrong.
    #[must_use]
    pub fn on(&self, fault: &'static str) -> bool {
        debug_assert!(CATALOGUE.iter().any(|(name, _)| *name == fault), "`{fault}` is not in the catalogue");
        self.on.read().unwrap_or_else(PoisonError::into_inner).contains(fault)
    }

    /// The names of the faults that are on, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.on.read().unwrap_or_else(PoisonError::into_inner).iter().map(|it| (*it).to_owned()).collect()
    }

    /// Switches one fault on or off, from now on.
    ///
    /// # Errors
    /// If there is no fault of that name.
    pub fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        let Some((name, _)) = CATALOGUE.iter().find(|(name, _)| *name == fault) else {
            return Err(UnknownFault(fault.to_owned()));
        };
        let mut switched = self.on.write().unwrap_or_else(PoisonError::into_inner);
        if on {
            switched.insert(name);
        } else {
            switched.remove(name);
        }
        Ok(())
    }
}

/// A fault was named that this sandbox does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(pub String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox has no fault `{}`", self.0)
    }
}

impl std::error::Error for UnknownFault {}

#[cfg(test)]
mod tests;
