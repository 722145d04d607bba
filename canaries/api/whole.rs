//! Transactions with all that they can have, wherever they are shown.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    feeds::FeedRead,
    lists::{ActionsListed, TransactionsListed},
    transact::PassedOn,
    workspace::Stage,
};
use crate::sequence::{FeedItems, Sequence};

pub(super) async fn show_transactions_whole(
    sequence: Sequence,
    stage: Out<Stage>,
    _listed: Out<TransactionsListed>,
    _actions: Out<ActionsListed>,
    _read: Out<FeedRead>,
    _passed_on: Out<PassedOn>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let holder = |id: &str, tags: Value| json!({ "id": id, "key_ids": [stage.key.id], "tags": tags });
    let feed = json!({ "id": "painted", "type": "transaction", "filter": "actions(flavor_id = 'painted')" });
    let (flavor, giver, taker) = (
        holder("painted", json!({ "shade": "green" })),
        holder("giver", json!({ "side": "from" })),
        holder("taker", json!({ "side": "to" })),
    );
    let (flavor, giver, taker, feed) = tokio::try_join!(
        ledger.call("create-flavor", &flavor),
        ledger.call("create-account", &giver),
        ledger.call("create-account", &taker),
        ledger.create_feed(&feed),
    )?;
    for made in [flavor, giver, taker] {
        let _: Value = made.ok()?;
    }
    let batch = json!({ "batch": 7 });
    let actions = json!([
        {
            "type": "issue", "flavor_id": "painted", "amount": 5, "destination_account_id": "giver",
            "token_tags": { "lot": 1 }, "action_tags": { "why": "new" },
        },
        {
            "type": "transfer", "flavor_id": "painted", "amount": 3, "source_account_id": "giver",
            "destination_account_id": "taker", "filter": "tags.lot = $1", "filter_params": [1],
            "token_tags": { "lot": 2 }, "action_tags": { "why": "sold" },
        },
        {
            "type": "retire", "flavor_id": "painted", "amount": 1, "source_account_id": "taker",
            "filter": "tags.lot = $1", "filter_params": [2], "action_tags": { "why": "worn" },
        },
    ]);
    let made: Value =
        ledger.call("transact", &json!({ "actions": actions, "transaction_tags": batch })).await?.ok()?;
    ensure_eq!(made["tags"], batch, "tags of the transaction");
    let (from, to, shade) = (json!({ "side": "from" }), json!({ "side": "to" }), json!({ "shade": "green" }));
    let snapshots = [
        json!({ "destination_account_tags": from, "token_tags": { "lot": 1 } }),
        json!({ "source_account_tags": from, "destination_account_tags": to, "token_tags": { "lot": 2 } }),
        json!({ "source_account_tags": to }),
    ];
    for (number, (given, mut snapshot)) in actions.as_array().into_iter().flatten().zip(snapshots).enumerate()
    {
        let shown = &made["actions"][number];
        let shows = |name: &str| without_nothing(&shown[name]);
        for name in [
            "type",
            "flavor_id",
            "amount",
            "source_account_id",
            "destination_account_id",
            "filter",
            "filter_params",
        ] {
            ensure_eq!(shows(name), without_nothing(&given[name]), "`{name}` of action {number}");
        }
        ensure_eq!(shown["transaction_id"], made["id"], "transaction of action {number}");
        ensure_eq!(shown["timestamp"], made["timestamp"], "time of action {number}");
        ensure_eq!(shown["tags"], given["action_tags"], "tags of action {number}");
        snapshot["action_tags"] = given["action_tags"].clone();
        snapshot["flavor_tags"] = shade.clone();
        snapshot["transaction_tags"] = batch.clone();
        ensure_eq!(shows("snapshot"), snapshot, "tags of the time of action {number}");
    }

    let id = made["id"].as_str().unwrap_or_default();
    let listed = ledger.look_up("list-transactions", id).await?;
    ensure_eq!(listed, made, "the transaction as it is listed");
    let query = json!({ "filter": "flavor_id = 'painted'" });
    let (mut actions, _) = ledger.pages::<Value>("list-actions", &query).await?;
    actions.retain(|it| it["flavor_id"] == "painted");
    // Of one transaction, so their order is nowhere told.
    actions.sort_by_key(|it| it["amount"].as_u64().map(std::cmp::Reverse));
    ensure_eq!(json!(actions), made["actions"], "its actions as they are listed");
    let read: FeedItems<Value> = ledger.read_feed(&feed).await?;
    ensure_eq!(json!(read.items), json!([made]), "the transaction as a feed tells it");
    Ok(())
}

/// Without members that are null or empty: what does not apply may show so, or not at all.
fn without_nothing(value: &Value) -> Value {
    let nothing = |it: &Value| {
        it.is_null()
            || it.as_object().is_some_and(serde_json::Map::is_empty)
            || it.as_array().is_some_and(Vec::is_empty)
    };
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, it)| !nothing(it))
            .map(|(name, it)| (name.clone(), it.clone()))
            .collect(),
        value if nothing(value) => Value::Null,
        value => value.clone(),
    }
}
