//! One action of a transaction: read, judged and carried out in its place, then shown.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::{
    Books, Call,
    filter::{Bends, Filter, Kind as Subjects, Look, Root, Subject},
    objects::{Holder, Objects},
    tokens::{Content, Group},
};
use crate::{
    codes,
    envelope::{Fields, Refusal, missing},
    random,
    values::{Millis, Tags},
    world::Context,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::ledger) enum Kind {
    Issue,
    Transfer,
    Retire,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Issue => "issue",
            Kind::Transfer => "transfer",
            Kind::Retire => "retire",
        }
    }

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
pub(in crate::ledger) struct Action {
    pub(in crate::ledger) id: String,
    transaction_id: String,
    timestamp: Millis,
    #[serde(rename = "type")]
    kind: Kind,
    flavor_id: String,
    pub(in crate::ledger) amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_account_id: Option<String>,
    /// As given \[D, 10\].
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_params: Option<Vec<Value>>,
    /// The current tags; those of the snapshot never change.
    pub(in crate::ledger) tags: Tags,
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

impl Action {
    /// Gives an account other tags, as if it had had them then.
    pub(in crate::ledger) fn rewrite_snapshot(&mut self, account: &str, tags: &Tags) {
        let Snapshot { source_account_tags, destination_account_tags, .. } = &mut self.snapshot;
        for (id, then) in [
            (&self.source_account_id, source_account_tags),
            (&self.destination_account_id, destination_account_tags),
        ] {
            if id.as_deref() == Some(account) {
                *then = Some(tags.clone());
            }
        }
    }
}

impl Subject for Action {
    fn look(&self, root: Root) -> Look<'_> {
        fn text(id: Option<&String>) -> Look<'_> {
            id.map_or(Look::Absent, |id| Look::Text(id))
        }
        fn tags(tags: Option<&Tags>) -> Look<'_> {
            tags.map_or(Look::Absent, Look::Tags)
        }
        let then = &self.snapshot;
        match root {
            Root::Id => Look::Text(&self.id),
            Root::Type => Look::Text(self.kind.name()),
            Root::Amount => Look::Number(self.amount.into()),
            Root::Timestamp => Look::Time(self.timestamp),
            Root::TransactionId => Look::Text(&self.transaction_id),
            Root::FlavorId => Look::Text(&self.flavor_id),
            Root::SourceAccountId => text(self.source_account_id.as_ref()),
            Root::DestinationAccountId => text(self.destination_account_id.as_ref()),
            Root::Tags => Look::Tags(&self.tags),
            Root::Snapshot => Look::Whole(json!(then)),
            Root::SnapshotActionTags => Look::Tags(&then.action_tags),
            Root::SnapshotFlavorTags => Look::Tags(&then.flavor_tags),
            Root::SnapshotSourceAccountTags => tags(then.source_account_tags.as_ref()),
            Root::SnapshotDestinationAccountTags => tags(then.destination_account_tags.as_ref()),
            Root::SnapshotTokenTags => tags(then.token_tags.as_ref()),
            Root::SnapshotTransactionTags => Look::Tags(&then.transaction_tags),
            Root::Quorum | Root::SequenceNumber | Root::AccountId | Root::FlavorTags | Root::AccountTags => {
                Look::Absent
            }
        }
    }
}

/// What earlier actions of the same transaction did.
#[derive(Default)]
pub(super) struct Spent {
    /// What they took, by account and flavor, with the tags that it had.
    taken: HashMap<(usize, usize), Vec<(Tags, u128)>>,
    /// What they brought in, only for the fault that keeps it from those that follow.
    pub(super) late: Vec<(Content, u128)>,
}

/// An action that names things which exist. Whether there are tokens for it is another matter.
pub(super) struct Draft {
    kind: Kind,
    amount: u64,
    source: Option<usize>,
    destination: Option<usize>,
    flavor: usize,
    token_tags: Tags,
    action_tags: Tags,
    /// Which tokens may be used.
    filter: Filter,
    /// The filter as given.
    given: Option<String>,
    given_params: Option<Vec<Value>>,
}

