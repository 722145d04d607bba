//! What a signed-in user sees of themselves, and signing out.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::json;

use super::{sign_up::SignedIn, team::Team};
use crate::sequence::{Dashboard, OwnTeam, Page, Sent, User};

/// The owner has been shown with the new team.
pub(super) struct UserRead;

/// The owner's teams have been listed.
pub(super) struct TeamsListed;

/// A second session of the owner has ended.
pub(super) struct SignedOut(pub Sent);

pub(super) async fn get_user(dashboard: Dashboard, team: Out<Team>) -> Result<UserRead> {
    let user: User = dashboard.call("get-user", Some(&team.owner), &json!({})).await?.ok()?;
    ensure_eq!(user.email, team.owner.email, "address of the user");
    ensure_eq!(user.name.as_deref(), Some("Canary"), "name of the user");
    ensure_eq!(user.status, "confirmed", "status of the user");
    ensure_eq!(user.teams, [own(&team)], "teams of the user");
    Ok(UserRead)
}

pub(super) async fn list_teams(dashboard: Dashboard, team: Out<Team>) -> Result<TeamsListed> {
    let page: Page<OwnTeam> = dashboard.call("list-teams", Some(&team.owner), &json!({})).await?.ok()?;
    ensure_eq!(page.items, [own(&team)], "teams of the user");
    ensure!(page.last_page, "expected one page for one team, got one that is not the last");
    Ok(TeamsListed)
}

pub(super) async fn sign_out(
    dashboard: Dashboard,
    owner: Out<SignedIn>,
    _read: Out<UserRead>,
) -> Result<SignedOut> {
    let session = dashboard.open_session(&owner.0.email).await?;
    let sent = dashboard.send("sign-out", Some(&session), json!({})).await?;
    sent.reply.done()?;
    dashboard.call("get-user", Some(&session), &json!({})).await?.refused(401, "SEQ901")?;
    // The other session goes on.
    let user: User = dashboard.call("get-user", Some(&owner.0), &json!({})).await?.ok()?;
    ensure_eq!(user.email, owner.0.email, "who is signed in by the other session");
    dashboard.call("get-user", Some(&owner.0), &json!([])).await?.refused(400, "SEQ003")?;
    Ok(SignedOut(sent))
}

fn own(team: &Team) -> OwnTeam {
    OwnTeam { name: team.name.clone(), role: "admin".to_owned() }
}
