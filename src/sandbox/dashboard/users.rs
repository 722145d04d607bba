//! Signing up, signing in, and going for good.

use jiff::SignedDuration;
use lettre::Address;
use serde_json::json;

use super::{
    Desk, Letter,
    directory::{Challenge, User},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply},
    random::{self, Password},
};

/// How long a confirmation code is valid \[15\].
const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How often a code is sent again, after the first time \[15\].
const RESEND_PAUSE: SignedDuration = SignedDuration::from_mins(1);

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
        let challenge = challenge(desk, &email);
        let signed_up = User { email: email.clone(), name, password, unconfirmed: Some(challenge) };
        desk.directory.users.insert(user, signed_up);
    }
    Ok(reply(&json!({"email": email, "status": "unconfirmed"})))
}

/// A new code, which is mailed.
fn challenge(desk: &mut Desk<'_>, email: &str) -> Challenge {
    let code = desk.cx.code.clone().unwrap_or_else(random::code);
    let mailed = if desk.cx.faults.on("mail_wrong_code") { altered(&code) } else { code.clone() };
    desk.letters.push(Letter::confirm(email, &mailed));
    let expires = desk.cx.clock.now() + CODE_LIFETIME;
    Challenge { code, expires, wrong_tries: 0, resent: None, former: None }
}

/// Sends another code, and voids the old one. Whether somebody is waiting for one is only told to the address.
pub(super) fn resend_code(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let key = email(desk)?.to_ascii_lowercase();
    let now = desk.cx.clock.now();
    let user = desk.directory.users.get(&key);
    let Some((user, old)) = user.and_then(|user| Some((user, user.unconfirmed.as_ref()?))) else {
        return Ok(ok());
    };
    // The first time is free, so that somebody whose mail was lost need not wait.
    let too_soon = old.resent.is_some_and(|last| now.duration_since(last) < RESEND_PAUSE);
    if too_soon && !desk.cx.faults.on("resend_unlimited") {
        return Err(codes::TOO_OFTEN.because("at most one a minute"));
    }
    let (email, former) = (user.email.clone(), old.code.clone());
    let mut new = Challenge { resent: Some(now), former: Some(former), ..challenge(desk, &email) };
    if desk.cx.faults.on("resent_code_wrong") {
        new.code = altered(&new.code);
    }
    if desk.cx.faults.on("resent_mail_lost") {
        desk.letters.clear();
    }
    if let Some(user) = desk.directory.users.get_mut(&key) {
        user.unconfirmed = Some(new);
    }
    Ok(ok())
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
    let faults = &desk.cx.faults;
    let of_another = faults.on("code_of_other_address_confirms")
        && desk
            .directory
            .users
            .values()
            .filter_map(|user| user.unconfirmed.as_ref())
            .any(|it| it.code == code);

    let user = desk.directory.users.get_mut(&key).ok_or(codes::WRONG_CODE)?;
    let challenge = user.unconfirmed.as_mut().ok_or(codes::WRONG_CODE)?;
    let former = faults.on("resend_keeps_old_code") && challenge.former.as_deref() == Some(code);
    if !faults.on("wrong_code_confirms") {
        let used_up = challenge.wrong_tries >= MOST_TRIES && !faults.on("tries_unlimited:confirm-sign-up");
        if desk.cx.clock.now() >= challenge.expires || used_up {
            return Err(codes::EXPIRED_CODE.into());
        }
        if challenge.code != code && !former && !of_another {
            challenge.wrong_tries += 1;
            let expired = faults.on("wrong_code_called_expired:confirm-sign-up");
            return Err(if expired { codes::EXPIRED_CODE.into() } else { codes::WRONG_CODE.into() });
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
    if desk.cx.faults.on("teamless_user_kept_out:sign-in") && desk.directory.teams_of(&key).next().is_none() {
        return Err(codes::NOT_SIGNED_IN.because("in no team"));
    }
    let session = desk.directory.open_session(&key);
    Ok(reply(&json!({"session": session, "email": email})))
}

pub(super) fn sign_out(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    if let Some(session) = desk.session
        && !desk.cx.faults.on("signed_out_session_works")
    {
        desk.directory.sessions.remove(session);
    }
    Ok(ok())
}

pub(super) fn get_user(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let key = desk.signed_in()?;
    let user = &desk.directory.users[&key];
    let teams: Vec<_> =
        desk.directory.teams_of(&key).map(|(_, name, role)| json!({"name": name, "role": role})).collect();
    // Nobody unconfirmed has a session.
    Ok(reply(&json!({"email": user.email, "name": user.name, "status": "confirmed", "teams": teams})))
}

pub(super) fn delete_user(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    if desk.session.is_none() {
        return delete_unconfirmed(desk);
    }
    let key = desk.signed_in()?;
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
        desk.directory.drop_member(&name, &key);
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
