//! What can be named in a filter or a grouping, for each kind of object (the table in section 9 of the facts).

use serde_json::{Value, json};

use super::Subject;
use crate::{
    name_set::NameSet,
    values::{Millis, Tags},
};

/// What a filter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Kind {
    /// An account or a flavor.
    Holder,
    Transaction,
    Action,
    TokenGroup,
}

/// Where in an object a property begins. Tags go on from there by path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Root {
    Id,
    Quorum,
    SequenceNumber,
    Type,
    Amount,
    Timestamp,
    TransactionId,
    FlavorId,
    AccountId,
    SourceAccountId,
    DestinationAccountId,
    Tags,
    FlavorTags,
    AccountTags,
    Snapshot,
    SnapshotActionTags,
    SnapshotFlavorTags,
    SnapshotSourceAccountTags,
    SnapshotDestinationAccountTags,
    SnapshotTokenTags,
    SnapshotTransactionTags,
}

/// What stands somewhere in an object.
#[derive(Clone, Debug)]
pub(in crate::ledger) enum Look<'a> {
    Absent,
    Text(&'a str),
    Number(u128),
    Time(Millis),
    Tags(&'a Tags),
    Json(&'a Value),
    /// Something that is put together for the occasion.
    Whole(Value),
}

/// What can be done with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    Time,
    /// Something inside of tags, whatever it is.
    Tag,
    /// All tags, or the whole snapshot: can be grouped on, but not compared.
    Whole,
}

/// A property, found by its name.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Property {
    root: Root,
    /// The built-in names that lead to the root, in snake_case, which results show \[S, 3\].
    shown: &'static str,
    /// The keys inside of tags; they are never converted \[T, 3\].
    keys: Vec<String>,
}

const HOLDER: &[(&str, Root)] = &[("id", Root::Id), ("quorum", Root::Quorum), ("tags", Root::Tags)];

const TRANSACTION: &[(&str, Root)] = &[
    ("id", Root::Id),
    ("timestamp", Root::Timestamp),
    ("sequence_number", Root::SequenceNumber),
    ("tags", Root::Tags),
];

const ACTION: &[(&str, Root)] = &[
    ("id", Root::Id),
    ("type", Root::Type),
    ("amount", Root::Amount),
    ("timestamp", Root::Timestamp),
    ("transaction_id", Root::TransactionId),
    ("flavor_id", Root::FlavorId),
    ("source_account_id", Root::SourceAccountId),
    ("destination_account_id", Root::DestinationAccountId),
    ("tags", Root::Tags),
    ("snapshot", Root::Snapshot),
    ("snapshot.action_tags", Root::SnapshotActionTags),
    ("snapshot.flavor_tags", Root::SnapshotFlavorTags),
    ("snapshot.source_account_tags", Root::SnapshotSourceAccountTags),
    ("snapshot.destination_account_tags", Root::SnapshotDestinationAccountTags),
    ("snapshot.token_tags", Root::SnapshotTokenTags),
    ("snapshot.transaction_tags", Root::SnapshotTransactionTags),
];

/// Without `timestamp`: token groups have none \[C, 9\].
const TOKEN_GROUP: &[(&str, Root)] = &[
    ("flavor_id", Root::FlavorId),
    ("account_id", Root::AccountId),
    ("amount", Root::Amount),
    ("tags", Root::Tags),
    ("flavor_tags", Root::FlavorTags),
    ("account_tags", Root::AccountTags),
];

impl Kind {
    fn properties(self) -> &'static [(&'static str, Root)] {
        match self {
            Kind::Holder => HOLDER,
            Kind::Transaction => TRANSACTION,
            Kind::Action => ACTION,
            Kind::TokenGroup => TOKEN_GROUP,
        }
    }
}

impl Root {
    /// Whether keys may follow.
    fn is_tree(self) -> bool {
        !matches!(self, Root::Snapshot) && matches!(self.shape(), Shape::Whole)
    }

    fn shape(self) -> Shape {
        match self {
            Root::Id
            | Root::Quorum
            | Root::SequenceNumber
            | Root::Type
            | Root::Amount
            | Root::TransactionId
            | Root::FlavorId
            | Root::AccountId
            | Root::SourceAccountId
            | Root::DestinationAccountId => Shape::Scalar,
            Root::Timestamp => Shape::Time,
            Root::Tags
            | Root::FlavorTags
            | Root::AccountTags
            | Root::Snapshot
            | Root::SnapshotActionTags
            | Root::SnapshotFlavorTags
            | Root::SnapshotSourceAccountTags
            | Root::SnapshotDestinationAccountTags
            | Root::SnapshotTokenTags
            | Root::SnapshotTransactionTags => Shape::Whole,
        }
    }
}

impl Property {
    /// Finds a property of `kind` by the name that a client gave it in one of `names`.
    pub(in crate::ledger) fn named(name: &str, kind: Kind, names: NameSet) -> Option<Property> {
        let parts: Vec<&str> = name.split('.').collect();
        if parts.contains(&"") {
            return None;
        }
        kind.properties().iter().find_map(|(shown, root)| {
            let length = shown.split('.').count();
            let (given, keys) = parts.split_at_checked(length)?;
            let spelt = given.iter().zip(shown.split('.')).all(|(given, shown)| names.spells(given, shown));
            (spelt && (keys.is_empty() || root.is_tree())).then(|| Property {
                root: *root,
                shown,
                keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            })
        })
    }

    pub(super) fn shape(&self) -> Shape {
        if self.keys.is_empty() { self.root.shape() } else { Shape::Tag }
    }

    /// Whether results can be grouped on it: on everything but what is summed \[9\].
    pub(in crate::ledger) fn groups(&self) -> bool {
        self.root != Root::Amount
    }

    /// What `subject` has there. A path that does not exist is absent, and so is a tag that is `null`.
    pub(in crate::ledger) fn of<'a>(&self, subject: &'a dyn Subject) -> Look<'a> {
        match subject.look(self.root) {
            Look::Tags(tags) if !self.keys.is_empty() => match tags.at(&self.keys) {
                None | Some(Value::Null) => Look::Absent,
                Some(value) => Look::Json(value),
            },
            Look::Tags(tags) if tags.is_none() => Look::Absent,
            look => look,
        }
    }

    /// The path under which results show it.
    pub(in crate::ledger) fn path(&self) -> impl Iterator<Item = &str> {
        self.shown.split('.').chain(self.keys.iter().map(String::as_str))
    }
}

impl Look<'_> {
    pub(in crate::ledger) fn to_json(&self) -> Value {
        match self {
            Look::Absent => Value::Null,
            Look::Text(text) => json!(text),
            // Only amounts can be wider, and those are not grouped on.
            Look::Number(number) => json!(u64::try_from(*number).unwrap_or(u64::MAX)),
            Look::Time(time) => json!(time),
            Look::Tags(tags) => json!(tags),
            Look::Json(value) => (*value).clone(),
            Look::Whole(value) => value.clone(),
        }
    }
}
