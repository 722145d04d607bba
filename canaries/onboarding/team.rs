//! The new user's team, ledger and credential.

use coalmine::{Cleanup, Context, Out, Result, ensure, ensure_eq};
use serde::Deserialize;
use serde_json::json;

use super::sign_up::SignedIn;
use crate::sequence::{
    Credential, Dashboard, DeleteTeam, Home, ListedLedger, Page, Sent, Sequence, Session, Stats,
};

/// The user's own team.
pub(super) struct Team {
    /// Its name.
    pub name: String,
    /// Its creator, who is signed in.
    pub owner: Session,
    /// The call that created it.
    pub sent: Sent,
}

/// A ledger in the team.
pub(super) struct NewLedger {
    /// Its name.
    pub name: String,
    /// The call that created it.
    pub sent: Sent,
}

/// The ledger has been listed.
pub(super) struct LedgersListed;

/// A credential that has not been used.
pub(super) struct NewCredential(pub Credential);

/// The credential opened the ledger.
pub(super) struct Opened(pub Home);

#[derive(Deserialize)]
struct Created {
    name: String,
    role: String,
}

pub(super) async fn create_team(
    dashboard: Dashboard,
    owner: Out<SignedIn>,
    cleanup: Cleanup,
    cx: Context,
) -> Result<Team> {
    let name = format!("canary-{}-{}", cx.run(), cx.attempt());
    cleanup.intend(DeleteTeam { name: name.clone(), owner: owner.0.email.clone() })?;
    let sent = dashboard.send("create-team", Some(&owner.0), json!({ "name": name })).await?;
    let created: Created = sent.reply.ok()?;
    ensure_eq!(created.name, name, "name of the new team");
    ensure_eq!(created.role, "admin", "role of its creator");
    Ok(Team { name, owner: owner.0.clone(), sent })
}

pub(super) async fn create_ledger(dashboard: Dashboard, team: Out<Team>) -> Result<NewLedger> {
    let name = "first".to_owned();
    let sent = dashboard.create_ledger(&team.owner, &team.name, &name).await?;
    Ok(NewLedger { name, sent })
}

pub(super) async fn list_ledgers(
    dashboard: Dashboard,
    team: Out<Team>,
    ledger: Out<NewLedger>,
) -> Result<LedgersListed> {
    let body = json!({ "team": team.name });
    let page: Page<ListedLedger> = dashboard.call("list-ledgers", Some(&team.owner), &body).await?.ok()?;
    let listed: Vec<_> =
        page.items.iter().map(|it| (it.team.as_str(), it.name.as_str(), it.kind.as_str())).collect();
    ensure_eq!(listed, [(team.name.as_str(), ledger.name.as_str(), "dev")], "ledgers of the team");
    ensure!(page.items.iter().all(|it| !it.created.is_empty()), "expected a date, got an empty one");
    Ok(LedgersListed)
}

pub(super) async fn create_credential(dashboard: Dashboard, team: Out<Team>) -> Result<NewCredential> {
    let credential = dashboard.create_credential(&team.owner, &team.name).await?;
    ensure_eq!(credential.role, "admin", "role that the credential carries");
    ensure!(!credential.secret.expose().is_empty(), "expected the credential's secret, got an empty one");
    Ok(NewCredential(credential))
}

pub(super) async fn isolate_teams(
    sequence: Sequence,
    credential: Out<NewCredential>,
    opened: Out<Opened>,
    // Its absence would be taken for the other team's.
    _ledger: Out<NewLedger>,
) -> Result<()> {
    let target = sequence.target();
    let own = Some(credential.0.secret.expose().as_str());
    let foreign =
        Home { team: target.team.clone(), ledger: target.production_ledger.clone(), ..opened.0.clone() };
    // A list is only read: nothing of the other team comes to harm.
    let (into_theirs, into_ours) =
        (sequence.ledger(&foreign), sequence.ledger(&opened.0).opened_with(target.credential.clone()));
    let nothing = json!({});
    let (found, theirs, ours) = tokio::try_join!(
        sequence.say_hello(&target.production_ledger, own),
        into_theirs.call("list-accounts", &nothing),
        into_ours.call("list-accounts", &nothing),
    )?;
    for reply in [found, theirs, ours] {
        reply.kept_out(404, "SEQ002")?;
    }
    Ok(())
}

pub(super) async fn use_credential(
    sequence: Sequence,
    team: Out<Team>,
    ledger: Out<NewLedger>,
    credential: Out<NewCredential>,
) -> Result<Opened> {
    let home = sequence.find(&ledger.name, &credential.0.secret).await?;
    ensure_eq!(home.team, team.name, "team that owns the credential");
    let stats: Stats = sequence.ledger(&home).call("stats", &json!({})).await?.ok()?;
    let empty = Stats { flavor_count: 0, account_count: 0, tx_count: 0, ledger_type: "dev".to_owned() };
    ensure_eq!(stats, empty, "contents of a new ledger");
    Ok(Opened(home))
}
