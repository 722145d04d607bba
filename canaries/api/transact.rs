//! Transactions at their limits, and how their refusals name what is wrong.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::{Value, json};

use super::{
    balances::{BalanceRead, OverdraftRefused, Replayed, Retired},
    workspace::Stage,
};
use crate::sequence::{Ledger, Refusal, Sequence};

/// The largest amount of one action.
const LARGEST: u64 = (1 << 63) - 1;

/// How many actions a transaction may have.
const MOST_ACTIONS: usize = 1000;

/// The largest amount has been moved.
pub(super) struct LargestMoved;

/// Tokens have been passed on within a transaction.
pub(super) struct PassedOn;

pub(super) async fn move_largest_amount(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<BalanceRead>,
) -> Result<LargestMoved> {
    let ledger = stage.ledger(&sequence);
    let (flavor, to, other) = stage.pair(&ledger, "large").await?;
    // Neither survives a detour through floating point.
    let odd = (1 << 53) + 1;
    let actions = json!([issue("large", LARGEST, &to.id), issue("large", odd, &other.id)]);
    let made = ledger.transact(actions).await?;
    let amounts: Vec<_> = made.actions.iter().map(|it| it.amount).collect();
    ensure_eq!(amounts, [LARGEST, odd], "amounts of the actions");
    let balances = ledger.balances(&flavor).await?;
    ensure_eq!(balances, [(to.id, LARGEST), (other.id, odd)], "balances after issuing large amounts");
    Ok(LargestMoved)
}

pub(super) async fn refuse_too_large_amount(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    stage.pair(&ledger, "too-large").await?;
    let actions = json!([issue("too-large", LARGEST + 1, "bob")]);
    refused(&ledger, actions, &[(0, "SEQ704")]).await?;
    Ok(())
}

pub(super) async fn refuse_bad_amounts(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    stage.pair(&ledger, "odd").await?;
    let action = |amount: Value| json!({ "type": "issue", "flavor_id": "odd", "amount": amount, "destination_account_id": "bob" });
    let actions = json!([action(json!(-1)), action(json!(1.5)), action(json!(1)), action(json!("1"))]);
    refused(&ledger, actions, &[(0, "SEQ704"), (1, "SEQ704"), (3, "SEQ704")]).await?;
    Ok(())
}

pub(super) async fn refuse_nothing(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    stage.pair(&ledger, "nothing").await?;
    refused(&ledger, json!([issue("nothing", 0, "bob")]), &[(0, "SEQ704")]).await?;
    Ok(())
}

pub(super) async fn refuse_bad_actions(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (_, account, _) = stage.pair(&ledger, "bad-action").await?;
    let body = json!({ "actions": [] });
    ledger.call("transact", &body).await?.refused(400, "SEQ707")?;
    ledger.call("transact", &json!({ "actions": {} })).await?.refused(400, "SEQ003")?;
    let actions = json!([
        { "type": "steal", "flavor_id": "bad-action", "amount": 1, "destination_account_id": account.id },
        "no object",
        issue("no-such-flavor", 1, &account.id),
        issue("bad-action", 1, "nobody"),
    ]);
    let nested = [(0, "SEQ701"), (1, "SEQ703"), (2, "SEQ702"), (3, "SEQ702")];
    let refusal = refused(&ledger, actions, &nested).await?;
    for (entry, field) in [(2, "flavor_id"), (3, "destination_account_id")] {
        let told = &refusal.data["actions"][entry]["data"]["error_fields"];
        ensure_eq!(*told, field, "field that the nested error names");
    }
    Ok(())
}

pub(super) async fn refuse_too_many_actions(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, to, _) = stage.pair(&ledger, "too-many").await?;
    let body = json!({ "actions": vec![issue(&flavor.id, 1, &to.id); MOST_ACTIONS + 1] });
    ledger.call("transact", &body).await?.refused(400, "SEQ711").map(drop)
}

