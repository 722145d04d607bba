//! Lists and counts, in a ledger whose contents are known.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::json;

use super::workspace::CountedLedger;
use crate::sequence::{Account, Ledger, Page, Sequence, Stats, Transaction};

pub(super) async fn list_accounts(sequence: Sequence, counted: Out<CountedLedger>) -> Result<()> {
    let ledger = sequence.ledger(&counted.home);
    let newest_first: Vec<_> = counted.accounts.iter().rev().cloned().collect();
    let count = newest_first.len();
    for size in [count - 1, count, count + 1] {
        let (ids, pages) = all_pages(&ledger, size).await?;
        ensure_eq!(ids, newest_first, "accounts on pages of {size}");
        // There is no look-ahead: a page that is exactly full is not the last one, and an empty one follows.
        ensure_eq!(pages, count / size + 1, "pages of {size} for {count} accounts");
    }
    Ok(())
}

async fn all_pages(ledger: &Ledger, size: usize) -> Result<(Vec<String>, usize)> {
    let mut ids = Vec::new();
    let mut query = json!({ "page_size": size });
    for pages in 1.. {
        let page: Page<Account> = ledger.call("list-accounts", &query).await?.ok()?;
        ids.extend(page.items.into_iter().map(|it| it.id));
        ensure!(!page.cursor.is_empty(), "expected a cursor on every page, got an empty one");
        ensure!(pages < 10, "expected a last page, got more than {pages} pages of {size}");
        if page.last_page {
            return Ok((ids, pages));
        }
        query = json!({ "cursor": page.cursor });
    }
    Ok((ids, 0))
}

pub(super) async fn list_transactions(sequence: Sequence, counted: Out<CountedLedger>) -> Result<()> {
    let page: Page<Transaction> =
        sequence.ledger(&counted.home).call("list-transactions", &json!({})).await?.ok()?;
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
    Ok(())
}

pub(super) async fn read_stats(sequence: Sequence, counted: Out<CountedLedger>) -> Result<()> {
    let stats: Stats = sequence.ledger(&counted.home).call("stats", &json!({})).await?.ok()?;
    let expected = Stats {
        flavor_count: 1,
        account_count: counted.accounts.len() as u64,
        tx_count: counted.transactions.len() as u64,
        ledger_type: "dev".to_owned(),
    };
    ensure_eq!(stats, expected, "counts of a ledger with known contents");
    Ok(())
}
