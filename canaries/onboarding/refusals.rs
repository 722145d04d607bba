//! What is refused whoever asks: requests that lack something, names that cannot be, people who are not let in.

use coalmine::{Cleanup, Out, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    confirm::Confirmed,
    member::Limited,
    resend::Stranger,
    sign_up::SignedIn,
    team::{LedgersListed, NewLedger, Team},
    user::{SignedOut, TeamsListed},
};
use crate::sequence::{Dashboard, DeleteTeam, Session};

/// Everything that needs a session.
const WITH_SESSION: [&str; 18] = [
    "sign-out",
    "get-user",
    "create-team",
    "list-teams",
    "create-ledger",
    "list-ledgers",
    "create-credential",
    "list-credentials",
    "delete-credential",
    "invite-member",
    "list-invites",
    "revoke-invite",
    "list-members",
    "update-member",
    "remove-member",
    "delete-ledger",
    "delete-team",
    "delete-user",
];

pub(super) async fn refuse_team_names(
    dashboard: Dashboard,
    cleanup: Cleanup,
    team: Out<Team>,
    // A second one would be seen there.
    _listed: Out<TeamsListed>,
    _signed_out: Out<SignedOut>,
) -> Result<()> {
    let body = json!({ "name": team.name });
    dashboard.call("create-team", Some(&team.owner), &body).await?.refused(400, "SEQ050")?;
    let undo = DeleteTeam { name: "not a name".to_owned(), owner: team.owner.email.clone() };
    cleanup.intend(undo.clone())?;
    let body = json!({ "name": undo.name });
    dashboard.call("create-team", Some(&team.owner), &body).await?.refused(400, "SEQ904")?;
    cleanup.done(&undo);
    Ok(())
}

pub(super) async fn refuse_ledger_names(
    dashboard: Dashboard,
    team: Out<Team>,
    ledger: Out<NewLedger>,
    // A second one would be in the list.
    _listed: Out<LedgersListed>,
) -> Result<()> {
    for (name, code) in [(ledger.name.as_str(), "SEQ050"), ("not a name", "SEQ904")] {
        let body = json!({ "team": team.name, "name": name });
        dashboard.call("create-ledger", Some(&team.owner), &body).await?.refused(400, code)?;
    }
    Ok(())
}

pub(super) async fn refuse_inviting_member(
    dashboard: Dashboard,
    team: Out<Team>,
    _limited: Out<Limited>,
) -> Result<()> {
    // Not the colleague, whose mails are watched for coming twice.
    let body = json!({ "team": team.name, "email": team.owner.email });
    dashboard.call("invite-member", Some(&team.owner), &body).await?.refused(400, "SEQ050")?;
    Ok(())
}

pub(super) async fn refuse_incomplete_people(dashboard: Dashboard, team: Out<Team>) -> Result<()> {
    let (name, owner) = (&team.name, &team.owner.email);
    let without = [
        ("sign-up", json!({ "email": owner })),
        ("resend-code", json!({})),
        ("confirm-sign-up", json!({ "email": owner })),
        ("sign-in", json!({ "email": owner })),
        ("accept-invite", json!({ "email": owner })),
    ];
    // An object stands where text belongs: nobody can take it for a name.
    let mistyped_without = [
        ("sign-up", json!({ "email": {} })),
        ("resend-code", json!({ "email": {} })),
        ("confirm-sign-up", json!({ "email": {} })),
        ("sign-in", json!({ "email": {} })),
        ("accept-invite", json!({ "code": {} })),
    ];
    tokio::try_join!(
        refuse(&dashboard, None, &without, (400, "SEQ008")),
        refuse(&dashboard, None, &mistyped_without, (400, "SEQ003")),
    )?;
    // Without a session nobody is found who is not there.
    let nobody = json!({ "email": "nobody@coalmine.invalid", "password": "no-such-password" });
    refuse(&dashboard, None, &[("delete-user", nobody)], (404, "SEQ002")).await?;
    let with = [
        ("invite-member", json!({ "team": name })),
        ("list-invites", json!({})),
        ("revoke-invite", json!({ "team": name })),
        ("list-members", json!({})),
        ("update-member", json!({ "team": name, "email": owner })),
        ("remove-member", json!({ "team": name })),
        ("delete-user", json!({})),
    ];
    let mistyped_with = [
        ("invite-member", json!({ "team": name, "email": {} })),
        ("list-invites", json!({ "team": {} })),
        ("revoke-invite", json!({ "team": name, "id": {} })),
        ("list-members", json!({ "team": {} })),
        ("update-member", json!({ "team": name, "email": {} })),
        ("remove-member", json!({ "team": name, "email": {} })),
        ("delete-user", json!({ "password": {} })),
    ];
    tokio::try_join!(
        refuse(&dashboard, Some(&team.owner), &with, (400, "SEQ008")),
        refuse(&dashboard, Some(&team.owner), &mistyped_with, (400, "SEQ003")),
    )?;
    Ok(())
}