impl Draft {
    /// Reads an action: shape, type, missing fields, amount, filter, ids, in this order \[ids: C, 14 row 15\].
    pub(super) fn read(books: &Books, action: &Value, call: &Call<'_>) -> Result<Draft, Refusal> {
        let faults = &call.cx.faults;
        let unnamed = faults.on("bad_action_unnamed:transact").then_some(codes::MALFORMED);
        let Value::Object(fields) = action else { return Err(unnamed.unwrap_or(codes::ACTION_SHAPE).into()) };
        let fields = Fields::from_object(fields.clone());

        let kind = match fields.get("type") {
            None => return Err(missing(&["type"])),
            Some(kind) => kind.as_str().and_then(Kind::named).ok_or_else(|| {
                let code = unnamed.unwrap_or(codes::ACTION_TYPE);
                code.because("`type` is issue, transfer or retire").field("type")
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
            let unnamed = faults.on("missing_fields_unnamed:transact");
            return Err(if unnamed { codes::MISSING.into() } else { missing(&needed) });
        }

        let amount = amount(fields.get("amount"), call.cx)?;
        let (filter, given, given_params) =
            if kind.has_source() { filter(&fields, call)? } else { Default::default() };
        let place = |objects: &Objects<Holder>, name| {
            let found = place(objects, &fields, name);
            found.ok_or_else(|| {
                let wrong = faults.on("wrong_field_misnamed:transact");
                Refusal::from(codes::ACTION_ID).field(if wrong { "source_account_id" } else { name })
            })
        };
        let source = kind.has_source().then(|| place(&books.accounts, "source_account_id")).transpose()?;
        let destination =
            kind.has_destination().then(|| place(&books.accounts, "destination_account_id")).transpose()?;
        let flavor = place(&books.flavors, "flavor_id")?;
        // A retire brings nothing in; some clients let token tags through all the same \[C, 10\].
        let token_tags = if kind.has_destination() { tags(&fields, "token_tags")? } else { Tags::default() };
        let action_tags = tags(&fields, "action_tags")?;
        Ok(Draft {
            kind,
            amount,
            source,
            destination,
            flavor,
            token_tags,
            action_tags,
            filter,
            given,
            given_params,
        })
    }

    /// Moves the tokens, or says why it cannot.
    pub(super) fn carry_out(
        &self,
        books: &mut Books,
        spent: &mut Spent,
        cx: &Context,
    ) -> Result<(), Refusal> {
        let amount = u128::from(self.amount);
        let to_oneself = self.source.is_some() && self.source == self.destination;
        if to_oneself && cx.faults.on("transfer_to_oneself_lost:transact") {
            return Ok(());
        }
        let taken = match self.source {
            Some(source) => self.take(source, amount, books, spent, cx)?,
            None => Vec::new(),
        };
        let Some(account) = self.destination else { return Ok(()) };
        let content = Content { account, flavor: self.flavor, tags: self.token_tags.clone() };
        if cx.faults.on("earlier_actions_unseen:transact") {
            spent.late.push((content, amount));
            return Ok(());
        }
        let lost = match self.kind {
            Kind::Issue => cx.faults.on("issue_loses_tokens:transact"),
            Kind::Transfer => cx.faults.on("transfer_loses_tokens:transact"),
            Kind::Retire => false,
        };
        // Moved tokens lose their tags; they get the action's, or none \[T, 10\].
        if self.token_tags.is_none() && !taken.is_empty() && cx.faults.on("tags_survive_transfer:transact") {
            for (tags, part) in taken {
                books.tokens.put(Content { account, flavor: self.flavor, tags }, part, false);
            }
            return Ok(());
        }
        let apart = cx.faults.on("equal_tokens_apart:transact");
        books.tokens.put(content, amount - u128::from(lost), apart);
        Ok(())
    }

    /// Takes the tokens from the source, and gives the parts with the tags that they had. If there are too few, but
    /// enough with what earlier actions of this transaction took, they count as reserved, and only then trying again
    /// is worth while \[T, 10\].
    fn take(
        &self,
        source: usize,
        amount: u128,
        books: &mut Books,
        spent: &mut Spent,
        cx: &Context,
    ) -> Result<Vec<(Tags, u128)>, Refusal> {
        let Books { tokens, accounts, flavors, .. } = books;
        let any = cx.faults.on("transfer_filter_ignored:transact");
        let usable = |content: &Content, amount: u128| {
            any || self.filter.passes(&Group::new(content, amount, accounts, flavors))
        };
        let found = match tokens.find(source, self.flavor, amount, usable) {
            Ok(found) => found,
            Err(left) if self.kind == Kind::Transfer && cx.faults.on("overdraft_allowed:transact") => {
                tokens.find(source, self.flavor, left, usable).expect("that many are left")
            }
            Err(left) => {
                let reserved = spent.taken.get(&(source, self.flavor)).into_iter().flatten();
                let reserved: u128 = reserved
                    .filter(|(tags, part)| {
                        let content = Content { account: source, flavor: self.flavor, tags: tags.clone() };
                        usable(&content, *part)
                    })
                    .map(|(_, part)| part)
                    .sum();
                let missing = left + reserved < amount || cx.faults.on("reserved_is_missing:transact");
                let code = if missing { codes::FUNDS } else { codes::RESERVED };
                return Err(code.into());
            }
        };
        let kept = self.kind == Kind::Retire && cx.faults.on("retire_keeps_tokens:transact");
        let taken = if kept { Vec::new() } else { tokens.take(found) };
        spent.taken.entry((source, self.flavor)).or_default().extend(taken.iter().cloned());
        Ok(taken)
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
            filter: self.given.clone(),
            filter_params: self.given_params.clone(),
            tags: self.action_tags.clone(),
            snapshot,
        }
    }
}

/// A whole number from 1 to 2^63 − 1, never by way of floating point \[T, 7; zero: C, 14 row 14\].
fn amount(given: Option<&Value>, cx: &Context) -> Result<u64, Refusal> {
    let largest = i64::MAX.unsigned_abs();
    let largest = if cx.faults.on("above_limit_accepted:transact") { u64::MAX } else { largest };
    let least = u64::from(!cx.faults.on("zero_accepted:transact"));
    let amount = given
        .and_then(|given| given.as_u64().or_else(|| lenient(given, cx)))
        .filter(|amount| (least..=largest).contains(amount))
        .ok_or_else(|| {
            codes::ACTION_AMOUNT.because("`amount` is a whole number from 1 to 2^63 - 1").field("amount")
        })?;
    if amount > EXACT && cx.faults.on("big_amount_rounded:transact") {
        return Ok(amount - amount % 1024);
    }
    Ok(amount)
}

/// What faults make of an amount that is none.
fn lenient(given: &Value, cx: &Context) -> Option<u64> {
    match given {
        Value::String(text) if cx.faults.on("text_amount_accepted:transact") => text.parse().ok(),
        Value::Number(number) => {
            let negative = number.as_i64().filter(|_| cx.faults.on("negative_amount_accepted:transact"));
            // A JSON number that is neither has a fraction or an exponent.
            let cut = || {
                let text = number.to_string();
                let whole = text.split_once('.').filter(|_| cx.faults.on("fraction_cut:transact"));
                whole.and_then(|(whole, _)| whole.parse().ok())
            };
            negative.map(i64::unsigned_abs).or_else(cut)
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The largest amount that survives the way through floating point.
const EXACT: u64 = 1 << 53;

/// The filter that an action limits its tokens with: as it is used, and as it was given.
#[expect(clippy::type_complexity, reason = "they are taken apart at once")]
fn filter(fields: &Fields, call: &Call<'_>) -> Result<(Filter, Option<String>, Option<Vec<Value>>), Refusal> {
    let shape = |name: &'static str| {
        move |_| codes::ACTION_SHAPE.because(format!("`{name}` has the wrong type")).field(name)
    };
    let text = fields.text("filter").map_err(shape("filter"))?;
    let parameters = fields.list("filter_params").map_err(shape("filter_params"))?;
    let read = Filter::read(text, parameters, Subjects::TokenGroup, call.names, Bends::default())?;
    let given_params = fields.get("filter_params").map(|_| parameters.to_vec());
    Ok((read, text.map(str::to_owned), given_params))
}

fn place(objects: &Objects<Holder>, fields: &Fields, name: &str) -> Option<usize> {
    objects.place(fields.get(name)?.as_str()?)
}

fn tags(fields: &Fields, name: &str) -> Result<Tags, Refusal> {
    match fields.object(name) {
        Ok(tags) => Ok(Tags::from(tags)),
        Err(_) => Err(codes::ACTION_SHAPE.because(format!("`{name}` must be an object")).field(name)),
    }
}
