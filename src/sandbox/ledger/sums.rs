//! Sums by group (facts, section 9): one result for each combination of what the objects have at some properties.
//!
//! A group is known by the JSON text of its combination. Maps are sorted, so equal JSON is the same group \[T\], and
//! the texts give the groups a fixed order \[C, 8\].

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use super::{
    Answer, Call,
    filter::{Kind, Look, Property, Subject},
};
use crate::{
    codes,
    envelope::{Refusal, reply},
    name_set::NameSet,
    paging::Query,
};

/// What is grouped on.
pub(super) struct Grouping(Vec<Property>);

/// The sums so far. They may be wider than amounts \[C, 7\].
pub(super) struct Sums {
    grouping: Grouping,
    drop_missing: bool,
    by_group: BTreeMap<String, u128>,
}

/// One sum as it is shown: only the properties it is grouped on, nested like the object \[T\].
struct Sum {
    group: Map<String, Value>,
    amount: u128,
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.group.len() + 1))?;
        for (name, value) in &self.group {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("amount", &self.amount)?;
        map.end()
    }
}

impl Grouping {
    fn read(group_by: &[String], kind: Kind, names: NameSet) -> Result<Grouping, Refusal> {
        let properties = group_by.iter().map(|name| {
            Property::named(name, kind, names).filter(Property::groups).ok_or_else(|| {
                codes::FILTER.because(format!("nothing is grouped on `{name}`")).field("group_by")
            })
        });
        properties.collect::<Result<_, _>>().map(Grouping)
    }

    fn group(&self, subject: &dyn Subject) -> String {
        let values: Vec<Value> = self.0.iter().map(|property| property.of(subject).to_json()).collect();
        Value::from(values).to_string()
    }

    fn misses(&self, subject: &dyn Subject) -> bool {
        self.0.iter().any(|property| matches!(property.of(subject), Look::Absent))
    }

    fn shown(&self, group: &str) -> Map<String, Value> {
        let values: Vec<Value> = serde_json::from_str(group).expect("groups are written as JSON arrays");
        let mut shown = Map::new();
        for (property, value) in self.0.iter().zip(values) {
            let path: Vec<&str> = property.path().collect();
            put(&mut shown, &path, value);
        }
        shown
    }
}

/// Puts a value at the end of a path. Where a whole object is shown already its parts are in it.
fn put(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = object.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

impl Sums {
    pub(super) fn new(query: &Query, call: &Call<'_>, kind: Kind) -> Result<Sums, Refusal> {
        let mut group_by = query.wanted.group_by.clone();
        if call.fault("unknown_group_ignored") {
            group_by.retain(|name| Property::named(name, kind, query.wanted.names).is_some());
        }
        let mut grouping = Grouping::read(&group_by, kind, query.wanted.names)?;
        if call.fault("group_ignored") {
            grouping.0.clear();
        }
        if call.fault("group_by_first_only") {
            grouping.0.truncate(1);
        }
        Ok(Sums { grouping, drop_missing: call.fault("group_drops_missing"), by_group: BTreeMap::new() })
    }

    pub(super) fn add(&mut self, subject: &dyn Subject, amount: u128) {
        if self.drop_missing && self.grouping.misses(subject) {
            return;
        }
        let group = self.grouping.group(subject);
        *self.by_group.entry(group).or_default() += amount;
    }

    /// The page that the query asks for.
    pub(super) fn answer(mut self, query: Query, call: &Call<'_>) -> Answer {
        if call.fault("sum_loses_one")
            && let Some(first) = self.by_group.values_mut().next()
        {
            *first = first.saturating_sub(1);
        }
        if self.by_group.is_empty() && call.fault("nothing_sums_to_zero") {
            self.by_group.insert(Value::from(vec![Value::Null; self.grouping.0.len()]).to_string(), 0);
        }
        if call.fault("sum_saturates") {
            let largest = u128::from(i64::MAX.unsigned_abs());
            self.by_group.values_mut().for_each(|sum| *sum = largest.min(*sum));
        }
        let skipped = usize::from(query.continues() && call.fault("list_skips_one"));
        let above = query.above().to_owned();
        let rest = self.by_group.range::<str, _>((Excluded(above.as_str()), Unbounded));
        let rest = rest.map(|(group, amount)| {
            (group.clone(), Sum { group: self.grouping.shown(group), amount: *amount })
        });
        reply(&query.cut(call.cx, rest.skip(skipped))).into()
    }
}
