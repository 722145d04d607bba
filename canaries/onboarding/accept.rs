//! Inviting somebody who has an account already.

use coalmine::{Context, Out, Result, Secret, ensure_eq};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    invite::Spent,
    mails::Mails,
    member::{Limited, Listed},
    replay::Bystander,
    team::Team,
    user::UserRead,
};
use crate::sequence::{Dashboard, OwnTeam, User};

/// The user has got an invitation.
pub(super) struct UserInvited(Secret);

/// Without password or session the invitation has been refused.
pub(super) struct ProofDemanded;

#[derive(Deserialize)]
struct Accepted {
    session: String,
    team: String,
    role: String,
}

pub(super) async fn user_invited(
    dashboard: Dashboard,
    mails: Mails,
    team: Out<Team>,
    user: Out<Bystander>,
    _spent: Out<Spent>,
    _limited: Out<Limited>,
    // Two members are expected there.
    _listed: Out<Listed>,
) -> Result<UserInvited> {
    let body = json!({ "team": team.name, "email": user.session.email, "role": "readonly" });
    // Mail came to this address before.
    let asked = mails.now();
    let _: Value = dashboard.call("invite-member", Some(&team.owner), &body).await?.ok()?;
    Ok(UserInvited(mails.invitation_code_since(&user.address, asked).await?))
}

pub(super) async fn refuse_user_without_proof(
    dashboard: Dashboard,
    user: Out<Bystander>,
    invited: Out<UserInvited>,
    // To a team that is still there.
    _team: Out<Team>,
) -> Result<ProofDemanded> {
    let mut body = json!({ "code": invited.0.expose(), "email": user.session.email });
    dashboard.call("accept-invite", None, &body).await?.refused(401, "SEQ901")?;
    body["password"] = json!("not-the-password");
    dashboard.call("accept-invite", None, &body).await?.refused(401, "SEQ901")?;
    Ok(ProofDemanded)
}

pub(super) async fn accept_as_user(
    dashboard: Dashboard,
    cx: Context,
    team: Out<Team>,
    user: Out<Bystander>,
    invited: Out<UserInvited>,
    _demanded: Out<ProofDemanded>,
    _read: Out<UserRead>,
) -> Result<()> {
    let body = json!({ "code": invited.0.expose(), "email": user.session.email });
    let reply = dashboard.call("accept-invite", Some(&user.session), &body).await?;
    let accepted: Accepted = reply.ok()?;
    cx.redactor().learn(&accepted.session);
    ensure_eq!(accepted.team, team.name, "team that was joined");
    ensure_eq!(accepted.role, "readonly", "role in the team");
    let shown: User = dashboard.call("get-user", Some(&user.session), &json!({})).await?.ok()?;
    let joined = OwnTeam { name: team.name.clone(), role: "readonly".to_owned() };
    ensure_eq!(shown.teams, [joined], "teams of the user");
    Ok(())
}
