//! Waiting for one mail, and saying what came instead.

use std::{
    fmt::Write as _,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    Address,
    content::title,
    mail::{Content, Folder, Mail},
    mailbox::Mailbox,
    registered::Arrived,
    trouble::{impatience, not_yet, over_budget},
    waiter::Waiter,
};
use crate::{
    clock::Clock,
    failure::{Failure, Result},
    record::{MailRecord, millis},
    suite::Context,
    verdict::Cause,
};

/// How long a wait lasts that does not say.
const DEFAULT_WITHIN: Duration = Duration::from_secs(60);

/// What a wait leaves of the step's time, at most: an explanation is worth more than the step's bare timeout.
const MARGIN: Duration = Duration::from_millis(250);

/// How long the mailbox may have been silent at the end of a wait for "the mail did not come" to be the truth.
const SILENCE: Duration = Duration::from_secs(5);

/// How long after its end a wait still takes a mail that was being read at its end.
const GRACE: Duration = Duration::from_secs(1);

/// How many mails an explanation lists.
const LISTED: usize = 5;

/// What to do about a mail that did not come.
pub(super) const LOOK_IN_THE_LOG: &str = "look in the product's mail log for this address";

/// A wait for a mail, see [`Inbox::wait_for`](super::Inbox::wait_for); `.await` it.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    pub(super) cx: Context,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) address: Address,
    subject: Option<String>,
    within: Duration,
    accept_spam: bool,
    delivered_within: Option<Duration>,
    since: Option<Timestamp>,
}

impl Wait {
    pub(super) fn new(cx: Context, mailbox: Arc<Mailbox>, address: Address) -> Self {
        Self {
            cx,
            mailbox,
            address,
            subject: None,
            within: DEFAULT_WITHIN,
            accept_spam: false,
            delivered_within: None,
            since: None,
        }
    }

    /// Takes only a mail whose subject contains this text.
    pub fn subject(mut self, part: &str) -> Self {
        self.subject = Some(part.to_owned());
        self
    }

    /// Waits this long at most. Default: 60 s. The step's own time limits it too.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }

    /// Takes the mail even if it was filed under spam.
    pub fn accept_spam(mut self) -> Self {
        self.accept_spam = true;
        self
    }

    /// Takes the mail only if its delivery took no longer than this, however long the wait lasts: from the making of
    /// the address, from the mail to it before this one, or from [`since`](Self::since), until Gmail took it. Without
    /// it, delivery is only recorded.
    ///
    /// Two clocks are compared, so leave room for some seconds.
    pub fn delivered_within(mut self, budget: Duration) -> Self {
        self.delivered_within = Some(budget);
        self
    }

    /// When whatever sends the mail was begun, if not when the address was made: delivery is counted from then on.
    pub fn since(mut self, triggered: Timestamp) -> Self {
        self.since = Some(triggered);
        self
    }

    async fn find(self) -> Result<Mail> {
        let limit = self.within.min(usable(self.cx.time_left()));
        if let Some(found) = self.look(false) {
            return found;
        }
        let mut waiter = self.mailbox.wait();
        let deadline = waiter.began + limit;
        let last = deadline + GRACE.min(usable(self.cx.time_left()).saturating_sub(limit));
        loop {
            // The status is read before the mails: what comes in between wakes the next `changed`.
            let fatal = waiter.fatal();
            if let Some(found) = self.look(false) {
                return found;
            }
            if let Some(trouble) = fatal {
                return self.look(true).unwrap_or_else(|| Err(trouble.failure()));
            }
            // A mail that is being read at the end may be the one.
            let over = Clock::instant() >= deadline;
            let is_reading = || self.mailbox.unread(deadline).waiting > 0;
            let end = if over && is_reading() { last } else { deadline };
            tokio::select! {
                () = waiter.changed() => (),
                () = tokio::time::sleep_until(end.into()) => {
                    if over || !is_reading() {
                        return self.look(true).unwrap_or_else(|| Err(self.explain(&waiter, deadline, limit)));
                    }
                }
            }
        }
    }

    /// The mail, if it is there. The first that came: so the same wait gives the same mail. Unless this look is the
    /// `last`, one that came before it and is being read goes first.
    fn look(&self, last: bool) -> Option<Result<Mail>> {
        let mails = self.address.0.mails();
        let fits = |mail: &&Arrived| self.fits(&mail.content);
        let wanted =
            mails.iter().filter(fits).find(|it| self.accept_spam || it.content.folder != Folder::Spam);
        let found = wanted.or_else(|| mails.iter().find(fits))?;
        if !last && self.mailbox.awaits_before(&self.address.0, found.order) {
            return None;
        }
        if wanted.is_some() {
            return Some(self.taken(found));
        }
        let spam = &found.content;
        self.record(spam);
        let message = format_args!(
            "expected the mail `{}` to {} in the inbox, got it in spam",
            spam.title(),
            self.address
        );
        let remedy =
            "look at SPF, DKIM and DMARC of the sender's domain in the mail's `Authentication-Results`";
        Some(Err(Failure::of(Cause::MailSpam, message).remedy(remedy)))
    }

    fn fits(&self, mail: &Content) -> bool {
        self.subject.as_ref().is_none_or(|part| mail.subject.contains(part))
    }

    fn awaited_since(&self, mail: &Content) -> Timestamp {
        self.since.unwrap_or_else(|| self.address.0.awaited_since(mail))
    }

