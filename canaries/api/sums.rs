//! Sums: over everything that matches, grouped by whatever the objects have.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    balances::BalanceRead,
    filters::Scene,
    transact::LargestMoved,
    workspace::{CountedLedger, Stage},
};
use crate::sequence::{Ledger, Sequence};

/// Actions can be summed.
pub(super) struct ActionsSummed;

/// Actions can be summed by group.
pub(super) struct ActionsGrouped;

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

pub(super) async fn sum_past_a_page(
    sequence: Sequence,
    stage: Out<Stage>,
    _summed: Out<ActionsSummed>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (flavor, _, to) = stage.pair(&ledger, "summed").await?;
    let issue = json!({
        "type": "issue", "flavor_id": flavor.id, "amount": 1, "destination_account_id": to.id,
    });
    ledger.transact(json!(vec![issue; 101])).await?;
    let query = json!({ "filter": "flavor_id = 'summed'" });
    expect_sums(&ledger, "sum-actions", &query, &[json!({ "amount": 101 })]).await
}

pub(super) async fn group_actions(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _summed: Out<ActionsSummed>,
) -> Result<ActionsGrouped> {
    let ledger = stage.ledger(&sequence);
    let query = |properties: Value| json!({ "filter": "flavor_id = 'ruby'", "group_by": properties });
    let by_mark = [
        json!({ "tags": { "mark": "a" }, "amount": 5 }),
        json!({ "tags": { "mark": "b" }, "amount": 2 }),
        json!({ "tags": { "mark": "c" }, "amount": 8 }),
    ];
    expect_sums(&ledger, "sum-actions", &query(json!(["tags.mark"])), &by_mark).await?;
    let by_two = [
        json!({ "type": "issue", "destination_account_id": "carol", "amount": 3 }),
        json!({ "type": "issue", "destination_account_id": "dave", "amount": 12 }),
    ];
    expect_sums(&ledger, "sum-actions", &query(json!(["type", "destination_account_id"])), &by_two).await?;
    Ok(ActionsGrouped)
}

pub(super) async fn group_what_lacks_the_path(
    sequence: Sequence,
    stage: Out<Stage>,
    _grouped: Out<ActionsGrouped>,
) -> Result<()> {
    let query = json!({ "filter": "flavor_id = 'ruby'", "group_by": ["tags.paid_by"] });
    let sums = [
        json!({ "tags": { "paid_by": "x" }, "amount": 1 }),
        json!({ "tags": { "paid_by": null }, "amount": 14 }),
    ];
    expect_sums(&stage.ledger(&sequence), "sum-actions", &query, &sums).await
}

pub(super) async fn page_sums(
    sequence: Sequence,
    stage: Out<Stage>,
    _grouped: Out<ActionsGrouped>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let query = json!({ "filter": "flavor_id = 'ruby'", "group_by": ["tags.mark"], "page_size": 1 });
    let (sums, pages) = ledger.pages::<Value>("sum-actions", &query).await?;
    let mut amounts: Vec<_> = sums.iter().map(|it| it["amount"].as_u64()).collect();
    amounts.sort_unstable();
    ensure_eq!(amounts, [Some(2), Some(5), Some(8)], "sums on pages of one");
    ensure_eq!(pages, 4, "pages of one for three sums");
    Ok(())
}

pub(super) async fn group_tokens(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _summed: Out<TokensSummed>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let query = |properties: Value| json!({ "filter": "flavor_id = 'ruby'", "group_by": properties });
    let by_account =
        [json!({ "account_id": "carol", "amount": 3 }), json!({ "account_id": "dave", "amount": 12 })];
    expect_sums(&ledger, "sum-tokens", &query(json!(["account_id"])), &by_account).await?;
    let by_tags =
        [json!({ "tags": { "lot": "x" }, "amount": 5 }), json!({ "tags": { "lot": "y" }, "amount": 10 })];
    expect_sums(&ledger, "sum-tokens", &query(json!(["tags"])), &by_tags).await?;
    let by_tags_around = [("Oslo", 3), ("Rome", 12)].map(|(town, amount)| {
        json!({
            "flavor_id": "ruby", "flavor_tags": { "shade": { "of": "red" } },
            "account_tags": { "cast": "scene", "home-town": town }, "amount": amount,
        })
    });
    let properties = json!(["flavor_id", "flavor_tags", "account_tags"]);
    expect_sums(&ledger, "sum-tokens", &query(properties), &by_tags_around).await?;
    let of_nobody = json!({ "filter": "flavor_id = 'nothing'", "group_by": ["account_id"] });
    expect_sums(&ledger, "sum-tokens", &of_nobody, &[]).await
}

pub(super) async fn sum_beyond_the_largest_amount(
    sequence: Sequence,
    stage: Out<Stage>,
    _summed: Out<TokensSummed>,
    _moved: Out<LargestMoved>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    stage.pair(&ledger, "vast").await?;
    let largest = u64::MAX / 2;
    let issue = |to: &str| json!({ "type": "issue", "flavor_id": "vast", "amount": largest, "destination_account_id": to });
    ledger.transact(json!([issue("alice"), issue("bob")])).await?;
    let query = json!({ "filter": "flavor_id = 'vast'" });
    expect_sums(&ledger, "sum-tokens", &query, &[json!({ "amount": largest * 2 })]).await
}

pub(super) async fn refuse_unknown_grouping(
    sequence: Sequence,
    stage: Out<Stage>,
    _actions: Out<ActionsSummed>,
    _tokens: Out<TokensSummed>,
) -> Result<()> {
    let refusal = |operation| (operation, json!({ "group_by": ["no_such_property"] }), 400, "SEQ602");
    stage.ledger(&sequence).refuses(&[refusal("sum-actions"), refusal("sum-tokens")]).await
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
