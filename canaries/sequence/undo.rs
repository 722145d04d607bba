//! How the suite removes what it creates. All three can be carried out by another process, with nothing but this
//! data and the suite's configuration.

use coalmine::{Context, Failure, FromContext as _, Result, Undo};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Dashboard, Session};

/// Removes a ledger of a team.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteLedger {
    /// The team.
    pub team: String,
    /// The ledger.
    pub name: String,
    /// Who may remove it.
    pub owner: String,
}

/// Removes a team with its ledgers, credentials and invitations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteTeam {
    /// The team.
    pub name: String,
    /// Its admin.
    pub owner: String,
}

/// Removes a user that a canary has signed up, confirmed or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteUser {
    /// The user.
    pub email: String,
}

impl Undo for DeleteLedger {
    const KIND: &'static str = "ledger";

    fn name(&self) -> String {
        format!("{}/{}", self.team, self.name)
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        let dashboard = Dashboard::from_context(cx);
        let session = dashboard.session_of(&self.owner).await?;
        let body = json!({ "team": self.team, "name": self.name });
        until_gone(&dashboard, "delete-ledger", Some(&session), &body).await
    }
}

impl Undo for DeleteTeam {
    const KIND: &'static str = "team";

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        let dashboard = Dashboard::from_context(cx);
        let session = dashboard.session_of(&self.owner).await?;
        let body = json!({ "team": self.name, "confirm": self.name });
        until_gone(&dashboard, "delete-team", Some(&session), &body).await
    }
}

impl Undo for DeleteUser {
    const KIND: &'static str = "user";

    fn name(&self) -> String {
        self.email.clone()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        let dashboard = Dashboard::from_context(cx);
        let password = dashboard.password_of(&self.email);
        if !dashboard.has_session_of(&self.email) {
            // An unconfirmed user cannot sign in, and is deleted by address and password.
            let body = json!({ "email": self.email, "password": password.expose() });
            until_gone(&dashboard, "delete-user", None, &body).await?;
            // There may still be a confirmed one, and only signing in tells.
            let reply = dashboard.try_sign_in(&self.email, password.expose()).await?;
            if reply.is_refused("SEQ901") {
                return Ok(());
            }
        }
        let session = dashboard.session_of(&self.email).await?;
        let body = json!({ "password": password.expose() });
        let reply = dashboard.call("delete-user", Some(&session), &body).await?;
        // A session that is not valid any more is one of a user who is gone.
        if !reply.is_refused("SEQ901") {
            reply.done()?;
        }
        dashboard.forget(&self.email);
        dashboard.try_sign_in(&self.email, password.expose()).await?.refused(401, "SEQ901").map(drop)
    }
}

/// Deletes, and deletes again to see that it is gone: an answer that says so is not enough.
async fn until_gone(
    dashboard: &Dashboard,
    operation: &str,
    session: Option<&Session>,
    body: &serde_json::Value,
) -> Result<()> {
    for _ in 0..2 {
        let reply = dashboard.call(operation, session, body).await?;
        if reply.is_refused("SEQ002") {
            return Ok(());
        }
        reply.done()?;
    }
    Err(Failure::new(format_args!("{operation} answers ok, and the thing is still there")))
}
