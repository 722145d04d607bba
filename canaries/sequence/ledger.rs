//! The ledger API.

use std::sync::Arc;

use coalmine::{
    Context, FromContext, Needs, Result, Secret, ensure,
    http::{Api, HttpPool},
    surface::Surface,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    Target, Unexplained,
    objects::{Account, Feed, FeedItems, Flavor, Key, Page, TokenGroup, Transaction},
    reply::{Names, REQUEST_ID, Reply},
};

/// More pages than any list of a canary has.
const MOST_PAGES: usize = 20;

/// The operations of a ledger that change something: closed to those who may only read.
pub const CHANGING: [&str; 11] = [
    "create-key",
    "create-account",
    "create-flavor",
    "transact",
    "create-feed",
    "update-account-tags",
    "update-flavor-tags",
    "update-action-tags",
    "delete-feed",
    "ack-feed",
    "reset",
];

/// The others.
pub const READING: [&str; 12] = [
    "list-keys",
    "list-accounts",
    "list-flavors",
    "list-transactions",
    "list-actions",
    "list-tokens",
    "list-feeds",
    "sum-actions",
    "sum-tokens",
    "get-feed",
    "stream-feed-items",
    "stats",
];

/// Finds ledgers. A step argument.
#[derive(Clone)]
pub struct Sequence {
    cx: Context,
    pool: Arc<HttpPool>,
    target: Arc<Target>,
    surface: Arc<Surface>,
    unexplained: Unexplained,
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
#[derive(Clone)]
pub struct Ledger {
    api: Api,
    home: Home,
    names: Names,
    /// Whether answers have to keep to the contract.
    judged: bool,
    unexplained: Unexplained,
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
        needs.resource::<Surface>();
        Unexplained::needs(needs);
    }

    fn from_context(cx: &Context) -> Self {
        Self {
            cx: cx.clone(),
            pool: cx.resource(),
            target: cx.resource(),
            surface: cx.resource(),
            unexplained: Unexplained::from_context(cx),
        }
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
        self.say(&json!({ "ledger_name": ledger }), credential).await
    }

    /// Calls `hello` with any body.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn say(&self, body: &Value, credential: Option<&str>) -> Result<Reply> {
        let request = credentialed(self.api(&self.target.entry).post("/hello"), credential);
        Reply::to(request, Names::Snake, &new_key(), body, &self.unexplained).await
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
        Ledger {
            api: self.api(&format!("https://{}", home.addr)),
            home: home.clone(),
            names: Names::Snake,
            judged: true,
            unexplained: self.unexplained.clone(),
        }
    }

    fn api(&self, base: &str) -> Api {
        Api::new(&self.cx, &self.pool, base).surface(Arc::clone(&self.surface)).request_id_header(REQUEST_ID)
    }
}

impl Home {
    /// Where no ledger is, with the same credential.
    #[must_use]
    pub fn nowhere(&self) -> Self {
        Self { ledger: "no-such-ledger".to_owned(), ..self.clone() }
    }
}

