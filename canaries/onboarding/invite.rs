//! Inviting a colleague by mail.

use coalmine::{
    Cleanup, Context, Out, Result, Secret, ensure, ensure_eq,
    inbox::{Address, Inbox},
};
use serde::Deserialize;
use serde_json::json;

use super::{MAIL_LIMIT, sign_up::SignedIn, team::Team};
use crate::sequence::{Dashboard, DeleteUser, Invite, Session};

/// A colleague has been invited.
pub(super) struct Invited {
    /// Under this address.
    pub address: Address,
}

/// The code in the link of the mailed invitation.
pub(super) struct Invitation(pub Secret);

/// The colleague has joined the team.
pub(super) struct Joined {
    /// Signed in by accepting.
    pub session: Session,
}

#[derive(Deserialize)]
struct Accepted {
    session: String,
    team: String,
    role: String,
}

pub(super) async fn invite_member(
    dashboard: Dashboard,
    inbox: Inbox,
    owner: Out<SignedIn>,
    team: Out<Team>,
) -> Result<Invited> {
    let address = inbox.address("colleague").await?;
    let body = json!({ "team": team.name, "email": address.as_ref(), "role": "readwrite" });
    let invite: Invite = dashboard.call("invite-member", Some(&owner.0), &body).await?.ok()?;
    ensure_eq!(invite.email, address.as_ref(), "address that was invited");
    ensure_eq!(invite.role, "readwrite", "role on offer");
    ensure_eq!(invite.status, "pending", "status of a new invitation");
    ensure!(!invite.id.is_empty() && !invite.expires.is_empty(), "expected an id and a date, got empty ones");
    Ok(Invited { address })
}

pub(super) async fn receive_invitation(inbox: Inbox, invited: Out<Invited>) -> Result<Invitation> {
    let mail = inbox.wait_for(&invited.address).subject("invited").within(MAIL_LIMIT).await?;
    let link = mail.link("/accept-invite")?;
    Ok(Invitation(link.parameter("code")?))
}

pub(super) async fn accept_invite(
    dashboard: Dashboard,
    cleanup: Cleanup,
    cx: Context,
    team: Out<Team>,
    invited: Out<Invited>,
    invitation: Out<Invitation>,
) -> Result<Joined> {
    let email = invited.address.to_string();
    cleanup.intend(DeleteUser { email: email.clone() })?;
    let accepted: Accepted =
        dashboard.call("accept-invite", None, &acceptance(&dashboard, &invited, &invitation)).await?.ok()?;
    cx.redactor().learn(&accepted.session);
    let session = dashboard.remember(accepted.session, email);
    ensure_eq!(accepted.team, team.name, "team that was joined");
    ensure_eq!(accepted.role, "readwrite", "role in the team");
    Ok(Joined { session })
}

pub(super) async fn refuse_used_invitation(
    dashboard: Dashboard,
    invited: Out<Invited>,
    invitation: Out<Invitation>,
    _joined: Out<Joined>,
) -> Result<()> {
    let body = acceptance(&dashboard, &invited, &invitation);
    dashboard.call("accept-invite", None, &body).await?.refused(400, "SEQ902")?;
    Ok(())
}

fn acceptance(dashboard: &Dashboard, invited: &Invited, invitation: &Invitation) -> serde_json::Value {
    let email = invited.address.as_ref();
    json!({
        "code": invitation.0.expose(),
        "email": email,
        "password": dashboard.password_of(email).expose(),
        "name": "Colleague",
    })
}
