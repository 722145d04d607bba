//! Filters: what they let through, in a scene whose actions are known by their amounts.

use coalmine::{Out, Result, ensure_eq};
use jiff::{Timestamp, tz};
use serde_json::{Value, json};

use super::{
    lists::{AccountsListed, ActionsListed, FlavorsListed, TransactionsListed},
    workspace::Stage,
};
use crate::sequence::{Account, Action, Flavor, Ledger, Names, Sequence, Transaction};

/// Ruby issued in three transactions: 1; 2 and 4; 8.
pub(super) struct Scene {
    pub(super) transactions: Vec<Transaction>,
}

/// Conditions on accounts work.
pub(super) struct AccountsFiltered;

/// Conditions on flavors work.
pub(super) struct FlavorsFiltered;

/// Names in camel case work.
pub(super) struct CamelTaken;

/// `OR` works.
pub(super) struct AlternativesFiltered;

/// Plain conditions on actions work.
pub(super) struct ActionsFiltered;

/// Plain conditions on transactions work.
pub(super) struct TransactionsFiltered;

pub(super) async fn scene(sequence: Sequence, stage: Out<Stage>) -> Result<Scene> {
    let ledger = stage.ledger(&sequence);
    let body = |id: &str, tags: Value| json!({ "id": id, "key_ids": [stage.key.id], "tags": tags });
    let ruby = body("ruby", json!({ "shade": { "of": "red" } }));
    let carol = body("carol", json!({ "cast": "scene", "home-town": "Oslo" }));
    let dave = body("dave", json!({ "cast": "scene", "home-town": "Rome" }));
    let made = tokio::try_join!(
        ledger.call("create-flavor", &ruby),
        ledger.call("create-account", &carol),
        ledger.call("create-account", &dave),
    )?;
    made.0.ok::<Flavor>()?;
    made.1.ok::<Account>()?;
    made.2.ok::<Account>()?;
    let issue = |amount: u64, to: &str, tags: Value, lot: &str| {
        json!({
            "type": "issue", "flavor_id": "ruby", "amount": amount, "destination_account_id": to,
            "action_tags": tags, "token_tags": { "lot": lot },
        })
    };
    let early = json!({ "mark": "a", "n": 1, "paid_by": "x", "due": "2030-01-01T12:00:00+02:00" });
    let late = json!({ "mark": "c", "n": 3, "due": "2030-01-01T11:00:00Z" });
    let mut transactions = Vec::new();
    for (batch, actions) in [
        ("one", json!([issue(1, "carol", early, "x")])),
        (
            "two",
            json!([
                issue(2, "carol", json!({ "mark": "b", "n": 1 }), "y"),
                issue(4, "dave", json!({ "mark": "a", "n": 2 }), "x"),
            ]),
        ),
        ("three", json!([issue(8, "dave", late, "y")])),
    ] {
        let body = json!({ "actions": actions, "transaction_tags": { "batch": batch } });
        transactions.push(ledger.call("transact", &body).await?.ok()?);
    }
    Ok(Scene { transactions })
}

pub(super) async fn filter_accounts(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _listed: Out<AccountsListed>,
) -> Result<AccountsFiltered> {
    let ledger = stage.ledger(&sequence);
    for (filter, parameters, ids) in [
        ("tags.cast = 'scene'", json!([]), json!(["carol", "dave"])),
        ("tags.cast='scene' AND tags.home-town=$1", json!(["Oslo"]), json!(["carol"])),
        ("tags.cast = $2 AND (id = $1 OR id = 'nobody')", json!(["dave", "scene"]), json!(["dave"])),
        ("id = 'carol' AND tags.home-town = 'oslo'", json!([]), json!([])),
    ] {
        ensure_eq!(
            ids_of(&ledger, "list-accounts", filter, &parameters).await?,
            ids,
            "accounts with {filter}"
        );
    }
    Ok(AccountsFiltered)
}

pub(super) async fn filter_flavors(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _listed: Out<FlavorsListed>,
) -> Result<FlavorsFiltered> {
    let ledger = stage.ledger(&sequence);
    for (filter, parameters, ids) in [
        ("tags.shade.of = 'red'", json!([]), json!(["ruby"])),
        ("id = $1 AND tags.shade.of = $2", json!(["ruby", "blue"]), json!([])),
    ] {
        ensure_eq!(ids_of(&ledger, "list-flavors", filter, &parameters).await?, ids, "flavors with {filter}");
    }
    Ok(FlavorsFiltered)
}

