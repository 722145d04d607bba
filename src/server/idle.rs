//! Connections that nobody is being answered on: they make room when there is none.
//!
//! Without this, a few hundred clients that send their requests byte by byte, or none at all, would keep everybody else
//! out until their time is over, and could come again at once. A connection that waits for a moment only, between two
//! requests, is left alone.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// All connections that wait for a request, the one that has waited longest first.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    /// Since when, and what ends it.
    ends: BTreeMap<u64, (Instant, CancellationToken)>,
}

impl Idle {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection that has waited longest, if it has for that long; else says when to look again. Without one
    /// that waits, never.
    pub(super) fn cut_longest(&self, patience: Duration) -> Option<Duration> {
        let mut waiting = self.waiting();
        let longest = waiting.ends.first_entry()?;
        let left = patience.saturating_sub(longest.get().0.elapsed());
        if left.is_zero() {
            longest.remove().1.cancel();
        }
        Some(left)
    }

    /// A connection that has just been made.
    pub(super) fn seat(&self) -> Seat {
        let seat = Seat(Arc::new(Inner {
            idle: self.clone(),
            end: CancellationToken::new(),
            number: Mutex::default(),
        }));
        seat.0.rest();
        seat
    }
}

/// One connection. Clones are the same.
#[derive(Clone)]
pub(super) struct Seat(Arc<Inner>);

struct Inner {
    idle: Idle,
    end: CancellationToken,
    /// Its number among those that wait, if it does. Written by its own task only.
    number: Mutex<Option<u64>>,
}

impl Seat {
    /// Until it has to make room.
    pub(super) async fn cut(&self) {
        self.0.end.cancelled().await;
    }

    /// A request has come. It counts as being answered until this is dropped.
    pub(super) fn answer(&self) -> Answering {
        self.0.rise();
        Answering(Arc::clone(&self.0))
    }
}

impl Inner {
    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) {
        let mut waiting = self.idle.waiting();
        waiting.next += 1;
        let number = waiting.next;
        waiting.ends.insert(number, (Clock::instant(), self.end.clone()));
        *self.number() = Some(number);
    }

    fn rise(&self) {
        if let Some(number) = self.number().take() {
            self.idle.waiting().ends.remove(&number);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.rise();
    }
}

/// A request that is being answered.
pub(super) struct Answering(Arc<Inner>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.rest();
    }
}

impl Answering {
    /// The body of the answer; when it has been sent, the request is answered.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Held { body, _answering: self })
    }
}

struct Held {
    body: Body,
    _answering: Answering,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
