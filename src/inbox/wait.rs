//! Waiting for one mail, and saying what came instead.

use std::{
    fmt::Write as _,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    Address,
    mail::{Content, Folder, Mail},
    mailbox::{Mailbox, Waiter},
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

/// How many mails an explanation lists.
const LISTED: usize = 5;

/// A wait for a mail, see [`Inbox::wait_for`](super::Inbox::wait_for); `.await` it.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    pub(super) cx: Context,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) address: Address,
    subject: Option<String>,
    within: Duration,
    accept_spam: bool,
}

impl Wait {
    pub(super) fn new(cx: Context, mailbox: Arc<Mailbox>, address: Address) -> Self {
        Self { cx, mailbox, address, subject: None, within: DEFAULT_WITHIN, accept_spam: false }
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

    async fn find(self) -> Result<Mail> {
        let limit = self.within.min(usable(self.cx.time_left()));
        if let Some(found) = self.look() {
            return found;
        }
        let mut waiter = self.mailbox.wait();
        let deadline = waiter.began + limit;
        loop {
            // The status is read before the mails: what comes in between wakes the next `changed`.
            let fatal = waiter.fatal();
            if let Some(found) = self.look() {
                return found;
            }
            if let Some(trouble) = fatal {
                return Err(trouble.failure());
            }
            tokio::select! {
                () = waiter.changed() => (),
                () = tokio::time::sleep_until(deadline.into()) => {
                    return self.look().unwrap_or_else(|| Err(self.explain(&waiter, limit)));
                }
            }
        }
    }

    /// The mail, if it is there. The first that came: so the same wait gives the same mail.
    fn look(&self) -> Option<Result<Mail>> {
        let mails = self.address.0.mails();
        let fits = |mail: &&Arc<Content>| self.fits(mail);
        let wanted = mails.iter().filter(fits).find(|it| self.accept_spam || it.folder != Folder::Spam);
        if let Some(content) = wanted {
            return Some(Ok(self.taken(content)));
        }
        mails.iter().find(fits).map(|spam| {
            self.record(spam);
            let message = format_args!(
                "expected the mail `{}` to {} in the inbox, got it in spam",
                spam.subject, self.address
            );
            let remedy =
                "look at SPF, DKIM and DMARC of the sender's domain in the mail's `Authentication-Results`";
            Err(Failure::of(Cause::MailSpam, message).remedy(remedy))
        })
    }

    fn fits(&self, mail: &Content) -> bool {
        self.subject.as_ref().is_none_or(|part| mail.subject.contains(part))
    }

    fn taken(&self, content: &Arc<Content>) -> Mail {
        self.mailbox.teach(self.cx.redactor());
        self.record(content);
        let since = self.address.0.awaited_since(content);
        let mail = Mail::new(Arc::clone(content), since, self.cx.redactor().clone());
        let delivery = mail.delivery().as_secs_f64();
        self.cx.recorder().note(format!(
            "{mail} to {} in {}, delivered in {delivery:.3} s",
            self.address,
            mail.folder()
        ));
        if mail.is_promotion() {
            self.cx.recorder().note(format!("warning: {mail} is among Gmail's promotions, where few people look"));
        }
        mail
    }

    /// Leaves in the record how the mail came, the first time that somebody has waited for it.
    fn record(&self, content: &Content) {
        if !content.recorded.swap(true, Ordering::Relaxed) {
            let took = content.received.duration_since(self.address.0.awaited_since(content));
            self.cx.recorder().mail(MailRecord {
                role: self.address.0.role().to_owned(),
                folder: content.folder.as_str().to_owned(),
                delivery_ms: took.as_millis_f64(),
            });
        }
    }

    /// Why there is no mail: nobody could look, or it did not come, and what came instead.
    fn explain(&self, waiter: &Waiter, limit: Duration) -> Failure {
        let status = waiter.status();
        if let Some(trouble) = status.trouble {
            return trouble.failure();
        }
        let now = Clock::instant();
        let looked = status.good.filter(|began| *began >= waiter.began);
        if looked.is_none_or(|began| now - began > SILENCE) {
            let message = format_args!(
                "expected to read the mailbox, got no answer for {:.1} s",
                seconds(now - looked.unwrap_or(waiter.began))
            );
            return Failure::of(Cause::MailProvider, message).remedy(
                "give the wait more time than one call of the mail API takes; if it has, check the network",
            );
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
            let described = mails.iter().map(|mail| {
                let age = heard.duration_since(mail.received).as_secs_f64().max(0.0);
                format!("`{}` ({}, {age:.1} s ago)", mail.subject, mail.folder)
            });
            message.push_str(&list(described.collect()));
        }
        let of_same_run = self.mailbox.of_same_run(&self.address.0);
        if !of_same_run.is_empty() {
            let described =
                of_same_run.into_iter().map(|(address, subject)| format!("`{subject}` to {address}"));
            let _ = write!(message, "; for other addresses of this run came {}", list(described.collect()));
        }
        let (foreign, unreadable) = self.mailbox.others(&self.address.0);
        if foreign > 0 {
            let _ = write!(message, "; {} for others", mails_of(foreign));
        }
        if unreadable > 0 {
            let _ = write!(message, "; {unreadable} announced but not readable yet");
        }
        if limit < self.within {
            let _ =
                write!(message, "; the step's time ended the wait before its {:.1} s", seconds(self.within));
        }
        self.cx.recorder().note(format!("waited {waited:.3} s for {wanted} to {}", self.address));
        Failure::of(Cause::MailMissing, message)
    }
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

fn seconds(duration: Duration) -> f64 {
    millis(duration) / 1e3
}

fn mails_of(count: u64) -> String {
    if count == 1 { "1 mail".to_owned() } else { format!("{count} mails") }
}

fn list(mut items: Vec<String>) -> String {
    let more = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    let listed = items.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}
