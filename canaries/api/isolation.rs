//! Ledgers of one team do not know each other; and one that serves production stays as it is.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    feeds::FeedGot,
    filters::{AccountsFiltered, FlavorsFiltered},
    lists::EverythingListed,
    reset::Emptied,
    workspace::{CountedLedger, Stage},
};
use crate::sequence::Sequence;

pub(super) async fn isolate_ledgers(
    sequence: Sequence,
    stage: Out<Stage>,
    counted: Out<CountedLedger>,
    _listed: Out<EverythingListed>,
    _accounts: Out<AccountsFiltered>,
    _flavors: Out<FlavorsFiltered>,
    _got: Out<FeedGot>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (account, flavor) = (&counted.accounts[0], &counted.flavors[0]);
    for (list, id) in [("list-accounts", account), ("list-flavors", flavor)] {
        let query = json!({ "filter": format!("id = '{id}'") });
        let found = ledger.page::<Value>(list, &query).await?.items;
        ensure_eq!(found, [] as [Value; 0], "what `{list}` finds of another ledger");
    }
    let issue = json!({
        "type": "issue", "flavor_id": flavor, "amount": 1, "destination_account_id": account,
    });
    let keyed = json!({ "id": "stranger", "key_ids": [counted.keys[0]] });
    ledger
        .refuses(&[
            ("create-account", keyed.clone(), 400, "SEQ052"),
            ("create-flavor", keyed, 400, "SEQ052"),
            ("transact", json!({ "actions": [issue] }), 400, "SEQ706"),
            ("get-feed", json!({ "id": "feed-1" }), 404, "SEQ002"),
        ])
        .await?;
    let refusal = |operation| (operation, json!({}), 404, "SEQ002");
    ledger.nowhere().refuses(&["create-account", "create-flavor", "transact"].map(refusal)).await
}

pub(super) async fn keep_production_ledger_full(sequence: Sequence, emptied: Out<Emptied>) -> Result<()> {
    let name = &sequence.target().production_ledger;
    let home = sequence.find(name, &sequence.target().credential).await?;
    sequence.ledger(&home).call("reset", &json!({})).await?.refused(403, "SEQ011")?;
    let emptied = sequence.ledger(&emptied.0);
    emptied.nowhere().call("reset", &json!({})).await?.refused(404, "SEQ002")?;
    emptied.call("reset", &json!([])).await?.refused(400, "SEQ003").map(drop)
}
