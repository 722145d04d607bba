//! A suite through which one secret passes in every way that a secret can.

use std::{net::SocketAddr, sync::Arc};

use coalmine::{
    Canary, Cleanup, Context, Failure, FromContext, Needs, Out, Result, Secret, Suite, Undo,
    http::{Api, HttpPool},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    secrets::{encodings, percent},
    setup::ProcessRedactor,
};

/// What must be seen nowhere. A resource.
pub(crate) struct Planted {
    pub(crate) secret: String,
    /// Whether clients register what they learn.
    pub(crate) learn: bool,
    pub(crate) server: SocketAddr,
}

/// A client that learns a secret on the way, as one that signs in does.
struct Client {
    cx: Context,
    planted: Arc<Planted>,
    api: Api,
}

impl FromContext for Client {
    fn needs(needs: &mut Needs) {
        needs.resource::<Planted>();
        needs.resource::<HttpPool>();
    }

    fn from_context(cx: &Context) -> Self {
        let planted = cx.resource::<Planted>();
        if planted.learn {
            cx.redactor().learn(&planted.secret);
        }
        // An address with a user and a password.
        let base = format!("http://user:{}@{}", percent(&planted.secret, "", true), planted.server);
        let api = Api::new(cx, &cx.resource::<HttpPool>(), &base).request_id_header("x-request-id");
        Self { cx: cx.clone(), planted, api }
    }
}

impl Client {
    fn secret(&self) -> &str {
        &self.planted.secret
    }
}

/// Its removal says too much.
#[derive(Serialize, Deserialize)]
struct Account {
    name: String,
}

impl Undo for Account {
    const KIND: &'static str = "account";

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn undo(&self, cx: &Context) -> Result<()> {
        let planted = cx.resource::<Planted>();
        Err(Failure::new(format!("the account of {} stays", planted.secret)).remedy(&planted.secret))
    }
}

/// An account whose journal entry would hold the secret.
#[derive(Serialize, Deserialize)]
struct Careless {
    note: String,
}

impl Undo for Careless {
    const KIND: &'static str = "careless";

    fn name(&self) -> String {
        "careless".to_owned()
    }

    async fn undo(&self, _: &Context) -> Result<()> {
        Ok(())
    }
}

struct Session(Secret);

/// Every way for the secret to come out.
pub(super) fn secrets() -> Suite {
    async fn sign_in(client: Client, cleanup: Cleanup) -> Result<Session> {
        cleanup.intend(Account { name: "account-1".to_owned() })?;
        let secret = client.secret();
        let notes = client.cx.recorder();
        notes.note(format!("mailed code {secret}, credential {secret}"));
        for (name, form) in encodings(secret) {
            notes.note(format!("{name} ({form})"));
        }
        notes.note(format!("{:?}", Secret::new(secret.to_owned())));
        let answer = client
            .api
            .post(&format!("/sign-in?x={0}&token={0}", percent(secret, "", true)))
            .header("x-plain", secret)
            .header("authorization", secret)
            .body(secret.to_owned())
            .send()
            .await?;
        coalmine::ensure_eq!(answer.status(), 500);
        let json =
            client.api.post("/json").json(&json!({ "password": secret, "note": secret })).send().await?;
        coalmine::ensure_eq!(json.status(), 500);
        Ok(Session(Secret::new(secret.to_owned())))
    }
    async fn refused(client: Client) -> Result<()> {
        let answer = client.api.post("/").body(client.secret().to_owned()).send().await?;
        answer.ensure_status(200)
    }
    async fn talks(client: Client) -> Result<()> {
        let below = std::io::Error::other(format!("below it {}", client.secret()));
        Err(Failure::new(format!("it said {}", client.secret())).caused_by(&below).remedy(client.secret()))
    }
    async fn panics(client: Client, session: Out<Session>) -> Result<()> {
        coalmine::ensure_eq!(client.secret(), session.0.expose());
        panic!("in panic: {}", client.secret());
    }
    async fn careless(client: Client, cleanup: Cleanup) -> Result<()> {
        cleanup.intend(Careless { note: client.secret().to_owned() })
    }
    async fn compares(client: Client) -> Result<()> {
        coalmine::ensure_eq!(client.secret(), "");
        Ok(())
    }
    async fn room(client: Client) -> Result<Room> {
        Err(Failure::new(format!("no room for {}", client.secret())))
    }
    async fn enters(_: Out<Room>) -> Result<()> {
        Ok(())
    }
    Suite::new("secrets").canary(
        Canary::new("front")
            .step("sign_in", sign_in)
            .step("refused", refused)
            .retry(1)
            .step("talks", talks)
            .step("panics", panics)
            .step("careless", careless)
            .step("compares", compares)
            .fixture("room", room)
            .step("enters", enters)
            .step("enters_too", enters),
    )
}

struct Room;

/// A client that outlives the run learns something after the run has begun.
pub(super) fn late_secret() -> Suite {
    async fn learns(cx: Context) -> Result<Session> {
        cx.resource::<ProcessRedactor>().0.learn("a-late-secret");
        Err(Failure::new("the token a-late-secret was refused"))
    }
    async fn uses(_: Out<Session>) -> Result<()> {
        Ok(())
    }
    Suite::new("fixture").canary(Canary::new("front").step("learns", learns).step("uses", uses))
}

/// What OAuth hands out, in the ways in which it is passed on; nobody has registered any of it.
pub(crate) const OF_OAUTH: [&str; 7] = [
    "ya29.mark-access-token",
    "1//0mark-refresh-token-of-somebody",
    "4/0mark-authorization-code-of-consent",
    "eyJhbGciOiJSUzI1NiJ9.eyJtYXJrIjoiand0In0.mark-signature",
    "http://127.0.0.1/?state=x&code=mark-code-in-a-link",
    "http://127.0.0.1/token?grant_type=authorization_code&code_verifier=mark-verifier",
    "-----BEGIN PRIVATE KEY-----\nmark-key\n-----END PRIVATE KEY-----",
];

/// Says all of it in every part of a failure.
pub(super) fn oauth() -> Suite {
    async fn says() -> Result<()> {
        let below = std::io::Error::other(OF_OAUTH.join(" then "));
        Err(Failure::new(OF_OAUTH.join(" and ")).caused_by(&below).remedy(OF_OAUTH.join(" or ")))
    }
    Suite::new("fixture").canary(Canary::new("front").step("says", says))
}
