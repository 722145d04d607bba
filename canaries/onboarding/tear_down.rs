//! Taking everything down again, each time making sure that it is gone.

use coalmine::{Cleanup, Ends, Out, Result};
use serde_json::json;

use super::{
    sign_up::SignedIn,
    team::{NewCredential, NewLedger, Opened, Team},
};
use crate::sequence::{Dashboard, DeleteTeam, DeleteUser, Sent, Sequence};

/// The owner's credential is gone.
pub(super) struct CredentialGone(pub Sent);

/// The ledger is gone.
pub(super) struct LedgerGone(pub Sent);

/// The team is gone.
pub(super) struct TeamGone(pub Sent);

/// The owner is gone.
pub(super) struct OwnerGone(pub Sent);

pub(super) async fn delete_credential(
    dashboard: Dashboard,
    sequence: Sequence,
    team: Out<Team>,
    credential: Ends<NewCredential>,
    // The ledger must still be there, or its absence would be taken for the credential's.
    _ledger: Out<NewLedger>,
    opened: Out<Opened>,
) -> Result<CredentialGone> {
    // What it opens to the last, it opens to requests that can be read.
    sequence.ledger(&opened.0).call("stats", &json!([])).await?.refused(400, "SEQ003")?;
    let body = json!({ "team": team.name, "id": credential.0.id });
    let sent = dashboard.send("delete-credential", Some(&team.owner), body).await?;
    sent.reply.done()?;
    sequence.ledger(&opened.0).call("stats", &json!({})).await?.refused(404, "SEQ002")?;
    Ok(CredentialGone(sent))
}

pub(super) async fn refuse_deleted_credential(
    sequence: Sequence,
    opened: Out<Opened>,
    _gone: Out<CredentialGone>,
    // As above.
    _ledger: Out<NewLedger>,
) -> Result<()> {
    sequence.ledger(&opened.0).keeps_out(|it| it != "stats").await
}

pub(super) async fn delete_ledger(
    dashboard: Dashboard,
    team: Out<Team>,
    ledger: Ends<NewLedger>,
) -> Result<LedgerGone> {
    let body = json!({ "team": team.name, "name": ledger.name });
    let sent = dashboard.send("delete-ledger", Some(&team.owner), body.clone()).await?;
    sent.reply.done()?;
    dashboard.call("delete-ledger", Some(&team.owner), &body).await?.refused(404, "SEQ002")?;
    Ok(LedgerGone(sent))
}

pub(super) async fn delete_team(
    dashboard: Dashboard,
    cleanup: Cleanup,
    team: Ends<Team>,
) -> Result<TeamGone> {
    let body = json!({ "team": team.name, "confirm": team.name });
    let sent = dashboard.send("delete-team", Some(&team.owner), body.clone()).await?;
    sent.reply.done()?;
    dashboard.call("delete-team", Some(&team.owner), &body).await?.refused(404, "SEQ002")?;
    cleanup.done(&DeleteTeam { name: team.name.clone(), owner: team.owner.email.clone() });
    Ok(TeamGone(sent))
}

pub(super) async fn delete_user(
    dashboard: Dashboard,
    cleanup: Cleanup,
    owner: Ends<SignedIn>,
    _team: Out<TeamGone>,
) -> Result<OwnerGone> {
    let email = &owner.0.email;
    let password = dashboard.password_of(email);
    let body = json!({ "password": password.expose() });
    let sent = dashboard.send("delete-user", Some(&owner.0), body).await?;
    sent.reply.done()?;
    dashboard.try_sign_in(email, password.expose()).await?.refused(401, "SEQ901")?;
    dashboard.forget(email);
    cleanup.done(&DeleteUser { email: email.clone() });
    Ok(OwnerGone(sent))
}
