//! How far schemas unfold at one place of an answer.
//!
//! `$ref`, `allOf` and their like apply further schemas to the same value. Where such a way leads back to its
//! beginning, the schema says nothing; where it forks again and again, checking has no end in practice.

use std::collections::HashMap;

use serde_json::Value;

use super::DocumentError;

/// How many schemas one way may lead through.
const LENGTH: usize = 64;

/// How many schemas may apply to one value.
const SCHEMAS: u64 = 100_000;

type Address = *const Value;

/// Which schemas apply others to the same value.
#[derive(Default)]
pub(super) struct Expansion {
    edges: HashMap<Address, Vec<Address>>,
    pointers: HashMap<Address, String>,
    /// In the order of the walk, so that always the same mistake is reported.
    order: Vec<Address>,
    /// How many schemas each one unfolds to; nothing while it is being counted.
    counts: HashMap<Address, Option<u64>>,
}

impl Expansion {
    /// Notes that `from` applies `to` to the same value.
    pub(super) fn add(&mut self, from: &Value, from_pointer: &str, to: &Value, to_pointer: &str) {
        let (from, to) = (std::ptr::from_ref(from), std::ptr::from_ref(to));
        self.edges.entry(from).or_insert_with(|| {
            self.order.push(from);
            Vec::new()
        });
        if let Some(edges) = self.edges.get_mut(&from) {
            edges.push(to);
        }
        for (address, pointer) in [(from, from_pointer), (to, to_pointer)] {
            self.pointers.entry(address).or_insert_with(|| pointer.to_owned());
        }
    }

    /// Says where a way comes back to itself, is too long, or forks too often.
    pub(super) fn check(&mut self) -> Result<(), DocumentError> {
        for address in std::mem::take(&mut self.order) {
            self.count(address, 0)?;
        }
        Ok(())
    }

    fn count(&mut self, address: Address, depth: usize) -> Result<u64, DocumentError> {
        match self.counts.get(&address) {
            Some(Some(count)) => return Ok(*count),
            Some(None) => {
                return Err(self.error(address, "the schema leads back to itself at the same value"));
            }
            None if depth == LENGTH => {
                let message = format!("the schema leads through more than {LENGTH} others at the same value");
                return Err(self.error(address, &message));
            }
            None => (),
        }
        let Some(edges) = self.edges.get(&address).cloned() else { return Ok(1) };
        self.counts.insert(address, None);
        let mut sum = 1_u64;
        for next in edges {
            sum = sum.saturating_add(self.count(next, depth + 1)?);
        }
        if sum > SCHEMAS {
            let message = format!("the schema unfolds to more than {SCHEMAS} others at the same value");
            return Err(self.error(address, &message));
        }
        self.counts.insert(address, Some(sum));
        Ok(sum)
    }

    fn error(&self, address: Address, message: &str) -> DocumentError {
        DocumentError::at(self.pointers.get(&address).map_or("", String::as_str), message)
    }
}
