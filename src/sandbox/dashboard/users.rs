//! Signing up, signing in, and going for good.

use jiff::SignedDuration;
use lettre::Address;
use serde_json::json;

use super::{
    Desk, Letter,
    directory::{Challenge, Role, User},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply},
    random::{self, Password},
};

/// How long a confirmation code is valid \[15\].
const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How many wrong tries use a code up \[15\].
const MOST_TRIES: u32 = 5;

/// The shortest password, in characters \[15\].
const SHORTEST_PASSWORD: usize = 8;

pub(super) fn sign_up(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let email = email(desk)?;
    let password = new_password(desk)?;
    let name = desk.fields.text("name")?.map(str::to_owned);
    let user = email.to_ascii_lowercase();

    // Whether an address is taken is only told to its owner. One that was never confirmed is not taken: the last
    // sign-up counts.
    if desk.directory.users.get(&user).is_some_and(|user| user.unconfirmed.is_none()) {
        desk.letters.push(Letter::taken(&email));
    } else {
        let code = desk.cx.code.clone().unwrap_or_else(random::code);
        let mailed = if desk.cx.faults.on("mail_wrong_code") { altered(&code) } else { code.clone() };
        desk.letters.push(Letter::confirm(&email, &mailed));
        let challenge = Challenge { code, expires: desk.cx.clock.now() + CODE_LIFETIME, wrong_tries: 0 };
        let signed_up = User { email: email.clone(), name, password, unconfirmed: Some(challenge) };
        desk.directory.users.insert(user, signed_up);
    }
    Ok(reply(&json!({"email": email, "status": "unconfirmed"})))
}

/// Another code of the same length.
fn altered(code: &str) -> String {
    let mut altered = code.to_owned();
    let last = altered.pop();
    altered.push(if last == Some('0') { '1' } else { '0' });
    altered
}

pub(super) fn confirm_sign_up(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let email = email(desk)?;
    let code = desk.fields.required("code")?;
    let key = email.to_ascii_lowercase();
    let any = desk.cx.faults.on("wrong_code_confirms");

    let user = desk.directory.users.get_mut(&key).ok_or(codes::WRONG_CODE)?;
    let challenge = user.unconfirmed.as_mut().ok_or(codes::WRONG_CODE)?;
    if !any {
        if desk.cx.clock.now() >= challenge.expires || challenge.wrong_tries >= MOST_TRIES {
            return Err(codes::EXPIRED_CODE.into());
        }
        if challenge.code != code {
            challenge.wrong_tries += 1;
            return Err(codes::WRONG_CODE.into());
        }
    }
    user.unconfirmed = None;
    let email = user.email.clone();
    let session = desk.directory.open_session(&key);
    Ok(reply(&json!({"session": session, "email": email})))
}

pub(super) fn sign_in(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let key = desk.fields.required("email")?.to_ascii_lowercase();
    let password = desk.fields.required("password")?;
    let any = desk.cx.faults.on("wrong_password_signs_in");

    let user = desk.directory.users.get(&key).filter(|user| user.unconfirmed.is_none());
    let ghost = desk.directory.ghosts.users.get(&key).filter(|_| desk.cx.faults.on("deleted_user_signs_in"));
    let email = match (user, ghost) {
        (Some(user), _) if any || user.password.is(password) => user.email.clone(),
        (None, Some(old)) if old.is(password) => key.clone(),
        (Some(_) | None, _) => return Err(codes::NOT_SIGNED_IN.because("wrong address or password")),
    };
    let session = desk.directory.open_session(&key);
    Ok(reply(&json!({"session": session, "email": email})))
}

pub(super) fn delete_user(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    if desk.session.is_none() {
        return delete_unconfirmed(desk);
    }
    let key = desk.directory.signed_in(desk.session)?;
    let password = desk.fields.required("password")?;
    if !desk.directory.users[&key].password.is(password) {
        return Err(codes::NOT_SIGNED_IN.because("wrong password"));
    }

    let mut own = Vec::new();
    for (name, team) in &desk.directory.teams {
        if team.member(&key).is_some() {
            let alone = team.members.len() == 1 && team.ledgers.is_empty();
            if team.has_only_admin(&key) && !alone {
                return Err(codes::LAST_ADMIN.because(format!("of the team `{name}`")));
            }
            own.push((name.clone(), alone));
        }
    }
    for (name, alone) in own {
        if alone {
            desk.directory.drop_team(&name);
            continue;
        }
        desk.directory.drop_credentials(&name, &key);
        if let Some(team) = desk.directory.teams.get_mut(&name) {
            team.members.retain(|_, member| member.user != key);
        }
    }
    desk.directory.sessions.retain(|_, user| *user != key);
    if let Some(user) = desk.directory.users.remove(&key) {
        desk.directory.ghosts.users.insert(key, user.password);
    }
    Ok(ok())
}

/// Somebody whose mail never came can still go \[15\].
fn delete_unconfirmed(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    if desk.fields.get("email").is_none() {
        return Err(codes::NOT_SIGNED_IN.into());
    }
    let key = desk.fields.required("email")?.to_ascii_lowercase();
    let password = desk.fields.required("password")?;
    let user = desk.directory.users.get(&key);
    if user.is_some_and(|user| user.unconfirmed.is_some() && user.password.is(password)) {
        desk.directory.users.remove(&key);
        return Ok(ok());
    }
    Err(codes::NOT_FOUND.because("nobody unconfirmed has that address and password"))
}

/// The request's address, in the form given. It must be one that mail can be sent to.
pub(super) fn email(desk: &Desk<'_>) -> Result<String, Refusal> {
    let email = desk.fields.required("email")?;
    match email.parse::<Address>() {
        Ok(_) => Ok(email.to_owned()),
        Err(_) => Err(codes::MISSING.because("`email` is not an address").field("email")),
    }
}

/// The password of a new user.
pub(super) fn new_password(desk: &Desk<'_>) -> Result<Password, Refusal> {
    let password = desk.fields.required("password")?;
    if password.chars().count() < SHORTEST_PASSWORD {
        let detail = format!("`password` must have at least {SHORTEST_PASSWORD} characters");
        return Err(codes::MISSING.because(detail).field("password"));
    }
    Ok(Password::new(password))
}

impl Desk<'_> {
    /// Who asks, in which team, if they may: session, then the field `team`, then the role.
    pub(super) fn caller(&self, needed: Role) -> Result<(String, String), Refusal> {
        let team = self.fields.required("team")?;
        Ok((self.caller_in(team, needed)?, team.to_owned()))
    }

    /// Who asks, if they may do that in `team`.
    pub(super) fn caller_in(&self, team: &str, needed: Role) -> Result<String, Refusal> {
        let user = self.directory.signed_in(self.session)?;
        if self.directory.rights(&user, team)? < needed {
            return Err(codes::FORBIDDEN.into());
        }
        Ok(user)
    }
}
