//! Inviting people by mail.

use coalmine::{Cleanup, Context, Out, Result, Secret, ensure, ensure_eq, inbox::Address};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{mails::Mails, team::Team};
use crate::sequence::{Dashboard, DeleteUser, Invite, Page, Sent, Session};

/// A colleague has been invited.
pub(super) struct Invited {
    /// Under this address.
    pub address: Address,
    /// The invitation.
    pub invite: Invite,
    /// The call that invited.
    pub sent: Sent,
}

/// The invitation has been seen in the list.
pub(super) struct InvitesListed;

/// The code in the link of the mailed invitation.
pub(super) struct Invitation(pub Secret);

/// The colleague has joined the team.
pub(super) struct Joined {
    /// Signed in by accepting.
    pub session: Session,
    /// The call that accepted.
    pub sent: Sent,
}

/// The colleague's invitation has been refused the second time.
pub(super) struct Spent;

#[derive(Deserialize)]
struct Accepted {
    session: String,
    team: String,
    role: String,
}

pub(super) async fn invite_member(dashboard: Dashboard, mails: Mails, team: Out<Team>) -> Result<Invited> {
    let address = mails.address("colleague").await?;
    let body = json!({ "team": team.name, "email": address.as_ref(), "role": "readwrite" });
    let sent = dashboard.send("invite-member", Some(&team.owner), body).await?;
    let invite: Invite = sent.reply.ok()?;
    ensure_eq!(invite.email, address.as_ref(), "address that was invited");
    ensure_eq!(invite.role, "readwrite", "role on offer");
    ensure_eq!(invite.status, "pending", "status of a new invitation");
    ensure!(!invite.id.is_empty() && !invite.expires.is_empty(), "expected an id and a date, got empty ones");
    Ok(Invited { address, invite, sent })
}

pub(super) async fn list_invites(
    dashboard: Dashboard,
    team: Out<Team>,
    invited: Out<Invited>,
) -> Result<InvitesListed> {
    let body = json!({ "team": team.name });
    let page: Page<Invite> = dashboard.call("list-invites", Some(&team.owner), &body).await?.ok()?;
    fn shown(it: &Invite) -> [&str; 5] {
        [&it.id, &it.email, &it.role, &it.status, &it.expires]
    }
    let listed: Vec<_> = page.items.iter().map(shown).collect();
    ensure_eq!(listed, [shown(&invited.invite)], "invitations of the team");
    Ok(InvitesListed)
}

pub(super) async fn receive_invitation(mails: Mails, invited: Out<Invited>) -> Result<Invitation> {
    Ok(Invitation(mails.invitation_code(&invited.address).await?))
}

pub(super) async fn accept_invite(
    dashboard: Dashboard,
    cleanup: Cleanup,
    cx: Context,
    team: Out<Team>,
    invited: Out<Invited>,
    invitation: Out<Invitation>,
) -> Result<Joined> {
    let email = invited.address.as_ref();
    cleanup.intend(DeleteUser { email: email.to_owned() })?;
    join(&dashboard, &cx, &team, "readwrite", acceptance(&dashboard, email, &invitation.0)).await
}

/// Accepts an invitation that must be good for a role in the team.
pub(super) async fn join(
    dashboard: &Dashboard,
    cx: &Context,
    team: &Team,
    role: &str,
    acceptance: Value,
) -> Result<Joined> {
    let email = acceptance["email"].as_str().unwrap_or_default().to_owned();
    let sent = dashboard.send("accept-invite", None, acceptance).await?;
    let accepted: Accepted = sent.reply.ok()?;
    cx.redactor().learn(&accepted.session);
    let session = dashboard.remember(accepted.session, email);
    ensure_eq!(accepted.team, team.name, "team that was joined");
    ensure_eq!(accepted.role, role, "role in the team");
    Ok(Joined { session, sent })
}

pub(super) async fn refuse_used_invitation(
    dashboard: Dashboard,
    invited: Out<Invited>,
    invitation: Out<Invitation>,
    _joined: Out<Joined>,
) -> Result<Spent> {
    let body = acceptance(&dashboard, invited.address.as_ref(), &invitation.0);
    dashboard.call("accept-invite", None, &body).await?.refused(400, "SEQ902")?;
    Ok(Spent)
}

/// What somebody new sends to join.
pub(super) fn acceptance(dashboard: &Dashboard, email: &str, code: &Secret) -> Value {
    json!({
        "code": code.expose(),
        "email": email,
        "password": dashboard.password_of(email).expose(),
        "name": "Colleague",
    })
}
