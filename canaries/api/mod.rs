//! The ledger API: every operation does what it says, and refuses what it must.

mod accounts;
mod balances;
mod feeds;
mod hello;
mod keys;
mod lists;
mod reset;
mod sums;
mod tags;
mod workspace;

use std::time::Duration;

use coalmine::{Canary, Severity};

/// The table of contents.
#[must_use]
#[rustfmt::skip]
pub fn canary() -> Canary {
    Canary::new("api")
        .every(Duration::from_secs(60))
        .budget(Duration::from_secs(3))
        .fixture("workspace", workspace::workspace)
        .promise("the standing user can make a ledger for this run")
        .step("hello", hello::hello).covers("hello")
        .promise("the credential finds its ledger")
        .step("refuse_credential", hello::refuse_credential)
        .promise("a missing or wrong credential opens nothing")
        .step("refuse_unknown_operation", hello::refuse_unknown_operation)
        .promise("refusals carry a code and a request id")
        .step("create_key", keys::create_key).covers("create-key")
        .promise("a key can be created under a name")
        .step("refuse_taken_key", keys::refuse_taken_key)
        .promise("a key's name cannot be taken twice")
        .step("create_account", accounts::create_account).covers("create-account")
        .promise("an account keeps its name, keys, quorum and tags")
        .step("refuse_account_without_keys", accounts::refuse_account_without_keys)
        .promise("an account needs a key")
        .step("create_flavor", accounts::create_flavor).covers("create-flavor")
        .promise("a flavor keeps its name, keys and quorum")
        .step("issue_tokens", balances::issue_tokens).covers("transact")
        .promise("tokens can be issued to an account")
        .step("read_balance", balances::read_balance).covers("list-tokens")
        .promise("the account holds what was issued to it")
        .step("transfer_tokens", balances::transfer_tokens)
        .promise("a transfer takes from one account what it gives to another")
        .step("retire_tokens", balances::retire_tokens)
        .promise("retired tokens are gone")
        .step("replay_transact", balances::replay_transact)
        .promise("a repeated request is answered again and not worked on again")
        .step("refuse_overdraft", balances::refuse_overdraft)
        .promise("nothing moves if one action of a transaction is refused, and each refusal names its action")
        .fixture("stage", workspace::stage)
        .promise("keys, accounts, flavors and transactions work")
        .fixture("counted_ledger", workspace::counted_ledger).within(Duration::from_secs(20))
        .promise("a second ledger can be filled with a known number of things")
        .step("list_keys", lists::list_keys).covers("list-keys").within(Duration::from_secs(6))
        .promise("pages of every size show each key once, newest first")
        .step("list_accounts", lists::list_accounts).covers("list-accounts").within(Duration::from_secs(6))
        .promise("pages of every size show each account once, newest first")
        .step("list_flavors", lists::list_flavors).covers("list-flavors").within(Duration::from_secs(6))
        .promise("pages of every size show each flavor once, newest first")
        .step("list_transactions", lists::list_transactions).covers("list-transactions")
        .promise("transactions are listed newest first with strictly rising times")
        .step("page_transactions", lists::page_transactions).within(Duration::from_secs(6))
        .promise("pages of every size show each transaction once, newest first")
        .step("list_actions", lists::list_actions).covers("list-actions").within(Duration::from_secs(6))
        .promise("pages of every size show each action once, newest first")
        .step("page_tokens", lists::page_tokens).within(Duration::from_secs(6))
        .promise("pages of every size show each group of tokens once")
        .step("read_stats", lists::read_stats).covers("stats")
        .promise("the counts are right")
        .step("sum_actions", sums::sum_actions).covers("sum-actions")
        .promise("the sum of all actions is right")
        .step("sum_tokens", sums::sum_tokens).covers("sum-tokens")
        .promise("the sum of all tokens is right")
        .step("update_account_tags", tags::update_account_tags).covers("update-account-tags")
        .promise("new tags of an account take the place of all old ones")
        .step("update_flavor_tags", tags::update_flavor_tags).covers("update-flavor-tags")
        .promise("new tags of a flavor take the place of all old ones")
        .step("update_action_tags", tags::update_action_tags).covers("update-action-tags")
        .promise("new tags of an action take the place of all old ones")
        .step("create_feed", feeds::create_feed).covers("create-feed")
        .promise("a feed keeps its name, type and filter, and has a position from the start")
        .step("get_feed", feeds::get_feed).covers("get-feed")
        .promise("a feed can be looked at")
        .step("list_feeds", lists::list_feeds).covers("list-feeds").within(Duration::from_secs(6))
        .promise("pages of every size show each feed once, newest first")
        .step("read_feed", feeds::read_feed).covers("stream-feed-items")
        .promise("a feed gives what matches its filter, oldest first")
        .step("read_feed_again", feeds::read_feed_again)
        .promise("a feed gives the same items until they are acknowledged")
        .step("ack_feed", feeds::ack_feed).covers("ack-feed")
        .promise("an acknowledgement covers its item and all before it")
        .step("delete_feed", feeds::delete_feed).covers("delete-feed")
        .promise("a deleted feed is gone")
        .fixture("everything_listed", lists::everything_listed)
        .promise("every list works, and so do the counts")
        .fixture("full_ledger", reset::full_ledger).within(Duration::from_secs(20))
        .promise("a third ledger can be filled with one thing of each kind")
        .step("reset", reset::reset).covers("reset")
        .promise("an emptied ledger has nothing left")
        .step("replay_reset", reset::replay_reset)
        .promise("a repeated request to empty a ledger does not empty it again (our reading)").severity(Severity::Warning)
}
