//! Lists and counts, in a ledger whose contents are known.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::{Value, json};

use super::{balances::BalanceRead, feeds::FeedMade, workspace::CountedLedger};
use crate::sequence::{Action, Ledger, Sequence, Stats, TokenGroup, Transaction};

/// Keys have been listed.
pub(super) struct KeysListed;

/// Accounts have been listed.
pub(super) struct AccountsListed;

/// Flavors have been listed.
pub(super) struct FlavorsListed;

/// Transactions have been listed.
pub(super) struct TransactionsListed;

/// Actions have been listed.
pub(super) struct ActionsListed;

/// Feeds have been listed.
pub(super) struct FeedsListed;

/// The counts have been read.
pub(super) struct StatsRead;

/// Every list works, and so do the counts.
pub(super) struct EverythingListed;

pub(super) async fn list_keys(sequence: Sequence, counted: Out<CountedLedger>) -> Result<KeysListed> {
    let ledger = sequence.ledger(&counted.home);
    pages_of_every_size(&ledger, "list-keys", &json!({}), &counted.keys).await?;
    Ok(KeysListed)
}

pub(super) async fn list_accounts(sequence: Sequence, counted: Out<CountedLedger>) -> Result<AccountsListed> {
    let ledger = sequence.ledger(&counted.home);
    pages_of_every_size(&ledger, "list-accounts", &json!({}), &counted.accounts).await?;
    Ok(AccountsListed)
}

pub(super) async fn list_flavors(sequence: Sequence, counted: Out<CountedLedger>) -> Result<FlavorsListed> {
    let ledger = sequence.ledger(&counted.home);
    pages_of_every_size(&ledger, "list-flavors", &json!({}), &counted.flavors).await?;
    Ok(FlavorsListed)
}

pub(super) async fn list_actions(sequence: Sequence, counted: Out<CountedLedger>) -> Result<ActionsListed> {
    let ledger = sequence.ledger(&counted.home);
    let made: Vec<_> = counted.transactions.iter().map(|it| it.actions[0].id.clone()).collect();
    pages_of_every_size(&ledger, "list-actions", &json!({}), &made).await?;
    let newest = &ledger.page::<Action>("list-actions", &json!({ "page_size": 1 })).await?.items[0];
    let transaction = &counted.transactions[made.len() - 1];
    ensure_eq!(newest.transaction_id, transaction.id, "transaction of the newest action");
    ensure_eq!(newest.timestamp, transaction.timestamp, "time of the newest action");
    ensure_eq!(newest.amount, 1, "amount of the newest action");
    Ok(ActionsListed)
}

pub(super) async fn list_feeds(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _made: Out<FeedMade>,
) -> Result<FeedsListed> {
    let ledger = sequence.ledger(&counted.home);
    let mut made = Vec::new();
    for number in 1..=3 {
        let body = json!({ "id": format!("feed-{number}"), "type": "action" });
        made.push(ledger.create_feed(&body).await?.id);
    }
    pages_of_every_size(&ledger, "list-feeds", &json!({}), &made).await?;
    Ok(FeedsListed)
}

pub(super) async fn list_transactions(
    sequence: Sequence,
    counted: Out<CountedLedger>,
) -> Result<TransactionsListed> {
    let page = sequence.ledger(&counted.home).page::<Transaction>("list-transactions", &json!({})).await?;
    let listed: Vec<_> = page.items.iter().map(|it| (it.id.as_str(), it.sequence_number)).collect();
    let made: Vec<_> =
        counted.transactions.iter().rev().map(|it| (it.id.as_str(), it.sequence_number)).collect();
    ensure_eq!(listed, made, "transactions, newest first");
    // Of one form and in UTC, so their order as text is their order in time.
    let times: Vec<_> = page.items.iter().map(|it| it.timestamp.as_str()).collect();
    ensure!(
        times.is_sorted_by(|newer, older| newer > older),
        "expected strictly falling times, got {times:?}"
    );
    Ok(TransactionsListed)
}

pub(super) async fn page_transactions(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _listed: Out<TransactionsListed>,
) -> Result<()> {
    let made: Vec<_> = counted.transactions.iter().map(|it| it.id.clone()).collect();
    pages_of_every_size(&sequence.ledger(&counted.home), "list-transactions", &json!({}), &made).await
}

pub(super) async fn page_tokens(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _read: Out<BalanceRead>,
) -> Result<()> {
    let ledger = sequence.ledger(&counted.home);
    let count = counted.accounts.len();
    for size in [count - 1, count, count + 1] {
        let (groups, pages) =
            ledger.pages::<TokenGroup>("list-tokens", &json!({ "page_size": size })).await?;
        let mut holders: Vec<_> = groups.into_iter().map(|it| it.account_id).collect();
        // The order of groups is nowhere told.
        holders.sort();
        ensure_eq!(holders, counted.accounts, "holders of tokens on pages of {size}");
        ensure_eq!(pages, count / size + 1, "pages of {size} for {count} groups");
    }
    Ok(())
}

pub(super) async fn read_stats(sequence: Sequence, counted: Out<CountedLedger>) -> Result<StatsRead> {
    let stats: Stats = sequence.ledger(&counted.home).call("stats", &json!({})).await?.ok()?;
    let expected = Stats {
        flavor_count: counted.flavors.len() as u64,
        account_count: counted.accounts.len() as u64,
        tx_count: counted.transactions.len() as u64,
        ledger_type: "dev".to_owned(),
    };
    ensure_eq!(stats, expected, "counts of a ledger with known contents");
    Ok(StatsRead)
}

pub(super) async fn everything_listed(
    _keys: Out<KeysListed>,
    _accounts: Out<AccountsListed>,
    _flavors: Out<FlavorsListed>,
    _transactions: Out<TransactionsListed>,
    _actions: Out<ActionsListed>,
    _tokens: Out<BalanceRead>,
    _feeds: Out<FeedsListed>,
    _stats: Out<StatsRead>,
) -> Result<EverythingListed> {
    Ok(EverythingListed)
}

/// Demands that pages a little smaller, exactly as large and a little larger than a list show each item once, newest
/// first. There is no look-ahead: a page that is exactly full is not the last one, and an empty one follows.
pub(super) async fn pages_of_every_size(
    ledger: &Ledger,
    operation: &str,
    query: &Value,
    oldest_first: &[String],
) -> Result<()> {
    let newest_first: Vec<_> = oldest_first.iter().rev().cloned().collect();
    let count = newest_first.len();
    for size in [count - 1, count, count + 1] {
        let mut query = query.clone();
        query["page_size"] = size.into();
        let (items, pages) = ledger.pages::<Value>(operation, &query).await?;
        let ids: Vec<_> = items.iter().map(|it| it["id"].as_str().unwrap_or_default()).collect();
        ensure_eq!(ids, newest_first, "ids on pages of {size}");
        ensure_eq!(pages, count / size + 1, "pages of {size} for {count} items");
    }
    Ok(())
}
