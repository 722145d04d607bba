//! Tokens: who holds how much of what, in groups of identical tokens.
//!
//! A group is an amount of tokens of one account and flavor with equal tags \[T, 10\]. Groups are found by content
//! (to add to them), by account and flavor (to spend, oldest first) and by age (to list, newest first), each
//! without looking at the others. Changes are journalled until they are kept or undone, because a transaction
//! happens as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{
    Answer, Books, Call,
    filter::{Kind, Look, Root, Subject},
    objects::{Holder, Objects},
    sums::Sums,
};
use crate::{
    envelope::{Refusal, reply},
    values::Tags,
};

/// What the tokens of a group have in common. Account and flavor by their places in the books.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) account: usize,
    pub(super) flavor: usize,
    pub(super) tags: Tags,
}

/// All tokens of a ledger.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Groups by age; amounts are wider than an action's, since many actions may fill one \[C, 14 row 18\].
    groups: BTreeMap<u64, (Content, u128)>,
    by_content: HashMap<Content, u64>,
    by_holder: HashMap<(usize, usize), BTreeSet<u64>>,
    /// The age of the next new group.
    next: u64,
    /// What groups were before the changes that are not kept yet, in the order of the changes.
    journal: Vec<(u64, Content, u128)>,
}

impl Tokens {
    /// Adds tokens: to the group of equal ones, unless a fault sets them `apart`.
    pub(super) fn put(&mut self, content: Content, amount: u128, apart: bool) {
        let group = self.by_content.get(&content).copied().filter(|_| !apart).unwrap_or(self.next);
        self.next = self.next.max(group + 1);
        let before = self.groups.get(&group).map_or(0, |(_, amount)| *amount);
        self.change(group, content, before, before + amount);
    }

    /// Takes what [`Tokens::find`] found, and gives the parts with their tags.
    pub(super) fn take(&mut self, found: Vec<(u64, u128)>) -> Vec<(Tags, u128)> {
        let mut taken = Vec::with_capacity(found.len());
        for (group, part) in found {
            let (content, held) = self.groups[&group].clone();
            taken.push((content.tags.clone(), part));
            self.change(group, content, held, held - part);
        }
        taken
    }

    /// The groups that `amount` of an account's usable tokens of one flavor would be taken from, with each one's
    /// part of it: oldest group first \[C, 14 row 17\].
    ///
    /// # Errors
    /// If there are fewer tokens: how many there are.
    pub(super) fn find(
        &self,
        account: usize,
        flavor: usize,
        amount: u128,
        usable: impl Fn(&Content, u128) -> bool,
    ) -> Result<Vec<(u64, u128)>, u128> {
        let mut missing = amount;
        let mut found = Vec::new();
        for group in self.by_holder.get(&(account, flavor)).into_iter().flatten() {
            if missing == 0 {
                break;
            }
            let (content, held) = &self.groups[group];
            if usable(content, *held) {
                let part = missing.min(*held);
                found.push((*group, part));
                missing -= part;
            }
        }
        if missing > 0 { Err(amount - missing) } else { Ok(found) }
    }

    /// Keeps all changes since the last call of this or of [`Tokens::undo`].
    pub(super) fn keep(&mut self) {
        self.journal.clear();
    }

    /// Undoes them.
    pub(super) fn undo(&mut self) {
        while let Some((group, content, before)) = self.journal.pop() {
            self.set(group, content, before);
        }
    }

    fn change(&mut self, group: u64, content: Content, before: u128, after: u128) {
        self.journal.push((group, content.clone(), before));
        self.set(group, content, after);
    }

    /// Makes a group hold `amount`; empty groups disappear \[T, 10\].
    fn set(&mut self, group: u64, content: Content, amount: u128) {
        let holder = (content.account, content.flavor);
        if amount > 0 {
            self.by_holder.entry(holder).or_default().insert(group);
            self.by_content.insert(content.clone(), group);
            self.groups.insert(group, (content, amount));
        } else {
            self.groups.remove(&group);
            self.by_content.remove(&content);
            if let Some(groups) = self.by_holder.get_mut(&holder) {
                groups.remove(&group);
                if groups.is_empty() {
                    self.by_holder.remove(&holder);
                }
            }
        }
    }
}

/// A group as it is shown and filtered: with the current tags of flavor and account.
#[derive(Serialize)]
pub(super) struct Group<'a> {
    amount: u128,
    flavor_id: &'a str,
    flavor_tags: &'a Tags,
    account_id: &'a str,
    account_tags: &'a Tags,
    tags: &'a Tags,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        content: &'a Content,
        amount: u128,
        accounts: &'a Objects<Holder>,
        flavors: &'a Objects<Holder>,
    ) -> Group<'a> {
        let (flavor, account) = (flavors.at(content.flavor), accounts.at(content.account));
        Group {
            amount,
            flavor_id: &flavor.id,
            flavor_tags: &flavor.tags,
            account_id: &account.id,
            account_tags: &account.tags,
            tags: &content.tags,
        }
    }
}