pub(super) async fn name_missing_fields(sequence: Sequence, stage: Out<Stage>) -> Result<()> {
    let refusal = refused(&stage.ledger(&sequence), json!([{ "type": "issue" }]), &[(0, "SEQ008")]).await?;
    let missing = &refusal.data["actions"][0]["data"]["missing_fields"];
    let mut missing: Vec<_> = missing.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    missing.sort_unstable();
    ensure_eq!(missing, ["amount", "destination_account_id", "flavor_id"], "missing fields");
    Ok(())
}

/// The official example: Alice holds 100.
pub(super) async fn tell_reserved_from_missing(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<BalanceRead>,
    _refused: Out<OverdraftRefused>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, from, to) = stage.pair(&ledger, "reserved").await?;
    ledger.transact(json!([issue(&flavor.id, 100, &from.id)])).await?;
    let transfer = |amount: u64, from: &str| {
        json!({
            "type": "transfer", "flavor_id": flavor.id, "amount": amount, "source_account_id": from,
            "destination_account_id": to.id,
        })
    };
    let actions = json!([
        transfer(50, "nobody"),
        transfer(50, &from.id),
        transfer(100, &from.id),
        transfer(200, &from.id)
    ]);
    let nested = [(0, "SEQ702"), (2, "SEQ761"), (3, "SEQ760")];
    let refusal = refused(&ledger, actions, &nested).await?;
    ensure!(!refusal.retriable, "expected a refusal that clients do not repeat, got a retriable one");
    let actions = json!([transfer(50, &from.id), transfer(100, &from.id)]);
    let refusal = refused(&ledger, actions, &[(1, "SEQ761")]).await?;
    ensure!(refusal.retriable, "expected a refusal that clients repeat, got a final one");
    Ok(())
}

pub(super) async fn pass_tokens_on(
    sequence: Sequence,
    stage: Out<Stage>,
    _retired: Out<Retired>,
) -> Result<PassedOn> {
    let ledger = stage.ledger(&sequence);
    let (flavor, from, to) = stage.pair(&ledger, "passed-on").await?;
    let actions = json!([
        issue(&flavor.id, 200, &from.id),
        {
            "type": "transfer", "flavor_id": flavor.id, "amount": 50, "source_account_id": from.id,
            "destination_account_id": to.id,
        },
        { "type": "retire", "flavor_id": flavor.id, "amount": 20, "source_account_id": to.id },
    ]);
    let made = ledger.transact(actions).await?;
    let kinds: Vec<_> = made.actions.iter().map(|it| it.kind.as_str()).collect();
    ensure_eq!(kinds, ["issue", "transfer", "retire"], "types of the actions, in the order of the request");
    let balances = ledger.balances(&flavor).await?;
    ensure_eq!(balances, [(from.id, 150), (to.id, 30)], "balances after passing 50 of 200 on");
    Ok(PassedOn)
}

pub(super) async fn replay_transact_at_once(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<BalanceRead>,
    _replayed: Out<Replayed>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, _, to) = stage.pair(&ledger, "at-once").await?;
    ledger.repeat_at_once("transact", &json!({ "actions": [issue(&flavor.id, 5, &to.id)] })).await?;
    let balances = ledger.balances(&flavor).await?;
    ensure_eq!(balances, [(to.id, 5)], "balances after issuing 5, and asking twice at once");
    Ok(())
}

/// Demands that a transaction is refused because of these actions, and of no others.
async fn refused(ledger: &Ledger, actions: Value, expected: &[(u64, &str)]) -> Result<Refusal> {
    let refusal = ledger.call("transact", &json!({ "actions": actions })).await?.refused(400, "SEQ706")?;
    let nested: Vec<_> = refusal.data["actions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| {
            (it["data"]["index"].as_u64().unwrap_or(u64::MAX), it["seq_code"].as_str().unwrap_or_default())
        })
        .collect();
    ensure_eq!(nested, expected, "nested errors, by index");
    Ok(refusal)
}

fn issue(flavor: &str, amount: u64, to: &str) -> Value {
    json!({ "type": "issue", "flavor_id": flavor, "amount": amount, "destination_account_id": to })
}
