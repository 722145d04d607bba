//! Asking for another code: the new one confirms, the old one and those of others do not.

use coalmine::{Cleanup, Out, Result, Secret, ensure_eq, inbox::Address};
use serde_json::json;

use super::{
    confirm::{Confirmed, WrongRefused, nearly},
    mails::Mails,
};
use crate::sequence::{Dashboard, DeleteUser, Sent, Session};

/// Somebody has signed up and got a code, and will ask for another.
pub(super) struct Forgetful {
    email: String,
    first: Secret,
}

/// Another code was sent.
pub(super) struct Resent {
    address: Address,
    /// The call that asked for it.
    pub sent: Sent,
}

/// The other code came.
pub(super) struct NewCode(Secret);

/// The first code has been refused.
pub(super) struct OldRefused;

/// A third code has been refused.
pub(super) struct TooOften;

/// The code of somebody else has been refused.
pub(super) struct ForeignRefused;

/// The address is confirmed: of somebody who is in no team.
pub(super) struct Stranger(pub Session);

/// Somebody has signed up, got a code, and will guess at it.
pub(super) struct Guesser {
    email: String,
    code: Secret,
}

/// How many wrong tries use a code up.
const MOST_TRIES: usize = 5;

pub(super) async fn forgetful(
    dashboard: Dashboard,
    mails: Mails,
    cleanup: Cleanup,
    _refused: Out<WrongRefused>,
    _confirmed: Out<Confirmed>,
) -> Result<Forgetful> {
    let address = mails.address("forgetful").await?;
    let email = address.to_string();
    cleanup.intend(DeleteUser { email: email.clone() })?;
    dashboard.sign_up(&email).await?;
    let first = mails.confirmation_code(&address).await?;
    Ok(Forgetful { email, first })
}

pub(super) async fn resend_code(
    dashboard: Dashboard,
    mails: Mails,
    forgetful: Out<Forgetful>,
) -> Result<Resent> {
    // A wait gives the first mail to an address. Nobody holds this one any more, so it begins anew with the next mail.
    let address = mails.address("forgetful").await?;
    let sent = dashboard.send("resend-code", None, json!({ "email": forgetful.email })).await?;
    sent.reply.done()?;
    Ok(Resent { address, sent })
}

pub(super) async fn receive_new_code(mails: Mails, resent: Out<Resent>) -> Result<NewCode> {
    Ok(NewCode(mails.confirmation_code(&resent.address).await?))
}

pub(super) async fn refuse_second_resend(
    dashboard: Dashboard,
    forgetful: Out<Forgetful>,
    _resent: Out<Resent>,
) -> Result<TooOften> {
    let body = json!({ "email": forgetful.email });
    dashboard.call("resend-code", None, &body).await?.refused(429, "SEQ907")?;
    Ok(TooOften)
}

pub(super) async fn refuse_old_code(
    dashboard: Dashboard,
    forgetful: Out<Forgetful>,
    code: Out<NewCode>,
    // Asked while the address is not confirmed for certain.
    _often: Out<TooOften>,
) -> Result<OldRefused> {
    refuse(&dashboard, &forgetful.email, &forgetful.first, &code.0).await?;
    Ok(OldRefused)
}

pub(super) async fn guesser(
    dashboard: Dashboard,
    mails: Mails,
    cleanup: Cleanup,
    _refused: Out<WrongRefused>,
    _confirmed: Out<Confirmed>,
) -> Result<Guesser> {
    let address = mails.address("guesser").await?;
    let email = address.to_string();
    cleanup.intend(DeleteUser { email: email.clone() })?;
    dashboard.sign_up(&email).await?;
    let code = mails.confirmation_code(&address).await?;
    Ok(Guesser { email, code })
}

pub(super) async fn refuse_code_of_another(
    dashboard: Dashboard,
    forgetful: Out<Forgetful>,
    code: Out<NewCode>,
    guesser: Out<Guesser>,
    _often: Out<TooOften>,
) -> Result<ForeignRefused> {
    refuse(&dashboard, &forgetful.email, &guesser.code, &code.0).await?;
    Ok(ForeignRefused)
}

/// Demands that a code does not confirm. Once in a million times it is the right one by chance, and is not tried.
async fn refuse(dashboard: &Dashboard, email: &str, wrong: &Secret, right: &Secret) -> Result<()> {
    if wrong.expose() != right.expose() {
        let body = json!({ "email": email, "code": wrong.expose() });
        dashboard.call("confirm-sign-up", None, &body).await?.refused(400, "SEQ902")?;
    }
    Ok(())
}

pub(super) async fn confirm_with_new_code(
    dashboard: Dashboard,
    forgetful: Out<Forgetful>,
    code: Out<NewCode>,
    _old: Out<OldRefused>,
    _foreign: Out<ForeignRefused>,
) -> Result<Stranger> {
    let (session, _) = dashboard.confirm_sign_up(&forgetful.email, code.0.expose()).await?;
    ensure_eq!(session.email, forgetful.email, "address that was confirmed");
    Ok(Stranger(session))
}

pub(super) async fn use_up_tries(dashboard: Dashboard, guesser: Out<Guesser>) -> Result<()> {
    let right = guesser.code.expose();
    let wrong = json!({ "email": guesser.email, "code": nearly(right) });
    for _ in 0..MOST_TRIES {
        dashboard.call("confirm-sign-up", None, &wrong).await?.refused(400, "SEQ902")?;
    }
    let body = json!({ "email": guesser.email, "code": right });
    dashboard.call("confirm-sign-up", None, &body).await?.refused(400, "SEQ903")?;
    Ok(())
}
