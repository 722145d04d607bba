//! Finding the ledger, and what does not open it.

use coalmine::{Out, Result, Secret, ensure_eq};
use serde_json::json;

use super::{
    keys::{FirstKey, TakenRefused},
    workspace::Workspace,
};
use crate::sequence::{Home, Key, Ledger, Sequence};

/// The run's ledger has been found.
pub(super) struct Found(pub Home);

pub(super) async fn hello(sequence: Sequence, workspace: Out<Workspace>) -> Result<Found> {
    let credential = &sequence.target().credential;
    let reply = sequence.say_hello(&workspace.ledger, Some(credential.expose())).await?;
    let home = Sequence::home(&reply, &workspace.ledger, credential)?;
    ensure_eq!(home.team, sequence.target().team, "team that owns the credential");
    reply.named()?;
    Ok(Found(home))
}

pub(super) async fn refuse_credential(sequence: Sequence, found: Out<Found>) -> Result<()> {
    let home = &found.0;
    sequence.say_hello(&home.ledger, None).await?.refused(404, "SEQ002")?;
    sequence.say_hello(&home.ledger, Some("no-such-credential")).await?.refused(404, "SEQ002")?;
    // Nor does a right one, for a request that cannot be read.
    sequence.say(&json!([]), Some(home.credential.expose())).await?.refused(400, "SEQ003")?;
    Ok(())
}

/// Nothing comes to harm where a credential is not looked at: hardly anything can be done with no fields, and the
/// production ledger cannot be emptied.
pub(super) async fn refuse_strangers(
    sequence: Sequence,
    found: Out<Found>,
    _key: Out<FirstKey>,
) -> Result<()> {
    let own = sequence.ledger(&found.0);
    let kept = Home { ledger: sequence.target().production_ledger.clone(), ..found.0.clone() };
    let kept = sequence.ledger(&kept);
    let keeps_out = async |credential: &str| {
        let opened_with = |ledger: &Ledger| ledger.opened_with(Secret::new(credential.to_owned()));
        opened_with(&own).keeps_out(|it| it != "reset").await?;
        opened_with(&kept).keeps_out(|it| it == "reset").await
    };
    tokio::try_join!(keeps_out(""), keeps_out("no-such-credential")).map(drop)
}

pub(super) async fn refuse_unknown_operation(sequence: Sequence, found: Out<Found>) -> Result<()> {
    let ledger = sequence.ledger(&found.0);
    for unknown in ["no-such-operation", "no/such/path"] {
        let reply = ledger.call(unknown, &json!({})).await?;
        reply.refused(404, "SEQ002")?;
        reply.named()?;
    }
    Ok(())
}

pub(super) async fn name_requests(
    sequence: Sequence,
    found: Out<Found>,
    key: Out<FirstKey>,
    _refused: Out<TakenRefused>,
) -> Result<()> {
    let ledger = sequence.ledger(&found.0);
    let made = ledger.call("create-key", &json!({ "id": "named" })).await?;
    made.ok::<Key>()?;
    made.named()?;
    let refused = ledger.call("create-key", &json!({ "id": key.0.id })).await?;
    refused.refused(400, "SEQ050")?;
    refused.named()
}
