//! Pages and cursors (facts, section 8).
//!
//! A list is a row of items, each with a position that never changes and only grows. A page goes on below the
//! position of the last item given, so that items added in between disturb nothing. The cursor carries the whole
//! query and is signed: clients must not be able to make their own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    codes,
    envelope::{Fields, Refusal, wrong_type},
    random,
};

/// Page size if none is asked for \[T\].
const USUAL: usize = 100;

/// The largest page; more is cut to it \[C\].
const LARGEST: usize = 1000;

/// How much of the signature a cursor carries, in bytes.
const SIGNATURE: usize = 8;

/// What a page is cut from, and where. This is also what a cursor says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Query {
    op: String,
    /// Ledger or team.
    pub(crate) scope: String,
    size: usize,
    /// The position of the last item that was given, unless this is the first page.
    past: Option<u64>,
}

/// One page, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Never empty, not even on the last page \[T\].
    cursor: String,
    /// No look-ahead: a page that is exactly full is not the last \[T\].
    pub(crate) last_page: bool,
}

impl Query {
    /// The query that a cursor carries, if there is a cursor: then all other fields are ignored \[T, D\].
    pub(crate) fn resume(key: &[u8], op: &str, fields: &Fields) -> Result<Option<Query>, Refusal> {
        let Some(cursor) = fields.get("cursor") else { return Ok(None) };
        let query = cursor.as_str().and_then(|cursor| read(key, cursor));
        match query {
            Some(query) if query.op == op => Ok(Some(query)),
            Some(_) => Err(codes::CURSOR.because("the cursor belongs to another operation")),
            None => Err(codes::CURSOR.into()),
        }
    }

    /// The query that the fields describe.
    pub(crate) fn first(op: &str, scope: &str, fields: &Fields) -> Result<Query, Refusal> {
        let size = match fields.get("page_size") {
            None => USUAL,
            Some(Value::Number(number)) => match number.as_u64() {
                Some(0) => USUAL,
                Some(size) => usize::try_from(size).unwrap_or(LARGEST).min(LARGEST),
                None => return Err(wrong_type("page_size", "a whole number from 0")),
            },
            Some(_) => return Err(wrong_type("page_size", "a whole number from 0")),
        };
        Ok(Query { op: op.to_owned(), scope: scope.to_owned(), size, past: None })
    }

    /// Whether this continues an earlier page.
    pub(crate) fn continues(&self) -> bool {
        self.past.is_some()
    }

    /// Newest first: positions below this one are still to be given.
    pub(crate) fn below(&self) -> u64 {
        self.past.unwrap_or(u64::MAX)
    }

    /// Oldest first: positions from this one on are still to be given.
    pub(crate) fn from(&self) -> u64 {
        self.past.map_or(0, |past| past + 1)
    }

    /// Cuts the page off the front of what is still to be given.
    pub(crate) fn cut<T>(mut self, key: &[u8], rest: impl Iterator<Item = (u64, T)>) -> Page<T> {
        let mut items = Vec::new();
        for (position, item) in rest.take(self.size) {
            self.past = Some(position);
            items.push(item);
        }
        // After an empty first page nothing older can come any more.
        self.past = self.past.or(Some(0));
        Page { last_page: items.len() < self.size, items, cursor: self.write(key) }
    }

    fn write(&self, key: &[u8]) -> String {
        let mut bytes = serde_json::to_vec(self).expect("a query has text keys");
        let signature = random::sign(key, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn read(key: &[u8], cursor: &str) -> Option<Query> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (text, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
    random::sign(key, text).verify_truncated_left(signature).ok()?;
    serde_json::from_slice(text).ok()
}

/// Refuses filters, which no list understands yet; an empty one is none \[S, C, 9\].
pub(crate) fn no_filter(fields: &Fields) -> Result<(), Refusal> {
    match fields.text("filter")? {
        Some(filter) if !filter.is_empty() => Err(codes::FILTER.because("filters are not supported yet")),
        Some(_) | None if !fields.list("filter_params")?.is_empty() => Err(codes::FILTER_PARAMS.into()),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &[u8] = b"key";

    fn fields(value: Value) -> Fields {
        Fields::parse(value.to_string().as_bytes()).unwrap()
    }

    fn all(items: u64, size: u64) -> Vec<(Vec<u64>, bool)> {
        let mut pages = Vec::new();
        let mut query = Query::first("list", "here", &fields(json!({"page_size": size}))).unwrap();
        loop {
            let below = query.below().min(items);
            let page = query.cut(KEY, (0..below).rev().map(|position| (position, position)));
            let (cursor, last) = (page.cursor, page.last_page);
            pages.push((page.items, last));
            if last {
                return pages;
            }
            query = Query::resume(KEY, "list", &fields(json!({"cursor": cursor, "page_size": 0})))
                .unwrap()
                .unwrap();
        }
    }

    #[test]
    fn pages_around_the_size() {
        assert_eq!(all(0, 3), [(vec![], true)]);
        assert_eq!(all(2, 3), [(vec![1, 0], true)]);
        assert_eq!(all(3, 3), [(vec![2, 1, 0], false), (vec![], true)]);
        assert_eq!(all(4, 3), [(vec![3, 2, 1], false), (vec![0], true)]);
    }

    #[test]
    fn sizes() {
        for (asked, size) in
            [(json!(null), 100), (json!(0), 100), (json!(1000), 1000), (json!(u64::MAX), 1000)]
        {
            assert_eq!(Query::first("list", "", &fields(json!({"page_size": asked}))).unwrap().size, size);
        }
        for bad in [json!(-1), json!(1.5), json!("10"), json!([])] {
            assert_eq!(
                Query::first("list", "", &fields(json!({"page_size": bad}))).unwrap_err().code,
                codes::MALFORMED
            );
        }
    }

    #[test]
    fn cursors_cannot_be_made_up() {
        let query = Query::first("list", "here", &Fields::default()).unwrap();
        let good = query.write(KEY);
        let resume = |op: &str, cursor: Value| Query::resume(KEY, op, &fields(json!({"cursor": cursor})));
        assert!(resume("list", json!(good)).is_ok());
        assert_eq!(resume("other", json!(good)).unwrap_err().code, codes::CURSOR);
        let mut changed = good.clone().into_bytes();
        changed[10] ^= 1;
        for bad in [json!(""), json!("garbage"), json!(5), json!(String::from_utf8(changed).unwrap())] {
            assert_eq!(resume("list", bad).unwrap_err().code, codes::CURSOR);
        }
    }
}
