//! Waiting for a feed: the long poll (facts, section 11).
//!
//! Nothing of it is left when it is dropped, and it is dropped when the client goes away.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::{Answer, Ledger};
use crate::{
    envelope::{Refusal, Reply},
    world::Context,
};

/// A request that is kept until its feed has something to tell.
pub(crate) struct Wait {
    ledger: Arc<Ledger>,
    feed: u64,
    /// How often the ledger had been emptied when the waiting began.
    resets: u64,
    news: watch::Receiver<()>,
    /// The answer if nothing comes: no items.
    nothing: Reply,
}

/// Counts a waiting reader as long as it lives.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Counted<'a> {
        count.send_modify(|count| *count += 1);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Wait {
    /// What is to be waited for, if the answer is not one yet.
    pub(crate) fn of(ledger: &Arc<Ledger>, answer: &Answer) -> Option<Wait> {
        let (feed, news) = answer.waits_for.clone()?;
        let resets = ledger.books().resets;
        Some(Wait { ledger: Arc::clone(ledger), feed, resets, news, nothing: Arc::clone(&answer.reply) })
    }

    /// What ended the feed, when it has ended.
    fn ended_by(&self) -> &'static str {
        if self.ledger.books().resets > self.resets { "reset" } else { "delete-feed" }
    }

    /// Waits until there is news, the feed is gone, or the time is up.
    pub(crate) async fn over(mut self, cx: &Context) -> Result<Reply, Refusal> {
        let _counted = Counted::new(&cx.waiting);
        let deadline = sleep(cx.long_poll);
        tokio::pin!(deadline);
        loop {
            // A sender that is gone took its ledger with it, but this holds on to the ledger.
            tokio::select! {
                () = &mut deadline => return Ok(self.nothing),
                Ok(()) = self.news.changed() => {}
            }
            if cx.faults.on("feed_not_woken") {
                continue;
            }
            // Before the match, which would hold the books to its end.
            let news = self.ledger.books().news_of(cx, self.feed);
            match news {
                Err(_) if cx.faults.on_for("readers_kept_waiting", self.ended_by()) => {}
                news => {
                    if let Some(reply) = news? {
                        return Ok(reply);
                    }
                }
            }
        }
    }
}

/// How long a reader is kept by default: longer than one official client's patience, shorter than another's \[C, 11\].
pub(crate) const LONG_POLL: Duration = Duration::from_secs(45);