impl Ledger {
    /// The same credential where no ledger is.
    #[must_use]
    pub fn nowhere(&self) -> Self {
        Self { home: self.home.nowhere(), ..self.clone() }
    }

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
        let credential = Some(self.home.credential.expose().as_str()).filter(|it| !it.is_empty());
        let mut request = credentialed(self.api.post(&path), credential);
        if !self.judged {
            request = request.tolerate(|_| true);
        }
        Reply::to(request, self.names, key, body, &self.unexplained).await
    }

    /// The same ledger, with built-in names in filters and groupings spelled another way.
    #[must_use]
    pub fn spelling(&self, names: Names) -> Self {
        Self { names, ..self.clone() }
    }

    /// The same ledger for whoever has this credential; for somebody without any if it is empty.
    #[must_use]
    pub fn opened_with(&self, credential: Secret) -> Self {
        Self { home: Home { credential, ..self.home.clone() }, ..self.clone() }
    }

    /// The same ledger for a step that only cares whether a call gets through: what the answers hold is for the step to
    /// judge that proves the operation.
    #[must_use]
    pub fn unjudged(&self) -> Self {
        Self { judged: false, ..self.clone() }
    }

    /// Makes a request twice. The answers must be equal, because the work is to be done once.
    ///
    /// # Errors
    /// If one of them is refused, or the second is answered otherwise than the first.
    pub async fn repeat(&self, operation: &str, body: &Value) -> Result<()> {
        let key = new_key();
        let first = self.repeatable(operation, &key, body).await?;
        self.repeatable(operation, &key, body).await?.repeats(&first)
    }

    /// The same with both requests at once.
    ///
    /// # Errors
    /// As [`Ledger::repeat`].
    pub async fn repeat_at_once(&self, operation: &str, body: &Value) -> Result<()> {
        let key = new_key();
        let (one, other) =
            tokio::try_join!(self.repeatable(operation, &key, body), self.repeatable(operation, &key, body))?;
        other.repeats(&one)
    }

    /// Demands refusals: operation, body, status and code of each. All are asked for at once.
    ///
    /// # Errors
    /// If one of them succeeds, or is refused otherwise.
    pub async fn refuses(&self, refusals: &[(&'static str, Value, u16, &'static str)]) -> Result<()> {
        let mut asked = JoinSet::new();
        for (operation, body, status, code) in refusals.iter().cloned() {
            let ledger = self.clone();
            asked.spawn(async move { ledger.call(operation, &body).await?.refused(status, code).map(drop) });
        }
        while let Some(refused) = asked.join_next().await {
            refused??;
        }
        Ok(())
    }

    /// Demands that this credential opens none of these operations. All are asked for at once.
    ///
    /// # Errors
    /// If one of them succeeds, or is refused otherwise than for the credential.
    pub async fn keeps_out(&self, these: impl Fn(&str) -> bool) -> Result<()> {
        let mut asked = JoinSet::new();
        for operation in CHANGING.into_iter().chain(READING).filter(|it| these(it)) {
            let ledger = self.clone();
            asked.spawn(async move { ledger.call(operation, &json!({})).await?.kept_out(404, "SEQ002") });
        }
        while let Some(kept_out) = asked.join_next().await {
            kept_out??;
        }
        Ok(())
    }

    /// One page of a list or of sums.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn page<T: DeserializeOwned>(&self, operation: &str, query: &Value) -> Result<Page<T>> {
        let page: Page<T> = self.call(operation, query).await?.ok()?;
        ensure!(!page.cursor.is_empty(), "expected a cursor on every page, got an empty one");
        Ok(page)
    }

    /// The items of all pages, and how many pages there were.
    ///
    /// # Errors
    /// If a page is refused, or there is no last one.
    pub async fn pages<T: DeserializeOwned>(
        &self,
        operation: &str,
        query: &Value,
    ) -> Result<(Vec<T>, usize)> {
        let mut page: Page<T> = self.page(operation, query).await?;
        let mut items = std::mem::take(&mut page.items);
        for pages in 1..MOST_PAGES {
            if page.last_page {
                return Ok((items, pages));
            }
            page = self.page(operation, &json!({ "cursor": page.cursor })).await?;
            items.append(&mut page.items);
        }
        Err(coalmine::Failure::new(format_args!("expected a last page, got more than {MOST_PAGES}")))
    }

    /// What a list has under an id, whether it filters well or not.
    ///
    /// # Errors
    /// If the list is refused, or has none.
    pub async fn look_up(&self, operation: &str, id: &str) -> Result<Value> {
        let query = json!({ "filter": format!("id = '{id}'") });
        let (items, _) = self.pages::<Value>(operation, &query).await?;
        let found = items.into_iter().find(|it| it["id"] == id);
        found.ok_or_else(|| {
            coalmine::Failure::new(format_args!("expected `{id}` in the answer of `{operation}`, got none"))
        })
    }

    /// Creates a feed.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn create_feed(&self, body: &Value) -> Result<Feed> {
        self.call("create-feed", body).await?.ok()
    }

    /// Reads a feed. Waits for items if there are none.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn read_feed<T: DeserializeOwned>(&self, feed: &Feed) -> Result<FeedItems<T>> {
        self.call("stream-feed-items", &json!({ "id": feed.id })).await?.ok()
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
        for group in self.groups(flavor).await? {
            *balances.entry(group.account_id).or_default() += group.amount;
        }
        Ok(balances.into_iter().collect())
    }

    /// All groups of tokens of a flavor, from all pages of `list-tokens`.
    ///
    /// # Errors
    /// If a page is refused.
    pub async fn groups(&self, flavor: &Flavor) -> Result<Vec<TokenGroup>> {
        let (mut groups, _) = self.pages::<TokenGroup>("list-tokens", &json!({})).await?;
        groups.retain(|it| it.flavor_id == flavor.id);
        Ok(groups)
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
