//! Tags: an update replaces the whole set, and what has happened stays as it was.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    lists::{AccountsListed, ActionsListed, FlavorsListed},
    workspace::Stage,
};
use crate::sequence::{Ledger, Sequence, Transaction};

/// Tags of accounts can be updated.
pub(super) struct AccountTagged;

/// Tags of flavors can be updated.
pub(super) struct FlavorTagged;

/// Tags of actions can be updated.
pub(super) struct ActionTagged;

pub(super) async fn update_account_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<AccountsListed>,
) -> Result<AccountTagged> {
    let ledger = stage.ledger(&sequence);
    let body = json!({ "id": "tagged", "key_ids": [stage.key.id], "tags": { "old": 1 } });
    ledger.call("create-account", &body).await?.ok::<Value>()?;
    replace(&ledger, "update-account-tags", "list-accounts", "tagged").await?;
    Ok(AccountTagged)
}

pub(super) async fn update_flavor_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<FlavorsListed>,
) -> Result<FlavorTagged> {
    let ledger = stage.ledger(&sequence);
    let body = json!({ "id": "tagged", "key_ids": [stage.key.id], "tags": { "old": 1 } });
    ledger.call("create-flavor", &body).await?.ok::<Value>()?;
    replace(&ledger, "update-flavor-tags", "list-flavors", "tagged").await?;
    Ok(FlavorTagged)
}

pub(super) async fn update_action_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<ActionsListed>,
) -> Result<ActionTagged> {
    let ledger = stage.ledger(&sequence);
    let action = tagged_action(&ledger, &stage, "retold").await?;
    replace(&ledger, "update-action-tags", "list-actions", &action).await?;
    Ok(ActionTagged)
}

/// Gives a thing new tags and demands that it has just these.
async fn replace(ledger: &Ledger, update: &str, list: &str, id: &str) -> Result<()> {
    let tags = json!({ "new": { "deep": [1, "two"] } });
    ledger.call(update, &json!({ "id": id, "tags": tags })).await?.done()?;
    ensure_eq!(ledger.look_up(list, id).await?["tags"], tags, "tags after replacing them");
    Ok(())
}

/// An action with tags, in a flavor of its own; its id.
async fn tagged_action(ledger: &Ledger, stage: &Stage, name: &str) -> Result<String> {
    let (flavor, _, to) = stage.pair(ledger, name).await?;
    let issue = json!({
        "type": "issue", "flavor_id": flavor.id, "amount": 1, "destination_account_id": to.id,
        "action_tags": { "old": 1 },
    });
    let made: Transaction = ledger.transact(json!([issue])).await?;
    Ok(made.actions[0].id.clone())
}
