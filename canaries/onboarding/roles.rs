//! What the roles allow: a reader reads and changes nothing, a member writes, the last admin stays one.

use coalmine::{Cleanup, Context, Failure, Out, Result, ensure, ensure_eq};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    credential::{MembersCredential, OwnListed},
    invite::{Joined, Spent, acceptance, join},
    mails::Mails,
    member::{Limited, Listed, Removed, Updated},
    team::{LedgersListed, NewLedger, Opened, Team},
};
use crate::sequence::{
    CHANGING, Dashboard, DeleteUser, Home, ListedCredential, ListedLedger, Member, Page, READING, Sequence,
    Session, Stats,
};

/// Somebody has joined who may only read.
pub(super) struct Reader(Session);

/// The reader's credential has opened the ledger.
pub(super) struct ReadersHome(Home);

/// So many of the changing operations create something; they come first.
const CREATING: usize = 5;

/// The colleague's credential has opened the ledger.
pub(super) struct MembersHome(Home);

pub(super) async fn reader(
    dashboard: Dashboard,
    mails: Mails,
    cleanup: Cleanup,
    cx: Context,
    team: Out<Team>,
    _limited: Out<Limited>,
    _listed: Out<Listed>,
    _spent: Out<Spent>,
) -> Result<Reader> {
    let address = mails.address("reader").await?;
    let body = json!({ "team": team.name, "email": address.as_ref(), "role": "readonly" });
    let _: Value = dashboard.call("invite-member", Some(&team.owner), &body).await?.ok()?;
    let code = mails.invitation_code(&address).await?;
    cleanup.intend(DeleteUser { email: address.to_string() })?;
    let acceptance = acceptance(&dashboard, address.as_ref(), &code);
    Ok(Reader(join(&dashboard, &cx, &team, "readonly", acceptance).await?.session))
}

pub(super) async fn read_as_reader(
    dashboard: Dashboard,
    team: Out<Team>,
    reader: Out<Reader>,
    ledger: Out<NewLedger>,
    _ledgers: Out<LedgersListed>,
    _credentials: Out<OwnListed>,
) -> Result<()> {
    let (session, body) = (Some(&reader.0), json!({ "team": team.name }));
    let ledgers: Page<ListedLedger> = dashboard.call("list-ledgers", session, &body).await?.ok()?;
    ensure!(
        ledgers.items.iter().any(|it| it.name == ledger.name),
        "expected the ledger, got none of that name"
    );
    let members: Page<Member> = dashboard.call("list-members", session, &body).await?.ok()?;
    let own = members.items.iter().find(|it| it.email == reader.0.email).map(|it| it.role.as_str());
    ensure_eq!(own, Some("readonly"), "the reader's own role");
    let credentials: Page<ListedCredential> =
        dashboard.call("list-credentials", session, &body).await?.ok()?;
    ensure!(
        credentials.items.iter().all(|it| it.email == reader.0.email),
        "expected no credentials of others, got some"
    );
    Ok(())
}

pub(super) async fn use_readers_credential(
    dashboard: Dashboard,
    sequence: Sequence,
    team: Out<Team>,
    reader: Out<Reader>,
    opened: Out<Opened>,
    _ledger: Out<NewLedger>,
    _credentials: Out<OwnListed>,
) -> Result<ReadersHome> {
    let credential = dashboard.create_credential(&reader.0, &team.name).await?;
    ensure_eq!(credential.role, "readonly", "role that the credential carries");
    let home = Home { credential: credential.secret, ..opened.0.clone() };
    let _: Stats = sequence.ledger(&home).call("stats", &json!({})).await?.ok()?;
    Ok(ReadersHome(home))
}

pub(super) async fn read_ledger_as_reader(
    sequence: Sequence,
    home: Out<ReadersHome>,
    _ledger: Out<NewLedger>,
) -> Result<()> {
    // Whether the answer is right is for the steps to say that prove the operations.
    let ledger = sequence.ledger(&home.0).unjudged();
    let mut asked = JoinSet::new();
    for operation in READING {
        let ledger = ledger.clone();
        asked.spawn(async move { Ok::<_, Failure>((operation, ledger.call(operation, &json!({})).await?)) });
    }
    while let Some(answered) = asked.join_next().await {
        let (operation, reply) = answered??;
        ensure!(!reply.is_refused("SEQ011"), "expected that a reader may call `{operation}`, got a refusal");
    }
    Ok(())
}