pub(super) async fn filter_actions(
    sequence: Sequence,
    stage: Out<Stage>,
    _scene: Out<Scene>,
    _listed: Out<ActionsListed>,
) -> Result<ActionsFiltered> {
    let ledger = stage.ledger(&sequence);
    for (filter, amounts) in [
        ("flavor_id='ruby'", &[1, 2, 4, 8][..]),
        ("flavor_id = 'ruby' AND type = 'issue' AND tags.mark = 'a'", &[1, 4]),
        ("flavor_id = 'ruby' AND destination_account_id = 'dave'", &[4, 8]),
        ("flavor_id = 'ruby' AND tags.n = 1", &[1, 2]),
        ("flavor_id = 'ruby' AND tags.mark = 'A'", &[]),
        ("flavor_id = 'ruby' AND tags.no.such.path = 'a'", &[]),
        ("snapshot.flavor_tags.shade.of = 'red' AND snapshot.token_tags.lot = 'x'", &[1, 4]),
        ("flavor_id = 'ruby' AND snapshot.action_tags.mark = 'b'", &[2]),
        ("flavor_id = 'ruby' AND snapshot.destination_account_tags.home-town = 'Oslo'", &[1, 2]),
    ] {
        expect_actions(&ledger, filter, &json!([]), amounts).await?;
    }
    Ok(ActionsFiltered)
}

pub(super) async fn filter_alternatives(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<ActionsFiltered>,
) -> Result<AlternativesFiltered> {
    let ledger = stage.ledger(&sequence);
    let filter = "flavor_id = 'ruby' AND (tags.mark = 'a' OR tags.mark = 'b')";
    expect_actions(&ledger, filter, &json!([]), &[1, 2, 4]).await?;
    Ok(AlternativesFiltered)
}

pub(super) async fn bind_and_before_or(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<AlternativesFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let filter = "flavor_id = 'ruby' AND tags.mark = 'b' OR flavor_id = 'ruby' AND tags.mark = 'c'";
    expect_actions(&ledger, filter, &json!([]), &[2, 8]).await
}

pub(super) async fn filter_by_parameters(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<ActionsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    for (filter, parameters, amounts) in [
        ("flavor_id = $1 AND tags.mark = $2", json!(["ruby", "a"]), &[1, 4][..]),
        ("tags.n = $2 AND flavor_id = $1", json!(["ruby", 1]), &[1, 2]),
        ("flavor_id=$1 AND tags.mark=$2 AND snapshot.action_tags.mark=$2", json!(["ruby", "c"]), &[8]),
    ] {
        expect_actions(&ledger, filter, &parameters, amounts).await?;
    }
    Ok(())
}

pub(super) async fn filter_times_of_tags(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<ActionsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    // The first is due at 10:00, the last at 11:00.
    for (filter, amounts) in [
        ("tags.due:time > '2030-01-01T10:00:00Z'", &[8][..]),
        ("tags.due:time >= '2030-01-01T10:00:00.000Z'", &[1, 8]),
        ("tags.due:time < '2030-01-01T13:00:00+02:00'", &[1]),
        ("tags.due:time <= '2030-01-01T13:00:00+02:00'", &[1, 8]),
    ] {
        expect_actions(&ledger, &format!("flavor_id = 'ruby' AND {filter}"), &json!([]), amounts).await?;
    }
    Ok(())
}

pub(super) async fn filter_transactions(
    sequence: Sequence,
    stage: Out<Stage>,
    scene: Out<Scene>,
    _listed: Out<TransactionsListed>,
) -> Result<TransactionsFiltered> {
    let ledger = stage.ledger(&sequence);
    let second = &scene.transactions[1];
    for (filter, parameters, expected) in [
        ("actions(flavor_id = 'ruby')", json!([]), &[0, 1, 2][..]),
        ("actions(flavor_id='ruby' AND tags.mark=$1)", json!(["a"]), &[0, 1]),
        ("actions(snapshot.transaction_tags.batch = $1)", json!(["two"]), &[1]),
        ("id = $1", json!([second.id]), &[1]),
    ] {
        expect_transactions(&ledger, &scene, filter, &parameters, expected).await?;
    }
    Ok(TransactionsFiltered)
}

