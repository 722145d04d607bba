//! What refusals of the ledger API say.

use coalmine::{Canary, Out, Result};

use super::keys::TakenRefused;
use crate::sequence::Unexplained;

/// The steps that are refused something.
const REFUSED: [&str; 26] = [
    "refuse_credential",
    "refuse_strangers",
    "refuse_unknown_operation",
    "refuse_taken_key",
    "refuse_bad_accounts",
    "refuse_bad_flavors",
    "refuse_overdraft",
    "refuse_too_large_amount",
    "refuse_bad_amounts",
    "refuse_nothing",
    "refuse_bad_actions",
    "refuse_too_many_actions",
    "refuse_tags_without_id",
    "refuse_tags_of_nobody",
    "refuse_other_names",
    "refuse_unknown_grouping",
    "refuse_late_consumer",
    "refuse_bad_acks",
    "refuse_bad_feeds",
    "refuse_unknown_feed",
    "refuse_cursor_of_another_list",
    "refuse_bad_queries",
    "name_requests",
    "delete_feed",
    "isolate_ledgers",
    "keep_production_ledger_full",
];

/// Where nothing has been refused, there is nothing to say of refusals: then this is blocked, and not green.
pub(super) async fn explain_refusals(unexplained: Unexplained, _refused: Out<TakenRefused>) -> Result<()> {
    unexplained.none()
}

/// Puts the last step behind all that are refused something.
pub(super) fn after_refusals(canary: Canary) -> Canary {
    REFUSED.iter().fold(canary, |canary, step| canary.after(step))
}
