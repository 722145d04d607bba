//! Sums: over everything that matches, grouped by whatever the objects have.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{balances::BalanceRead, workspace::CountedLedger};
use crate::sequence::{Ledger, Sequence};

/// Actions can be summed.
pub(super) struct ActionsSummed;

/// Tokens can be summed.
pub(super) struct TokensSummed;

pub(super) async fn sum_actions(sequence: Sequence, counted: Out<CountedLedger>) -> Result<ActionsSummed> {
    let ledger = sequence.ledger(&counted.home);
    let count = counted.transactions.len();
    expect_sums(&ledger, "sum-actions", &json!({}), &[json!({ "amount": count })]).await?;
    Ok(ActionsSummed)
}

pub(super) async fn sum_tokens(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _read: Out<BalanceRead>,
) -> Result<TokensSummed> {
    let ledger = sequence.ledger(&counted.home);
    let count = counted.accounts.len();
    expect_sums(&ledger, "sum-tokens", &json!({}), &[json!({ "amount": count })]).await?;
    Ok(TokensSummed)
}

/// Demands these sums, in any order, from all pages.
async fn expect_sums(ledger: &Ledger, operation: &str, query: &Value, expected: &[Value]) -> Result<()> {
    let (mut sums, _) = ledger.pages::<Value>(operation, query).await?;
    sums.sort_by_key(ToString::to_string);
    let mut expected = expected.to_vec();
    expected.sort_by_key(ToString::to_string);
    ensure_eq!(sums, expected, "answer of `{operation}` to {query}");
    Ok(())
}
