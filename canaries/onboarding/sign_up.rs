//! Sign-up, the mailed code, and signing in.

use coalmine::{Cleanup, Out, Result, Secret, ensure_eq, inbox::Address};

use super::{
    invite::{Invitation, Invited},
    mails::Mails,
};
use crate::sequence::{Dashboard, DeleteUser, Session};

/// Somebody has signed up and not yet confirmed.
pub(super) struct SignedUp {
    /// With this address.
    pub address: Address,
}

/// The code that came by mail.
pub(super) struct MailedCode(pub Secret);

/// The user is signed in.
pub(super) struct SignedIn(pub Session);

pub(super) async fn sign_up(dashboard: Dashboard, mails: Mails, cleanup: Cleanup) -> Result<SignedUp> {
    let address = mails.address("owner").await?;
    cleanup.intend(DeleteUser { email: address.to_string() })?;
    let answer = dashboard.sign_up(address.as_ref()).await?;
    ensure_eq!(answer["email"], address.as_ref(), "address that was signed up");
    ensure_eq!(answer["status"], "unconfirmed", "status after sign-up");
    Ok(SignedUp { address })
}

pub(super) async fn receive_code(mails: Mails, signed_up: Out<SignedUp>) -> Result<MailedCode> {
    Ok(MailedCode(mails.confirmation_code(&signed_up.address).await?))
}

pub(super) async fn receive_each_mail_once(
    mails: Mails,
    signed_up: Out<SignedUp>,
    invited: Out<Invited>,
    _code: Out<MailedCode>,
    _invitation: Out<Invitation>,
) -> Result<()> {
    mails.ensure_once(&signed_up.address, &invited.address).await
}

pub(super) async fn sign_in(
    dashboard: Dashboard,
    confirmed: Out<super::confirm::Confirmed>,
) -> Result<SignedIn> {
    let session = dashboard.sign_in(&confirmed.session.email).await?;
    ensure_eq!(session.email, confirmed.session.email, "who is signed in");
    Ok(SignedIn(session))
}

pub(super) async fn refuse_wrong_password(dashboard: Dashboard, owner: Out<SignedIn>) -> Result<()> {
    let reply = dashboard.try_sign_in(&owner.0.email, "not-the-password").await?;
    reply.refused(401, "SEQ901")?;
    Ok(())
}