pub(super) async fn refuse_incomplete_belongings(dashboard: Dashboard, team: Out<Team>) -> Result<()> {
    let name = &team.name;
    let calls = [
        ("create-team", json!({ "name": null })),
        ("create-ledger", json!({ "team": name })),
        ("list-ledgers", json!({})),
        ("delete-ledger", json!({ "team": name })),
        ("create-credential", json!({})),
        ("list-credentials", json!({})),
        ("delete-credential", json!({ "team": name })),
        ("delete-team", json!({ "team": name })),
    ];
    let mistyped = [
        ("create-team", json!({ "name": {} })),
        ("create-ledger", json!({ "team": name, "name": {} })),
        ("list-ledgers", json!({ "team": {} })),
        ("delete-ledger", json!({ "team": name, "name": {} })),
        ("create-credential", json!({ "team": {} })),
        ("list-credentials", json!({ "team": {} })),
        ("delete-credential", json!({ "team": name, "id": {} })),
        ("delete-team", json!({ "team": name, "confirm": {} })),
    ];
    tokio::try_join!(
        refuse(&dashboard, Some(&team.owner), &calls, (400, "SEQ008")),
        refuse(&dashboard, Some(&team.owner), &mistyped, (400, "SEQ003")),
    )?;
    Ok(())
}

pub(super) async fn refuse_without_session(
    dashboard: Dashboard,
    _confirmed: Out<Confirmed>,
    owner: Out<SignedIn>,
) -> Result<()> {
    // And with one, not what cannot be read.
    let unreadable = [("sign-out", json!([])), ("list-teams", json!({ "page_size": {} }))];
    let without = WITH_SESSION.map(|it| (it, json!({})));
    tokio::try_join!(
        refuse(&dashboard, None, &without, (401, "SEQ901")),
        refuse(&dashboard, Some(&owner.0), &unreadable, (400, "SEQ003")),
    )?;
    Ok(())
}

pub(super) async fn refuse_wrong_session(dashboard: Dashboard, confirmed: Out<Confirmed>) -> Result<()> {
    // As near to a right one as can be.
    let mut token = confirmed.session.token.expose().clone();
    let last = token.pop();
    token.push(if last == Some('0') { '1' } else { '0' });
    let wrong = dashboard.imagine(&confirmed.session.email, token);
    // One that shows, one that makes, one of what a team has, one that ends everything.
    let calls = ["get-user", "create-team", "list-credentials", "delete-user"].map(|it| (it, json!({})));
    refuse(&dashboard, Some(&wrong), &calls, (401, "SEQ901")).await
}

pub(super) async fn refuse_stranger(
    dashboard: Dashboard,
    team: Out<Team>,
    stranger: Out<Stranger>,
) -> Result<()> {
    let body = json!({ "team": team.name });
    let of_teams = WITH_SESSION
        .iter()
        .filter(|it| !matches!(**it, "sign-out" | "get-user" | "create-team" | "list-teams" | "delete-user"));
    let calls: Vec<_> = of_teams.map(|it| (*it, body.clone())).collect();
    refuse(&dashboard, Some(&stranger.0), &calls, (404, "SEQ002")).await
}

/// All are asked for at once.
async fn refuse(
    dashboard: &Dashboard,
    session: Option<&Session>,
    calls: &[(&'static str, Value)],
    (status, code): (u16, &str),
) -> Result<()> {
    let mut asked = JoinSet::new();
    for (operation, body) in calls.iter().cloned() {
        let (dashboard, session, code) = (dashboard.clone(), session.cloned(), code.to_owned());
        asked.spawn(async move {
            dashboard.call(operation, session.as_ref(), &body).await?.kept_out(status, &code)
        });
    }
    while let Some(refused) = asked.join_next().await {
        refused??;
    }
    Ok(())
}
