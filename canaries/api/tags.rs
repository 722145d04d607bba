//! Tags: an update replaces the whole set, and what has happened stays as it was.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    balances::BalanceRead,
    lists::{AccountsListed, ActionsListed, FlavorsListed},
    transact::PassedOn,
    workspace::Stage,
};
use crate::sequence::{Account, Action, Flavor, Ledger, Sequence, Snapshot, Tags, Transaction};

/// Tags of accounts can be updated.
pub(super) struct AccountTagged;

/// Tags of flavors can be updated.
pub(super) struct FlavorTagged;

/// Tags of actions can be updated.
pub(super) struct ActionTagged;

const UPDATES: [&str; 3] = ["update-account-tags", "update-flavor-tags", "update-action-tags"];

pub(super) async fn update_account_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<AccountsListed>,
) -> Result<AccountTagged> {
    let ledger = stage.ledger(&sequence);
    retag(&ledger, &stage, "account").await?;
    Ok(AccountTagged)
}

pub(super) async fn update_flavor_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<FlavorsListed>,
) -> Result<FlavorTagged> {
    let ledger = stage.ledger(&sequence);
    retag(&ledger, &stage, "flavor").await?;
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

pub(super) async fn freeze_snapshots(
    sequence: Sequence,
    stage: Out<Stage>,
    _accounts: Out<AccountTagged>,
    _flavors: Out<FlavorTagged>,
    _actions: Out<ActionTagged>,
    // A transfer of what an issue brought in.
    _passed: Out<PassedOn>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let tagged = |id: &str| json!({ "id": id, "key_ids": [stage.key.id], "tags": { "of": id } });
    let (flavor, from, to) = (tagged("frozen"), tagged("frozen-from"), tagged("frozen-to"));
    let made = tokio::try_join!(
        ledger.call("create-flavor", &flavor),
        ledger.call("create-account", &from),
        ledger.call("create-account", &to),
    )?;
    made.0.ok::<Flavor>()?;
    made.1.ok::<Account>()?;
    made.2.ok::<Account>()?;
    let body = json!({
        "actions": [
            { "type": "issue", "flavor_id": "frozen", "amount": 1, "destination_account_id": "frozen-from" },
            {
                "type": "transfer", "flavor_id": "frozen", "amount": 1, "source_account_id": "frozen-from",
                "destination_account_id": "frozen-to", "action_tags": { "of": "action" },
                "token_tags": { "of": "tokens" },
            },
        ],
        "transaction_tags": { "of": "transaction" },
    });
    let made: Transaction = ledger.call("transact", &body).await?.ok()?;
    ensure_eq!(made.actions.len(), 2, "actions of the transaction");
    let then = json!({
        "action_tags": { "of": "action" }, "flavor_tags": { "of": "frozen" },
        "source_account_tags": { "of": "frozen-from" }, "destination_account_tags": { "of": "frozen-to" },
        "token_tags": { "of": "tokens" }, "transaction_tags": { "of": "transaction" },
    });
    let then: Snapshot = serde_json::from_value(then)?;
    ensure_eq!(made.actions[1].snapshot, then, "tags as they are when the action is made");
    let action = &made.actions[1].id;
    for (update, id) in [
        ("update-flavor-tags", "frozen"),
        ("update-account-tags", "frozen-from"),
        ("update-account-tags", "frozen-to"),
        ("update-action-tags", action),
    ] {
        ledger.call(update, &json!({ "id": id, "tags": { "of": "later" } })).await?.done()?;
    }
    let later: Action = serde_json::from_value(ledger.look_up("list-actions", action).await?)?;
    ensure_eq!(later.snapshot, then, "tags as they were when the action was made");
    Ok(())
}

pub(super) async fn show_new_tags_of_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _accounts: Out<AccountTagged>,
    _flavors: Out<FlavorTagged>,
    _tokens: Out<BalanceRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let flavor = stage.flavor(&ledger, "renamed").await?;
    let holder = stage.account(&ledger, "renamed").await?;
    let issue = json!({
        "type": "issue", "flavor_id": flavor.id, "amount": 1, "destination_account_id": holder.id,
    });
    ledger.transact(json!([issue])).await?;
    for (update, id) in [("update-flavor-tags", &flavor.id), ("update-account-tags", &holder.id)] {
        ledger.call(update, &json!({ "id": id, "tags": { "of": update } })).await?.done()?;
    }
    let groups = ledger.groups(&flavor).await?;
    ensure_eq!(groups.len(), 1, "groups of the flavor");
    ensure_eq!(groups[0].flavor_tags, json!({ "of": "update-flavor-tags" }), "flavor's tags of the group");
    ensure_eq!(groups[0].account_tags, json!({ "of": "update-account-tags" }), "account's tags of the group");
    Ok(())
}

