//! What a member is, may and may not do.

use coalmine::{Ends, Out, Result, ensure_eq};
use serde_json::json;

use super::{
    invite::{Invited, Joined},
    sign_up::SignedIn,
    team::Team,
};
use crate::sequence::{Dashboard, Member, Page};

/// Both members have been seen in the list.
pub(super) struct Listed;

pub(super) async fn list_members(
    dashboard: Dashboard,
    owner: Out<SignedIn>,
    team: Out<Team>,
    invited: Out<Invited>,
    _joined: Out<Joined>,
) -> Result<Listed> {
    let reply = dashboard.call("list-members", Some(&owner.0), &json!({ "team": team.name })).await?;
    let page: Page<Member> = reply.ok()?;
    let mut roles: Vec<_> = page.items.iter().map(|it| (it.email.as_str(), it.role.as_str())).collect();
    roles.sort_unstable();
    let mut expected = vec![(owner.0.email.as_str(), "admin"), (invited.address.as_ref(), "readwrite")];
    expected.sort_unstable();
    ensure_eq!(roles, expected, "members of the team");
    Ok(Listed)
}

pub(super) async fn refuse_member_inviting(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
) -> Result<()> {
    let body = json!({ "team": team.name, "email": "nobody@coalmine.invalid", "role": "readonly" });
    dashboard.call("invite-member", Some(&member.session), &body).await?.refused(403, "SEQ011")?;
    Ok(())
}

pub(super) async fn remove_member(
    dashboard: Dashboard,
    owner: Out<SignedIn>,
    team: Out<Team>,
    member: Ends<Joined>,
    _listed: Out<Listed>,
) -> Result<()> {
    let email = &member.session.email;
    let body = json!({ "team": team.name, "email": email });
    dashboard.call("remove-member", Some(&owner.0), &body).await?.done()?;
    let reply = dashboard.call("list-members", Some(&member.session), &json!({ "team": team.name })).await?;
    reply.refused(404, "SEQ002")?;
    Ok(())
}
