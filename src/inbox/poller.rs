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
    mail::Content,
    mailbox::Shared,
    trouble::{Kind, Trouble},
};
use crate::clock::Clock;

/// The shortest pause between two rounds; a slow API is asked no more often than it answers.
const SHORTEST: Duration = Duration::from_millis(10);

/// The longest pause while all goes well.
const LONGEST: Duration = Duration::from_secs(1);

/// How fast pauses grow while nobody new waits.
const GROWTH: f64 = 1.25;

/// The first pause and the longest one after a round that went wrong.
const TROUBLED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The same when the API says that there were too many calls.
const BUSY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(64));

/// How long a mail that the history names may be missing: the parts of Gmail do not learn of it at once.
const UNREADABLE_FOR: Duration = Duration::from_secs(30);

/// How long a search goes on beside the history after the history was lost.
const SEARCH_FOR: Duration = Duration::from_secs(30);

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
    let mut pause = SHORTEST;
    let mut failures = 0;
    while !running.leave_if_idle() {
        let held_back = shared.lock().not_before.filter(|until| *until > Clock::instant());
        if let Some(until) = held_back {
            let _ = tokio::time::timeout_at(until.into(), shared.waiters_changed.notified()).await;
            continue;
        }

        let began = Clock::instant();
        let outcome = round(&shared).await;
        let ended = Clock::instant();
        let shortest = SHORTEST.max(ended - began);
        let trouble = match outcome {
            Ok(()) => {
                failures = 0;
                pause = LONGEST.min(pause.mul_f64(GROWTH)).max(SHORTEST);
                shared.status.send_modify(|status| {
                    status.rounds += 1;
                    status.good = Some(began);
                    status.trouble = None;
                });
                if sleep(&shared, ended, pause, shortest).await {
                    pause = shortest.min(LONGEST);
                }
                continue;
            }
            Err(trouble) => trouble,
        };
        let (first, most) = match trouble.kind {
            Kind::Fatal | Kind::Unauthorized | Kind::NotFound => return running.fail(trouble),
            Kind::Busy(_) => BUSY,
            Kind::Passing => TROUBLED,
        };
        // Many processes may share the quota; they must not all come back at once.
        let backoff = most.min(first * 2_u32.saturating_pow(failures)).mul_f64(1.0 + fastrand::f64() / 4.0);
        failures = (failures + 1).min(16);
        pause = SHORTEST;
        let asked = match trouble.kind {
            Kind::Busy(Some(until)) => until_then(until, shared.clock.now()),
            Kind::Busy(None) | Kind::Passing | Kind::Fatal | Kind::Unauthorized | Kind::NotFound => {
                Duration::ZERO
            }
        };
        shared.lock().not_before = Some(ended + backoff.max(asked));
        shared.status.send_modify(|status| {
            status.rounds += 1;
            status.trouble = Some(trouble);
        });
    }
}

/// Waits out the pause after `ended`. If somebody new waits, only as long as is decent; tells whether it was so.
async fn sleep(shared: &Shared, ended: Instant, pause: Duration, shortest: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep_until((ended + pause).into()) => false,
        () = shared.waiters_changed.notified() => {
            if shared.nobody_waits() {
                return true;
            }
            tokio::time::sleep_until((ended + shortest.min(pause)).into()).await;
            true
        }
    }
}

/// What the API asks for, within an hour: a time far away is more likely a wrong clock.
fn until_then(until: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    wait.min(Duration::from_secs(3600))
}

/// Asks once what is new, and reads it.
async fn round(shared: &Shared) -> Result<(), Trouble> {
    let (history, since, searching) = {
        let mut state = shared.lock();
        state.search_until.take_if(|until| *until <= Clock::instant());
        (state.history, state.since, state.search_until.is_some())
    };
    let after = since.as_second() - SEARCH_MARGIN;
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
        ids.extend(shared.gmail.search_after(after).await?);
    }
    let first_heard = Clock::instant();
    {
        let mut state = shared.lock();
        state.history = history;
        if lost {
            state.search_until = Some(first_heard + SEARCH_FOR);
        }
        for id in ids {
            if state.seen.insert(id.clone()) {
                state.pending.push_back((id, first_heard));
            }
        }
    }
    read_pending(shared).await
}

/// Reads what was heard of, oldest first. What cannot be read yet stays.
async fn read_pending(shared: &Shared) -> Result<(), Trouble> {
    let heard_of = shared.lock().pending.len();
    for _ in 0..heard_of {
        // Taken out first: a mail that makes the reader panic must not meet the next one.
        let Some((id, first_heard)) = shared.lock().pending.pop_front() else { break };
        match read(shared, &id).await {
            Ok(()) => (),
            Err(trouble) if trouble.kind == Kind::NotFound => {
                if first_heard.elapsed() < UNREADABLE_FOR {
                    shared.lock().pending.push_back((id, first_heard));
                }
            }
            Err(trouble) => {
                shared.lock().pending.push_front((id, first_heard));
                return Err(trouble);
            }
        }
    }
    Ok(())
}

async fn read(shared: &Shared, id: &str) -> Result<(), Trouble> {
    let headers = shared.gmail.headers(id).await?;
    let values = |name: &str| headers.get(name).into_iter().flatten().map(String::as_str);
    // What the host says goes before what the sender wrote, for a mail to several tags comes once for each.
    let mut tags: Vec<String> = values("delivered-to").flat_map(tags_in).collect();
    if tags.is_empty() {
        tags = values("to").chain(values("cc")).flat_map(tags_in).collect();
    }
    tags.sort();
    tags.dedup();
    let holders = shared.claim(&tags, values("subject").next().unwrap_or_default());
    if holders.is_empty() {
        return Ok(());
    }
    let mail = shared.gmail.raw(id).await?;
    let received = mail.internal_date.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let content = Arc::new(Content::read(
        &mail.raw.unwrap_or_default(),
        mail.label_ids.unwrap_or_default(),
        received.unwrap_or_else(|| shared.clock.now()),
    ));
    for holder in holders {
        holder.keep(Arc::clone(&content));
    }
    // Those who wait look at once, not when the whole round is over.
    shared.status.send_modify(|_| ());
    Ok(())
}

/// The tags of all addresses in a header, in lower case: `x` of `local+x@domain`.
pub(super) fn tags_in(header: &str) -> Vec<String> {
    header
        .split(|c: char| c.is_whitespace() || "<>(),;:\"".contains(c))
        .filter_map(|word| {
            let (local, _) = word.rsplit_once('@')?;
            let (_, tag) = local.split_once('+')?;
            Some(tag.to_ascii_lowercase())
        })
        .collect()
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
            Credential::parse("token", Some("id"), Some(&Secret::new("client-secret".to_owned()))).unwrap();
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