pub(super) async fn clear_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _accounts: Out<AccountTagged>,
    _flavors: Out<FlavorTagged>,
    _actions: Out<ActionTagged>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let action = tagged_action(&ledger, &stage, "cleared").await?;
    stage.account(&ledger, "cleared").await?;
    for (update, list, id) in [
        ("update-flavor-tags", "list-flavors", "cleared"),
        ("update-account-tags", "list-accounts", "cleared"),
        ("update-action-tags", "list-actions", &action),
    ] {
        ledger.call(update, &json!({ "id": id, "tags": { "old": 1 } })).await?.done()?;
        ledger.call(update, &json!({ "id": id })).await?.done()?;
        let tags: Tags = serde_json::from_value(ledger.look_up(list, id).await?["tags"].clone())?;
        ensure_eq!(tags, Tags::default(), "tags after `{update}` without any");
    }
    Ok(())
}

pub(super) async fn refuse_tags_without_id(
    sequence: Sequence,
    stage: Out<Stage>,
    _accounts: Out<AccountTagged>,
    _flavors: Out<FlavorTagged>,
    _actions: Out<ActionTagged>,
) -> Result<()> {
    let without = UPDATES.map(|update| (update, json!({ "tags": { "new": 1 } }), 400, "SEQ008"));
    let mistyped = UPDATES.map(|update| (update, json!({ "id": {}, "tags": { "new": 1 } }), 400, "SEQ003"));
    stage.ledger(&sequence).refuses(&[without, mistyped].concat()).await
}

pub(super) async fn refuse_tags_of_nobody(
    sequence: Sequence,
    stage: Out<Stage>,
    _accounts: Out<AccountTagged>,
    _flavors: Out<FlavorTagged>,
    _actions: Out<ActionTagged>,
) -> Result<()> {
    let refusals = UPDATES.map(|update| (update, json!({ "id": "nobody", "tags": {} }), 404, "SEQ002"));
    stage.ledger(&sequence).refuses(&refusals).await
}

pub(super) async fn replay_account_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _updated: Out<AccountTagged>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let account = stage.account(&ledger, "retagged").await?;
    replay(&ledger, "update-account-tags", "list-accounts", &account.id).await
}

pub(super) async fn replay_flavor_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _updated: Out<FlavorTagged>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let flavor = stage.flavor(&ledger, "retagged").await?;
    replay(&ledger, "update-flavor-tags", "list-flavors", &flavor.id).await
}

pub(super) async fn replay_action_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _updated: Out<ActionTagged>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let action = tagged_action(&ledger, &stage, "retagged-action").await?;
    replay(&ledger, "update-action-tags", "list-actions", &action).await
}

/// Repeats an update after another one: done again, it would undo that.
async fn replay(ledger: &Ledger, update: &str, list: &str, id: &str) -> Result<()> {
    let key = uuid::Uuid::new_v4().to_string();
    let first = json!({ "id": id, "tags": { "turn": "first" } });
    ledger.repeatable(update, &key, &first).await?.done()?;
    ledger.call(update, &json!({ "id": id, "tags": { "turn": "second" } })).await?.done()?;
    ledger.repeatable(update, &key, &first).await?.done()?;
    let tags = json!({ "turn": "second" });
    ensure_eq!(ledger.look_up(list, id).await?["tags"], tags, "tags after repeating the update before");
    Ok(())
}

/// Gives a new account or flavor other tags than it was made with.
async fn retag(ledger: &Ledger, stage: &Stage, kind: &str) -> Result<()> {
    let body = json!({ "id": "tagged", "key_ids": [stage.key.id], "tags": { "old": 1 } });
    ledger.call(&format!("create-{kind}"), &body).await?.ok::<Value>()?;
    replace(ledger, &format!("update-{kind}-tags"), &format!("list-{kind}s"), "tagged").await
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
