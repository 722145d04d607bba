//! Lists in pages, in the classic way of the API: by offset.

use axum::Json;
use serde_json::{Map, Value};

use super::{query::Query, refusal::Refusal};

/// The size of a page for whoever does not say, and the largest \[V\].
const DEFAULT: usize = 25;
const LARGEST: usize = 100;

/// So deep one can page, and no deeper \[V\].
const DEEPEST: usize = 10_000;

/// Which page is wanted.
#[derive(Debug)]
pub(super) struct Page {
    limit: usize,
    offset: usize,
    with_total: bool,
}

impl Page {
    pub(super) fn of(query: &Query) -> Result<Page, Refusal> {
        // A limit that is too large is made smaller, and the answer says so; clients go on from there [T].
        let limit = query.count("limit")?.unwrap_or(DEFAULT).clamp(1, LARGEST);
        let offset = query.count("offset")?.unwrap_or(0);
        if offset.saturating_add(limit) > DEEPEST {
            return Err(Refusal::invalid(format!(
                "Offset plus limit must be less than or equal to {DEEPEST}"
            )));
        }
        Ok(Page { limit, offset, with_total: query.one("total") == Some("true") })
    }

    /// The page of `all`, under the name of the list.
    pub(super) fn cut<T>(
        &self,
        name: &str,
        all: impl ExactSizeIterator<Item = T>,
        view: impl FnMut(T) -> Value,
    ) -> Json<Value> {
        let total = all.len();
        let items: Vec<Value> = all.skip(self.offset).take(self.limit).map(view).collect();
        let more = self.offset + items.len() < total;
        let answer = Map::from_iter([
            (name.to_owned(), items.into()),
            ("limit".to_owned(), self.limit.into()),
            ("offset".to_owned(), self.offset.into()),
            ("more".to_owned(), more.into()),
            // It costs time to count, so it is null unless asked for [V].
            ("total".to_owned(), if self.with_total { total.into() } else { Value::Null }),
        ]);
        Json(answer.into())
    }
}
