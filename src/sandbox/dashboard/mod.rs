//! The dashboard: people, teams and what teams own (facts, section 15).
//!
//! Like those of a ledger, operations are functions on the state. What they want to be mailed they put on a list,
//! and it is sent when the lock is released and before the answer is given.

mod credentials;
mod directory;
mod mailer;
mod members;
mod teams;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use self::{
    directory::{Directory, Role},
    mailer::{Letter, Mailer},
};

use crate::{
    codes,
    envelope::{Fields, Refusal, Reply},
    world::{Context, World},
};

/// One request to the dashboard, with all that it may work on.
struct Desk<'a> {
    directory: &'a mut Directory,
    cx: &'a Context,
    fields: &'a Fields,
    session: Option<&'a str>,
    /// Where the product is, for links in mails.
    entry: &'a str,
    /// What is to be mailed.
    letters: Vec<Letter>,
}

/// One operation of the dashboard.
struct Operation {
    name: &'static str,
    /// Without a session it refuses before it looks at the body.
    session: bool,
    /// Remembered by idempotency key.
    changes: bool,
    work: fn(&mut Desk<'_>) -> Result<Reply, Refusal>,
}

static OPERATIONS: [Operation; 14] = [
    Operation { name: "sign-up", session: false, changes: true, work: users::sign_up },
    Operation { name: "confirm-sign-up", session: false, changes: true, work: users::confirm_sign_up },
    // Not remembered: otherwise the key would open the session again without the password.
    Operation { name: "sign-in", session: false, changes: false, work: users::sign_in },
    Operation { name: "delete-user", session: false, changes: true, work: users::delete_user },
    Operation { name: "create-team", session: true, changes: true, work: teams::create_team },
    Operation { name: "delete-team", session: true, changes: true, work: teams::delete_team },
    Operation { name: "create-ledger", session: true, changes: true, work: teams::create_ledger },
    Operation { name: "delete-ledger", session: true, changes: true, work: teams::delete_ledger },
    Operation {
        name: "create-credential",
        session: true,
        changes: true,
        work: credentials::create_credential,
    },
    Operation {
        name: "delete-credential",
        session: true,
        changes: true,
        work: credentials::delete_credential,
    },
    Operation { name: "invite-member", session: true, changes: true, work: members::invite_member },
    Operation { name: "accept-invite", session: false, changes: true, work: members::accept_invite },
    Operation { name: members::LIST, session: true, changes: false, work: members::list_members },
    Operation { name: "remove-member", session: true, changes: true, work: members::remove_member },
];

/// Carries out one operation, or gives the first answer again. What it gives beside the reply is to be mailed.
pub(crate) fn call(
    world: &World,
    op: &str,
    session: Option<&str>,
    idempotency_key: Option<&str>,
    entry: &str,
    body: Result<Vec<u8>, Refusal>,
) -> Result<(Reply, Vec<Letter>), Refusal> {
    let operation = OPERATIONS.iter().find(|operation| operation.name == op).ok_or(codes::NOT_FOUND)?;
    let fields = body.and_then(|body| Fields::parse(&body));
    let directory = &mut *world.directory();

    // A repeated delete-user comes with a session that is gone by now, so this is asked before the session is.
    let slot = idempotency_key.filter(|_| operation.changes).map(|key| {
        let email = || fields.as_ref().ok().and_then(|fields| fields.text("email").ok().flatten());
        let caller = session.or_else(email).unwrap_or_default();
        (operation.name, caller.to_ascii_lowercase(), key.to_owned())
    });
    if let Some(reply) = slot.as_ref().and_then(|slot| directory.memory.recall(slot)) {
        return Ok((reply, Vec::new()));
    }

    if operation.session {
        directory.signed_in(session)?;
    }
    let mut desk = Desk { directory, cx: &world.cx, fields: &fields?, session, entry, letters: Vec::new() };
    let reply = (operation.work)(&mut desk)?;
    let letters = desk.letters;
    if let Some(slot) = slot {
        directory.memory.remember(world.cx.clock.now(), slot, reply.clone());
    }
    Ok((reply, letters))
}
