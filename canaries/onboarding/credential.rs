//! Credentials of a member who is no admin: whose they are, who sees them, and when they die.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::json;

use super::{
    invite::Joined,
    member::Limited,
    team::{NewCredential, Team},
};
use crate::sequence::{Credential, Dashboard, ListedCredential, Page, Session};

/// The colleague's credential.
pub(super) struct MembersCredential(pub Credential);

/// The admin has seen both credentials.
pub(super) struct CredentialsListed;

/// The colleague has seen none but the own one.
pub(super) struct OwnListed;

pub(super) async fn create_members_credential(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
    _limited: Out<Limited>,
    _created: Out<NewCredential>,
) -> Result<MembersCredential> {
    let credential = dashboard.create_credential(&member.session, &team.name).await?;
    ensure_eq!(credential.role, "readwrite", "role that the credential carries");
    Ok(MembersCredential(credential))
}

pub(super) async fn list_credentials(
    dashboard: Dashboard,
    team: Out<Team>,
    own: Out<NewCredential>,
    member: Out<Joined>,
    members: Out<MembersCredential>,
) -> Result<CredentialsListed> {
    let mut expected = [
        (own.0.id.as_str(), team.owner.email.as_str(), "admin"),
        (members.0.id.as_str(), member.session.email.as_str(), "readwrite"),
    ];
    expected.sort_unstable();
    let page = listed(&dashboard, &team, &team.owner).await?;
    ensure_eq!(shown(&page), expected, "credentials of the team, as its admin sees them");
    ensure!(page.items.iter().all(|it| it.secret.is_none()), "expected no secrets, got some");
    ensure!(page.items.iter().all(|it| !it.created.is_empty()), "expected dates, got an empty one");
    Ok(CredentialsListed)
}

pub(super) async fn list_own_credentials(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
    members: Out<MembersCredential>,
    _listed: Out<CredentialsListed>,
    // There must be one of somebody else.
    _others: Out<NewCredential>,
) -> Result<OwnListed> {
    let page = listed(&dashboard, &team, &member.session).await?;
    let expected = [(members.0.id.as_str(), member.session.email.as_str(), "readwrite")];
    ensure_eq!(shown(&page), expected, "credentials of the team, as a member sees them");
    Ok(OwnListed)
}

async fn listed(dashboard: &Dashboard, team: &Team, by: &Session) -> Result<Page<ListedCredential>> {
    dashboard.call("list-credentials", Some(by), &json!({ "team": team.name })).await?.ok()
}

/// Id, owner and role, sorted.
fn shown(page: &Page<ListedCredential>) -> Vec<(&str, &str, &str)> {
    let mut shown: Vec<_> =
        page.items.iter().map(|it| (it.id.as_str(), it.email.as_str(), it.role.as_str())).collect();
    shown.sort_unstable();
    shown
}
