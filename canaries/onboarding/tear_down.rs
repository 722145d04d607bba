//! Taking everything down again, each time making sure that it is gone.

use coalmine::{Cleanup, Ends, Out, Result};
use serde_json::json;

use super::{
    sign_up::SignedIn,
    team::{NewCredential, NewLedger, Opened, Team},
};
use crate::sequence::{Dashboard, DeleteTeam, DeleteUser, Sequence};

/// The team is gone.
pub(super) struct TeamGone;

pub(super) async fn delete_credential(
    dashboard: Dashboard,
    sequence: Sequence,
    owner: Out<SignedIn>,
    team: Out<Team>,
    credential: Ends<NewCredential>,
    // The ledger must still be there, or its absence would be taken for the credential's.
    _ledger: Out<NewLedger>,
    opened: Out<Opened>,
) -> Result<()> {
    let body = json!({ "team": team.name, "id": credential.0.id });
    dashboard.call("delete-credential", Some(&owner.0), &body).await?.done()?;
    sequence.ledger(&opened.0).call("stats", &json!({})).await?.refused(404, "SEQ002")?;
    Ok(())
}

pub(super) async fn delete_ledger(
    dashboard: Dashboard,
    owner: Out<SignedIn>,
    team: Out<Team>,
    ledger: Ends<NewLedger>,
) -> Result<()> {
    let body = json!({ "team": team.name, "name": ledger.name });
    dashboard.call("delete-ledger", Some(&owner.0), &body).await?.done()?;
    dashboard.call("delete-ledger", Some(&owner.0), &body).await?.refused(404, "SEQ002")?;
    Ok(())
}

pub(super) async fn delete_team(
    dashboard: Dashboard,
    cleanup: Cleanup,
    owner: Out<SignedIn>,
    team: Ends<Team>,
) -> Result<TeamGone> {
    let body = json!({ "team": team.name, "confirm": team.name });
    dashboard.call("delete-team", Some(&owner.0), &body).await?.done()?;
    dashboard.call("delete-team", Some(&owner.0), &body).await?.refused(404, "SEQ002")?;
    cleanup.done(&DeleteTeam { name: team.name.clone(), owner: owner.0.email.clone() });
    Ok(TeamGone)
}

pub(super) async fn delete_user(
    dashboard: Dashboard,
    cleanup: Cleanup,
    owner: Ends<SignedIn>,
    _team: Out<TeamGone>,
) -> Result<()> {
    let email = &owner.0.email;
    let password = dashboard.password_of(email);
    let body = json!({ "password": password.expose() });
    dashboard.call("delete-user", Some(&owner.0), &body).await?.done()?;
    dashboard.try_sign_in(email, password.expose()).await?.refused(401, "SEQ901")?;
    dashboard.forget(email);
    cleanup.done(&DeleteUser { email: email.clone() });
    Ok(())
}
