//! The dashboard: people, teams, ledgers, credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use coalmine::{
    Context, FromContext, Needs, Result, Secret,
    http::{Api, HttpPool},
    surface::Surface,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Target, Unexplained,
    ledger::new_key,
    repeat::Sent,
    reply::{Names, REQUEST_ID, Reply},
};

/// The dashboard, as one step sees it. A step argument.
#[derive(Clone)]
pub struct Dashboard {
    cx: Context,
    api: Api,
    target: Arc<Target>,
    sessions: Arc<Sessions>,
    unexplained: Unexplained,
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub email: String,
    /// The token that every call carries.
    pub token: Secret,
}

/// Sessions of the runs of this process, so that clean-up need not sign in again. Keyed by run and address.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<(String, String), Session>>);

/// Answer of `create-credential`.
pub struct Credential {
    /// Names it in the dashboard.
    pub id: String,
    /// The role it carries.
    pub role: String,
    /// What opens the ledger API; shown only once.
    pub secret: Secret,
    /// The call that created it.
    pub sent: Sent,
}

/// An invitation.
#[derive(Clone, Debug, Deserialize)]
pub struct Invite {
    /// Names it in the dashboard.
    pub id: String,
    /// Who is invited.
    pub email: String,
    /// The role on offer.
    pub role: String,
    /// `pending`.
    pub status: String,
    /// Until when.
    pub expires: String,
}

/// A member of a team.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// Who.
    pub email: String,
    /// As what.
    pub role: String,
    /// Since when.
    pub joined: String,
}

#[derive(Deserialize)]
struct SignedIn {
    session: String,
    email: String,
}

#[derive(Deserialize)]
struct CreatedCredential {
    id: String,
    #[expect(dead_code, reason = "it has to be there")]
    name: String,
    role: String,
    secret: String,
}

#[derive(Deserialize)]
struct CreatedLedger {
    team: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[expect(dead_code, reason = "it has to be there")]
    created: String,
}

impl FromContext for Dashboard {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Target>();
        needs.resource::<Surface>();
        needs.resource::<Sessions>();
        Unexplained::needs(needs);
    }

    fn from_context(cx: &Context) -> Self {
        let target = cx.resource::<Target>();
        let api = Api::new(cx, &cx.resource::<HttpPool>(), &target.entry)
            .surface(cx.resource::<Surface>())
            .request_id_header(REQUEST_ID);
        Self {
            cx: cx.clone(),
            api,
            target,
            sessions: cx.resource(),
            unexplained: Unexplained::from_context(cx),
        }
    }
}

impl Dashboard {
    /// The suite's own target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The password of a user of this suite.
    #[must_use]
    pub fn password_of(&self, email: &str) -> Secret {
        self.target.password_of(email, self.cx.redactor())
    }

