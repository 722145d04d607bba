//! When somebody is told of a canary, as a suite says it.

use std::{sync::Arc, time::Duration};

/// When an incident opens and closes, and how often somebody is reminded of it.
///
/// ```
/// use std::time::Duration;
/// use coalmine::AlertPolicy;
///
/// let patient = AlertPolicy::default().open(3, 5).close(3).remind(Duration::from_secs(8 * 3600));
/// assert_eq!((patient.fail, patient.of, patient.pass), (3, 5, 3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertPolicy {
    /// An incident opens when a step has failed in this many of the last [`of`](Self::of) counted runs. Default: 2.
    pub fail: u32,
    /// How many counted runs are looked at. Default: 3.
    pub of: u32,
    /// It closes when the step has passed in this many counted runs in a row. Default: 2.
    pub pass: u32,
    /// How long after the last page somebody is paged again for an incident that is still open and that nobody has
    /// acknowledged; none is never. Default: 4 hours.
    pub remind: Option<Duration>,
    /// How long nothing but inconclusive runs are seen before the canary's owners are told; none is never. Default:
    /// 30 minutes.
    pub inconclusive: Option<Duration>,
    /// More steps than this that are down at once become one page for the whole canary. Default: 3.
    pub roots: usize,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self {
            fail: 2,
            of: 3,
            pass: 2,
            remind: Some(Duration::from_secs(4 * 3600)),
            inconclusive: Some(Duration::from_secs(30 * 60)),
            roots: 3,
        }
    }
}

impl AlertPolicy {
    /// The largest [`of`](Self::of): so many runs of a step are remembered.
    pub const MOST: u32 = 100;

    /// An incident opens after so many failures among so many counted runs.
    #[must_use]
    pub fn open(mut self, fail: u32, of: u32) -> Self {
        (self.fail, self.of) = (fail, of);
        self
    }

    /// It closes after so many passes in a row.
    #[must_use]
    pub fn close(mut self, pass: u32) -> Self {
        self.pass = pass;
        self
    }

    /// Somebody is paged again when so much time has passed and nobody has acknowledged it.
    #[must_use]
    pub fn remind(mut self, after: Duration) -> Self {
        self.remind = Some(after);
        self
    }

    /// Nobody is paged twice for one incident.
    #[must_use]
    pub fn without_reminders(mut self) -> Self {
        self.remind = None;
        self
    }

    /// The canary's owners are told when for so long no run could tell anything.
    #[must_use]
    pub fn inconclusive(mut self, after: Duration) -> Self {
        self.inconclusive = Some(after);
        self
    }

    /// More steps than this that are down at once become one page.
    #[must_use]
    pub fn roots(mut self, most: usize) -> Self {
        self.roots = most;
        self
    }

    /// What makes no sense about it, with the remedy.
    pub(crate) fn mistake(&self) -> Option<String> {
        let Self { fail, of, pass, remind, inconclusive: _, roots } = self;
        if *fail == 0 || fail > of {
            return Some(format!(
                "it opens after {fail} of {of} runs; let the first be at least 1 and at most the second"
            ));
        }
        if *of > Self::MOST {
            return Some(format!("it looks at {of} runs; look at {} at most", Self::MOST));
        }
        if *pass == 0 {
            return Some("it closes after 0 passes; let it be at least 1".to_owned());
        }
        if *roots == 0 {
            return Some(
                "not even one step may be down before it is one page; let it be at least 1".to_owned(),
            );
        }
        if remind.is_some_and(|it| it < Duration::from_secs(60)) {
            return Some("it reminds more often than every minute; remind less often".to_owned());
        }
        None
    }
}

/// Which policy a canary has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyChoice {
    /// One of the suite's, by name.
    Named(Arc<str>),
    /// One of its own.
    Own(AlertPolicy),
}

impl From<&str> for PolicyChoice {
    fn from(name: &str) -> Self {
        Self::Named(name.into())
    }
}

impl From<AlertPolicy> for PolicyChoice {
    fn from(policy: AlertPolicy) -> Self {
        Self::Own(policy)
    }
}
