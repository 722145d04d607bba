//! Confirming the address.

use coalmine::{Out, Result, ensure, ensure_eq};
use serde_json::json;

use super::sign_up::{MailedCode, SignedUp};
use crate::sequence::{Dashboard, Sent, Session};

/// The address is confirmed, and its user signed in by that.
pub(super) struct Confirmed {
    /// The session that confirming gave.
    pub session: Session,
    /// The call that confirmed it.
    pub sent: Sent,
}

/// A wrong code has been refused.
pub(super) struct WrongRefused;

pub(super) async fn refuse_wrong_code(
    dashboard: Dashboard,
    signed_up: Out<SignedUp>,
    code: Out<MailedCode>,
) -> Result<WrongRefused> {
    let body = json!({ "email": signed_up.address.as_ref(), "code": nearly(code.0.expose()) });
    dashboard.call("confirm-sign-up", None, &body).await?.refused(400, "SEQ902")?;
    Ok(WrongRefused)
}

/// The code with its first digit changed: as near as a wrong one can be.
pub(super) fn nearly(code: &str) -> String {
    let changed = if code.starts_with('9') { "0" } else { "9" };
    format!("{changed}{}", code.get(1..).unwrap_or_default())
}

pub(super) async fn confirm_email(
    dashboard: Dashboard,
    signed_up: Out<SignedUp>,
    code: Out<MailedCode>,
) -> Result<Confirmed> {
    let (session, sent) = dashboard.confirm_sign_up(signed_up.address.as_ref(), code.0.expose()).await?;
    ensure_eq!(session.email, signed_up.address.as_ref(), "address that was confirmed");
    ensure!(!session.token.expose().is_empty(), "confirmed, but got no session");
    Ok(Confirmed { session, sent })
}
