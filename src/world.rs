//! One instance of the product that can be broken on purpose.
//!
//! A drill asks: if the product broke in this way, which canary would sing? For that it needs an instance that it may
//! break. What it is made of (an in-process stand-in, a proxy in front of a test environment, both) is the suite's
//! affair; the library sees this trait.

use std::{error::Error, fmt};

/// An instance of the product, running, whose faults can be switched on and off while it runs.
///
/// Faults have names. Those of any HTTP API are `kind:operation` and come from
/// [`drill::Proxy`](crate::drill::Proxy); those of the product's own domain are named by the suite. An implementation
/// passes a name to whoever knows it:
///
/// ```
/// use std::{collections::BTreeSet, sync::Mutex};
/// use coalmine::world::{UnknownFault, World};
///
/// #[derive(Default)]
/// struct Shop(Mutex<BTreeSet<String>>);
///
/// impl World for Shop {
///     fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
///         if fault != "sums_off_by_one" {
///             return Err(UnknownFault::among(fault, ["sums_off_by_one"]));
///         }
///         let mut faults = self.0.lock().expect("nobody panics while holding it");
///         if on { faults.insert(fault.into()); } else { faults.remove(fault); }
///         Ok(())
///     }
///     fn faults_on(&self) -> Vec<String> {
///         self.0.lock().expect("nobody panics while holding it").iter().cloned().collect()
///     }
///     fn catalogue(&self) -> Vec<(String, String)> {
///         vec![("sums_off_by_one".into(), "totals are one cent too high".into())]
///     }
///     fn census(&self) -> serde_json::Value {
///         serde_json::json!({ "orders": 0 })
///     }
/// }
///
/// let shop = Shop::default();
/// shop.switch("sums_off_by_one", true)?;
/// assert_eq!(shop.faults_on(), ["sums_off_by_one"]);
/// let error = shop.switch("sum_off_by_one", true).unwrap_err();
/// assert_eq!(error.nearest.as_deref(), Some("sums_off_by_one"));
/// # Ok::<(), UnknownFault>(())
/// ```
pub trait World: Send + Sync {
    /// Switches a fault on or off, from the next request on. Switching twice is the same as once.
    ///
    /// # Errors
    /// If no fault has that name; nothing is switched then.
    fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault>;

    /// The faults that are on, in a stable order.
    fn faults_on(&self) -> Vec<String>;

    /// The faults that exist, as `(name, what the product does while it is on)`. A name with a free part, such as a
    /// place in a document, need not be listed for every value of it.
    fn catalogue(&self) -> Vec<(String, String)>;

    /// How many answers a fault has changed since it was switched on; none if the world does not count that.
    fn effects(&self, fault: &str) -> Option<u64> {
        let _ = fault;
        None
    }

    /// All that exists in the product now, in a form that two takings can be compared: equal before and after a run
    /// means that the run left nothing behind.
    fn census(&self) -> serde_json::Value;
}

/// No fault has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault {
    /// The name asked for.
    pub name: String,
    /// What is wrong with it, if more can be said than that it is unknown.
    pub why: Option<String>,
    /// The known name that was most likely meant.
    pub nearest: Option<String>,
}

impl UnknownFault {
    /// The error for a name that is not among the known ones.
    #[must_use]
    pub fn among<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        Self { name: name.to_owned(), why: None, nearest: crate::nearest(name, known).map(str::to_owned) }
    }
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no fault `{}`", self.name)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => f.write_str("; take one from the catalogue of faults"),
        }
    }
}

impl Error for UnknownFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_remedy() {
        let known = ["mail_lost", "mail_spam"];
        assert_eq!(
            UnknownFault::among("mail_lots", known).to_string(),
            "there is no fault `mail_lots`; did you mean `mail_lost`?"
        );
        assert_eq!(
            UnknownFault::among("fire", known).to_string(),
            "there is no fault `fire`; take one from the catalogue of faults"
        );
    }
}
