//! Finding the ledger, and what does not open it.

use coalmine::{Out, Result, Secret, ensure, ensure_eq};
use serde_json::json;

use super::{keys::FirstKey, workspace::Workspace};
use crate::sequence::{Home, Key, Sequence};

/// The run's ledger has been found.
pub(super) struct Found(pub Home);

pub(super) async fn hello(sequence: Sequence, workspace: Out<Workspace>) -> Result<Found> {
    let credential = &sequence.target().credential;
    let reply = sequence.say_hello(&workspace.ledger, Some(credential.expose())).await?;
    let home = Sequence::home(&reply, &workspace.ledger, credential)?;
    ensure_eq!(home.team, sequence.target().team, "team that owns the credential");
    ensure!(!home.addr.is_empty(), "expected the address of the ledger, got an empty one");
    reply.named()?;
    Ok(Found(home))
}

pub(super) async fn refuse_credential(
    sequence: Sequence,
    found: Out<Found>,
    _key: Out<FirstKey>,
) -> Result<()> {
    let home = &found.0;
    sequence.say_hello(&home.ledger, None).await?.refused(404, "SEQ002")?;
    sequence.say_hello(&home.ledger, Some("no-such-credential")).await?.refused(404, "SEQ002")?;
    let stranger = Home { credential: Secret::new("no-such-credential".to_owned()), ..home.clone() };
    let body = json!({ "id": "stranger" });
    sequence.ledger(&stranger).call("create-key", &body).await?.refused(404, "SEQ002")?;
    // Nor does a right one, for a request that cannot be read.
    sequence.say(&json!([]), Some(home.credential.expose())).await?.refused(400, "SEQ003")?;
    Ok(())
}

pub(super) async fn refuse_unknown_operation(sequence: Sequence, found: Out<Found>) -> Result<()> {
    let reply = sequence.ledger(&found.0).call("no-such-operation", &json!({})).await?;
    reply.refused(404, "SEQ002")?;
    reply.named()
}

pub(super) async fn name_requests(sequence: Sequence, found: Out<Found>, key: Out<FirstKey>) -> Result<()> {
    let ledger = sequence.ledger(&found.0);
    let made = ledger.call("create-key", &json!({ "id": "named" })).await?;
    made.ok::<Key>()?;
    made.named()?;
    let refused = ledger.call("create-key", &json!({ "id": key.0.id })).await?;
    refused.refused(400, "SEQ050")?;
    refused.named()
}
