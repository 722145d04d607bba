//! What clients send beside what they mean.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::{Value, json};

use super::{
    lists::{AccountsListed, StatsRead},
    workspace::Stage,
};
use crate::sequence::{Key, Page, Sequence, Stats, Transaction};

pub(super) async fn take_null_for_absent(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<AccountsListed>,
    _read: Out<StatsRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let key: Key = ledger.call("create-key", &json!({ "id": null })).await?.ok()?;
    ensure!(!key.id.is_empty(), "expected an id that was made up, got an empty one");
    let query = json!({
        "filter": null, "filter_params": null, "cursor": null, "page_size": null,
    });
    let page: Page<Value> = ledger.call("list-accounts", &query).await?.ok()?;
    ensure!(!page.items.is_empty(), "expected accounts, got none");
    let (_, from, to) = stage.pair(&ledger, "null").await?;
    let issue = json!({
        "type": "issue", "flavor_id": "null", "amount": 1, "source_account_id": null,
        "destination_account_id": to.id, "filter": null, "filter_params": null, "token_tags": null,
        "action_tags": null,
    });
    let body = json!({ "actions": [issue], "transaction_tags": null });
    let made: Transaction = ledger.call("transact", &body).await?.ok()?;
    ensure_eq!(made.tags, json!({}), "tags of a transaction without any");
    ensure!(made.actions[0].destination_account_id.as_deref() != Some(&from.id));
    // One client sends no object at all.
    ledger.call("stats", &Value::Null).await?.ok::<Stats>().map(drop)
}

pub(super) async fn ignore_unknown_fields(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<AccountsListed>,
    _read: Out<StatsRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let query = json!({
        "size": 5, "page_size": 0, "timeout": 0, "start_time": 0, "end_time": 0, "timestamp": 0, "sum_by": [],
        "filter_params": [],
    });
    let page: Page<Value> = ledger.call("list-accounts", &query).await?.ok()?;
    ensure!(!page.items.is_empty(), "expected accounts, got none");
    ledger.call("create-key", &json!({ "id": "stray", "client_token": "x" })).await?.ok::<Key>().map(drop)
}
