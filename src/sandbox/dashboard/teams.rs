//! Teams and their ledgers.

use std::sync::Arc;

use serde_json::json;

use super::{
    Desk,
    directory::{Member, Role, Team},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply, wrong_type},
    ledger::{Ledger, LedgerKind},
    values::is_name,
};

/// Names that are first path segments already \[15\].
const RESERVED: [&str; 2] = ["hello", "dashboard"];

pub(super) fn create_team(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let user = desk.directory.signed_in(desk.session)?;
    let name = desk.fields.required("name")?;
    if !is_name(name) || RESERVED.contains(&name) {
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

pub(super) fn delete_team(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, name) = desk.caller(Role::Admin)?;
    if desk.fields.required("confirm")? != name {
        return Err(codes::BAD_NAME.because("`confirm` must be the name of the team").field("confirm"));
    }
    if desk.directory.teams[&name].has_production() {
        return Err(codes::NOT_EMPTY.because("it has a production ledger"));
    }
    if !desk.cx.faults.on("team_survives:delete-team") {
        desk.directory.drop_team(&name);
    }
    Ok(ok())
}

pub(super) fn create_ledger(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, team) = desk.caller(Role::ReadWrite)?;
    let name = desk.fields.required("name")?;
    let kind = match desk.fields.text("type")? {
        None | Some("dev") => LedgerKind::Dev,
        Some("prod") => LedgerKind::Prod,
        Some(_) => return Err(wrong_type("type", "`dev` or `prod`")),
    };
    if !is_name(name) {
        return Err(codes::BAD_NAME.because("1 to 64 letters, digits and hyphens").field("name"));
    }
    let serial = desk.directory.next();
    let now = desk.cx.clock.now();
    let ledgers = &mut desk.directory.teams.get_mut(&team).expect("the caller is in it").ledgers;
    if ledgers.values().any(|ledger| ledger.name == name) {
        return Err(codes::IN_USE.because(format!("`{name}` is in use")).field("name"));
    }
    let ledger = Arc::new(Ledger::new(name, kind, now, serial));
    ledgers.insert(serial, Arc::clone(&ledger));
    Ok(reply(&json!({"team": team, "name": name, "type": kind, "created": ledger.created})))
}

pub(super) fn delete_ledger(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, team) = desk.caller(Role::ReadWrite)?;
    let name = desk.fields.required("name")?;
    let ledgers = &mut desk.directory.teams.get_mut(&team).expect("the caller is in it").ledgers;
    let found = ledgers.iter().find(|(_, ledger)| ledger.name == name);
    let (&serial, ledger) = found.ok_or_else(|| codes::NOT_FOUND.because("no such ledger"))?;
    if ledger.kind == LedgerKind::Prod {
        return Err(codes::FORBIDDEN.because("a production ledger stays"));
    }
    if !desk.cx.faults.on("ledger_survives:delete-ledger") {
        // Whoever waits for one of its feeds learns that it is gone.
        ledger.close();
        ledgers.remove(&serial);
    }
    Ok(ok())
}
