//! The operations that the suite covers: name, method, path.

use coalmine::operations::Operations;

/// Every operation under watch. The first is at the entry address, the next 23 at the address that `hello`
/// announces, the others are the dashboard's.
pub const OPERATIONS: &[(&str, &str, &str)] = &[
    ("hello", "POST", "/hello"),
    ("create-key", "POST", "/{team}/{ledger}/create-key"),
    ("list-keys", "POST", "/{team}/{ledger}/list-keys"),
    ("create-account", "POST", "/{team}/{ledger}/create-account"),
    ("update-account-tags", "POST", "/{team}/{ledger}/update-account-tags"),
    ("list-accounts", "POST", "/{team}/{ledger}/list-accounts"),
    ("create-flavor", "POST", "/{team}/{ledger}/create-flavor"),
    ("update-flavor-tags", "POST", "/{team}/{ledger}/update-flavor-tags"),
    ("list-flavors", "POST", "/{team}/{ledger}/list-flavors"),
    ("transact", "POST", "/{team}/{ledger}/transact"),
    ("list-transactions", "POST", "/{team}/{ledger}/list-transactions"),
    ("list-actions", "POST", "/{team}/{ledger}/list-actions"),
    ("sum-actions", "POST", "/{team}/{ledger}/sum-actions"),
    ("update-action-tags", "POST", "/{team}/{ledger}/update-action-tags"),
    ("list-tokens", "POST", "/{team}/{ledger}/list-tokens"),
    ("sum-tokens", "POST", "/{team}/{ledger}/sum-tokens"),
    ("create-feed", "POST", "/{team}/{ledger}/create-feed"),
    ("get-feed", "POST", "/{team}/{ledger}/get-feed"),
    ("list-feeds", "POST", "/{team}/{ledger}/list-feeds"),
    ("delete-feed", "POST", "/{team}/{ledger}/delete-feed"),
    ("stream-feed-items", "POST", "/{team}/{ledger}/stream-feed-items"),
    ("ack-feed", "POST", "/{team}/{ledger}/ack-feed"),
    ("stats", "POST", "/{team}/{ledger}/stats"),
    ("reset", "POST", "/{team}/{ledger}/reset"),
    ("sign-up", "POST", "/dashboard/sign-up"),
    ("confirm-sign-up", "POST", "/dashboard/confirm-sign-up"),
    ("sign-in", "POST", "/dashboard/sign-in"),
    ("create-team", "POST", "/dashboard/create-team"),
    ("create-ledger", "POST", "/dashboard/create-ledger"),
    ("create-credential", "POST", "/dashboard/create-credential"),
    ("invite-member", "POST", "/dashboard/invite-member"),
    ("accept-invite", "POST", "/dashboard/accept-invite"),
    ("list-members", "POST", "/dashboard/list-members"),
    ("remove-member", "POST", "/dashboard/remove-member"),
    ("delete-credential", "POST", "/dashboard/delete-credential"),
    ("delete-ledger", "POST", "/dashboard/delete-ledger"),
    ("delete-team", "POST", "/dashboard/delete-team"),
    ("delete-user", "POST", "/dashboard/delete-user"),
    ("resend-code", "POST", "/dashboard/resend-code"),
    ("sign-out", "POST", "/dashboard/sign-out"),
    ("get-user", "POST", "/dashboard/get-user"),
    ("list-teams", "POST", "/dashboard/list-teams"),
    ("list-ledgers", "POST", "/dashboard/list-ledgers"),
    ("list-credentials", "POST", "/dashboard/list-credentials"),
    ("list-invites", "POST", "/dashboard/list-invites"),
    ("revoke-invite", "POST", "/dashboard/revoke-invite"),
    ("update-member", "POST", "/dashboard/update-member"),
];

/// The same, as exchanges are matched against them.
#[must_use]
pub fn operations() -> Operations {
    Operations::new(OPERATIONS.iter().copied())
}
