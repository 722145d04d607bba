//! Every operation of the ledger API, with the fields that it knows (facts, section 13).

use super::{Answer, Books, Call, feeds, history, objects, reset, retag, stats, tokens, transact};
use crate::envelope::Refusal;

/// One operation of the ledger API.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Changing operations are closed to readers, and remembered by idempotency key.
    pub(crate) changes: bool,
    /// The fields that mean something. All others are ignored \[T, 7\], unless a fault refuses them.
    pub(crate) fields: &'static [&'static str],
    pub(super) work: fn(&mut Books, &Call<'_>) -> Result<Answer, Refusal>,
}

impl Operation {
    pub(crate) fn named(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }
}

type Work = fn(&mut Books, &Call<'_>) -> Result<Answer, Refusal>;

const fn changing(name: &'static str, fields: &'static [&'static str], work: Work) -> Operation {
    Operation { name, changes: true, fields, work }
}

const fn reading(name: &'static str, fields: &'static [&'static str], work: Work) -> Operation {
    Operation { name, changes: false, fields, work }
}

const HOLDER: &[&str] = &["id", "key_ids", "quorum", "tags"];
const TAGS: &[&str] = &["id", "tags"];
const PAGE: &[&str] = &["page_size", "cursor", "filter", "filter_params"];
const SUM: &[&str] = &["page_size", "cursor", "filter", "filter_params", "group_by"];

/// Every operation there is.
pub(super) static OPERATIONS: [Operation; 23] = [
    changing("create-key", &["id"], objects::create_key),
    reading("list-keys", PAGE, objects::list_keys),
    changing("create-account", HOLDER, objects::create_account),
    changing("update-account-tags", TAGS, retag::update_account_tags),
    reading("list-accounts", PAGE, objects::list_accounts),
    changing("create-flavor", HOLDER, objects::create_flavor),
    changing("update-flavor-tags", TAGS, retag::update_flavor_tags),
    reading("list-flavors", PAGE, objects::list_flavors),
    changing("transact", &["actions", "transaction_tags"], transact::transact),
    reading("list-transactions", PAGE, history::list_transactions),
    reading("list-actions", PAGE, history::list_actions),
    reading("sum-actions", SUM, history::sum_actions),
    changing("update-action-tags", TAGS, retag::update_action_tags),
    reading("list-tokens", PAGE, tokens::list_tokens),
    reading("sum-tokens", SUM, tokens::sum_tokens),
    changing("create-feed", &["id", "type", "filter", "filter_params"], feeds::create_feed),
    reading("get-feed", &["id"], feeds::get_feed),
    reading("list-feeds", PAGE, feeds::list_feeds),
    changing("delete-feed", &["id"], feeds::delete_feed),
    reading("stream-feed-items", &["id"], feeds::stream_feed_items),
    changing("ack-feed", &["id", "cursor", "previous_cursor"], feeds::ack_feed),
    reading("stats", &[], stats),
    changing("reset", &[], reset),
];
