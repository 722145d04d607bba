//! Credentials: they open the ledger API, belong to a person and carry that person's role.

use serde::Serialize;
use serde_json::json;

use super::{
    Desk,
    directory::{Credential, Role},
};
use crate::{
    codes,
    envelope::{Refusal, Reply, ok, reply},
    random,
    values::Millis,
};

pub(super) fn create_credential(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (user, team) = desk.caller(Role::ReadOnly)?;
    let name = desk.fields.text("name")?.map(str::to_owned);
    let created = desk.cx.clock.now().into();
    let place = desk.directory.next();
    let id = format!("cred{}", random::hex::<8>());
    let secret = random::hex::<24>();

    let wrong = desk.fault("role_shown_wrong");
    let owner = desk.directory.teams.get_mut(&team).expect("the caller is in it");
    let role = owner.member(&user).expect("the caller is in it").role;
    // The secret appears here and nowhere else \[D, 15\].
    let told = if wrong { Role::Admin } else { role };
    let shown = reply(&json!({"id": id, "name": name, "role": told, "secret": secret}));
    owner.credentials.insert(place, Credential { id, name, user, secret: secret.clone(), created });
    desk.directory.secrets.insert(secret, (team, place));
    Ok(shown)
}

/// A credential as it is shown: never with its secret.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: Option<&'a str>,
    role: Role,
    email: &'a str,
    created: Millis,
}

/// One's own; admins see all \[15\].
pub(super) fn list_credentials(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (user, query) = desk.listed(Role::ReadOnly)?;
    let rights = desk.directory.rights(&user, &query.scope)?;
    let all = rights == Role::Admin || desk.cx.faults.on("credentials_of_others_shown");
    let (team, users) = (&desk.directory.teams[&query.scope], &desk.directory.users);
    let credentials = team.credentials.range(..query.below()).rev();
    let rest = credentials.filter(|(_, credential)| all || credential.user == user);
    let rest = rest.map(|(position, credential)| {
        let Credential { id, name, user, secret: _, created } = credential;
        let role = team.member(user).map_or(Role::ReadOnly, |member| member.role);
        let email = users.get(user).map_or(user, |user| &user.email);
        (*position, Shown { id, name: name.as_deref(), role, email, created: *created })
    });
    Ok(reply(&query.clone().cut(desk.cx, rest)))
}

pub(super) fn delete_credential(desk: &mut Desk<'_>) -> Result<Reply, Refusal> {
    let (user, team) = desk.caller(Role::ReadOnly)?;
    let id = desk.fields.required("id")?;
    let rights = desk.directory.rights(&user, &team)?;
    let owner = desk.directory.teams.get_mut(&team).expect("the caller is in it");
    // Those of others are only there for admins.
    let visible = |credential: &Credential| rights == Role::Admin || credential.user == user;
    let found = owner.credentials.iter().find(|(_, credential)| credential.id == id && visible(credential));
    let (&place, credential) = found.ok_or_else(|| codes::NOT_FOUND.because("no such credential"))?;

    let carried = owner.member(&credential.user).map_or(Role::ReadOnly, |member| member.rights);
    if let Some(credential) = owner.credentials.remove(&place) {
        desk.directory.secrets.remove(&credential.secret);
        desk.directory.ghosts.secrets.insert(credential.secret, (team, carried));
    }
    Ok(ok())
}
