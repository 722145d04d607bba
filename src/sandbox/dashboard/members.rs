//! Invitations and members.

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::json;

use super::{
    Desk, Letter,
    directory::{Invite, Member, Role, User},
    users::{email, new_password},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply, wrong_type},
    paging::Query,
    random,
    values::Millis,
};

pub(super) const LIST: &str = "list-members";

/// How long an invitation is valid \[15\].
const INVITE_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn invite_member(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    let email = email(desk)?;
    let role = match desk.fields.text("role")? {
        None => Role::ReadWrite,
        Some(role) => {
            Role::named(role).ok_or_else(|| wrong_type("role", "`admin`, `readwrite` or `readonly`"))?
        }
    };
    let expires = desk.cx.clock.now() + INVITE_LIFETIME;
    let place = desk.directory.next();
    let team = desk.directory.teams.get_mut(&name).expect("the caller is in it");
    if team.member(&email.to_ascii_lowercase()).is_some() {
        return Err(codes::IN_USE.because("already a member").field("email"));
    }

    // Inviting again replaces the code \[15\]; the invitation stays the same one.
    let code = random::hex::<16>();
    let again = team.invites.values_mut().find(|invite| invite.email.eq_ignore_ascii_case(&email));
    let id = match again {
        Some(invite) => {
            (invite.role, invite.code, invite.expires) = (role, code.clone(), expires);
            invite.id.clone()
        }
        None => {
            let id = format!("inv{}", random::hex::<8>());
            let invite = Invite { id: id.clone(), email: email.clone(), role, code: code.clone(), expires };
            team.invites.insert(place, invite);
            id
        }
    };
    desk.letters.push(Letter::invite(
        &email,
        &name,
        &format!("https://{}/accept-invite?code={code}", desk.entry),
    ));
    let shown = json!({"id": id, "email": email, "role": role, "status": "pending", "expires": Millis::from(expires)});
    Ok(reply(&shown))
}

pub(super) fn accept_invite(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let code = desk.fields.required("code")?;
    let email = email(desk)?;
    let key = email.to_ascii_lowercase();

    let invites = desk
        .directory
        .teams
        .iter()
        .flat_map(|(name, team)| team.invites.iter().map(move |(place, invite)| (name, *place, invite)));
    let found = invites
        .into_iter()
        .find(|(_, _, invite)| invite.code == code && invite.email.eq_ignore_ascii_case(&email));
    let (team, place, invite) = found.ok_or(codes::WRONG_CODE)?;
    if desk.cx.clock.now() >= invite.expires {
        return Err(codes::EXPIRED_CODE.into());
    }
    let (team, role) = (team.clone(), invite.role);

    if desk.directory.users.get(&key).is_some_and(|user| user.unconfirmed.is_none()) {
        prove(desk, &key)?;
    } else {
        // The code came by mail to that address, so it confirms it \[15\].
        let password = new_password(desk)?;
        let name = desk.fields.text("name")?.map(str::to_owned);
        desk.directory.users.insert(key.clone(), User { email, name, password, unconfirmed: None });
    }

    let position = desk.directory.next();
    let joined = desk.cx.clock.now().into();
    let rights = if desk.cx.faults.on("member_gets_admin") { Role::Admin } else { role };
    let joining = desk.directory.teams.get_mut(&team).expect("it was just found");
    joining.invites.remove(&place);
    joining.members.insert(position, Member { user: key.clone(), role, rights, joined });
    let session = desk.directory.open_session(&key);
    Ok(reply(&json!({"session": session, "team": team, "role": role})))
}

/// Somebody who has an account joins with its password or a session \[15\].
fn prove(desk: &Desk<'_>, key: &str) -> Result<(), Refusal> {
    let by_session = desk.directory.signed_in(desk.session).is_ok_and(|user| user == key);
    let by_password =
        desk.fields.text("password")?.is_some_and(|password| desk.directory.users[key].password.is(password));
    if by_session || by_password { Ok(()) } else { Err(codes::NOT_SIGNED_IN.because("wrong password")) }
}

/// A member as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    email: &'a str,
    name: Option<&'a str>,
    role: Role,
    joined: Millis,
}

pub(super) fn list_members(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    // A cursor carries the whole query, and so the team.
    let query = match Query::resume(desk.cx, LIST, desk.fields)? {
        Some(query) => query,
        None => Query::first(LIST, desk.fields.required("team")?, desk.fields)?,
    };
    desk.caller_in(&query.scope, Role::ReadOnly)?;
    let wrong = desk.cx.faults.on("role_shown_wrong:list-members");
    let users = &desk.directory.users;
    let members = &desk.directory.teams[&query.scope].members;
    let rest = members.range(..query.below()).rev().map(|(position, member)| {
        let user = users.get(&member.user);
        let shown = Shown {
            email: user.map_or(&member.user, |user| &user.email),
            name: user.and_then(|user| user.name.as_deref()),
            role: if wrong && member.role != Role::Admin { Role::ReadOnly } else { member.role },
            joined: member.joined,
        };
        (*position, shown)
    });
    Ok(reply(&query.cut(desk.cx, rest)))
}

pub(super) fn remove_member(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (caller, name) = desk.caller(Role::ReadOnly)?;
    let key = desk.fields.required("email")?.to_ascii_lowercase();
    if caller != key {
        desk.caller(Role::Admin)?;
    }
    let team = desk.directory.teams.get_mut(&name).expect("the caller is in it");
    if team.member(&key).is_none() {
        return Err(codes::NOT_FOUND.because("no such member"));
    }
    if team.has_only_admin(&key) {
        return Err(codes::LAST_ADMIN.into());
    }
    if !desk.cx.faults.on("removed_member_stays") {
        team.members.retain(|_, member| member.user != key);
        desk.directory.drop_credentials(&name, &key);
    }
    Ok(ok())
}
