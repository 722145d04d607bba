//! One action of a transaction: read, judged and carried out in its place, then shown.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::super::{
    Books,
    objects::{Holder, Objects},
    tokens::{Content, Tokens},
};
use crate::{
    codes,
    envelope::{Fields, Refusal, missing},
    paging::no_filter,
    random,
    values::{Millis, Tags},
    world::Context,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Issue,
    Transfer,
    Retire,
}

impl Kind {
    fn named(name: &str) -> Option<Kind> {
        match name {
            "issue" => Some(Kind::Issue),
            "transfer" => Some(Kind::Transfer),
            "retire" => Some(Kind::Retire),
            _ => None,
        }
    }

    fn has_source(self) -> bool {
        self != Kind::Issue
    }

    fn has_destination(self) -> bool {
        self != Kind::Retire
    }
}

/// An action as it is shown. What does not apply to its type is left out.
#[derive(Debug, Serialize)]
pub(super) struct Action {
    id: String,
    transaction_id: String,
    timestamp: Millis,
    #[serde(rename = "type")]
    kind: Kind,
    flavor_id: String,
    amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_account_id: Option<String>,
    /// The current tags; those of the snapshot never change.
    tags: Tags,
    snapshot: Snapshot,
}

/// All tags as they were at the time \[T for each, 10\].
#[derive(Debug, Serialize)]
struct Snapshot {
    action_tags: Tags,
    flavor_tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_account_tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_account_tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_tags: Option<Tags>,
    transaction_tags: Tags,
}

/// What earlier actions of the same transaction took, by account and flavor.
pub(super) type Spent = HashMap<(usize, usize), u128>;

/// An action that names things which exist. Whether there are tokens for it is another matter.
pub(super) struct Draft {
    kind: Kind,
    amount: u64,
    source: Option<usize>,
    destination: Option<usize>,
    flavor: usize,
    token_tags: Tags,
    action_tags: Tags,
}

impl Draft {
    /// Reads an action: shape, type, missing fields, amount, filter, ids, in this order \[ids: C, 14 row 15\].
    pub(super) fn read(books: &Books, action: &Value) -> Result<Draft, Refusal> {
        let Value::Object(fields) = action else { return Err(codes::ACTION_SHAPE.into()) };
        let fields = Fields::from_object(fields.clone());

        let kind = match fields.get("type") {
            None => return Err(missing(&["type"])),
            Some(kind) => kind.as_str().and_then(Kind::named).ok_or_else(|| {
                codes::ACTION_TYPE.because("`type` is issue, transfer or retire").field("type")
            })?,
        };
        let needed: Vec<&str> = [
            ("source_account_id", kind.has_source()),
            ("destination_account_id", kind.has_destination()),
            ("flavor_id", true),
            ("amount", true),
        ]
        .into_iter()
        .filter(|(name, needed)| *needed && fields.get(name).is_none())
        .map(|(name, _)| name)
        .collect();
        if !needed.is_empty() {
            return Err(missing(&needed));
        }

        let amount = amount(fields.get("amount"))?;
        if kind.has_source() {
            no_filter(&fields)?;
        }
        let source =
            kind.has_source().then(|| place(&books.accounts, &fields, "source_account_id")).transpose()?;
        let destination = kind
            .has_destination()
            .then(|| place(&books.accounts, &fields, "destination_account_id"))
            .transpose()?;
        let flavor = place(&books.flavors, &fields, "flavor_id")?;
        // A retire brings nothing in; some clients let token tags through all the same \[C, 10\].
        let token_tags = if kind.has_destination() { tags(&fields, "token_tags")? } else { Tags::default() };
        let action_tags = tags(&fields, "action_tags")?;
        Ok(Draft { kind, amount, source, destination, flavor, token_tags, action_tags })
    }

