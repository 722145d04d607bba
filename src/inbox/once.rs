//! That no mail came twice.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;

use super::{
    Address,
    mail::Content,
    mailbox::Mailbox,
    registered::Arrived,
    wait::{LOOK_IN_THE_LOG, mails_of, seconds, unread, usable},
};
use crate::{
    clock::Clock,
    failure::{Failure, Result},
    suite::Context,
    verdict::Cause,
};

/// How long an address is watched if nothing is said: a second worker or a retry is not far behind.
const DEFAULT_PERIOD: Duration = Duration::from_secs(2);

/// Sees that no mail to an address came twice, see [`Inbox::ensure_once`](super::Inbox::ensure_once); `.await` it.
///
/// Two mails are the same if they have the same `Message-ID`, or the same subject and the same text, or the same
/// subject and less than the quiet period between them. Whoever had a mail sent again says so with
/// [`times`](Self::times).
#[must_use = "nothing is watched until it is awaited"]
pub struct Once {
    cx: Context,
    mailbox: Arc<Mailbox>,
    address: Address,
    period: Duration,
    times: usize,
}

impl Once {
    pub(super) fn new(cx: Context, mailbox: Arc<Mailbox>, address: Address) -> Self {
        Self { cx, mailbox, address, period: DEFAULT_PERIOD, times: 1 }
    }

    /// How long the address is watched from now on. Default: 2 s. At the end the mailbox is read once more; that
    /// takes a little longer, so the step needs more time than this.
    pub fn for_at_least(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// How often the mail of each subject may come. Default: once. More than once is right if it was sent again on
    /// purpose; the same `Message-ID` twice never is.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    async fn watch(self) -> Result<()> {
        let mut waiter = self.mailbox.wait();
        let over = waiter.began + self.period;
        let last = waiter.began + usable(self.cx.time_left());
        loop {
            let fatal = waiter.fatal();
            self.look()?;
            if let Some(trouble) = fatal {
                return Err(trouble.failure());
            }
            let unread_now = self.mailbox.unread(Clock::instant());
            let is_read = unread_now.missing + unread_now.waiting == 0;
            if is_read && waiter.status().good.is_some_and(|began| began >= over) {
                return self.told();
            }
            tokio::select! {
                () = waiter.changed() => (),
                () = tokio::time::sleep_until(last.into()) => {
                    let told = unread(&self.mailbox, &waiter, Clock::instant());
                    return Err(told.unwrap_or_else(|| self.cut_short(Clock::instant() - waiter.began)));
                }
            }
        }
    }

    /// At the end of the period.
    fn told(&self) -> Result<()> {
        let count = self.address.0.count();
        let period = seconds(self.period);
        if count == 0 {
            let message = format_args!("expected a mail to {} once, got none in {period:.1} s", self.address);
            return Err(Failure::of(Cause::MailMissing, message).remedy(LOOK_IN_THE_LOG));
        }
        let mails = mails_of(u64::try_from(count).unwrap_or(u64::MAX));
        self.cx.recorder().note(format!("{mails} to {}, none of them twice in {period:.3} s", self.address));
        Ok(())
    }

    /// The step's time ended before the period did.
    fn cut_short(&self, watched: Duration) -> Failure {
        let message = format_args!(
            "expected to watch the mailbox for {:.1} s, got {:.1} s until the step's time was over",
            seconds(self.period),
            seconds(watched)
        );
        Failure::of(Cause::MailProvider, message).remedy("give the step more time than the quiet period")
    }

    /// Fails if a mail has come twice.
    fn look(&self) -> Result<()> {
        let mails = self.address.0.mails();
        let period = SignedDuration::try_from(self.period).unwrap_or(SignedDuration::MAX);
        let Some(repeated) = repeated(&mails, period, self.times) else { return Ok(()) };
        let first = repeated[0];
        let after = |it: &&Content| millis_after(first, it);
        let times: Vec<_> = repeated.iter().map(|it| it.received.to_string()).collect();
        let message = format_args!(
            "expected the mail `{}` to {} {}, got it {} times, the last {:.3} s after the first: {}",
            first.title(),
            self.address,
            if self.times == 1 { "once".to_owned() } else { format!("{} times at most", self.times) },
            repeated.len(),
            repeated.last().map(after).unwrap_or_default() / 1e3,
            times.join(", "),
        );
        let remedy = "look in the product's mail log for who sent it again: a retried job, or two workers with one task";
        Err(Failure::of(Cause::MailDuplicate, message).remedy(remedy))
    }
}

