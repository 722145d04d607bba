//! Why a step did not pass, as a value that `?` carries.

use std::{error::Error, fmt};

use crate::verdict::{Cause, Verdict};

/// What a step returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A step's failure: one sentence, the chain of causes below it, and the exchange it is about.
///
/// Like `anyhow::Error`, it takes any error through `?` and is itself no [`Error`]: otherwise the conversion could
/// not be blanket.
///
/// ```
/// use coalmine::{Cause, Failure};
///
/// fn balance() -> coalmine::Result<i64> {
///     Ok("12x".parse::<i64>()?)
/// }
/// let failure = balance().unwrap_err().about("the balance of the new account");
/// assert_eq!(failure.cause, Cause::Assertion);
/// assert_eq!(failure.to_string(), "the balance of the new account\n  caused by: invalid digit found in string");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// One sentence without a full stop: expected before actual.
    pub message: String,
    /// What lies below it, outermost first.
    pub causes: Vec<String>,
    /// What kind of failure it is; decides between *failed* and *inconclusive*.
    pub cause: Cause,
    /// What to do about it, if that can be said.
    pub remedy: Option<String>,
    /// The request that the failure is about: from here the engineer on call starts.
    pub exchange: Option<Box<ExchangeRef>>,
}

/// Enough of one exchange to name it in a sentence; the whole is in the record under the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRef {
    /// Number of the exchange within its attempt, from 0.
    pub index: usize,
    /// For example `POST https://host/dashboard/sign-up`.
    pub request: String,
    /// The answer's status, if one came.
    pub status: Option<u16>,
    /// The product's own id of the request, for its support.
    pub request_id: Option<String>,
    /// The start of the answer's body, redacted.
    pub excerpt: Option<String>,
}

impl Failure {
    /// A failed expectation.
    pub fn new(message: impl fmt::Display) -> Self {
        Self::of(Cause::Assertion, message)
    }

    /// A failure of a given kind.
    pub fn of(cause: Cause, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), causes: Vec::new(), cause, remedy: None, exchange: None }
    }

    /// Puts a sentence of the caller's above this failure.
    #[must_use]
    pub fn about(mut self, message: impl fmt::Display) -> Self {
        self.causes.insert(0, std::mem::replace(&mut self.message, message.to_string()));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.remedy = Some(remedy.to_string());
        self
    }

    /// Names the exchange that the failure is about, unless a more precise place has named one already.
    #[must_use]
    pub fn exchange(mut self, exchange: ExchangeRef) -> Self {
        self.exchange.get_or_insert_with(|| Box::new(exchange));
        self
    }

    /// Adds what lies below this failure.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Many libraries repeat the inner error in the outer one's text.
            if !self.causes.last().is_some_and(|last| last.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Failed or inconclusive.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.cause.verdict()
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut failure = Self::new(&error);
        if let Some(source) = error.source() {
            failure = failure.caused_by(source);
        }
        failure
    }
}

/// An error with what lies below it, on one line.
#[cfg(any(feature = "gmail", feature = "drill"))]
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let inner = error.to_string();
        if !text.ends_with(&inner) {
            text = format!("{text}: {inner}");
        }
        below = error.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(exchange) = &self.exchange {
            write!(f, "\n  {exchange}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  remedy: {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ExchangeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exchange {}: {}", self.index, self.request)?;
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None => f.write_str(" -> no answer")?,
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request id {id}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n  answered: {excerpt}")?;
        }
        Ok(())
    }
}

/// Says what was being tried, above whatever went wrong.
pub trait Context<T> {
    /// Puts `message` above the error, as [`Failure::about`] does.
    ///
    /// # Errors
    /// Those of `self`.
    fn about(self, message: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Context<T> for std::result::Result<T, E> {
    fn about(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().about(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_chain() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the amount is no number")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let failure = Failure::from(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(failure.message, "the amount is no number");
        assert_eq!(failure.causes, ["invalid digit found in string"]);
    }

    #[test]
    fn the_first_named_exchange_stays() {
        let exchange = |index| ExchangeRef {
            index,
            request: "GET /".into(),
            status: None,
            request_id: None,
            excerpt: None,
        };
        assert_eq!(Failure::new("x").exchange(exchange(1)).exchange(exchange(2)).exchange.unwrap().index, 1);
    }
}
