//! Asking for another code: the new one confirms, the old one and those of others do not.

use coalmine::{
    Cleanup, Out, Result, Secret,
    inbox::{Address, Inbox},
};
use serde_json::json;

use super::{
    confirm::{Confirmed, WrongRefused},
    sign_up::confirmation_code,
};
use crate::sequence::{Dashboard, DeleteUser, Sent};

/// Somebody has signed up and got a code, and will ask for another.
pub(super) struct Forgetful {
    email: String,
    first: Secret,
}

/// Another code was sent.
pub(super) struct Resent {
    pub address: Address,
    pub sent: Sent,
}

pub(super) async fn forgetful(
    dashboard: Dashboard,
    inbox: Inbox,
    cleanup: Cleanup,
    _refused: Out<WrongRefused>,
    _confirmed: Out<Confirmed>,
) -> Result<Forgetful> {
    let address = inbox.address("forgetful").await?;
    let email = address.to_string();
    cleanup.intend(DeleteUser { email: email.clone() })?;
    dashboard.sign_up(&email).await?;
    let first = confirmation_code(&inbox, &address).await?;
    Ok(Forgetful { email, first })
}

pub(super) async fn resend_code(
    dashboard: Dashboard,
    inbox: Inbox,
    forgetful: Out<Forgetful>,
) -> Result<Resent> {
    // A wait gives the first mail to an address. Nobody holds this one any more, so it begins anew with the next mail.
    let address = inbox.address("forgetful").await?;
    let sent = dashboard.send("resend-code", None, json!({ "email": forgetful.email })).await?;
    sent.reply.done()?;
    Ok(Resent { address, sent })
}
