//! Cursors: what they carry, and where they are good for nothing.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{
    filters::{AccountsFiltered, ActionsFiltered, Scene},
    lists::{AccountsListed, EverythingListed, KeysListed},
    sums::{ActionsSummed, TokensSummed},
    workspace::{CountedLedger, Stage},
};
use crate::sequence::{Account, Action, Key, Sequence};

pub(super) async fn carry_the_query(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _filtered: Out<ActionsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let query = json!({ "filter": "flavor_id = 'ruby' AND tags.mark = 'a'", "page_size": 1 });
    let first = ledger.page::<Action>("list-actions", &query).await?;
    ensure_eq!(amounts(&first.items), [4], "amounts on the first page of one");
    // Whatever else is asked for, the cursor says it all.
    let query = json!({ "cursor": first.cursor, "filter": "type = 'retire'", "page_size": 50 });
    let second = ledger.page::<Action>("list-actions", &query).await?;
    ensure_eq!(amounts(&second.items), [1], "amounts on the second page of one");
    Ok(())
}

pub(super) async fn take_large_page_size(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _listed: Out<KeysListed>,
) -> Result<()> {
    let ledger = sequence.ledger(&counted.home);
    let (keys, pages) = ledger.pages::<Key>("list-keys", &json!({ "page_size": 1_000_000 })).await?;
    ensure_eq!(keys.len(), counted.keys.len(), "keys on a page as large as can be");
    ensure_eq!(pages, 1, "pages as large as can be");
    Ok(())
}

pub(super) async fn reuse_cursor(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _listed: Out<AccountsListed>,
) -> Result<()> {
    let ledger = sequence.ledger(&counted.home);
    let first = ledger.page::<Account>("list-accounts", &json!({ "page_size": 2 })).await?;
    let next = json!({ "cursor": first.cursor });
    for time in ["first", "second"] {
        let page = ledger.page::<Account>("list-accounts", &next).await?;
        let rest = [counted.accounts[1].as_str(), &counted.accounts[0]];
        ensure_eq!(ids(&page.items), rest, "accounts on the second page, asked for the {time} time");
    }
    Ok(())
}

pub(super) async fn add_while_paging(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<AccountsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let add = async |id: &str| {
        let body = json!({ "id": id, "key_ids": [stage.key.id], "tags": { "row": "growing" } });
        ledger.call("create-account", &body).await?.ok::<Account>()
    };
    for id in ["grown-1", "grown-2", "grown-3"] {
        add(id).await?;
    }
    let query = json!({ "filter": "tags.row = 'growing'", "page_size": 2 });
    let first = ledger.page::<Account>("list-accounts", &query).await?;
    ensure_eq!(ids(&first.items), ["grown-3", "grown-2"], "accounts on the first page");
    add("grown-4").await?;
    let second = ledger.page::<Account>("list-accounts", &json!({ "cursor": first.cursor })).await?;
    ensure_eq!(ids(&second.items), ["grown-1"], "accounts on the second page");
    Ok(())
}

pub(super) async fn refuse_cursor_of_another_list(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _listed: Out<EverythingListed>,
) -> Result<()> {
    let ledger = sequence.ledger(&counted.home);
    let page = ledger.page::<Value>("list-accounts", &json!({ "page_size": 1 })).await?;
    let refusal = |operation| (operation, json!({ "cursor": page.cursor }), 400, "SEQ600");
    let others =
        ["list-keys", "list-flavors", "list-transactions", "list-actions", "list-tokens", "list-feeds"];
    ledger.refuses(&others.map(refusal)).await
}

pub(super) async fn refuse_bad_queries(
    sequence: Sequence,
    counted: Out<CountedLedger>,
    _listed: Out<EverythingListed>,
    _actions: Out<ActionsSummed>,
    _tokens: Out<TokensSummed>,
) -> Result<()> {
    let (mut refusals, mut nowhere) = (Vec::new(), Vec::new());
    for list in ["list-keys", "list-feeds"].into_iter().chain(FILTERED) {
        refusals.push((list, json!({ "cursor": "no-such-cursor" }), 400, "SEQ600"));
        refusals.push((list, json!({ "page_size": {} }), 400, "SEQ003"));
        nowhere.push((list, json!({}), 404, "SEQ002"));
    }
    for list in FILTERED {
        refusals.push((list, json!({ "filter": "tags.kind =" }), 400, "SEQ602"));
        refusals.push((list, json!({ "filter": "tags.kind = $1" }), 400, "SEQ601"));
    }
    let ledger = sequence.ledger(&counted.home);
    ledger.nowhere().refuses(&nowhere).await?;
    ledger.refuses(&refusals).await
}

const FILTERED: [&str; 7] = [
    "list-accounts",
    "list-flavors",
    "list-transactions",
    "list-actions",
    "list-tokens",
    "sum-actions",
    "sum-tokens",
];

fn amounts(actions: &[Action]) -> Vec<u64> {
    actions.iter().map(|it| it.amount).collect()
}

fn ids(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|it| it.id.as_str()).collect()
}
