//! What a member is, may and may not do.

use coalmine::{Ends, Out, Result, ensure_eq};
use serde_json::json;

use super::{
    credential::OwnListed,
    invite::{Invited, InvitesListed, Joined},
    team::Team,
};
use crate::sequence::{Dashboard, Member, Page, Sent};

/// Both members have been seen in the list.
pub(super) struct Listed;

/// A member who is no admin has been refused what only admins may do.
pub(super) struct Limited;

/// The colleague has been made an admin.
pub(super) struct Updated(pub Sent);

/// The colleague is no member any more.
pub(super) struct Removed(pub Sent);

pub(super) async fn list_members(
    dashboard: Dashboard,
    team: Out<Team>,
    invited: Out<Invited>,
    _joined: Out<Joined>,
) -> Result<Listed> {
    let reply = dashboard.call("list-members", Some(&team.owner), &json!({ "team": team.name })).await?;
    let page: Page<Member> = reply.ok()?;
    let mut roles: Vec<_> = page.items.iter().map(|it| (it.email.as_str(), it.role.as_str())).collect();
    roles.sort_unstable();
    let mut expected = vec![(team.owner.email.as_str(), "admin"), (invited.address.as_ref(), "readwrite")];
    expected.sort_unstable();
    ensure_eq!(roles, expected, "members of the team");
    Ok(Listed)
}

pub(super) async fn refuse_member_inviting(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
) -> Result<Limited> {
    let body = json!({ "team": team.name, "email": "nobody@coalmine.invalid", "role": "readonly" });
    dashboard.call("invite-member", Some(&member.session), &body).await?.refused(403, "SEQ011")?;
    Ok(Limited)
}

pub(super) async fn update_member(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
    _limited: Out<Limited>,
    _own: Out<OwnListed>,
    _invites: Out<InvitesListed>,
    // With the role that they joined with.
    _listed: Out<Listed>,
) -> Result<Updated> {
    let email = &member.session.email;
    let body = json!({ "team": team.name, "email": email, "role": "admin" });
    let sent = dashboard.send("update-member", Some(&team.owner), body).await?;
    let updated: Member = sent.reply.ok()?;
    ensure_eq!(updated.email, *email, "member whose role was changed");
    ensure_eq!(updated.role, "admin", "role of the member");
    let body = json!({ "team": team.name });
    let _: Page<serde_json::Value> =
        dashboard.call("list-invites", Some(&member.session), &body).await?.ok()?;
    Ok(Updated(sent))
}

pub(super) async fn remove_member(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Ends<Joined>,
    _listed: Out<Listed>,
) -> Result<Removed> {
    let email = &member.session.email;
    let body = json!({ "team": team.name, "email": email });
    let sent = dashboard.send("remove-member", Some(&team.owner), body).await?;
    sent.reply.done()?;
    let reply = dashboard.call("list-members", Some(&member.session), &json!({ "team": team.name })).await?;
    reply.refused(404, "SEQ002")?;
    Ok(Removed(sent))
}