    /// Moves the tokens, or says why it cannot.
    pub(super) fn carry_out(
        &self,
        tokens: &mut Tokens,
        spent: &mut Spent,
        cx: &Context,
    ) -> Result<(), Refusal> {
        let amount = u128::from(self.amount);
        if let Some(source) = self.source {
            self.take(source, amount, tokens, spent, cx)?;
        }
        if let Some(account) = self.destination {
            let lost = match self.kind {
                Kind::Issue => cx.faults.on("issue_loses_tokens:transact"),
                Kind::Transfer => cx.faults.on("transfer_loses_tokens:transact"),
                Kind::Retire => false,
            };
            // Moved tokens lose their tags; they get the action's, or none \[T, 10\].
            let content = Content { account, flavor: self.flavor, tags: self.token_tags.clone() };
            tokens.put(content, amount - u128::from(lost));
        }
        Ok(())
    }

    /// Takes the tokens from the source. If there are too few, but enough with what earlier actions of this
    /// transaction took, they count as reserved, and only then trying again is worth while \[T, 10\].
    fn take(
        &self,
        source: usize,
        amount: u128,
        tokens: &mut Tokens,
        spent: &mut Spent,
        cx: &Context,
    ) -> Result<(), Refusal> {
        let kept = self.kind == Kind::Retire && cx.faults.on("retire_keeps_tokens:transact");
        let taken = if kept {
            tokens.find(source, self.flavor, amount).map(drop)
        } else {
            tokens.take(source, self.flavor, amount)
        };
        match taken {
            Ok(()) => {}
            Err(left) if self.kind == Kind::Transfer && cx.faults.on("overdraft_allowed:transact") => {
                tokens.take(source, self.flavor, left).expect("that many are left");
            }
            Err(left) => {
                let reserved = spent.get(&(source, self.flavor)).copied().unwrap_or(0);
                let code = if left + reserved >= amount { codes::RESERVED } else { codes::FUNDS };
                return Err(code.into());
            }
        }
        *spent.entry((source, self.flavor)).or_default() += amount;
        Ok(())
    }

    /// The action that this was.
    pub(super) fn action(&self, books: &Books, transaction: &str, timestamp: Millis, tags: &Tags) -> Action {
        let id_of = |place: usize| books.accounts.at(place).id.clone();
        let tags_of = |place: usize| books.accounts.at(place).tags.clone();
        let flavor = books.flavors.at(self.flavor);
        let snapshot = Snapshot {
            action_tags: self.action_tags.clone(),
            flavor_tags: flavor.tags.clone(),
            source_account_tags: self.source.map(tags_of),
            destination_account_tags: self.destination.map(tags_of),
            token_tags: self.destination.map(|_| self.token_tags.clone()),
            transaction_tags: tags.clone(),
        };
        Action {
            id: random::hex::<16>(),
            transaction_id: transaction.to_owned(),
            timestamp,
            kind: self.kind,
            flavor_id: flavor.id.clone(),
            amount: self.amount,
            source_account_id: self.source.map(id_of),
            destination_account_id: self.destination.map(id_of),
            tags: self.action_tags.clone(),
            snapshot,
        }
    }
}

/// A whole number from 1 to 2^63 − 1, never by way of floating point \[T, 7; zero: C, 14 row 14\].
fn amount(given: Option<&Value>) -> Result<u64, Refusal> {
    given.and_then(Value::as_u64).filter(|amount| (1..=i64::MAX.unsigned_abs()).contains(amount)).ok_or_else(
        || codes::ACTION_AMOUNT.because("`amount` is a whole number from 1 to 2^63 - 1").field("amount"),
    )
}

fn place(objects: &Objects<Holder>, fields: &Fields, name: &str) -> Result<usize, Refusal> {
    fields
        .get(name)
        .and_then(Value::as_str)
        .and_then(|id| objects.place(id))
        .ok_or_else(|| Refusal::from(codes::ACTION_ID).field(name))
}

fn tags(fields: &Fields, name: &str) -> Result<Tags, Refusal> {
    match fields.object(name) {
        Ok(tags) => Ok(Tags::from(tags)),
        Err(_) => Err(codes::ACTION_SHAPE.because(format!("`{name}` must be an object")).field(name)),
    }
}