    fn taken(&self, found: &Arrived) -> Result<Mail> {
        let Arrived { content, read_in, .. } = found;
        self.mailbox.teach(self.cx.redactor());
        self.record(content);
        let mail = Mail::new(Arc::clone(content), self.awaited_since(content), self.cx.redactor().clone());
        let delivery = mail.delivery().as_secs_f64();
        let allowed = self.delivered_within.map(|it| format!(" of {:.3} s", seconds(it))).unwrap_or_default();
        self.cx.recorder().note(format!(
            "{mail} to {} in {}, delivered in {delivery:.3} s{allowed}, read in {:.3} s",
            self.address,
            mail.folder(),
            seconds(*read_in),
        ));
        if mail.is_promotion() {
            self.cx
                .recorder()
                .note(format!("warning: {mail} is among Gmail's promotions, where few people look"));
        }
        let Some(budget) = self.delivered_within.filter(|it| delivery > it.as_secs_f64()) else {
            return Ok(mail);
        };
        let split = mail.delivery_split();
        let split =
            split.map(|it| format!(", {:.1} s of them until a host took it", it.sending.as_secs_f64()));
        let message = format_args!(
            "expected {mail} to {} to be delivered within {:.1} s, got it after {delivery:.1} s{}",
            self.address,
            seconds(budget),
            split.unwrap_or_default()
        );
        let remedy = "compare the times in the mail's `Received` headers, from the bottom: where it lay is where it \
                      was late";
        Err(Failure::of(Cause::MailLate, message).remedy(remedy))
    }

    /// Leaves in the record how the mail came, the first time that somebody has waited for it.
    fn record(&self, content: &Content) {
        if !content.recorded.swap(true, Ordering::Relaxed) {
            let took = content.received.duration_since(self.awaited_since(content));
            self.cx.recorder().mail(MailRecord {
                role: self.address.0.role().to_owned(),
                folder: content.folder.as_str().to_owned(),
                delivery_ms: took.as_millis_f64(),
                budget_ms: self.delivered_within.map(millis),
            });
        }
    }

    /// Why there is no mail: nobody could look, or it did not come, and what came instead.
    fn explain(&self, waiter: &Waiter, deadline: Instant, limit: Duration) -> Failure {
        let now = Clock::instant();
        if let Some(failure) = unread(&self.mailbox, waiter, deadline) {
            return failure;
        }
        let wanted = match &self.subject {
            Some(part) => format!("a mail with `{part}` in its subject"),
            None => "a mail".to_owned(),
        };
        let waited = seconds(now - waiter.began);
        let mut message =
            format!("expected {wanted} to {} within {:.1} s, got ", self.address, seconds(limit));
        let mails = self.address.0.mails();
        if mails.is_empty() {
            message.push_str("none");
        } else {
            let heard = self.cx.clock().now();
            let described = mails.iter().map(|Arrived { content: mail, .. }| {
                let age = heard.duration_since(mail.received).as_secs_f64().max(0.0);
                format!("`{}` ({}, {age:.1} s ago)", mail.title(), mail.folder)
            });
            message.push_str(&list(described.collect()));
        }
        let of_same_run = self.mailbox.of_same_run(&self.address.0);
        if !of_same_run.is_empty() {
            let described = of_same_run
                .into_iter()
                .map(|(address, subject)| format!("`{}` to {address}", title(&subject)));
            let _ = write!(message, "; for other addresses of this run came {}", list(described.collect()));
        }
        let foreign = self.mailbox.foreign(&self.address.0);
        if foreign > 0 {
            let _ = write!(message, "; {} for others", mails_of(foreign));
        }
        if limit < self.within {
            let _ =
                write!(message, "; the step's time ended the wait before its {:.1} s", seconds(self.within));
        }
        self.cx.recorder().note(format!("waited {waited:.3} s for {wanted} to {}", self.address));
        Failure::of(Cause::MailMissing, message).remedy(LOOK_IN_THE_LOG)
    }
}

/// Why nobody can tell what came until then, if so: the mailbox was not read that far.
pub(super) fn unread(mailbox: &Mailbox, waiter: &Waiter, until: Instant) -> Option<Failure> {
    let status = waiter.status();
    if let Some(trouble) = status.trouble {
        return Some(trouble.failure());
    }
    let now = Clock::instant();
    let since = status.good.filter(|began| *began >= waiter.began);
    let is_old = since.is_none_or(|began| now - began > SILENCE);
    let silent_for = now - since.unwrap_or(waiter.began);
    let unread = mailbox.unread(until);
    let trouble = match () {
        () if (is_old || unread.waiting > 0) && mailbox.is_short() => over_budget(unread.waiting),
        () if is_old || unread.waiting > 0 => impatience(silent_for),
        () if unread.missing > 0 => not_yet(unread.missing),
        () => return None,
    };
    Some(trouble.failure())
}

impl IntoFuture for Wait {
    type Output = Result<Mail>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Mail>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.find())
    }
}

/// What may be used of the step's time so that something can still be said at its end.
pub(super) fn usable(left: Duration) -> Duration {
    left.saturating_sub(MARGIN.min(left / 10))
}

pub(super) fn seconds(duration: Duration) -> f64 {
    millis(duration) / 1e3
}

pub(super) fn mails_of(count: u64) -> String {
    if count == 1 { "1 mail".to_owned() } else { format!("{count} mails") }
}

fn list(mut items: Vec<String>) -> String {
    let more = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    let listed = items.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}
