//! What the ledger API answers with.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Answer of `create-key`.
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    /// The key's id.
    pub id: String,
}

/// Tags of anything. Absent, `null` and `{}` all mean none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tags(pub Map<String, Value>);

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// The account's id.
    pub id: String,
    /// Keys, in the order given.
    pub key_ids: Vec<String>,
    /// How many of them must sign.
    pub quorum: u64,
    /// Its current tags.
    #[serde(default)]
    pub tags: Tags,
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
    /// Its own tags.
    #[serde(default)]
    pub tags: Tags,
}

/// An action of a transaction.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// Made by the product.
    pub id: String,
    /// The transaction that it is a part of.
    pub transaction_id: String,
    /// The transaction's time.
    pub timestamp: String,
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
    /// Its current tags.
    #[serde(default)]
    pub tags: Tags,
    /// All tags as they were at the time.
    pub snapshot: Snapshot,
}

/// Tags as they were when an action was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// Of the action.
    #[serde(default)]
    pub action_tags: Tags,
    /// Of the flavor.
    #[serde(default)]
    pub flavor_tags: Tags,
    /// Of the account that gave.
    #[serde(default)]
    pub source_account_tags: Tags,
    /// Of the account that took.
    #[serde(default)]
    pub destination_account_tags: Tags,
    /// Of the new tokens.
    #[serde(default)]
    pub token_tags: Tags,
    /// Of the transaction.
    #[serde(default)]
    pub transaction_tags: Tags,
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
    /// The tokens' tags.
    #[serde(default)]
    pub tags: Tags,
    /// The flavor's current tags.
    #[serde(default)]
    pub flavor_tags: Tags,
    /// The account's current tags.
    #[serde(default)]
    pub account_tags: Tags,
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

/// A reading position over actions or transactions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Feed {
    /// The feed's id.
    pub id: String,
    /// `action` or `transaction`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As given.
    #[serde(default)]
    pub filter: Option<String>,
    /// As given.
    #[serde(default)]
    pub filter_params: Vec<Value>,
    /// Position of the last acknowledged item.
    pub cursor: String,
}

/// What a feed has to tell.
#[derive(Clone, Debug, Deserialize)]
pub struct FeedItems<T> {
    /// Oldest first.
    pub items: Vec<T>,
    /// The position after each item.
    pub cursors: Vec<String>,
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

impl PartialEq<Value> for Tags {
    fn eq(&self, other: &Value) -> bool {
        other.as_object() == Some(&self.0)
    }
}
