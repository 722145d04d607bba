//! Who there is: users, teams, and what belongs to a team. Data and the questions that many operations ask.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    census::Census,
    codes,
    envelope::{Refusal, Reply},
    ledger::{Ledger, LedgerKind, Operation},
    memory::Memory,
    random::{self, Password},
    values::{Millis, is_name},
    world::Context,
};

/// What a member may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    ReadOnly,
    ReadWrite,
    Admin,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::ReadOnly => "readonly",
            Role::ReadWrite => "readwrite",
            Role::Admin => "admin",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Role> {
        [Role::ReadOnly, Role::ReadWrite, Role::Admin].into_iter().find(|role| role.name() == name)
    }
}

/// Everybody and everything. Addresses are keys in lower case: case does not tell people apart.
#[derive(Default)]
pub(crate) struct Directory {
    pub(super) users: BTreeMap<String, User>,
    pub(super) teams: BTreeMap<String, Team>,
    /// Session tokens, with the address of whose they are.
    pub(super) sessions: HashMap<String, String>,
    /// Secrets of credentials, with team and position there.
    pub(super) secrets: HashMap<String, (String, u64)>,
    pub(super) memory: Memory<Reply>,
    /// What is gone, only for the faults that let it in all the same.
    pub(super) ghosts: Ghosts,
    /// Positions in lists; only ever grows.
    last: u64,
}

#[derive(Default)]
pub(super) struct Ghosts {
    pub(super) users: HashMap<String, Password>,
    /// Secrets that were deleted, with the team and the rights they had.
    pub(super) secrets: HashMap<String, (String, Role)>,
    /// Secrets of members that were removed.
    pub(super) members_secrets: HashMap<String, (String, Role)>,
    /// Invitations that were accepted or revoked, with their teams.
    pub(super) accepted: Vec<(String, Invite)>,
    pub(super) revoked: Vec<(String, Invite)>,
}

pub(super) struct User {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) password: Password,
    /// The code that is still to be confirmed, if it is.
    pub(super) unconfirmed: Option<Challenge>,
}

/// A mailed confirmation code.
pub(super) struct Challenge {
    pub(super) code: String,
    pub(super) expires: Timestamp,
    pub(super) wrong_tries: u32,
    /// When it was sent again, if it was.
    pub(super) resent: Option<Timestamp>,
    /// The code that it took the place of, only for the fault that goes on accepting it.
    pub(super) former: Option<String>,
}

#[derive(Default)]
pub(super) struct Team {
    pub(super) members: BTreeMap<u64, Member>,
    pub(super) ledgers: BTreeMap<u64, Arc<Ledger>>,
    pub(super) credentials: BTreeMap<u64, Credential>,
    pub(super) invites: BTreeMap<u64, Invite>,
}

pub(super) struct Member {
    /// The key of the user.
    pub(super) user: String,
    /// What is shown.
    pub(super) role: Role,
    /// What counts. The same as the role unless a fault made it otherwise.
    pub(super) rights: Role,
    pub(super) joined: Millis,
}

pub(super) struct Credential {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// The key of the user whose rights it carries.
    pub(super) user: String,
    pub(super) secret: String,
    pub(super) created: Millis,
}

#[derive(Clone)]
pub(super) struct Invite {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) role: Role,
    pub(super) code: String,
    pub(super) expires: Timestamp,
}

impl Team {
    pub(super) fn member(&self, user: &str) -> Option<&Member> {
        self.members.values().find(|member| member.user == user)
    }

    fn ledger(&self, name: &str) -> Option<&Arc<Ledger>> {
        self.ledgers.values().find(|ledger| ledger.name == name)
    }

    /// Whether nobody would be admin without `user`.
    pub(super) fn has_only_admin(&self, user: &str) -> bool {
        let mut admins = self.members.values().filter(|member| member.role == Role::Admin);
        admins.next().is_some_and(|admin| admin.user == user) && admins.next().is_none()
    }

    pub(super) fn has_production(&self) -> bool {
        self.ledgers.values().any(|ledger| ledger.kind == LedgerKind::Prod)
    }
}

