//! Accounts and flavors: the same shape.

use coalmine::{Out, Result, ensure_eq};
use serde_json::{Value, json};

use super::{hello::Found, keys::FirstKey};
use crate::sequence::{Account, Flavor, Sequence};

/// Two accounts.
pub(super) struct Pair {
    /// Has tags.
    pub alice: Account,
    /// Has none.
    pub bob: Account,
}

/// The run's flavor.
pub(super) struct Gold(pub Flavor);

pub(super) async fn create_account(
    sequence: Sequence,
    found: Out<Found>,
    key: Out<FirstKey>,
) -> Result<Pair> {
    let ledger = sequence.ledger(&found.0);
    let tags = json!({ "color": "red", "nested": { "count": 3 } });
    let body = json!({ "id": "alice", "key_ids": [key.0.id], "quorum": 1, "tags": tags });
    let alice: Account = ledger.call("create-account", &body).await?.ok()?;
    ensure_eq!(alice.id, "alice", "id of the new account");
    ensure_eq!(alice.key_ids, [key.0.id.as_str()], "keys of the new account");
    ensure_eq!(alice.quorum, 1, "quorum of the new account");
    ensure_eq!(json!(alice.tags), tags, "tags of the new account");
    let bob = ledger.create_account("bob", &key.0).await?;
    Ok(Pair { alice, bob })
}

pub(super) async fn create_flavor(sequence: Sequence, found: Out<Found>, key: Out<FirstKey>) -> Result<Gold> {
    let ledger = sequence.ledger(&found.0);
    // A second key, so that a quorum of two says something.
    let second = ledger.create_key("second").await?;
    let body =
        json!({ "id": "gold", "key_ids": [key.0.id, second.id], "quorum": 2, "tags": { "metal": true } });
    let gold: Flavor = ledger.call("create-flavor", &body).await?.ok()?;
    ensure_eq!(gold.id, "gold", "id of the new flavor");
    ensure_eq!(gold.key_ids, [key.0.id.as_str(), second.id.as_str()], "keys of the new flavor");
    ensure_eq!(gold.quorum, 2, "quorum of the new flavor");
    ensure_eq!(json!(gold.tags), json!({ "metal": true }), "tags of the new flavor");
    Ok(Gold(gold))
}

pub(super) async fn refuse_bad_accounts(
    sequence: Sequence,
    found: Out<Found>,
    accounts: Out<Pair>,
) -> Result<()> {
    let bob = &accounts.bob;
    sequence.ledger(&found.0).refuses(&bad("create-account", &bob.id, &bob.key_ids[0])).await
}

pub(super) async fn refuse_bad_flavors(sequence: Sequence, found: Out<Found>, gold: Out<Gold>) -> Result<()> {
    let gold = &gold.0;
    sequence.ledger(&found.0).refuses(&bad("create-flavor", &gold.id, &gold.key_ids[0])).await
}

/// What accounts and flavors are refused for.
fn bad(operation: &'static str, taken: &str, key: &str) -> [(&'static str, Value, u16, &'static str); 7] {
    [
        (operation, json!({ "id": "bad" }), 400, "SEQ052"),
        (operation, json!({ "id": "bad", "key_ids": [] }), 400, "SEQ052"),
        (operation, json!({ "id": "bad", "key_ids": ["no-such-key"] }), 400, "SEQ052"),
        (operation, json!({ "id": "bad", "key_ids": [key, key] }), 400, "SEQ204"),
        (operation, json!({ "id": "bad", "key_ids": [key], "quorum": 0 }), 400, "SEQ200"),
        (operation, json!({ "id": "bad", "key_ids": [key], "quorum": 2 }), 400, "SEQ200"),
        (operation, json!({ "id": taken, "key_ids": [key] }), 400, "SEQ050"),
    ]
}