impl<'a> Group<'a> {
    /// With the tags that flavor and account had before the last update: what a fault shows.
    fn before_updates(self, content: &Content, books: &'a Books) -> Group<'a> {
        let (flavor, account) = (books.flavors.at(content.flavor), books.accounts.at(content.account));
        Group { flavor_tags: &flavor.former_tags, account_tags: &account.former_tags, ..self }
    }
}

impl Subject for Group<'_> {
    fn look(&self, root: Root) -> Look<'_> {
        match root {
            Root::Amount => Look::Number(self.amount),
            Root::FlavorId => Look::Text(self.flavor_id),
            Root::FlavorTags => Look::Tags(self.flavor_tags),
            Root::AccountId => Look::Text(self.account_id),
            Root::AccountTags => Look::Tags(self.account_tags),
            Root::Tags => Look::Tags(self.tags),
            _ => Look::Absent,
        }
    }
}

/// Newest group first \[C, 8\].
pub(super) fn list_tokens(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::TokenGroup)?;
    let groups = books.tokens.groups.range(..query.below()).rev();
    let (stale, blind) = (call.fault("tags_stale"), call.fault("holders_tags_unfiltered"));
    let group = |content, amount| {
        let group = Group::new(content, amount, &books.accounts, &books.flavors);
        if stale { group.before_updates(content, books) } else { group }
    };
    let rest = groups.map(|(age, (content, amount))| (*age, group(content, *amount))).filter(|(_, group)| {
        let none = &Tags::default();
        let bare = Group { flavor_tags: none, account_tags: none, ..*group };
        filter.passes(if blind { &bare } else { group })
    });
    Ok(reply(&query.cut(call.cx, rest)).into())
}

pub(super) fn sum_tokens(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (query, filter) = books.selection(call, Kind::TokenGroup)?;
    let mut sums = Sums::new(&query, call, Kind::TokenGroup)?;
    for (content, amount) in books.tokens.groups.values() {
        let group = Group::new(content, *amount, &books.accounts, &books.flavors);
        if filter.passes(&group) {
            sums.add(&group, *amount);
        }
    }
    Ok(sums.answer(query, call))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(account: usize, tag: u64) -> Content {
        let tags = json!({"tag": tag});
        Content { account, flavor: 0, tags: Tags::from(tags.as_object().filter(|_| tag > 0)) }
    }

    fn take(tokens: &mut Tokens, account: usize, amount: u128) -> Result<(), u128> {
        let found = tokens.find(account, 0, amount, |_, _| true)?;
        tokens.take(found);
        Ok(())
    }

    fn amounts(tokens: &Tokens) -> Vec<(usize, u128)> {
        tokens.groups.values().map(|(content, amount)| (content.account, *amount)).collect()
    }

    #[test]
    fn equal_tokens_make_one_group_and_empty_ones_none() {
        let mut tokens = Tokens::default();
        tokens.put(content(0, 0), 5, false);
        tokens.put(content(0, 1), 7, false);
        tokens.put(content(0, 0), 6, false);
        assert_eq!(amounts(&tokens), [(0, 11), (0, 7)]);
        take(&mut tokens, 0, 12).unwrap();
        assert_eq!(amounts(&tokens), [(0, 6)]);
        assert_eq!(take(&mut tokens, 0, 7), Err(6));
        take(&mut tokens, 0, 6).unwrap();
        assert_eq!(amounts(&tokens), []);
        assert!(tokens.by_content.is_empty() && tokens.by_holder.is_empty());
    }

    #[test]
    fn undo_restores_groups_and_their_age() {
        let mut tokens = Tokens::default();
        tokens.put(content(0, 1), 5, false);
        tokens.put(content(1, 0), 3, false);
        tokens.keep();
        let before = tokens.groups.clone();
        take(&mut tokens, 0, 5).unwrap();
        tokens.put(content(1, 0), 5, false);
        tokens.put(content(0, 2), 9, false);
        take(&mut tokens, 1, 8).unwrap();
        tokens.undo();
        assert_eq!(tokens.groups, before);
        take(&mut tokens, 0, 5).unwrap();
        tokens.put(content(2, 0), 5, false);
        assert_eq!(amounts(&tokens), [(1, 3), (2, 5)]);
    }
}
