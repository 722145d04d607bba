//! The ledger API.

use std::sync::Arc;

use coalmine::{
    Context, FromContext, Needs, Result, Secret,
    http::{Api, HttpPool},
    operations::Operations,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Target,
    reply::{REQUEST_ID, Reply},
};

/// Finds ledgers. A step argument.
#[derive(Clone)]
pub struct Sequence {
    cx: Context,
    pool: Arc<HttpPool>,
    target: Arc<Target>,
    operations: Arc<Operations>,
}

/// Where a ledger is, and the credential that opens it.
#[derive(Clone, Debug)]
pub struct Home {
    /// `host:port` that `hello` announced.
    pub addr: String,
    /// The team that owns the credential.
    pub team: String,
    /// The ledger's name.
    pub ledger: String,
    /// What opens it.
    pub credential: Secret,
}

/// One ledger, as one step sees it.
pub struct Ledger {
    api: Api,
    home: Home,
}

/// Answer of `create-key`.
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    /// The key's id.
    pub id: String,
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// The account's id.
    pub id: String,
    /// Keys, in the order given.
    pub key_ids: Vec<String>,
    /// How many of them must sign.
    pub quorum: u64,
    /// Absent, `null` and `{}` all mean none.
    #[serde(default)]
    pub tags: Option<Map<String, Value>>,
}

/// A flavor has the shape of an account.
pub type Flavor = Account;

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The page's items.
    pub items: Vec<T>,
    /// Where the next page begins; also on the last one.
    pub cursor: String,
    /// Whether fewer items came than fit.
    pub last_page: bool,
}

/// A transaction.
#[derive(Clone, Debug, Deserialize)]
pub struct Transaction {
    /// Unique over all ledgers.
    pub id: String,
    /// RFC 3339 with milliseconds.
    pub timestamp: String,
    /// Position in the ledger, from 1.
    pub sequence_number: u64,
    /// In the order of the request.
    pub actions: Vec<Action>,
}

/// An action of a transaction.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// `issue`, `transfer` or `retire`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which tokens.
    pub flavor_id: String,
    /// How many.
    pub amount: u64,
    /// From whom.
    #[serde(default)]
    pub source_account_id: Option<String>,
    /// To whom.
    #[serde(default)]
    pub destination_account_id: Option<String>,
}

/// An amount of identical tokens.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct TokenGroup {
    /// How many.
    pub amount: u64,
    /// Which.
    pub flavor_id: String,
    /// Whose.
    pub account_id: String,
}

/// Answer of `stats`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Stats {
    /// Flavors in the ledger.
    pub flavor_count: u64,
    /// Accounts in the ledger.
    pub account_count: u64,
    /// Transactions in the ledger.
    pub tx_count: u64,
    /// `dev` or `prod`.
    pub ledger_type: String,
}

#[derive(Deserialize)]
struct Hello {
    team_name: String,
    addr: String,
    #[expect(dead_code, reason = "it has to be there")]
    addr_ttl_seconds: u64,
}

impl FromContext for Sequence {
    fn needs(needs: &mut Needs) {
        needs.resource::<HttpPool>();
        needs.resource::<Target>();
        needs.resource::<Operations>();
    }

    fn from_context(cx: &Context) -> Self {
        Self { cx: cx.clone(), pool: cx.resource(), target: cx.resource(), operations: cx.resource() }
    }
}

impl Sequence {
    /// The suite's own target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Calls `hello` as it is.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn say_hello(&self, ledger: &str, credential: Option<&str>) -> Result<Reply> {
        let request = credentialed(self.api(&self.target.entry).post("/hello"), credential);
        Reply::to(request, &new_key(), &json!({ "ledger_name": ledger })).await
    }

    /// Finds a ledger.
    ///
    /// # Errors
    /// If it is not there, or the credential does not open it.
    pub async fn find(&self, ledger: &str, credential: &Secret) -> Result<Home> {
        Self::home(&self.say_hello(ledger, Some(credential.expose())).await?, ledger, credential)
    }

    /// What `hello` answered, for a ledger and the credential it was asked with.
    ///
    /// # Errors
    /// A refusal or another form.
    pub fn home(reply: &Reply, ledger: &str, credential: &Secret) -> Result<Home> {
        let Hello { team_name, addr, addr_ttl_seconds: _ } =
            reply.ok_unless_unwelcome("SEQ002", "the API credential", "SEQUENCE_CREDENTIAL")?;
        Ok(Home { addr, team: team_name, ledger: ledger.to_owned(), credential: credential.clone() })
    }

    /// The ledger at a place that [`Sequence::find`] has found.
    #[must_use]
    pub fn ledger(&self, home: &Home) -> Ledger {
        Ledger { api: self.api(&format!("https://{}", home.addr)), home: home.clone() }
    }

    fn api(&self, base: &str) -> Api {
        Api::new(&self.cx, &self.pool, base)
            .operations(Arc::clone(&self.operations))
            .request_id_header(REQUEST_ID)
    }
}

impl Ledger {
    /// Calls an operation as it is, with an idempotency key of its own.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn call(&self, operation: &str, body: &Value) -> Result<Reply> {
        self.repeatable(operation, &new_key(), body).await
    }

    /// Calls an operation under a given idempotency key.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn repeatable(&self, operation: &str, key: &str, body: &Value) -> Result<Reply> {
        let path = format!("/{}/{}/{operation}", self.home.team, self.home.ledger);
        let request = credentialed(self.api.post(&path), Some(self.home.credential.expose()));
        Reply::to(request, key, body).await
    }

    /// Creates a key.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn create_key(&self, id: &str) -> Result<Key> {
        self.call("create-key", &json!({ "id": id })).await?.ok()
    }

    /// Creates an account.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn create_account(&self, id: &str, key: &Key) -> Result<Account> {
        self.call("create-account", &json!({ "id": id, "key_ids": [key.id] })).await?.ok()
    }

    /// Creates a flavor.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn create_flavor(&self, id: &str, key: &Key) -> Result<Flavor> {
        self.call("create-flavor", &json!({ "id": id, "key_ids": [key.id] })).await?.ok()
    }

    /// Makes a transaction.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn transact(&self, actions: Value) -> Result<Transaction> {
        self.call("transact", &json!({ "actions": actions })).await?.ok()
    }

    /// How many tokens each account holds of a flavor, from all pages of `list-tokens`; accounts without any are
    /// left out. Sorted by account.
    ///
    /// # Errors
    /// If a page is refused.
    pub async fn balances(&self, flavor: &Flavor) -> Result<Vec<(String, u64)>> {
        let mut balances = std::collections::BTreeMap::new();
        let mut query = json!({});
        loop {
            let page: Page<TokenGroup> = self.call("list-tokens", &query).await?.ok()?;
            for group in page.items.into_iter().filter(|it| it.flavor_id == flavor.id) {
                *balances.entry(group.account_id).or_default() += group.amount;
            }
            if page.last_page {
                return Ok(balances.into_iter().collect());
            }
            query = json!({ "cursor": page.cursor });
        }
    }
}

/// A new idempotency key: a UUID of version 4.
pub(super) fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn credentialed(
    request: coalmine::http::RequestBuilder,
    credential: Option<&str>,
) -> coalmine::http::RequestBuilder {
    match credential {
        Some(credential) => request.header("credential", credential),
        None => request,
    }
}
