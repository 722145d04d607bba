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
    ("filter_ignored:list-accounts", "list-accounts gives all accounts whatever the filter says"),
    ("filter_ignored:list-transactions", "list-transactions gives all transactions whatever the filter says"),
    ("filter_or_is_and:list-actions", "`OR` in filters of list-actions means `AND`"),
    (
        "filter_param_off:list-actions",
        "each `$n` in filters of list-actions takes the parameter after its own, and the last one nothing",
    ),
    (
        "time_filter_ignores_offset:list-transactions",
        "times in filters of list-transactions are read as UTC whatever their offset",
    ),
    ("camel_names_refused", "filters and groupings do not know names in camel case, though it was asked for"),
    (
        "snake_names_under_camel",
        "filters and groupings take names in snake case where camel case was asked for",
    ),
    (
        "scope_matches_any:list-transactions",
        "the conditions inside `actions(…)` may be met by different actions of a transaction",
    ),
    ("sum_loses_one:sum-tokens", "the first sum of sum-tokens is too small by one"),
    ("sum_first_page_only:sum-actions", "sum-actions sums the hundred newest actions only"),
    ("group_drops_missing:sum-actions", "sum-actions leaves out actions that lack a property it groups on"),
    ("big_amount_rounded:transact", "amounts above 2^53 are rounded"),
    ("above_limit_accepted:transact", "amounts from 2^63 on are accepted"),
    (
        "snapshot_moves:update-account-tags",
        "new tags of an account appear in the snapshots of its past actions too",
    ),
    ("tags_merge:update-account-tags", "update-account-tags adds to the tags instead of replacing them"),
    ("tags_merge:update-flavor-tags", "update-flavor-tags adds to the tags instead of replacing them"),
    ("tag_update_lost:update-action-tags", "update-action-tags answers ok and changes nothing"),
    ("tags_survive_transfer:transact", "transferred tokens keep their tags"),
    ("transfer_filter_ignored:transact", "an action's filter does not limit the tokens that it uses"),
    ("cursor_forgets_filter:list-actions", "pages of list-actions after the first are not filtered"),
    ("cursor_of_other_operation_accepted", "a list goes on from the cursor of any other list"),
    ("page_size_ignored:list-keys", "pages of list-keys have the default size whatever was asked"),
    (
        "concurrent_repeat_doubles:transact",
        "a key that is repeated before the first answer is worked on again",
    ),
    ("readonly_may_write", "the ledger API lets readers change things"),
    ("null_refused", "the ledger API refuses bodies in which a field is `null`"),
    ("unknown_field_refused", "the ledger API refuses bodies with a field that it does not know"),
    ("feed_skips_item", "a feed leaves out the first item that is new"),
    ("feed_acks_on_read", "reading a feed acknowledges what was read"),
    ("feed_not_woken", "readers who wait for a feed are not told of new items"),
    ("feed_filter_ignored", "a feed gives all items whatever its filter says"),
    ("feed_conflict_ignored:ack-feed", "ack-feed does not look at `previous_cursor`"),
    ("feed_survives:delete-feed", "delete-feed answers ok and deletes nothing"),
    ("reset_keeps_accounts", "reset leaves the accounts in place"),
    ("reset_keeps_feeds", "reset leaves the feeds in place"),
    (
        "ledgers_leak:list-accounts",
        "the last page of list-accounts has the accounts of other ledgers of the team too",
    ),
    ("prod_reset_allowed", "a production ledger can be reset"),
    ("repeat_doubles:create-key", "a repeated idempotency key of create-key is worked on again"),
    ("repeat_doubles:create-account", "a repeated idempotency key of create-account is worked on again"),
    ("repeat_doubles:create-flavor", "a repeated idempotency key of create-flavor is worked on again"),
    (
        "repeat_doubles:update-account-tags",
        "a repeated idempotency key of update-account-tags is worked on again",
    ),
    (
        "repeat_doubles:update-flavor-tags",
        "a repeated idempotency key of update-flavor-tags is worked on again",
    ),
    (
        "repeat_doubles:update-action-tags",
        "a repeated idempotency key of update-action-tags is worked on again",
    ),
    ("repeat_doubles:create-feed", "a repeated idempotency key of create-feed is worked on again"),
    ("repeat_doubles:delete-feed", "a repeated idempotency key of delete-feed is worked on again"),
    ("repeat_doubles:ack-feed", "a repeated idempotency key of ack-feed is worked on again"),
    ("repeat_doubles:reset", "a repeated idempotency key of reset is worked on again"),
    ("prod_delete_allowed", "delete-ledger answers ok for a production ledger (which stays all the same)"),
    (
        "team_with_prod_deleted",
        "delete-team answers ok for a team with a production ledger (which stays all the same)",
    ),
    ("teams_leak:hello", "hello finds ledgers of other teams, and names the team"),
    ("resend_keeps_old_code", "the old code goes on confirming a sign-up after resend-code"),
    ("code_of_other_address_confirms", "the code of any unconfirmed address confirms every other one"),
    ("tries_unlimited:confirm-sign-up", "wrong tries do not use a code up"),
    ("signed_out_session_works", "sign-out answers ok and leaves the session open"),
    ("revoked_invite_works", "a revoked invitation can be accepted"),
    ("invite_works_twice", "an accepted invitation can be accepted again"),
    ("last_admin_steps_down", "update-member makes the last admin somebody who is none"),
    (
        "role_update_lost:update-member",
        "update-member answers with the new role and leaves the old one in place",
    ),
    ("credentials_of_others_shown", "list-credentials shows everybody's to everybody"),
    (
        "removed_members_credential_works",
        "the ledger API goes on accepting the credentials of a removed member",
    ),
    ("mail_duplicated", "every mail is sent twice"),
    ("repeat_doubles:sign-up", "a repeated idempotency key of sign-up is worked on again"),
    ("repeat_doubles:resend-code", "a repeated idempotency key of resend-code is worked on again"),
    ("repeat_doubles:confirm-sign-up", "a repeated idempotency key of confirm-sign-up is worked on again"),
    ("repeat_doubles:sign-out", "a repeated idempotency key of sign-out is worked on again"),
    ("repeat_doubles:create-team", "a repeated idempotency key of create-team is worked on again"),
    ("repeat_doubles:create-ledger", "a repeated idempotency key of create-ledger is worked on again"),
    (
        "repeat_doubles:create-credential",
        "a repeated idempotency key of create-credential is worked on again",
    ),
    (
        "repeat_doubles:delete-credential",
        "a repeated idempotency key of delete-credential is worked on again",
    ),
    ("repeat_doubles:invite-member", "a repeated idempotency key of invite-member is worked on again"),
    ("repeat_doubles:revoke-invite", "a repeated idempotency key of revoke-invite is worked on again"),
    ("repeat_doubles:accept-invite", "a repeated idempotency key of accept-invite is worked on again"),
    ("repeat_doubles:update-member", "a repeated idempotency key of update-member is worked on again"),
    ("repeat_doubles:remove-member", "a repeated idempotency key of remove-member is worked on again"),
    ("repeat_doubles:delete-ledger", "a repeated idempotency key of delete-ledger is worked on again"),
    ("repeat_doubles:delete-team", "a repeated idempotency key of delete-team is worked on again"),
    ("repeat_doubles:delete-user", "a repeated idempotency key of delete-user is worked on again"),
    ("request_id_missing_on_errors", "refusals come without `Chain-Request-Id`"),
];

impl Faults {
    /// Whether `fault` is on. Handlers ask at the place where the product would go wrong.
    #[must_use]
    pub fn on(&self, fault: &'static str) -> bool {
        debug_assert!(CATALOGUE.iter().any(|(name, _)| *name == fault), "`{fault}` is not in the catalogue");
        self.on.read().unwrap_or_else(PoisonError::into_inner).contains(fault)
    }

    /// Whether the fault `kind` of one operation is on, for kinds that many operations have.
    pub(crate) fn on_for(&self, kind: &str, operation: &str) -> bool {
        let on = self.on.read().unwrap_or_else(PoisonError::into_inner);
        on.iter().any(|name| name.split_once(':') == Some((kind, operation)))
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