pub(super) async fn match_one_action(
    sequence: Sequence,
    stage: Out<Stage>,
    scene: Out<Scene>,
    _filtered: Out<TransactionsFiltered>,
) -> Result<()> {
    // The second transaction has both, in different actions.
    let filter = "actions(flavor_id = 'ruby' AND tags.mark = 'a' AND tags.n = 1)";
    expect_transactions(&stage.ledger(&sequence), &scene, filter, &json!([]), &[0]).await
}

pub(super) async fn filter_times(
    sequence: Sequence,
    stage: Out<Stage>,
    scene: Out<Scene>,
    _filtered: Out<TransactionsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let time: Timestamp = scene.transactions[1].timestamp.parse()?;
    let abroad = |hours: i8| time.display_with_offset(tz::offset(hours)).to_string();
    for (operator, time, expected) in [
        ("<", scene.transactions[1].timestamp.clone(), &[0][..]),
        (">", abroad(0), &[2]),
        ("<=", abroad(2), &[0, 1]),
        (">=", abroad(-5), &[1, 2]),
    ] {
        let filter = format!("actions(flavor_id = 'ruby') AND timestamp {operator} $1");
        expect_transactions(&ledger, &scene, &filter, &json!([time]), expected).await?;
    }
    Ok(())
}

pub(super) async fn take_camel_names(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<ActionsFiltered>,
) -> Result<CamelTaken> {
    let ledger = stage.ledger(&sequence).spelling(Names::Camel);
    expect_actions(&ledger, "flavorId = 'ruby' AND snapshot.actionTags.mark = 'a'", &json!([]), &[1, 4])
        .await?;
    // Names inside of tags are the users' own.
    expect_actions(&ledger, "flavorId = 'ruby' AND tags.paid_by = 'x'", &json!([]), &[1]).await?;
    Ok(CamelTaken)
}

pub(super) async fn refuse_other_names(
    sequence: Sequence,
    stage: Out<Stage>,
    _filtered: Out<ActionsFiltered>,
) -> Result<()> {
    let ledger = stage.ledger(&sequence);
    let (snake, camel) =
        (json!({ "filter": "flavor_id = 'ruby'" }), json!({ "filter": "flavorId = 'ruby'" }));
    ledger.refuses(&[("list-actions", camel, 400, "SEQ602")]).await?;
    ledger.spelling(Names::Camel).refuses(&[("list-actions", snake, 400, "SEQ602")]).await
}

/// Actions are known by their amounts.
async fn expect_actions(ledger: &Ledger, filter: &str, parameters: &Value, amounts: &[u64]) -> Result<()> {
    let query = json!({ "filter": filter, "filter_params": parameters });
    let (actions, _) = ledger.pages::<Action>("list-actions", &query).await?;
    let mut found: Vec<_> = actions.iter().map(|it| it.amount).collect();
    found.sort_unstable();
    ensure_eq!(found, amounts, "amounts of the actions with {filter}");
    Ok(())
}

/// Transactions are known by their position in the scene.
async fn expect_transactions(
    ledger: &Ledger,
    scene: &Scene,
    filter: &str,
    parameters: &Value,
    expected: &[usize],
) -> Result<()> {
    let query = json!({ "filter": filter, "filter_params": parameters });
    let (found, _) = ledger.pages::<Transaction>("list-transactions", &query).await?;
    let found: Vec<_> = found.iter().rev().map(|it| it.id.as_str()).collect();
    let expected: Vec<_> = expected.iter().map(|it| scene.transactions[*it].id.as_str()).collect();
    ensure_eq!(found, expected, "transactions with {filter}, oldest first");
    Ok(())
}

async fn ids_of(ledger: &Ledger, operation: &str, filter: &str, parameters: &Value) -> Result<Value> {
    let query = json!({ "filter": filter, "filter_params": parameters });
    let (items, _) = ledger.pages::<Value>(operation, &query).await?;
    let mut ids: Vec<_> = items.iter().map(|it| it["id"].to_string()).collect();
    ids.sort();
    let ids: Vec<_> = ids.iter().map(|it| it.trim_matches('"')).collect();
    Ok(json!(ids))
}
