//! What may stand behind the question mark. Mistakes name the parameter, what was found and what is expected.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::{service::whole_minute, verdict::Verdict};

/// How many items there are if nobody says, and at most.
const LIMIT: usize = 50;
const MOST: usize = 500;

/// How far back statistics go if nobody says.
const SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The names in a path; one that is no text is refused in the form of all errors.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(names) = Path::<T>::from_request_parts(parts, state).await.map_err(|error| {
            let found = format!("the path is malformed: {}", error.body_text());
            ApiError::bad_request(found, "write names as UTF-8, percent-encoded")
        })?;
        Ok(Self(names))
    }
}

/// The pairs of a query.
pub(super) struct Asked(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let pairs = pairs.map_err(|error| {
            let found = format!("the query is malformed: {}", error.body_text());
            ApiError::bad_request(found, "write it as `name=value&name=value`")
        })?;
        Ok(Self(pairs.0))
    }
}

impl Asked {
    /// Demands that nothing else is asked: a mistyped parameter must not count as left out.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, ApiError> {
        for (number, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let message = match crate::nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("there is no parameter `{name}`; did you mean `{nearest}`?"),
                    None => format!("there is no parameter `{name}`"),
                };
                let remedy = match known {
                    [] => "leave it out: this takes none".to_owned(),
                    known => format!("take one of: {}", known.join(", ")),
                };
                return Err(ApiError::bad_request(message, remedy));
            }
            if self.0[..number].iter().any(|(before, _)| before == name) {
                return Err(ApiError::bad_request(format!("`{name}` is there twice"), "give it once"));
            }
        }
        Ok(self)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.value("limit") else { return Ok(LIMIT) };
        text.parse().ok().filter(|it| (1..=MOST).contains(it)).ok_or_else(|| {
            let message = format!("`limit`: expected a number from 1 to {MOST}, found `{text}`");
            ApiError::bad_request(message, "go on with `after` where there is more than that")
        })
    }

    pub(super) fn verdict(&self) -> Result<Option<Verdict>, ApiError> {
        const RUNS: [Verdict; 4] =
            [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Skipped];
        let Some(text) = self.value("verdict") else { return Ok(None) };
        RUNS.into_iter().find(|it| it.as_str() == text).map(Some).ok_or_else(|| {
            let message = format!("`verdict`: expected a verdict of a run, found `{text}`");
            ApiError::bad_request(message, format!("take one of: {}", RUNS.map(Verdict::as_str).join(", ")))
        })
    }

    pub(super) fn after(&self) -> Option<String> {
        self.value("after").map(ToOwned::to_owned)
    }

    pub(super) fn canary(&self) -> Option<&str> {
        self.value("canary")
    }

    pub(super) fn open(&self) -> Result<Option<bool>, ApiError> {
        match self.value("open") {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => {
                let message = format!("`open`: expected `true` or `false`, found `{text}`");
                Err(ApiError::bad_request(message, "leave it out for both open and closed ones"))
            }
        }
    }

    pub(super) fn before(&self) -> Result<Option<Timestamp>, ApiError> {
        self.value("before").map(|text| time("before", text)).transpose()
    }

    pub(super) fn since(&self, now: Timestamp) -> Result<Timestamp, ApiError> {
        let Some(text) = self.value("since") else {
            return Ok(whole_minute(now.saturating_sub(SPAN).unwrap_or(now)));
        };
        time("since", text)
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| {
        let message = format!("`{name}`: expected a time, found `{text}`");
        ApiError::bad_request(message, "write it by RFC 3339, as 2026-01-31T12:00:00Z; a `+` as %2B")
    })
}
