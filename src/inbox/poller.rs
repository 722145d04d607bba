//! The one task that reads a mailbox for all who wait.
//!
//! It belongs to the mailbox and not to a step: a step that is given up must not take the others' mail with it. It
//! runs while somebody waits, follows the mailbox's history, looks at the headers of what is new, and reads the
//! mails whose address somebody holds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    mailbox::Shared,
    reader,
    trouble::{Kind, Trouble},
};
use crate::clock::Clock;

/// The shortest pause between two rounds; a slow API is asked no more often than it answers.
pub(super) const SHORTEST: Duration = Duration::from_millis(10);

/// The longest pause while all goes well and the budget allows it: most of the time until a step goes on is half of it.
const LONGEST: Duration = Duration::from_millis(150);

/// How fast pauses grow while nobody new waits.
const GROWTH: f64 = 1.25;

/// The first pause and the longest one after a round that went wrong.
const TROUBLED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The same when the API says that there were too many calls.
const BUSY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(64));

/// How long a search goes on beside the history after the history was lost.
const SEARCH_FOR: Duration = Duration::from_secs(30);

/// How often: what it reads lags behind by seconds, so it is asked again, but not with every poll.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// How far a search looks back before the time that is of interest, in seconds: its edge is not documented.
const SEARCH_MARGIN: i64 = 60;

/// Starts the task; the caller has marked it as running.
pub(super) fn start(shared: &Arc<Shared>) {
    tokio::spawn(run(Running { shared: Arc::clone(shared), over: false }));
}

/// Says that the poller runs, and tells those who wait if it ends without having said why.
struct Running {
    shared: Arc<Shared>,
    /// It has ended in order: nobody waits, or all know why.
    over: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            let remedy = "look for a panic in the log: this is a mistake in the poller, not in the product";
            self.fail(Trouble::new(Kind::Fatal, "no more of it: the poller ended by itself", remedy));
        }
    }
}

impl Running {
    /// Ends the waiting of all. Whoever begins to wait afterwards starts a new poller.
    fn fail(&mut self, trouble: Trouble) {
        let mut state = self.shared.lock();
        state.polling = false;
        self.over = true;
        self.shared.status.send_modify(|status| {
            status.rounds += 1;
            status.trouble = Some(trouble.clone());
            status.fatal = Some((status.rounds, trouble));
        });
    }

    fn leave_if_idle(&mut self) -> bool {
        self.over = self.shared.lock().leave_if_idle();
        self.over
    }
}

async fn run(mut running: Running) {
    let shared = Arc::clone(&running.shared);
    shared.lock().eager = false;
    let mut pause = SHORTEST;
    let mut failures = 0;
    let mut width = reader::WIDTH;
    while !running.leave_if_idle() {
        let held_back = shared.lock().not_before.filter(|until| *until > Clock::instant());
        if let Some(until) = held_back {
            let _ = tokio::time::timeout_at(until.into(), shared.waiters_changed.notified()).await;
            continue;
        }

        let began = Clock::instant();
        let outcome = round(&shared, width).await;
        let ended = Clock::instant();
        let trouble = match outcome {
            Ok(polled_in) => {
                failures = 0;
                width = reader::WIDTH.min(width * 2);
                shared.status.send_modify(|status| {
                    status.rounds += 1;
                    status.good = Some(began);
                    status.trouble = None;
                });
                // What the budget asks for is between two polls; reading may have used it up.
                let paced = shared.gmail.spending.pause().saturating_sub(ended - began);
                let shortest = SHORTEST.max(polled_in).min(LONGEST).max(paced);
                pause = grown(pause).max(shortest);
                if sleep(&shared, ended, pause, shortest).await {
                    pause = SHORTEST;
                }
                continue;
            }
            Err(trouble) => trouble,
        };
        let Some(backoff) = backoff(&trouble, failures, shared.clock.now()) else {
            return running.fail(trouble);
        };
        if let Kind::Busy(_) = trouble.kind {
            width = 1;
        }
        failures += 1;
        pause = SHORTEST;
        shared.lock().not_before = Some(ended + backoff);
        shared.status.send_modify(|status| {
            status.rounds += 1;
            status.trouble = Some(trouble);
        });
    }
}

/// The pause after this one, as long as all goes well and nobody new waits.
pub(super) fn grown(pause: Duration) -> Duration {
    LONGEST.min(pause.mul_f64(GROWTH))
}

