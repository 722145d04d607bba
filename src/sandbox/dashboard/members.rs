//! Members of a team.

use serde::Serialize;

use super::{
    Desk, Role,
    directory::{Directory, Member},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, missing, ok, reply},
    values::Millis,
};

/// A member as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    email: &'a str,
    name: Option<&'a str>,
    role: Role,
    joined: Millis,
}

impl<'a> Shown<'a> {
    fn new(directory: &'a Directory, member: &'a Member, role: Role) -> Shown<'a> {
        let user = directory.users.get(&member.user);
        Shown {
            email: user.map_or(&member.user, |user| &user.email),
            name: user.and_then(|user| user.name.as_deref()),
            role,
            joined: member.joined,
        }
    }
}

pub(super) fn list_members(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, query) = desk.listed(Role::ReadOnly)?;
    let wrong = desk.cx.faults.on("role_shown_wrong:list-members");
    let directory = &*desk.directory;
    let members = directory.teams[&query.scope].members.range(..query.below()).rev();
    let rest = members.map(|(position, member)| {
        let role = if wrong && member.role != Role::Admin { Role::ReadOnly } else { member.role };
        (*position, Shown::new(directory, member, role))
    });
    Ok(reply(&query.clone().cut(desk.cx, rest)))
}

pub(super) fn update_member(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    let key = desk.fields.required("email")?.to_ascii_lowercase();
    let role = desk.role()?.ok_or_else(|| missing(&["role"]))?;
    let faults = &desk.cx.faults;
    let team = desk.directory.teams.get_mut(&name).expect("the caller is in it");
    let steps_down = team.has_only_admin(&key) && role != Role::Admin;
    let unheeded = steps_down && faults.on("last_admin_steps_down");
    if steps_down && !unheeded {
        return Err(codes::LAST_ADMIN.into());
    }
    let member = team.members.values_mut().find(|member| member.user == key);
    let member = member.ok_or_else(|| codes::NOT_FOUND.because("no such member"))?;
    if !faults.on("role_update_lost:update-member") {
        member.role = role;
        // With the fault on the rights stay, or nobody could ever delete the team.
        if !unheeded {
            member.rights = role;
        }
    }
    let directory = &*desk.directory;
    let member = directory.teams[&name].member(&key).expect("it was just found");
    Ok(reply(&Shown::new(directory, member, role)))
}

pub(super) fn remove_member(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (caller, name) = desk.caller(Role::ReadOnly)?;
    let key = desk.fields.required("email")?.to_ascii_lowercase();
    if caller != key {
        desk.caller(Role::Admin)?;
    }
    let team = &desk.directory.teams[&name];
    if team.member(&key).is_none() {
        return Err(codes::NOT_FOUND.because("no such member"));
    }
    if team.has_only_admin(&key) {
        return Err(codes::LAST_ADMIN.into());
    }
    if !desk.cx.faults.on("removed_member_stays") {
        desk.directory.drop_member(&name, &key);
    }
    Ok(ok())
}
