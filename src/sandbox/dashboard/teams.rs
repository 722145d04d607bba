//! Teams.

use serde_json::json;

use super::{
    Desk,
    directory::{Member, Role, Team},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply},
    paging::Query,
    values::is_team_name,
};

pub(super) fn create_team(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let user = desk.signed_in()?;
    let name = desk.fields.required("name")?;
    if !is_team_name(name) && !desk.fault("names_unchecked") {
        return Err(codes::BAD_NAME.because("1 to 64 letters, digits and hyphens").field("name"));
    }
    if desk.directory.teams.contains_key(name) {
        return Err(codes::IN_USE.because(format!("`{name}` is in use")).field("name"));
    }
    let mut team = Team::default();
    let joined = desk.cx.clock.now().into();
    team.members
        .insert(desk.directory.next(), Member { user, role: Role::Admin, rights: Role::Admin, joined });
    desk.directory.teams.insert(name.to_owned(), team);
    Ok(reply(&json!({"name": name, "role": Role::Admin})))
}

/// One's own teams, the last joined first.
pub(super) fn list_teams(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let user = desk.signed_in()?;
    let query = match Query::resume(desk.cx, desk.operation, desk.fields)? {
        Some(query) if query.scope == user => query,
        Some(_) => return Err(codes::CURSOR.because("the cursor belongs to somebody else")),
        None => Query::first(desk.operation, &user, desk.fields)?,
    };
    let mut teams: Vec<_> = desk.directory.teams_of(&user).collect();
    teams.reverse();
    let rest = teams.into_iter().filter(|(position, ..)| *position < query.below());
    let rest = rest.map(|(position, name, role)| (position, json!({"name": name, "role": role})));
    Ok(reply(&query.clone().cut(desk.cx, rest)))
}

pub(super) fn delete_team(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    if desk.fields.required("confirm")? != name {
        return Err(codes::BAD_NAME.because("`confirm` must be the name of the team").field("confirm"));
    }
    if desk.directory.teams[&name].has_production() {
        // With the fault on it claims to be gone; the team of a production ledger could never be made again.
        if desk.cx.faults.on("team_with_prod_deleted") {
            return Ok(ok());
        }
        return Err(codes::NOT_EMPTY.because("it has a production ledger"));
    }
    if !desk.cx.faults.on("team_survives:delete-team") {
        desk.directory.drop_team(&name);
    }
    Ok(ok())
}
