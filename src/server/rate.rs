//! How often somebody may ask: buckets that fill up again.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::options::Rate;
use crate::clock::Clock;

/// How many addresses are remembered.
const ADDRESSES: usize = 1024;

pub(super) struct Rates {
    runs: Rate,
    logins: Rate,
    run: Mutex<Bucket>,
    /// One per address: nobody is to lock others out.
    login: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Rates {
    pub(super) fn new(runs: Rate, logins: Rate) -> Self {
        let run = Mutex::new(Bucket::full(runs, Clock::instant()));
        Self { runs, logins, run, login: Mutex::default() }
    }

    /// Takes one request for runs, or says how long to wait.
    pub(super) fn run(&self) -> Result<(), Duration> {
        let mut bucket = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(self.runs, Clock::instant())
    }

    /// Takes one try to log in, or says how long to wait.
    pub(super) fn login(&self, from: IpAddr) -> Result<(), Duration> {
        let now = Clock::instant();
        let mut buckets = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&from) {
            let rate = self.logins;
            buckets.retain(|_, bucket| !bucket.is_full(rate, now));
            if buckets.len() >= ADDRESSES {
                return Err(rate.every);
            }
        }
        buckets.entry(from).or_insert_with(|| Bucket::full(self.logins, now)).take(self.logins, now)
    }
}

/// Holds what may be taken at once.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { left: f64::from(rate.burst), at: now }
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let gained = now.duration_since(self.at).as_secs_f64() / rate.every.as_secs_f64().max(1e-6);
        self.left = (self.left + gained).min(f64::from(rate.burst));
        self.at = now;
    }

    fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.left >= f64::from(rate.burst)
    }

    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.fill(rate, now);
        if self.left < 1.0 {
            return Err(rate.every.mul_f64(1.0 - self.left));
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_at_once_and_fills_up_slowly() {
        let rate = Rate { burst: 3, every: Duration::from_secs(2) };
        let start = Clock::instant();
        let mut bucket = Bucket::full(rate, start);
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(Duration::from_secs(2)));
        assert_eq!(bucket.take(rate, start + Duration::from_secs(1)), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(rate, start + Duration::from_secs(2)), Ok(()));
        assert!(bucket.take(rate, start + Duration::from_secs(2)).is_err());
        assert!(bucket.is_full(rate, start + Duration::from_secs(100)));
    }
}
