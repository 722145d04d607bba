//! Emptying a ledger, in one of its own.

use coalmine::{Cleanup, Context, Failure, Out, Result, ensure_eq};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    feeds::{FeedMade, ReadersEnded, ends_readers},
    lists::EverythingListed,
    workspace::{Stage, Workspace, make_ledger},
};
use crate::sequence::{Dashboard, Home, Sequence, Stats};

/// A ledger with one thing of each kind, to be emptied.
pub(super) struct FullLedger(Home);

/// It has been emptied.
pub(super) struct Emptied(pub(super) Home);

/// Emptying it has been repeated.
pub(super) struct ResetReplayed;

const LISTS: [&str; 7] = [
    "list-keys",
    "list-accounts",
    "list-flavors",
    "list-transactions",
    "list-actions",
    "list-tokens",
    "list-feeds",
];

pub(super) async fn full_ledger(
    dashboard: Dashboard,
    sequence: Sequence,
    cleanup: Cleanup,
    cx: Context,
    workspace: Out<Workspace>,
    _stage: Out<Stage>,
    _feeds: Out<FeedMade>,
) -> Result<FullLedger> {
    let name = make_ledger(&dashboard, &cleanup, &cx, &workspace.session, "reset").await?;
    let home = sequence.find(&name, &sequence.target().credential).await?;
    let ledger = sequence.ledger(&home);
    let key = ledger.create_key("key").await?;
    let feed = json!({ "id": "feed", "type": "action" });
    let (flavor, account, _) = tokio::try_join!(
        ledger.create_flavor("flavor", &key),
        ledger.create_account("account", &key),
        ledger.create_feed(&feed)
    )?;
    let issue = json!({
        "type": "issue", "flavor_id": flavor.id, "amount": 1, "destination_account_id": account.id,
    });
    ledger.transact(json!([issue])).await?;
    Ok(FullLedger(home))
}

pub(super) async fn reset(
    sequence: Sequence,
    full: Out<FullLedger>,
    _listed: Out<EverythingListed>,
) -> Result<Emptied> {
    let ledger = sequence.ledger(&full.0);
    ledger.call("reset", &json!({})).await?.done()?;
    let mut asked = JoinSet::new();
    for list in LISTS {
        let ledger = ledger.clone();
        asked.spawn(async move { Ok::<_, Failure>((list, ledger.page::<Value>(list, &json!({})).await?)) });
    }
    while let Some(answered) = asked.join_next().await {
        let (list, left) = answered??;
        ensure_eq!(left.items, [] as [Value; 0], "answer of `{list}` after emptying the ledger");
    }
    let stats: Stats = ledger.call("stats", &json!({})).await?.ok()?;
    let nothing = Stats { flavor_count: 0, account_count: 0, tx_count: 0, ledger_type: "dev".to_owned() };
    ensure_eq!(stats, nothing, "counts of an emptied ledger");
    Ok(Emptied(full.0.clone()))
}

pub(super) async fn replay_reset(sequence: Sequence, emptied: Out<Emptied>) -> Result<ResetReplayed> {
    let ledger = sequence.ledger(&emptied.0);
    let key = uuid::Uuid::new_v4().to_string();
    ledger.repeatable("reset", &key, &json!({})).await?.done()?;
    ledger.create_key("kept").await?;
    ledger.repeatable("reset", &key, &json!({})).await?.done()?;
    ledger.look_up("list-keys", "kept").await?;
    Ok(ResetReplayed)
}

pub(super) async fn end_readers_at_reset(
    sequence: Sequence,
    emptied: Out<Emptied>,
    _replayed: Out<ResetReplayed>,
    _ended: Out<ReadersEnded>,
) -> Result<()> {
    let ledger = sequence.ledger(&emptied.0);
    let feed = ledger.create_feed(&json!({ "id": "reset-under-readers", "type": "action" })).await?;
    ends_readers(&ledger, &feed, "reset", &json!({})).await
}
