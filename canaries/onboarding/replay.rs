//! Requests that are repeated, as a client repeats them that has not seen the answer: each is answered as before, and not
//! worked on again.

use coalmine::{Cleanup, Out, Result, ensure_eq, inbox::Address};
use serde_json::json;

use super::{
    confirm::{Confirmed, WrongRefused},
    credential::OwnListed,
    invite::{Invited, Joined},
    mails::Mails,
    member::{Removed, Updated},
    resend::Resent,
    revoke::Revoked,
    team::{NewCredential, NewLedger, Team},
    tear_down::{CredentialGone, LedgerGone, OwnerGone, TeamGone},
    user::SignedOut,
};
use crate::sequence::{Dashboard, DeleteUser, Session};

/// Somebody has signed up with a repeated request.
pub(super) struct Bystander {
    /// With this address.
    pub address: Address,
    /// Signed in by confirming it.
    pub session: Session,
}

pub(super) async fn replay_sign_up(
    dashboard: Dashboard,
    mails: Mails,
    cleanup: Cleanup,
    _refused: Out<WrongRefused>,
    _confirmed: Out<Confirmed>,
) -> Result<Bystander> {
    let address = mails.address("bystander").await?;
    let email = address.to_string();
    cleanup.intend(DeleteUser { email: email.clone() })?;
    let body = json!({ "email": email, "password": dashboard.password_of(&email).expose() });
    let sent = dashboard.send("sign-up", None, body).await?;
    let code = mails.confirmation_code(&address).await?;
    dashboard.again(&sent).await?;
    // Had it been worked on again, another code would be good now.
    let (session, _) = dashboard.confirm_sign_up(&email, code.expose()).await?;
    ensure_eq!(session.email, email, "address that was confirmed");
    Ok(Bystander { address, session })
}

pub(super) async fn replay_resend(dashboard: Dashboard, resent: Out<Resent>) -> Result<()> {
    dashboard.again(&resent.sent).await
}

pub(super) async fn replay_sessions(
    dashboard: Dashboard,
    confirmed: Out<Confirmed>,
    signed_out: Out<SignedOut>,
) -> Result<()> {
    dashboard.again(&confirmed.sent).await?;
    dashboard.again(&signed_out.0).await
}

pub(super) async fn replay_creations(
    dashboard: Dashboard,
    team: Out<Team>,
    ledger: Out<NewLedger>,
    credential: Out<NewCredential>,
    // A second one would be in the list.
    _listed: Out<OwnListed>,
) -> Result<()> {
    dashboard.again(&team.sent).await?;
    dashboard.again(&ledger.sent).await?;
    dashboard.again(&credential.0.sent).await
}

pub(super) async fn replay_invitation(
    dashboard: Dashboard,
    _team: Out<Team>,
    invited: Out<Invited>,
    joined: Out<Joined>,
) -> Result<()> {
    dashboard.again(&invited.sent).await?;
    dashboard.again(&joined.sent).await
}

pub(super) async fn replay_update(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
    updated: Out<Updated>,
) -> Result<()> {
    let body = json!({ "team": team.name, "email": member.session.email, "role": "readwrite" });
    dashboard.call("update-member", Some(&team.owner), &body).await?.ok::<serde_json::Value>()?;
    dashboard.again(&updated.0).await?;
    // Had it been worked on again, the member would be an admin again.
    let body = json!({ "team": team.name });
    dashboard.call("list-invites", Some(&member.session), &body).await?.refused(403, "SEQ011")?;
    Ok(())
}

pub(super) async fn replay_removals(
    dashboard: Dashboard,
    _team: Out<Team>,
    credential: Out<CredentialGone>,
    invite: Out<Revoked>,
    member: Out<Removed>,
    ledger: Out<LedgerGone>,
) -> Result<()> {
    for sent in [&credential.0, &invite.0, &member.0, &ledger.0] {
        dashboard.again(sent).await?;
    }
    Ok(())
}

pub(super) async fn replay_tear_down(
    dashboard: Dashboard,
    team: Out<TeamGone>,
    owner: Out<OwnerGone>,
) -> Result<()> {
    dashboard.again(&team.0).await?;
    dashboard.again(&owner.0).await
}
