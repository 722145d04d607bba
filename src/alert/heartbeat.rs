//! The sign of life: an address that is pinged while the service does its work, so that somebody else pages when it does
//! not. The verdicts of canaries have no part in it.
//!
//! The address is one of healthchecks.io or of anything that works like it: each request is a sign, what is more than
//! five a minute may be dropped, and silence is the alarm. That it is not well is said by silence as well: its `/fail`
//! is not used, because whoever can still say so is not the case that this is for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::notifier::{Outcome, http::Line};
use crate::{
    clock::Clock,
    config::{ConfigError, HeartbeatSettings},
    http::Roots,
    redact::Redactor,
    secret::Secret,
};

/// For how long a page may be undelivered.
pub const UNDELIVERED: Duration = Duration::from_secs(300);

/// After a ping that failed it is not waited longer than this for the next: four a minute.
const AGAIN: Duration = Duration::from_secs(15);

/// How well the service does its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What should have been done and was not, each as a sentence: `api is 4 min late`. Empty if the schedule is kept.
    pub late: Vec<String>,
    /// What is to be told and has not been taken by anybody, each with since when.
    pub undelivered: Vec<(String, Timestamp)>,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// A sign is given.
    Ping,
    /// None is, and why.
    Hold(Vec<String>),
}

/// Whether a sign is to be given.
#[must_use]
pub fn decide(health: &Health, now: Timestamp) -> Beat {
    let Health { late, undelivered } = health;
    let mut reasons = late.clone();
    for (what, since) in undelivered {
        let waited = Duration::try_from(now.duration_since(*since)).unwrap_or_default();
        if waited >= UNDELIVERED {
            reasons.push(format!("{what} has been undelivered for {} min", waited.as_secs() / 60));
        }
    }
    if reasons.is_empty() { Beat::Ping } else { Beat::Hold(reasons) }
}

/// Gives signs.
pub struct Heartbeat {
    address: Secret,
    every: Duration,
    line: Line,
    pinged: AtomicU64,
    failed: AtomicU64,
    held: AtomicU64,
    /// Why the last sign was not given or not taken; written by [`Self::run`], read by anybody.
    trouble: Mutex<Vec<String>>,
}

/// How often it went how, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeartbeatCounts {
    /// Signs that were taken.
    pub pinged: u64,
    /// Signs that were not.
    pub failed: u64,
    /// Times that none was given on purpose.
    pub held: u64,
}

impl Heartbeat {
    /// One that has given no sign yet.
    ///
    /// # Errors
    /// If nobody is trusted, so that no connection can be made.
    pub fn new(settings: &HeartbeatSettings, roots: &Roots) -> Result<Self, ConfigError> {
        let HeartbeatSettings { url, every } = settings;
        let redactor = Redactor::new();
        redactor.learn(url.expose());
        Ok(Self {
            address: url.clone(),
            every: *every,
            line: Line::new("COALMINE_HEARTBEAT", url.expose(), roots, redactor)?,
            pinged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            held: AtomicU64::new(0),
            trouble: Mutex::default(),
        })
    }

    /// Gives a sign each time that the interval has passed in real time and all is well, until it is cancelled. The first
    /// comes after an interval: a service that ends and starts over and over must not look alive.
    pub async fn run(&self, health: impl Fn() -> Health + Send, clock: Clock, cancel: CancellationToken) {
        let mut wait = self.every;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => (),
            }
            wait = self.every;
            let trouble = match decide(&health(), clock.now()) {
                Beat::Hold(reasons) => {
                    self.held.fetch_add(1, Ordering::Relaxed);
                    reasons
                }
                Beat::Ping => {
                    let outcome = tokio::select! {
                        () = cancel.cancelled() => return,
                        outcome = self.ping() => outcome,
                    };
                    if let Outcome::Accepted { .. } = outcome {
                        self.pinged.fetch_add(1, Ordering::Relaxed);
                        Vec::new()
                    } else {
                        self.failed.fetch_add(1, Ordering::Relaxed);
                        wait = wait.min(AGAIN);
                        vec![format!("the heartbeat was not taken: {}", outcome.text())]
                    }
                }
            };
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        }
    }

    /// Gives one sign.
    pub async fn ping(&self) -> Outcome {
        let heard = self.line.ask(self.line.client().get(self.address.expose())).await;
        let refused = |status| (300..500).contains(&status);
        self.line.judge(heard, |status| (200..300).contains(&status), refused)
    }

    /// How often it went how.
    #[must_use]
    pub fn counts(&self) -> HeartbeatCounts {
        HeartbeatCounts {
            pinged: self.pinged.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            held: self.held.load(Ordering::Relaxed),
        }
    }

    /// Why the last sign was not given or not taken; empty if it was.
    #[must_use]
    pub fn trouble(&self) -> Vec<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_late_or_long_undelivered_holds_it() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| Timestamp::from_second(1_000_000 - seconds).unwrap();
        let check = |late: &[&str], undelivered: &[(&str, i64)], reasons: &[&str]| {
            let owned = |it: &&str| (*it).to_owned();
            let health = Health {
                late: late.iter().map(owned).collect(),
                undelivered: undelivered.iter().map(|(what, since)| (owned(what), ago(*since))).collect(),
            };
            let expected =
                if reasons.is_empty() { Beat::Ping } else { Beat::Hold(reasons.iter().map(owned).collect()) };
            assert_eq!(decide(&health, now), expected);
        };
        check(&[], &[], &[]);
        check(&[], &[("i-1", 299)], &[]);
        // A clock that was set back.
        check(&[], &[("i-1", -500)], &[]);
        check(&[], &[("i-1", 300)], &["i-1 has been undelivered for 5 min"]);
        check(
            &["api is 4 min late"],
            &[("i-1", 10), ("i-2", 900)],
            &["api is 4 min late", "i-2 has been undelivered for 15 min"],
        );
    }
}