pub(super) async fn refuse_reader_creating(
    sequence: Sequence,
    home: Out<ReadersHome>,
    _ledger: Out<NewLedger>,
) -> Result<()> {
    refuse_writing(&sequence, &home.0, &CHANGING[..CREATING]).await
}

pub(super) async fn refuse_reader_changing(
    sequence: Sequence,
    home: Out<ReadersHome>,
    _ledger: Out<NewLedger>,
) -> Result<()> {
    refuse_writing(&sequence, &home.0, &CHANGING[CREATING..]).await
}

/// The role is looked at before the fields, so empty ones will do, and break nothing if they get through.
async fn refuse_writing(sequence: &Sequence, home: &Home, operations: &[&str]) -> Result<()> {
    let ledger = sequence.ledger(home);
    for operation in operations {
        ledger.call(operation, &json!({})).await?.kept_out(403, "SEQ011")?;
    }
    Ok(())
}

pub(super) async fn refuse_reader_managing(
    dashboard: Dashboard,
    team: Out<Team>,
    reader: Out<Reader>,
) -> Result<()> {
    let (team, me) = (&team.name, &reader.0.email);
    // Where the role is not looked at, these are refused for something else: nothing comes to harm.
    for (operation, body) in [
        ("create-ledger", json!({ "team": team, "name": "not a name" })),
        ("delete-ledger", json!({ "team": team, "name": "nowhere" })),
        ("invite-member", json!({ "team": team, "email": me })),
        ("list-invites", json!({ "team": team })),
        ("revoke-invite", json!({ "team": team, "id": "nothing" })),
        ("update-member", json!({ "team": team, "email": me, "role": "readwrite" })),
        ("remove-member", json!({ "team": team, "email": "nobody@coalmine.invalid" })),
        ("delete-team", json!({ "team": team, "confirm": "not its name" })),
    ] {
        dashboard.call(operation, Some(&reader.0), &body).await?.kept_out(403, "SEQ011")?;
    }
    Ok(())
}

pub(super) async fn use_members_credential(
    sequence: Sequence,
    credential: Out<MembersCredential>,
    opened: Out<Opened>,
    _ledger: Out<NewLedger>,
    // Its role is still the one that it was made with.
    _member: Out<Joined>,
) -> Result<MembersHome> {
    let home = Home { credential: credential.0.secret.clone(), ..opened.0.clone() };
    let ledger = sequence.ledger(&home);
    let _: Stats = ledger.call("stats", &json!({})).await?.ok()?;
    let reply = ledger.unjudged().call("create-key", &json!({})).await?;
    ensure!(!reply.is_refused("SEQ011"), "expected that a member may write, got a refusal for the role");
    Ok(MembersHome(home))
}

pub(super) async fn create_members_ledger(
    dashboard: Dashboard,
    team: Out<Team>,
    member: Out<Joined>,
    _listed: Out<LedgersListed>,
) -> Result<()> {
    dashboard.create_ledger(&member.session, &team.name, "second").await?;
    Ok(())
}

pub(super) async fn refuse_removed_members_credential(
    sequence: Sequence,
    home: Out<MembersHome>,
    _removed: Out<Removed>,
    // Its absence would be taken for the credential's.
    _ledger: Out<NewLedger>,
) -> Result<()> {
    sequence.ledger(&home.0).call("stats", &json!({})).await?.refused(404, "SEQ002")?;
    Ok(())
}

pub(super) async fn refuse_last_admin(
    dashboard: Dashboard,
    team: Out<Team>,
    _updated: Out<Updated>,
    _removed: Out<Removed>,
) -> Result<()> {
    let (session, email) = (Some(&team.owner), &team.owner.email);
    let body = json!({ "team": team.name, "email": email, "role": "readonly" });
    dashboard.call("update-member", session, &body).await?.refused(400, "SEQ905")?;
    let body = json!({ "team": team.name, "email": email });
    dashboard.call("remove-member", session, &body).await?.refused(400, "SEQ905")?;
    Ok(())
}