    /// Calls an operation as it is.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn call(&self, operation: &str, session: Option<&Session>, body: &Value) -> Result<Reply> {
        self.repeatable(operation, session, &new_key(), body).await
    }

    /// Calls an operation under a given idempotency key.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn repeatable(
        &self,
        operation: &str,
        session: Option<&Session>,
        key: &str,
        body: &Value,
    ) -> Result<Reply> {
        let mut request = self.api.post(&format!("/dashboard/{operation}"));
        if let Some(session) = session {
            request = request.header("session", session.token.expose());
        }
        Reply::to(request, Names::Snake, key, body, &self.unexplained).await
    }

    /// Signs a person up; a code is mailed.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn sign_up(&self, email: &str) -> Result<Value> {
        let body = json!({ "email": email, "password": self.password_of(email).expose(), "name": "Canary" });
        self.call("sign-up", None, &body).await?.ok()
    }

    /// Confirms an address with the mailed code, and keeps the session that this gives.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn confirm_sign_up(&self, email: &str, code: &str) -> Result<(Session, Sent)> {
        let sent = self.send("confirm-sign-up", None, json!({ "email": email, "code": code })).await?;
        let SignedIn { session, email } = sent.reply.ok()?;
        Ok((self.remember(session, email), sent))
    }

    /// Signs a person in, and keeps the session.
    ///
    /// # Errors
    /// As [`Dashboard::open_session`].
    pub async fn sign_in(&self, email: &str) -> Result<Session> {
        let session = self.open_session(email).await?;
        self.sessions.keep(self.cx.run(), &session);
        Ok(session)
    }

    /// Signs a person in for a session that nobody else uses, and that may end.
    ///
    /// # Errors
    /// If it is refused; cause *credential* if it is the suite's own standing user who is refused.
    pub async fn open_session(&self, email: &str) -> Result<Session> {
        let reply = self.try_sign_in(email, self.password_of(email).expose()).await?;
        let SignedIn { session, email } = if email == self.target.email {
            reply.ok_unless_unwelcome(
                "SEQ901",
                "the standing user's login",
                "SEQUENCE_EMAIL and SEQUENCE_PASSWORD",
            )?
        } else {
            reply.ok()?
        };
        self.cx.redactor().learn(&session);
        Ok(Session { email, token: Secret::new(session) })
    }

    /// Calls `sign-in` as it is.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn try_sign_in(&self, email: &str, password: &str) -> Result<Reply> {
        self.call("sign-in", None, &json!({ "email": email, "password": password })).await
    }

    /// A session of this person: the run's own if it has one, else a new one.
    ///
    /// # Errors
    /// If signing in is refused.
    pub async fn session_of(&self, email: &str) -> Result<Session> {
        let known = self.sessions.of(self.cx.run(), email);
        match known {
            Some(session) => Ok(session),
            None => self.sign_in(email).await,
        }
    }

    /// Whether this person has been signed in during the run.
    #[must_use]
    pub fn has_session_of(&self, email: &str) -> bool {
        self.sessions.of(self.cx.run(), email).is_some()
    }

    /// Creates a development ledger.
    ///
    /// # Errors
    /// If it is refused, or the answer speaks of another ledger; cause *credential* if the suite's own standing team is
    /// unknown.
    pub async fn create_ledger(&self, session: &Session, team: &str, name: &str) -> Result<Sent> {
        let sent = self.send("create-ledger", Some(session), json!({ "team": team, "name": name })).await?;
        let created: CreatedLedger = if team == self.target.team {
            sent.reply.ok_unless_unwelcome("SEQ002", "the standing team", "SEQUENCE_TEAM")?
        } else {
            sent.reply.ok()?
        };
        coalmine::ensure_eq!(created.team, team, "team of the new ledger");
        coalmine::ensure_eq!(created.name, name, "name of the new ledger");
        coalmine::ensure_eq!(created.kind, "dev", "type of the new ledger");
        Ok(sent)
    }

    /// Creates an API credential of the session's person.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn create_credential(&self, session: &Session, team: &str) -> Result<Credential> {
        let body = json!({ "team": team, "name": "canary" });
        let sent = self.send("create-credential", Some(session), body).await?;
        let CreatedCredential { id, role, secret, .. } = sent.reply.ok()?;
        self.cx.redactor().learn(&secret);
        Ok(Credential { id, role, secret: Secret::new(secret), sent })
    }

    /// Keeps a session that the product has given out.
    pub fn remember(&self, token: String, email: String) -> Session {
        self.cx.redactor().learn(&token);
        let session = Session { email, token: Secret::new(token) };
        self.sessions.keep(self.cx.run(), &session);
        session
    }

    /// A session that the product has not given out.
    #[must_use]
    pub fn imagine(&self, email: &str, token: String) -> Session {
        self.cx.redactor().learn(&token);
        Session { email: email.to_owned(), token: Secret::new(token) }
    }

    /// Forgets a session that has ended.
    pub fn forget(&self, email: &str) {
        self.sessions.drop_one(self.cx.run(), email);
    }
}

impl Sessions {
    fn of(&self, run: &str, email: &str) -> Option<Session> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&(run.to_owned(), email.to_owned())).cloned()
    }

    fn keep(&self, run: &str, session: &Session) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert((run.to_owned(), session.email.clone()), session.clone());
    }

    fn drop_one(&self, run: &str, email: &str) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&(run.to_owned(), email.to_owned()));
    }
}