impl Directory {
    /// A directory with the permanent user, team and credential.
    pub(crate) fn with_permanent(
        email: &str,
        password: &str,
        team: &str,
        secret: &str,
        now: Timestamp,
    ) -> Directory {
        let mut directory = Directory::default();
        let user = email.to_ascii_lowercase();
        directory.users.insert(
            user.clone(),
            User {
                email: email.to_owned(),
                name: None,
                password: Password::new(password),
                unconfirmed: None,
            },
        );
        let mut permanent = Team::default();
        let admin = Member { user: user.clone(), role: Role::Admin, rights: Role::Admin, joined: now.into() };
        permanent.members.insert(directory.next(), admin);
        let place = directory.next();
        let credential = Credential {
            id: "permanent".to_owned(),
            name: None,
            user,
            secret: secret.to_owned(),
            created: now.into(),
        };
        permanent.credentials.insert(place, credential);
        directory.secrets.insert(secret.to_owned(), (team.to_owned(), place));
        directory.teams.insert(team.to_owned(), permanent);
        directory
    }

    /// A position after all others.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Opens a session.
    pub(super) fn open_session(&mut self, user: &str) -> String {
        let token = random::hex::<20>();
        self.sessions.insert(token.clone(), user.to_owned());
        token
    }

    /// The key of the user whose session it is; refused if it is missing, wrong or ended \[15\].
    pub(super) fn signed_in(&self, cx: &Context, session: Option<&str>) -> Result<String, Refusal> {
        let nearly = |token: &str| {
            let same = |it: &str| it.len() == token.len() && it[..it.len() - 1] == token[..it.len() - 1];
            self.sessions.iter().find(|(it, _)| same(it)).map(|(_, user)| user)
        };
        let inexact = cx.faults.on("session_last_digit_unread");
        let known =
            session.and_then(|token| self.sessions.get(token).or_else(|| nearly(token).filter(|_| inexact)));
        let user = known.filter(|user| self.users.contains_key(*user));
        user.cloned().ok_or_else(|| codes::NOT_SIGNED_IN.into())
    }

    /// What `user` may do in `team`; a team that is not one's own does not exist \[15\].
    pub(super) fn rights(&self, user: &str, team: &str) -> Result<Role, Refusal> {
        let member = self.teams.get(team).and_then(|team| team.member(user));
        member.map(|member| member.rights).ok_or_else(|| codes::NOT_FOUND.because("no such team"))
    }

    /// The teams that `user` is in, with the position and the role there, in the order of joining.
    pub(super) fn teams_of(&self, user: &str) -> impl Iterator<Item = (u64, &str, Role)> {
        let mut teams: Vec<_> = self
            .teams
            .iter()
            .flat_map(|(name, team)| {
                team.members.iter().map(move |(position, member)| (position, name, member))
            })
            .filter(|(_, _, member)| member.user == user)
            .map(|(position, name, member)| (*position, name.as_str(), member.role))
            .collect();
        teams.sort_unstable_by_key(|(position, ..)| *position);
        teams.into_iter()
    }

    /// Adds a ledger to a team that exists, under a name that is free there, and well-formed unless any will do.
    pub(crate) fn add_ledger(
        &mut self,
        team: &str,
        name: &str,
        kind: LedgerKind,
        now: Timestamp,
        any_name: bool,
    ) -> Result<Arc<Ledger>, Refusal> {
        let serial = self.next();
        let team = self.teams.get_mut(team).ok_or_else(|| codes::NOT_FOUND.because("no such team"))?;
        if !is_name(name) && !any_name {
            return Err(codes::BAD_NAME.because("1 to 64 letters, digits and hyphens").field("name"));
        }
        if team.ledger(name).is_some() {
            return Err(codes::IN_USE.because(format!("`{name}` is in use")).field("name"));
        }
        let ledger = Arc::new(Ledger::new(name, kind, now, serial));
        team.ledgers.insert(serial, Arc::clone(&ledger));
        Ok(ledger)
    }

    /// Takes somebody out of a team, and their credentials with them.
    pub(super) fn drop_member(&mut self, team: &str, user: &str) {
        let Some(owner) = self.teams.get_mut(team) else { return };
        let rights = owner.member(user).map_or(Role::ReadOnly, |member| member.rights);
        owner.members.retain(|_, member| member.user != user);
        for (_, credential) in owner.credentials.extract_if(.., |_, credential| credential.user == user) {
            self.secrets.remove(&credential.secret);
            self.ghosts.members_secrets.insert(credential.secret, (team.to_owned(), rights));
        }
    }

    /// Deletes a team with all that belongs to it.
    pub(super) fn drop_team(&mut self, name: &str) {
        if let Some(team) = self.teams.remove(name) {
            for ledger in team.ledgers.values() {
                ledger.close();
            }
            for credential in team.credentials.values() {
                self.secrets.remove(&credential.secret);
            }
        }
    }

