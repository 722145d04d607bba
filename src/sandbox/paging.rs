//! Pages and cursors (facts, section 8).
//!
//! A list is a row of items, each with a position that never changes and only grows. A page goes on below the
//! position of the last item given, so that items added in between disturb nothing. The cursor carries the whole
//! query and is signed: clients must not be able to make their own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    codes,
    envelope::{Fields, Refusal, wrong_type},
    name_set::NameSet,
    random,
    world::Context,
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
    /// What is wanted of it.
    pub(crate) wanted: Wanted,
    size: usize,
    /// The position of the last item that was given, unless this is the first page.
    past: Option<Position>,
    /// How many items were given, only for the fault that goes on from there.
    given: usize,
}

/// Which items a list gives, and how they are put together; for lists without filters this is empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) filter: Option<String>,
    pub(crate) parameters: Vec<Value>,
    pub(crate) group_by: Vec<String>,
    /// A cursor keeps the name set of the query that made it \[C, 3\].
    pub(crate) names: NameSet,
}

/// Where an item stands: a number that never changes, or for a sum the group that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Position {
    Number(u64),
    Group(String),
}

impl From<u64> for Position {
    fn from(number: u64) -> Position {
        Position::Number(number)
    }
}

impl From<String> for Position {
    fn from(group: String) -> Position {
        Position::Group(group)
    }
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
    pub(crate) fn resume(cx: &Context, op: &str, fields: &Fields) -> Result<Option<Query>, Refusal> {
        let Some(cursor) = fields.get("cursor") else { return Ok(None) };
        let query = cursor.as_str().and_then(|cursor| unseal::<Query>(&cx.cursor_key, cursor));
        match query {
            Some(query) if query.op == op => Ok(Some(query)),
            Some(query) if cx.faults.on("cursor_of_other_operation_accepted") => {
                Ok(Some(Query { op: op.to_owned(), wanted: Wanted::default(), ..query }))
            }
            Some(_) => Err(codes::CURSOR.because("the cursor belongs to another operation")),
            None if cx.faults.on_for("cursor_unread", op) => Ok(None),
            None => Err(codes::CURSOR.into()),
        }
    }

    /// The query that the fields describe, for a list of everything.
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
        Ok(Query {
            op: op.to_owned(),
            scope: scope.to_owned(),
            wanted: Wanted::default(),
            size,
            past: None,
            given: 0,
        })
    }

    /// The same query for certain items only.
    pub(crate) fn wanting(self, wanted: Wanted) -> Query {
        Query { wanted, ..self }
    }

    /// Forgets what page size was asked for: what a fault does.
    pub(crate) fn usual_size(&mut self) {
        self.size = USUAL;
    }

    /// Begins with the last item of the page before: what a fault does.
    pub(crate) fn step_back(&mut self) {
        if let Some(Position::Number(past)) = &mut self.past {
            *past += 1;
        }
    }

    /// The query from the start, and how many items to leave out: what a fault goes on by.
    pub(crate) fn by_count(self) -> (Query, usize) {
        let given = self.given;
        (Query { past: None, ..self }, given)
    }

    /// Whether this continues an earlier page.
    pub(crate) fn continues(&self) -> bool {
        self.past.is_some()
    }

    /// Newest first: positions below this one are still to be given.
    pub(crate) fn below(&self) -> u64 {
        match &self.past {
            Some(Position::Number(past)) => *past,
            Some(Position::Group(_)) => 0,
            None => u64::MAX,
        }
    }

    /// Oldest first: positions from this one on are still to be given.
    pub(crate) fn from(&self) -> u64 {
        match &self.past {
            Some(Position::Number(past)) => past + 1,
            Some(Position::Group(_)) | None => 0,
        }
    }

    /// Sums: groups above this one are still to be given.
    pub(crate) fn above(&self) -> &str {
        match &self.past {
            Some(Position::Group(group)) => group,
            Some(Position::Number(_)) | None => "",
        }
    }

    /// Cuts the page off the front of what is still to be given.
    pub(crate) fn cut<P: Into<Position>, T>(
        mut self,
        cx: &Context,
        rest: impl Iterator<Item = (P, T)>,
    ) -> Page<T> {
        let mut items = Vec::new();
        for (position, item) in rest.take(self.size) {
            self.past = Some(position.into());
            items.push(item);
        }
        self.given += items.len();
        // After an empty first page nothing older can come any more.
        self.past = self.past.or(Some(Position::Number(0)));
        Page { last_page: items.len() < self.size, items, cursor: seal(&cx.cursor_key, &self) }
    }
}

/// Refuses a page size that is cut otherwise: what a fault does.
pub(crate) fn refuse_large_page(fields: &Fields) -> Result<(), Refusal> {
    match fields.get("page_size").and_then(Value::as_u64) {
        Some(size) if size > LARGEST as u64 => Err(wrong_type("page_size", "at most 1000")),
        Some(_) | None => Ok(()),
    }
}

/// Writes something down for clients to bring back: they cannot make or change it.
pub(crate) fn seal(key: &[u8], content: &impl Serialize) -> String {
    let mut bytes = serde_json::to_vec(content).expect("what is sealed has text keys");
    let signature = random::sign(key, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&signature[..SIGNATURE]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`seal`] wrote.
pub(crate) fn unseal<T: DeserializeOwned>(key: &[u8], sealed: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (text, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
    random::sign(key, text).verify_truncated_left(signature).ok()?;
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        Fields::parse(value.to_string().as_bytes()).unwrap()
    }

    fn resume(cx: &Context, op: &str, cursor: Value) -> Result<Option<Query>, Refusal> {
        Query::resume(cx, op, &fields(json!({"cursor": cursor, "page_size": 0})))
    }

    fn all(items: u64, size: u64) -> Vec<(Vec<u64>, bool)> {
        let cx = Context::for_tests();
        let mut pages = Vec::new();
        let mut query = Query::first("list", "here", &fields(json!({"page_size": size}))).unwrap();
        loop {
            let below = query.below().min(items);
            let page = query.cut(&cx, (0..below).rev().map(|position| (position, position)));
            let (cursor, last) = (page.cursor, page.last_page);
            pages.push((page.items, last));
            if last {
                return pages;
            }
            query = resume(&cx, "list", json!(cursor)).unwrap().unwrap();
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
        let cx = Context::for_tests();
        let query = Query::first("list", "here", &Fields::default()).unwrap();
        let good = seal(&cx.cursor_key, &query);
        assert!(resume(&cx, "list", json!(good)).is_ok());
        assert_eq!(resume(&cx, "other", json!(good)).unwrap_err().code, codes::CURSOR);
        let mut changed = good.clone().into_bytes();
        changed[10] ^= 1;
        for bad in [json!(""), json!("garbage"), json!(5), json!(String::from_utf8(changed).unwrap())] {
            assert_eq!(resume(&cx, "list", bad).unwrap_err().code, codes::CURSOR);
        }
    }
}
