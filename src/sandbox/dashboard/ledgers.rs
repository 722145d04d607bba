//! The ledgers of a team, from the outside.

use serde::Serialize;

use super::{Desk, Role};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply, wrong_type},
    ledger::{Ledger, LedgerKind},
    values::Millis,
};

/// A ledger as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    team: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: LedgerKind,
    created: Millis,
}

impl<'a> Shown<'a> {
    fn new(team: &'a str, ledger: &'a Ledger) -> Shown<'a> {
        Shown { team, name: &ledger.name, kind: ledger.kind, created: ledger.created }
    }
}

pub(super) fn create_ledger(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, team) = desk.caller(Role::ReadWrite)?;
    let name = desk.fields.required("name")?;
    let kind = match desk.fields.text("type")? {
        None | Some("dev") => LedgerKind::Dev,
        Some("prod") => LedgerKind::Prod,
        Some(_) => return Err(wrong_type("type", "`dev` or `prod`")),
    };
    if desk.directory.teams[&team].ledgers.is_empty() && desk.fault("first_ledger_refused") {
        return Err(codes::FORBIDDEN.because("the first ledger of a team"));
    }
    let taken = desk.directory.teams[&team].ledgers.values().find(|ledger| ledger.name == name);
    if let Some(ledger) = taken.filter(|_| desk.fault("name_taken_twice")) {
        return Ok(reply(&Shown::new(&team, ledger)));
    }
    let any_name = desk.fault("names_unchecked");
    let ledger = desk.directory.add_ledger(&team, name, kind, desk.cx.clock.now(), any_name)?;
    Ok(reply(&Shown::new(&team, &ledger)))
}

pub(super) fn list_ledgers(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, query) = desk.listed(Role::ReadOnly)?;
    let team = query.scope.clone();
    let ledgers = desk.directory.teams[&team].ledgers.range(..query.below()).rev();
    let rest = ledgers.map(|(position, ledger)| (*position, Shown::new(&team, ledger)));
    Ok(reply(&query.cut(desk.cx, rest)))
}

pub(super) fn delete_ledger(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (_, team) = desk.caller(Role::ReadWrite)?;
    let name = desk.fields.required("name")?;
    let ledgers = &mut desk.directory.teams.get_mut(&team).expect("the caller is in it").ledgers;
    let found = ledgers.iter().find(|(_, ledger)| ledger.name == name);
    let (&serial, ledger) = found.ok_or_else(|| codes::NOT_FOUND.because("no such ledger"))?;
    if ledger.kind == LedgerKind::Prod {
        // With the fault on it claims to be gone; really gone, the permanent one could not be had back.
        if desk.cx.faults.on("prod_delete_allowed") {
            return Ok(ok());
        }
        return Err(codes::FORBIDDEN.because("a production ledger stays"));
    }
    if !desk.cx.faults.on("ledger_survives:delete-ledger") {
        // Whoever waits for one of its feeds learns that it is gone.
        ledger.close();
        ledgers.remove(&serial);
    }
    Ok(ok())
}
