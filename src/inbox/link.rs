//! A link of a mail.

use std::fmt;

use crate::{
    failure::{Failure, Result},
    secret::Secret,
};

/// A link of a mail. It prints without its path and query: whoever has them can use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    text: String,
    url: reqwest::Url,
}

impl Link {
    pub(super) fn parse(text: String) -> std::result::Result<Self, String> {
        let url = reqwest::Url::parse(&text).map_err(|error| error.to_string())?;
        Ok(Self { text, url })
    }

    pub(super) fn is_of_the_web(&self) -> bool {
        ["https", "http"].contains(&self.url.scheme())
    }

    /// The whole address, as the mail has it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The host that it leads to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// A parameter of the query, decoded; one behind `#` too, where single-page applications have them.
    ///
    /// # Errors
    /// There is none of that name, or it is empty.
    pub fn parameter(&self, name: &str) -> Result<Secret> {
        let found = self.parameters().find(|(own, value)| own == name && !value.is_empty());
        found.map(|(_, value)| Secret::new(value)).ok_or_else(|| {
            Failure::new(format_args!("expected a parameter `{name}` in the link to {self}, found none"))
        })
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        let fragment = self.url.fragment().unwrap_or_default();
        let fragment = fragment.split_once('?').map_or(fragment, |(_, query)| query);
        // A second address, only to have its query read.
        let mut behind = self.url.clone();
        behind.set_query(Some(fragment).filter(|it| it.contains('=')));
        let owned = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), value.into_owned())
        };
        let mut all: Vec<_> = self.url.query_pairs().map(owned).collect();
        all.extend(behind.query_pairs().map(owned));
        all.into_iter()
    }
}

/// Whether whoever has the value of such a parameter can use it.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["code", "token", "secret", "credential", "password", "key", "sig"].iter().any(|part| name.contains(part))
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.url.scheme(), self.host())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}