fn millis_after(first: &Content, other: &Content) -> f64 {
    other.received.duration_since(first.received).as_millis_f64()
}

/// All mails that are the same as the one that came too often, if there is one; in the order of their coming.
fn repeated(mails: &[Arrived], period: SignedDuration, times: usize) -> Option<Vec<&Content>> {
    for (number, mail) in mails.iter().enumerate() {
        let first: &Content = &mail.content;
        let rest = || mails[number + 1..].iter().map(|it| it.content.as_ref());
        let copies: Vec<_> = rest().filter(|it| is_copy(first, it)).collect();
        if !copies.is_empty() {
            return Some([vec![first], copies].concat());
        }
        // Each is compared with the one before it: a mail that comes every second is one that keeps coming.
        let mut same = vec![first];
        for next in rest() {
            if same.last().is_some_and(|before| is_same(before, next, period)) {
                same.push(next);
            }
        }
        if same.len() > times {
            return Some(same);
        }
    }
    None
}

/// The same mail, delivered twice.
fn is_copy(one: &Content, other: &Content) -> bool {
    message_id(one).is_some_and(|id| message_id(other) == Some(id))
}

/// The same mail, sent twice.
fn is_same(one: &Content, other: &Content, period: SignedDuration) -> bool {
    let apart = other.received.duration_since(one.received).abs();
    one.subject == other.subject && (apart < period || (one.text == other.text && one.html == other.html))
}

fn message_id(mail: &Content) -> Option<&str> {
    let (_, id) = mail.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("message-id"))?;
    Some(id.as_str()).filter(|id| !id.is_empty())
}

impl IntoFuture for Once {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.watch())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// Received at this second, with this id, subject and text.
    type Row = (i64, &'static str, &'static str, &'static str);

    fn arrived(rows: &[Row]) -> Vec<Arrived> {
        let read = |&(second, id, subject, text): &Row| {
            let raw = format!("Message-ID: {id}\r\nSubject: {subject}\r\n\r\n{text}");
            Content::read(raw.as_bytes(), Vec::new(), Timestamp::from_second(second).unwrap())
        };
        let arrived = |content| Arrived { content: Arc::new(content), order: 0, read_in: Duration::ZERO };
        rows.iter().map(read).map(arrived).collect()
    }

    #[test]
    fn what_is_the_same_mail_and_what_is_not() {
        const ROWS: &[(&str, &[Row], usize, usize)] = &[
            ("nothing", &[], 1, 0),
            ("one", &[(0, "<a>", "Confirm", "1")], 1, 0),
            ("two kinds", &[(0, "<a>", "Confirm", "1"), (0, "<b>", "Welcome", "1")], 1, 0),
            ("a copy, however late", &[(0, "<a>", "Confirm", "1"), (99, "<a>", "Confirm", "1")], 1, 2),
            ("a copy is never right", &[(0, "<a>", "Confirm", "1"), (99, "<a>", "Confirm", "1")], 2, 2),
            ("no ids are no copies", &[(0, "", "Confirm", "1"), (99, "", "Welcome", "1")], 1, 0),
            ("sent twice, the same text", &[(0, "<a>", "Confirm", "1"), (99, "<b>", "Confirm", "1")], 1, 2),
            ("sent twice at once", &[(0, "<a>", "Confirm", "1"), (1, "<b>", "Confirm", "2")], 1, 2),
            ("sent again later", &[(0, "<a>", "Confirm", "1"), (2, "<b>", "Confirm", "2")], 1, 0),
            ("sent again on purpose", &[(0, "<a>", "Confirm", "1"), (1, "<b>", "Confirm", "2")], 2, 0),
            (
                "sent again on purpose, and once more",
                &[(0, "<a>", "Confirm", "1"), (1, "<b>", "Confirm", "2"), (2, "<c>", "Confirm", "3")],
                2,
                3,
            ),
            (
                "another kind between",
                &[(0, "<a>", "Confirm", "1"), (0, "<b>", "Welcome", "1"), (1, "<c>", "Confirm", "2")],
                1,
                2,
            ),
        ];
        for (name, rows, times, count) in ROWS {
            let mails = arrived(rows);
            let found = repeated(&mails, SignedDuration::from_secs(2), *times);
            assert_eq!(found.map_or(0, |it| it.len()), *count, "{name}");
        }
    }
}
