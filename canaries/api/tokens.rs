//! Tokens: which are taken, and what becomes of their tags.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    balances::{BalanceRead, Transferred},
    workspace::Stage,
};
use crate::sequence::{Account, Flavor, Ledger, Sequence};

pub(super) async fn drop_tags_of_moved_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _moved: Out<Transferred>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, from, to) = stage.pair(&ledger, "moved").await?;
    ledger.transact(json!([issue(&flavor, 5, &from, "x")])).await?;
    ledger.transact(json!([transfer(&flavor, 2, &from, &to)])).await?;
    let holdings = [(2, to.id, json!({})), (3, from.id, json!({ "lot": "x" }))];
    expect_holdings(&ledger, &flavor, &holdings).await
}

pub(super) async fn tag_tokens_anew(
    sequence: Sequence,
    stage: Out<Stage>,
    _moved: Out<Transferred>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, holder, _) = stage.pair(&ledger, "tagged-anew").await?;
    ledger.transact(json!([issue(&flavor, 5, &holder, "x")])).await?;
    // To oneself: that is how tags are changed.
    let mut change = transfer(&flavor, 5, &holder, &holder);
    change["token_tags"] = json!({ "lot": "y" });
    ledger.transact(json!([change])).await?;
    expect_holdings(&ledger, &flavor, &[(5, holder.id, json!({ "lot": "y" }))]).await
}

pub(super) async fn join_equal_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<BalanceRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, one, other) = stage.pair(&ledger, "joined").await?;
    let actions = json!([
        issue(&flavor, 1, &one, "x"),
        issue(&flavor, 2, &one, "x"),
        issue(&flavor, 4, &one, "y"),
        issue(&flavor, 8, &other, "x"),
    ]);
    ledger.transact(actions).await?;
    let holdings = [
        (3, one.id.clone(), json!({ "lot": "x" })),
        (4, one.id, json!({ "lot": "y" })),
        (8, other.id, json!({ "lot": "x" })),
    ];
    expect_holdings(&ledger, &flavor, &holdings).await
}

pub(super) async fn choose_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _moved: Out<Transferred>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, from, to) = stage.pair(&ledger, "chosen").await?;
    ledger.transact(json!([issue(&flavor, 5, &from, "x"), issue(&flavor, 5, &from, "y")])).await?;
    let mut chosen = transfer(&flavor, 3, &from, &to);
    chosen["filter"] = json!("tags.lot = $1");
    chosen["filter_params"] = json!(["y"]);
    chosen["token_tags"] = json!({ "lot": "z" });
    ledger.transact(json!([chosen])).await?;
    let holdings = [
        (2, from.id.clone(), json!({ "lot": "y" })),
        (3, to.id, json!({ "lot": "z" })),
        (5, from.id, json!({ "lot": "x" })),
    ];
    expect_holdings(&ledger, &flavor, &holdings).await
}

pub(super) async fn filter_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _read: Out<BalanceRead>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (one, other) = stage.accounts();
    let body = json!({ "id": "sorted", "key_ids": one.key_ids, "tags": { "shelf": "top" } });
    let flavor: Flavor = ledger.call("create-flavor", &body).await?.ok()?;
    ledger.transact(json!([issue(&flavor, 1, &one, "x"), issue(&flavor, 2, &other, "y")])).await?;
    for (filter, parameters, amounts) in [
        ("flavor_id = 'sorted' AND account_id = $1", json!([one.id]), json!([1])),
        ("flavor_id = 'sorted' AND tags.lot = 'y'", json!([]), json!([2])),
        ("flavor_id = 'sorted' AND (tags.lot = 'y' OR tags.lot = 'x')", json!([]), json!([1, 2])),
        ("flavor_tags.shelf = 'top' AND tags.lot = 'x'", json!([]), json!([1])),
        ("flavor_id = 'sorted' AND tags.lot = 'z'", json!([]), json!([])),
    ] {
        let query = json!({ "filter": filter, "filter_params": parameters });
        let (groups, _) = ledger.pages::<Value>("list-tokens", &query).await?;
        let mut found: Vec<_> = groups.iter().filter_map(|it| it["amount"].as_u64()).collect();
        found.sort_unstable();
        ensure_eq!(json!(found), amounts, "amounts of the tokens with {filter}");
    }
    Ok(())
}

/// Demands these groups: amount, holder and tags of each, the smallest first.
async fn expect_holdings(ledger: &Ledger, flavor: &Flavor, expected: &[(u64, String, Value)]) -> Result<()> {
    let groups = ledger.groups(flavor).await?;
    let mut found: Vec<_> = groups.into_iter().map(|it| (it.amount, it.account_id, json!(it.tags))).collect();
    found.sort_by_key(|(amount, ..)| *amount);
    ensure_eq!(found, expected, "amount, holder and tags of the groups");
    Ok(())
}

fn issue(flavor: &Flavor, amount: u64, to: &Account, lot: &str) -> Value {
    json!({
        "type": "issue", "flavor_id": flavor.id, "amount": amount, "destination_account_id": to.id,
        "token_tags": { "lot": lot },
    })
}

fn transfer(flavor: &Flavor, amount: u64, from: &Account, to: &Account) -> Value {
    json!({
        "type": "transfer", "flavor_id": flavor.id, "amount": amount, "source_account_id": from.id,
        "destination_account_id": to.id,
    })
}