/// How long to keep from calling after a trouble that came after so many others; nothing if it will stay.
pub(super) fn backoff(trouble: &Trouble, failures: u32, now: Timestamp) -> Option<Duration> {
    let ((first, most), asked) = match trouble.kind {
        Kind::Fatal | Kind::Unauthorized | Kind::NotFound => return None,
        Kind::Busy(until) => (BUSY, until.map_or(Duration::ZERO, |until| until_then(until, now))),
        Kind::Passing => (TROUBLED, Duration::ZERO),
    };
    // Many processes may share the quota; they must not all come back at once.
    let backoff = most.min(first * 2_u32.saturating_pow(failures.min(16)));
    Some(backoff.mul_f64(1.0 + fastrand::f64() / 4.0).max(asked))
}

/// Waits out the pause after `ended`. If somebody new waits, only as long as is decent; tells whether it was so.
async fn sleep(shared: &Shared, ended: Instant, pause: Duration, shortest: Duration) -> bool {
    loop {
        tokio::select! {
            () = tokio::time::sleep_until((ended + pause).into()) => return false,
            () = shared.waiters_changed.notified() => {
                let eager = std::mem::take(&mut shared.lock().eager);
                if eager && !shared.nobody_waits() {
                    tokio::time::sleep_until((ended + shortest.min(pause)).into()).await;
                    return true;
                }
                // Somebody has left, which makes nobody else's mail come sooner.
                if shared.nobody_waits() {
                    return false;
                }
            }
        }
    }
}

/// What the API asks for, within an hour: a time far away is more likely a wrong clock.
fn until_then(until: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    wait.min(Duration::from_secs(3600))
}

/// Asks once what is new, and reads it. Tells how long the asking took.
async fn round(shared: &Arc<Shared>, width: usize) -> Result<Duration, Trouble> {
    let began = Clock::instant();
    let (history, since, searching) = {
        let mut state = shared.lock();
        state.search_until.take_if(|until| *until <= began);
        let due = state.next_search.is_none_or(|next| next <= began);
        (state.history, state.since, state.search_until.is_some() && due)
    };
    let (mut ids, history, lost) = match shared.gmail.added_since(history).await {
        Ok((ids, history)) => (ids, history, false),
        Err(trouble) if trouble.kind == Kind::NotFound => {
            // Where to go on is fetched before the search, so that nothing falls between the two.
            let profile = shared.gmail.profile().await?;
            (Vec::new(), profile.history, true)
        }
        Err(trouble) => return Err(trouble),
    };
    if lost || searching {
        ids.extend(shared.gmail.search_after(since.as_second() - SEARCH_MARGIN).await?);
    }
    let heard = Clock::instant();
    {
        let mut state = shared.lock();
        state.history = history;
        if lost {
            state.search_until = Some(heard + SEARCH_FOR);
        }
        if lost || searching {
            state.next_search = Some(heard + SEARCH_EVERY);
        }
        state.hear_of(ids, began, heard);
    }
    reader::read_pending(shared, width).await?;
    Ok(heard - began)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inbox::{Credential, GmailConfig, Mailbox},
        redact::Redactor,
        secret::Secret,
    };

    fn mailbox() -> Mailbox {
        let credential =
            Credential::parse("token", Some("id"), Some(&Secret::new("client-secret".to_owned())), None)
                .unwrap();
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        Mailbox::new(GmailConfig::new(credential, tls), &Redactor::new())
    }

    #[test]
    fn a_poller_that_ends_by_itself_fails_all_who_wait() {
        let mailbox = mailbox();
        let shared = mailbox.shared();
        // As if one ran already, so that none is started.
        shared.lock().polling = true;
        let mut waiters = [mailbox.wait(), mailbox.wait()];
        assert!(waiters[0].fatal().is_none());

        drop(Running { shared: Arc::clone(shared), over: false });
        for waiter in &mut waiters {
            let failure = waiter.fatal().expect("they must not wait for nothing").failure();
            assert_eq!(
                failure.message,
                "expected to read the mailbox, got no more of it: the poller ended by itself"
            );
        }
        assert!(!shared.lock().polling, "the next one who waits starts a new poller");
        shared.lock().polling = true;
        assert!(mailbox.wait().fatal().is_none(), "an old trouble is none of a new waiter");
    }

    #[test]
    fn a_time_to_retry_at_is_kept_within_reason() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for (until, seconds) in
            [("2025-12-31T00:00:00Z", 0), ("2026-01-01T00:00:20Z", 20), ("2999-01-01T00:00:00Z", 3600)]
        {
            assert_eq!(until_then(until.parse().unwrap(), now), Duration::from_secs(seconds));
        }
    }
}
