//! Transactions, and what they do to balances.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::{Value, json};

use super::{
    accounts::{Gold, Pair},
    hello::Found,
};
use crate::sequence::{Ledger, Sequence, Transaction};

/// 100 gold have been issued to Alice.
pub(super) struct Issued;

/// The 100 have been seen.
pub(super) struct BalanceRead;

/// Bob has got 30 of them.
pub(super) struct Transferred;

/// 10 of these are gone.
pub(super) struct Retired;

/// A repeated transaction has been made once.
pub(super) struct Replayed;

/// More than there is has been refused.
pub(super) struct OverdraftRefused;

pub(super) async fn issue_tokens(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    gold: Out<Gold>,
) -> Result<Issued> {
    let transaction =
        sequence.ledger(&found.0).transact(json!([issue(&gold, 100, &accounts.alice.id)])).await?;
    ensure!(!transaction.id.is_empty(), "expected the transaction's id, got an empty one");
    ensure_eq!(transaction.actions.len(), 1, "actions of the transaction");
    let action = &transaction.actions[0];
    ensure_eq!(action.kind, "issue", "type of the action");
    ensure_eq!(action.flavor_id, gold.0.id, "flavor of the action");
    ensure_eq!(action.amount, 100, "amount of the action");
    ensure_eq!(action.source_account_id.as_deref(), None, "source of an issue");
    ensure_eq!(action.destination_account_id, Some(accounts.alice.id.clone()), "destination of the action");
    Ok(Issued)
}

pub(super) async fn read_balance(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    gold: Out<Gold>,
    _issued: Out<Issued>,
) -> Result<BalanceRead> {
    let balances = sequence.ledger(&found.0).balances(&gold.0).await?;
    ensure_eq!(balances, [(accounts.alice.id.clone(), 100)], "balances after issuing 100");
    Ok(BalanceRead)
}

pub(super) async fn transfer_tokens(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    gold: Out<Gold>,
    _read: Out<BalanceRead>,
) -> Result<Transferred> {
    let (alice, bob) = (&accounts.alice.id, &accounts.bob.id);
    let action = transfer(&gold, 30, alice, bob);
    leaves(&sequence.ledger(&found.0), &gold, action, [(alice, 70), (bob, 30)]).await?;
    Ok(Transferred)
}

pub(super) async fn retire_tokens(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    gold: Out<Gold>,
    _transferred: Out<Transferred>,
) -> Result<Retired> {
    let (alice, bob) = (&accounts.alice.id, &accounts.bob.id);
    let action = json!({ "type": "retire", "flavor_id": gold.0.id, "amount": 10, "source_account_id": bob });
    leaves(&sequence.ledger(&found.0), &gold, action, [(alice, 70), (bob, 20)]).await?;
    Ok(Retired)
}

pub(super) async fn replay_transact(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    _issued: Out<Issued>,
    _read: Out<BalanceRead>,
) -> Result<Replayed> {
    // A flavor of its own, because other steps move the first one at the same time.
    let ledger = sequence.ledger(&found.0);
    let body = json!({ "id": "silver", "key_ids": accounts.bob.key_ids });
    let silver = Gold(ledger.call("create-flavor", &body).await?.ok()?);
    let body = json!({ "actions": [issue(&silver, 5, &accounts.bob.id)] });
    let key = uuid::Uuid::new_v4().to_string();
    let first: Transaction = ledger.repeatable("transact", &key, &body).await?.ok()?;
    let second: Transaction = ledger.repeatable("transact", &key, &body).await?.ok()?;
    ensure_eq!(second.id, first.id, "transaction that the repeated request is answered with");
    let balances = ledger.balances(&silver.0).await?;
    ensure_eq!(balances, [(accounts.bob.id.clone(), 5)], "balances after issuing 5, and asking twice");
    Ok(Replayed)
}

pub(super) async fn refuse_overdraft(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
    _issued: Out<Issued>,
    _read: Out<BalanceRead>,
) -> Result<OverdraftRefused> {
    let ledger = sequence.ledger(&found.0);
    let body = json!({ "id": "copper", "key_ids": accounts.bob.key_ids });
    let copper = Gold(ledger.call("create-flavor", &body).await?.ok()?);
    // The first action is fine by itself, the second takes more than there is, the third from nobody.
    let actions = json!([
        issue(&copper, 7, &accounts.bob.id),
        transfer(&copper, 8, &accounts.bob.id, &accounts.alice.id),
        transfer(&copper, 1, "nobody", &accounts.alice.id),
    ]);
    let refusal = ledger.call("transact", &json!({ "actions": actions })).await?.refused(400, "SEQ706")?;
    ensure!(!refusal.retriable, "expected a refusal that clients do not repeat, got a retriable one");
    let nested: Vec<_> = refusal.data["actions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (it["data"]["index"].as_u64(), it["seq_code"].as_str().unwrap_or_default()))
        .collect();
    ensure_eq!(nested, [(Some(1), "SEQ760"), (Some(2), "SEQ702")], "nested errors, by index");
    let balances = ledger.balances(&copper.0).await?;
    ensure_eq!(balances, [], "balances after a refused transaction");
    Ok(OverdraftRefused)
}

/// Makes an action, and demands these balances after it.
async fn leaves(ledger: &Ledger, gold: &Gold, action: Value, expected: [(&String, u64); 2]) -> Result<()> {
    ledger.transact(json!([action])).await?;
    let balances = ledger.balances(&gold.0).await?;
    let expected = expected.map(|(account, amount)| (account.clone(), amount));
    ensure_eq!(balances, expected, "balances after {action}");
    Ok(())
}

fn issue(flavor: &Gold, amount: u64, to: &str) -> Value {
    json!({ "type": "issue", "flavor_id": flavor.0.id, "amount": amount, "destination_account_id": to })
}

fn transfer(flavor: &Gold, amount: u64, from: &str, to: &str) -> Value {
    json!({
        "type": "transfer", "flavor_id": flavor.0.id, "amount": amount,
        "source_account_id": from, "destination_account_id": to,
    })
}
