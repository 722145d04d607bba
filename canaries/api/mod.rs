//! The ledger API: every operation does what it says, and refuses what it must.

mod accounts;
mod balances;
mod hello;
mod keys;
mod lists;
mod workspace;

use std::time::Duration;

use coalmine::Canary;

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
        .fixture("counted_ledger", workspace::counted_ledger).within(Duration::from_secs(20))
        .promise("a second ledger can be filled with a known number of things")
        .step("list_accounts", lists::list_accounts).covers("list-accounts").within(Duration::from_secs(6))
        .promise("pages of every size show each account once, newest first")
        .step("list_transactions", lists::list_transactions).covers("list-transactions")
        .promise("transactions are listed newest first with strictly rising times")
        .step("read_stats", lists::read_stats).covers("stats")
        .promise("the counts are right")
}
