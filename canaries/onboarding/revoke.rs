//! An invitation that is taken back.

use coalmine::{Cleanup, Out, Result, Secret, ensure_eq, inbox::Address};
use serde_json::json;

use super::{
    invite::{InvitesListed, Spent, acceptance},
    mails::Mails,
    team::Team,
};
use crate::sequence::{Dashboard, DeleteUser, Invite, Page, Sent};

/// Somebody has got an invitation that will be revoked.
pub(super) struct Unwanted {
    address: Address,
    invite: Invite,
    code: Secret,
}

/// It has been revoked.
pub(super) struct Revoked(pub Sent);

pub(super) async fn unwanted(
    dashboard: Dashboard,
    mails: Mails,
    team: Out<Team>,
    _listed: Out<InvitesListed>,
    _spent: Out<Spent>,
) -> Result<Unwanted> {
    let address = mails.address("unwanted").await?;
    let body = json!({ "team": team.name, "email": address.as_ref() });
    let invite: Invite = dashboard.call("invite-member", Some(&team.owner), &body).await?.ok()?;
    let code = mails.invitation_code(&address).await?;
    Ok(Unwanted { address, invite, code })
}

pub(super) async fn revoke_invite(
    dashboard: Dashboard,
    team: Out<Team>,
    unwanted: Out<Unwanted>,
) -> Result<Revoked> {
    let body = json!({ "team": team.name, "id": unwanted.invite.id });
    let sent = dashboard.send("revoke-invite", Some(&team.owner), body).await?;
    sent.reply.done()?;
    let body = json!({ "team": team.name });
    let page: Page<Invite> = dashboard.call("list-invites", Some(&team.owner), &body).await?.ok()?;
    let listed = page.items.iter().filter(|it| it.email == unwanted.invite.email).count();
    ensure_eq!(listed, 0, "invitations of somebody whose invitation was revoked");
    Ok(Revoked(sent))
}

pub(super) async fn refuse_revoked_invitation(
    dashboard: Dashboard,
    cleanup: Cleanup,
    unwanted: Out<Unwanted>,
    _revoked: Out<Revoked>,
    // Of a team that is still there.
    _team: Out<Team>,
) -> Result<()> {
    let email = unwanted.address.as_ref();
    let undo = DeleteUser { email: email.to_owned() };
    cleanup.intend(undo.clone())?;
    let body = acceptance(&dashboard, email, &unwanted.code);
    dashboard.call("accept-invite", None, &body).await?.refused(400, "SEQ902")?;
    // Nobody came to be.
    cleanup.done(&undo);
    Ok(())
}
