//! Invitations: how people join a team.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::{
    Desk, Letter, Role,
    directory::{Invite, Member, User},
    users::{email, new_password},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply},
    random,
    values::Millis,
};

/// How long an invitation is valid \[15\].
const INVITE_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An invitation as it is shown: without its code.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    email: &'a str,
    role: Role,
    status: &'static str,
    expires: Millis,
}

impl<'a> Shown<'a> {
    fn new(invite: &'a Invite, now: Timestamp) -> Shown<'a> {
        let Invite { id, email, role, code: _, expires } = invite;
        let status = if now < *expires { "pending" } else { "expired" };
        Shown { id, email, role: *role, status, expires: (*expires).into() }
    }
}

pub(super) fn invite_member(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    let email = email(desk)?;
    let role = desk.role()?.unwrap_or(Role::ReadWrite);
    let now = desk.cx.clock.now();
    let place = desk.directory.next();
    let team = desk.directory.teams.get_mut(&name).expect("the caller is in it");
    let is_member = team.member(&email.to_ascii_lowercase()).is_some();
    if is_member && !desk.cx.faults.on("member_invited_again") {
        return Err(codes::IN_USE.because("already a member").field("email"));
    }

    // Inviting again replaces the code \[15\]; the invitation stays the same one.
    let again = team.invites.iter().find(|(_, invite)| invite.email.eq_ignore_ascii_case(&email));
    let (place, id) = match again {
        Some((place, invite)) => (*place, invite.id.clone()),
        None => (place, format!("inv{}", random::hex::<8>())),
    };
    let code = random::hex::<16>();
    let link = format!("https://{}/accept-invite?code={code}", desk.entry);
    if !desk.cx.faults.on("invitation_lost") {
        desk.letters.push(Letter::invite(&email, &name, &link));
    }
    let invite = Invite { id, email, role, code, expires: now + INVITE_LIFETIME };
    let shown = reply(&Shown::new(&invite, now));
    team.invites.insert(place, invite);
    Ok(shown)
}

pub(super) fn list_invites(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, query) = desk.listed(Role::Admin)?;
    let now = desk.cx.clock.now();
    let invites = desk.directory.teams[&query.scope].invites.range(..query.below()).rev();
    let rest = invites.map(|(position, invite)| (*position, Shown::new(invite, now)));
    Ok(reply(&query.clone().cut(desk.cx, rest)))
}

pub(super) fn revoke_invite(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    let id = desk.fields.required("id")?;
    let team = desk.directory.teams.get_mut(&name).expect("the caller is in it");
    let found = team.invites.iter().find(|(_, invite)| invite.id == id).map(|(place, _)| *place);
    let revoked = found.and_then(|place| team.invites.remove(&place));
    let revoked = revoked.ok_or_else(|| codes::NOT_FOUND.because("no such invitation"))?;
    desk.directory.ghosts.revoked.push((name, revoked));
    Ok(ok())
}

pub(super) fn accept_invite(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let code = desk.fields.required("code")?;
    let email = email(desk)?;
    let key = email.to_ascii_lowercase();
    let (team, invite) = find(desk, code, &email).ok_or(codes::WRONG_CODE)?;
    if desk.cx.clock.now() >= invite.expires {
        return Err(codes::EXPIRED_CODE.into());
    }

    if desk.directory.users.get(&key).is_some_and(|user| user.unconfirmed.is_none()) {
        prove(desk, &key)?;
    } else {
        // The code came by mail to that address, so it confirms it \[15\].
        let password = new_password(desk)?;
        let name = desk.fields.text("name")?.map(str::to_owned);
        desk.directory.users.insert(key.clone(), User { email, name, password, unconfirmed: None });
    }

    let role = invite.role;
    let position = desk.directory.next();
    let joined = desk.cx.clock.now().into();
    let rights = if desk.cx.faults.on("member_gets_admin") { Role::Admin } else { role };
    let joining = desk.directory.teams.get_mut(&team).expect("it was just found");
    joining.invites.retain(|_, it| it.id != invite.id);
    if joining.member(&key).is_none() {
        joining.members.insert(position, Member { user: key.clone(), role, rights, joined });
    }
    desk.directory.ghosts.accepted.push((team.clone(), invite));
    let session = desk.directory.open_session(&key);
    Ok(reply(&json!({"session": session, "team": team, "role": role})))
}

/// The invitation with that code, which is good for its own address only, and its team.
fn find(desk: &Desk<'_>, code: &str, email: &str) -> Option<(String, Invite)> {
    let directory = &*desk.directory;
    let pending = directory
        .teams
        .iter()
        .flat_map(|(name, team)| team.invites.values().map(move |invite| (name, invite)));
    let accepted = directory.ghosts.accepted.iter().filter(|_| desk.cx.faults.on("invite_works_twice"));
    let revoked = directory.ghosts.revoked.iter().filter(|_| desk.cx.faults.on("revoked_invite_works"));
    let gone = accepted.chain(revoked).map(|(name, invite)| (name, invite));
    let mut all = pending.chain(gone.filter(|(name, _)| directory.teams.contains_key(*name)));
    let found = all.find(|(_, invite)| invite.code == code && invite.email.eq_ignore_ascii_case(email));
    found.map(|(name, invite)| (name.clone(), invite.clone()))
}

/// Somebody who has an account joins with its password or a session \[15\].
fn prove(desk: &Desk<'_>, key: &str) -> Result<(), Refusal> {
    let faults = &desk.cx.faults;
    let by_session = desk.signed_in().is_ok_and(|user| user == key) && !faults.on("session_proves_nothing");
    let by_password =
        desk.fields.text("password")?.is_some_and(|password| desk.directory.users[key].password.is(password));
    if by_session || by_password || faults.on("proof_optional:accept-invite") {
        return Ok(());
    }
    Err(codes::NOT_SIGNED_IN.because("wrong password"))
}
