//! Values that the product's objects are made of: tags, times, ids.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{codes, envelope::Refusal};

/// The tags of something. "No tags" is one state, shown as `null`; `{}` is stored as none \[T for groups, C, 7\].
///
/// Shared, because every action keeps the tags of its account and flavor as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tags(Option<Arc<Map<String, Value>>>);

impl From<Option<&Map<String, Value>>> for Tags {
    fn from(tags: Option<&Map<String, Value>>) -> Tags {
        Tags(tags.filter(|tags| !tags.is_empty()).map(|tags| Arc::new(tags.clone())))
    }
}

impl Tags {
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// What stands at the end of a path of keys.
    pub(crate) fn at(&self, keys: &[String]) -> Option<&Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.0.as_deref()?.get(first)?, |value, key| value.as_object()?.get(key))
    }

    /// These tags with those of `other` put over them: what an update must not do \[S, T, 7\].
    pub(crate) fn merged(&self, other: &Tags) -> Tags {
        let mut merged = self.0.as_deref().cloned().unwrap_or_default();
        merged.extend(other.0.as_deref().cloned().unwrap_or_default());
        Tags::from(Some(&merged))
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_deref().serialize(serializer)
    }
}

/// An instant as the product knows it: to the millisecond \[D, 7\]. The default is long before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(i64);

impl From<Timestamp> for Millis {
    fn from(time: Timestamp) -> Millis {
        Millis(time.as_millisecond())
    }
}

impl Millis {
    pub(crate) fn next(self) -> Millis {
        Millis(self.0 + 1)
    }

    /// The start of the second that this is in.
    pub(crate) fn second(self) -> Millis {
        Millis(self.0 - self.0.rem_euclid(1000))
    }

    pub(crate) fn instant(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// RFC 3339, UTC, `Z`, exactly three decimals \[D, S, 7\].
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.instant())
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An id given by the client, or one made up \[S, T, 7\]: 1 to 256 bytes without control characters \[C, 14 row 35\].
pub(crate) fn id_or_else(given: Option<&Value>, make: impl FnOnce() -> String) -> Result<String, Refusal> {
    match given {
        None => Ok(make()),
        Some(Value::String(id)) if (1..=256).contains(&id.len()) && !id.contains(char::is_control) => {
            Ok(id.clone())
        }
        Some(_) => Err(codes::MISSING.because("`id` must be 1 to 256 bytes of text").field("id")),
    }
}

/// Whether `name` may be that of a team or ledger: letters, digits, hyphens, 1 to 64 \[D; C, 14 row 35\].
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether `name` may be that of a team: some names are first path segments already \[15\].
pub(crate) fn is_team_name(name: &str) -> bool {
    is_name(name) && !["hello", "dashboard"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals() {
        for (millis, shown) in [
            (1_525_293_837_917, "2018-05-02T20:43:57.917Z"),
            (1_525_293_837_000, "2018-05-02T20:43:57.000Z"),
            (1_525_293_837_070, "2018-05-02T20:43:57.070Z"),
        ] {
            assert_eq!(Millis(millis).to_string(), shown);
        }
        assert_eq!(Millis(1_525_293_837_917).second(), Millis(1_525_293_837_000));
    }

    #[test]
    fn names() {
        for good in ["a", "A-1", &"x".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", "a_b", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn ids() {
        let made = || "made".to_owned();
        assert_eq!(id_or_else(None, made).unwrap(), "made");
        let text = |text: String| id_or_else(Some(&Value::String(text)), made);
        assert_eq!(text("a-ä".to_owned()).unwrap(), "a-ä");
        assert!(text("x".repeat(256)).is_ok());
        assert!(text("x".repeat(257)).is_err());
        assert!(text(String::new()).is_err());
        assert!(text("a\nb".to_owned()).is_err());
        assert!(id_or_else(Some(&Value::from(5)), made).is_err());
    }
}
