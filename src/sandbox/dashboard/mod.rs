//! The dashboard: people, teams and what teams own (facts, section 15).
//!
//! Like those of a ledger, operations are functions on the state. What they want to be mailed they put on a list,
//! and it is sent when the lock is released and before the answer is given.

mod credentials;
mod directory;
mod invites;
mod ledgers;
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
    envelope::{Fields, Refusal, Reply, wrong_type},
    paging::Query,
    world::{Context, World},
};

/// One request to the dashboard, with all that it may work on.
struct Desk<'a> {
    operation: &'static str,
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
    work: Work,
}

type Work = fn(&mut Desk<'_>) -> Result<Reply, Refusal>;

/// Remembered by idempotency key.
const fn changing(name: &'static str, session: bool, work: Work) -> Operation {
    Operation { name, session, changes: true, work }
}

const fn reading(name: &'static str, session: bool, work: Work) -> Operation {
    Operation { name, session, changes: false, work }
}

/// Every operation there is. With `true` it needs a session.
static OPERATIONS: [Operation; 23] = [
    changing("sign-up", false, users::sign_up),
    changing("resend-code", false, users::resend_code),
    changing("confirm-sign-up", false, users::confirm_sign_up),
    // Not remembered: otherwise the key would open the session again without the password.
    reading("sign-in", false, users::sign_in),
    changing("sign-out", true, users::sign_out),
    reading("get-user", true, users::get_user),
    changing("create-team", true, teams::create_team),
    reading("list-teams", true, teams::list_teams),
    changing("create-ledger", true, ledgers::create_ledger),
    reading("list-ledgers", true, ledgers::list_ledgers),
    changing("create-credential", true, credentials::create_credential),
    reading("list-credentials", true, credentials::list_credentials),
    changing("delete-credential", true, credentials::delete_credential),
    changing("invite-member", true, invites::invite_member),
    reading("list-invites", true, invites::list_invites),
    changing("revoke-invite", true, invites::revoke_invite),
    changing("accept-invite", false, invites::accept_invite),
    reading("list-members", true, members::list_members),
    changing("update-member", true, members::update_member),
    changing("remove-member", true, members::remove_member),
    changing("delete-ledger", true, ledgers::delete_ledger),
    changing("delete-team", true, teams::delete_team),
    changing("delete-user", false, users::delete_user),
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
    if let Some(slot) = &slot
        && !world.cx.faults.on_for("repeat_doubles", operation.name)
        && let Some(reply) = directory.memory.recall(slot)
    {
        return Ok((reply, Vec::new()));
    }

    if operation.session {
        directory.signed_in(&world.cx, session)?;
    }
    let mut desk = Desk {
        operation: operation.name,
        directory,
        cx: &world.cx,
        fields: &fields?,
        session,
        entry,
        letters: Vec::new(),
    };
    let faults = &world.cx.faults;
    let vague = |refusal: Refusal| {
        if faults.on_for("missing_field_malformed", op) { refusal.vague() } else { refusal }
    };
    let reply = (operation.work)(&mut desk).map_err(vague)?;
    let mut letters = desk.letters;
    if faults.on_for("mail_placeholder_left", op) {
        letters.iter_mut().for_each(Letter::leave_placeholder);
    }
    if let Some(slot) = slot {
        directory.memory.remember(world.cx.clock.now(), slot, reply.clone());
    }
    Ok((reply, letters))
}

impl Desk<'_> {
    /// Who asks, in which team, if they may: session, then the field `team`, then the role.
    fn caller(&self, needed: Role) -> Result<(String, String), Refusal> {
        let team = self.fields.required("team")?;
        Ok((self.caller_in(team, needed)?, team.to_owned()))
    }

    /// Who asks, if they may do that in `team`.
    fn caller_in(&self, team: &str, needed: Role) -> Result<String, Refusal> {
        let user = self.signed_in()?;
        let rights = match self.directory.rights(&user, team) {
            Err(_) if self.fault("strangers_may_look") && self.directory.teams.contains_key(team) => {
                Role::ReadOnly
            }
            rights => rights?,
        };
        let (needed, rights) = self.bent(needed, rights);
        if rights < needed {
            return Err(codes::FORBIDDEN.into());
        }
        Ok(user)
    }

    /// Who asks, by the session.
    fn signed_in(&self) -> Result<String, Refusal> {
        self.directory.signed_in(self.cx, self.session)
    }

    fn fault(&self, kind: &str) -> bool {
        self.cx.faults.on_for(kind, self.operation)
    }

    /// The role that an operation needs, and that somebody has, as faults make them.
    fn bent(&self, needed: Role, rights: Role) -> (Role, Role) {
        match rights {
            Role::ReadOnly if self.fault("readers_kept_out") => (Role::ReadWrite, rights),
            Role::ReadOnly if self.fault("readers_may_manage") => (needed, Role::Admin),
            Role::ReadWrite if self.fault("members_kept_out") => (Role::Admin, rights),
            Role::ReadOnly | Role::ReadWrite | Role::Admin => (needed, rights),
        }
    }

    /// The query of a list of what a team has, and who asks. A cursor carries the whole query, and so the team; it
    /// names the team, but does not open it.
    fn listed(&self, needed: Role) -> Result<(String, Query), Refusal> {
        let query = match Query::resume(self.cx, self.operation, self.fields)? {
            Some(query) => query,
            None => Query::first(self.operation, self.fields.required("team")?, self.fields)?,
        };
        Ok((self.caller_in(&query.scope, needed)?, query))
    }

    /// The field `role`.
    fn role(&self) -> Result<Option<Role>, Refusal> {
        let role = self.fields.text("role")?.map(|name| {
            Role::named(name).ok_or_else(|| wrong_type("role", "`admin`, `readwrite` or `readonly`"))
        });
        role.transpose()
    }
}
