//! The parameters of one call.

use axum::{
    RequestPartsExt as _,
    extract::{FromRequestParts, Query as Pairs},
    http::request::Parts,
};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::refusal::Refusal;

/// The query of a call. What is not asked for by name is ignored, as PagerDuty does \[M\].
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The last value of a parameter; an empty one is as good as none.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(key, value)| key == name && !value.is_empty());
        last.map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that is repeated, with brackets \[V\].
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let wanted = |key: &str| key.strip_suffix("[]") == Some(name);
        self.0.iter().filter(|(key, _)| wanted(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a filter that may be repeated lets `value` pass; absent, it lets everything pass.
    pub(super) fn lets_pass(&self, name: &str, value: &str) -> bool {
        let wanted = self.all(name);
        wanted.is_empty() || wanted.contains(&value)
    }

    /// A count, or nothing.
    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let text = self.one(name);
        let number =
            text.map(|text| text.parse().map_err(|_| Refusal::invalid(format!("{name} is invalid"))));
        number.transpose()
    }

    /// An instant in ISO 8601; without an offset it is UTC \[C\].
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.one(name) else { return Ok(None) };
        let civil = || {
            let day = || text.parse::<Date>().map(|day| day.at(0, 0, 0, 0));
            text.parse::<DateTime>().or_else(|_| day())?.to_zoned(TimeZone::UTC).map(|it| it.timestamp())
        };
        let time = text.parse::<Timestamp>().or_else(|_| civil());
        time.map(Some).map_err(|_| Refusal::invalid(format!("{name} is not a valid time")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Refusal> {
        let Pairs(pairs) =
            parts.extract().await.map_err(|_| Refusal::invalid("the query cannot be decoded"))?;
        Ok(Query(pairs))
    }
}