    /// The team and the rights of a credential. Missing and wrong ones alike are 404 \[T, C, 2\].
    fn credential(
        &self,
        cx: &Context,
        secret: Option<&str>,
        operation: Option<&Operation>,
    ) -> Result<(&str, Role), Refusal> {
        let known = secret.and_then(|secret| {
            let (team, place) = self.secrets.get(secret)?;
            let credential = self.teams.get(team)?.credentials.get(place)?;
            Some((team.as_str(), self.rights(&credential.user, team).ok()?))
        });
        let ghost = || {
            let haunts = cx.faults.on("deleted_credential_works")
                || operation.is_some_and(|it| cx.faults.on_for("deleted_credential_works", it.name));
            let deleted = self.ghosts.secrets.get(secret?).filter(|_| haunts);
            let removed = self.ghosts.members_secrets.get(secret?);
            let removed = removed.filter(|_| cx.faults.on("removed_members_credential_works"));
            let (team, role) = deleted.or(removed)?;
            Some((team.as_str(), *role))
        };
        known.or_else(ghost).ok_or_else(|| codes::NOT_FOUND.because("no such credential"))
    }

    /// The team of a credential; none if any credential will do.
    pub(crate) fn team_of(&self, cx: &Context, secret: Option<&str>) -> Result<Option<&str>, Refusal> {
        match self.credential(cx, secret, None) {
            Ok((team, _)) => Ok(Some(team)),
            Err(_) if cx.faults.on("credential_unchecked") || cx.faults.on("hello_unchecked") => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The team in which the ledger of `/hello` is looked for; an unknown ledger is refused \[C, 2\].
    pub(crate) fn hello(
        &self,
        cx: &Context,
        secret: Option<&str>,
        ledger: Option<&str>,
    ) -> Result<String, Refusal> {
        let has = |team: &Team| ledger.is_none_or(|name| team.ledger(name).is_some());
        let found = match self.team_of(cx, secret)? {
            Some(name) if self.teams.get(name).is_some_and(has) => Some(name.to_owned()),
            Some(_) if !cx.faults.on("teams_leak:hello") => None,
            Some(_) | None => self.teams.iter().find(|(_, team)| has(team)).map(|(name, _)| name.clone()),
        };
        found.ok_or_else(|| codes::NOT_FOUND.because("no such ledger"))
    }

    /// The ledger that a credential opens, and what it may do there.
    pub(crate) fn open(
        &self,
        cx: &Context,
        secret: Option<&str>,
        team: &str,
        ledger: &str,
        operation: Option<&Operation>,
    ) -> Result<(Arc<Ledger>, Role), Refusal> {
        let unchecked = cx.faults.on("credential_unchecked")
            || operation.is_some_and(|it| cx.faults.on_for("credential_unchecked", it.name));
        let role = match self.credential(cx, secret, operation) {
            Ok((own, role)) if own == team => role,
            Ok(_) | Err(_) if unchecked => Role::Admin,
            Ok((_, role)) if cx.faults.on("credential_opens_other_teams") => role,
            Ok(_) => return Err(codes::NOT_FOUND.because("no such team")),
            Err(refusal) => return Err(refusal),
        };
        let ledger = self.teams.get(team).and_then(|team| team.ledger(ledger));
        Ok((Arc::clone(ledger.ok_or_else(|| codes::NOT_FOUND.because("no such ledger"))?), role))
    }

    /// The other ledgers of a team.
    pub(crate) fn neighbours(&self, team: &str, ledger: &str) -> Vec<Arc<Ledger>> {
        let ledgers = self.teams.get(team).into_iter().flat_map(|team| team.ledgers.values());
        ledgers.filter(|other| other.name != ledger).cloned().collect()
    }

    /// Counts everything.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        for user in self.users.values() {
            let note = if user.unconfirmed.is_some() { " (unconfirmed)" } else { "" };
            census.users.push(format!("{}{note}", user.email));
        }
        for (name, team) in &self.teams {
            census.teams.push(name.clone());
            let members = team.members.values();
            census
                .members
                .extend(members.map(|member| format!("{name}/{}/{}", member.user, member.role.name())));
            census
                .credentials
                .extend(team.credentials.values().map(|credential| format!("{name}/{}", credential.id)));
            let invites = team.invites.values();
            census
                .invites
                .extend(invites.map(|invite| format!("{name}/{}/{}", invite.email, invite.role.name())));
            for ledger in team.ledgers.values() {
                let path = format!("{name}/{}", ledger.name);
                census.ledgers.push(path.clone());
                census.contents.insert(path, ledger.contents());
            }
        }
        for names in [
            &mut census.users,
            &mut census.members,
            &mut census.ledgers,
            &mut census.credentials,
            &mut census.invites,
        ] {
            names.sort_unstable();
        }
        census
    }
}
