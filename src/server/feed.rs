//! Tells open pages that something has changed, as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State as From,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use hyper::body::Frame;
use tokio::sync::{
    Semaphore,
    broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    mpsc,
};

use super::{
    State,
    answer::{Wanted, problem, set, text},
};
use crate::service::Event;

/// An event without a name: what has changed, the page asks itself.
const CHANGED: &[u8] = b"data: changed\n\n";
/// From one such event to the next at least: where a hundred runs end in a second, a page need not hear of each.
const APART: Duration = Duration::from_millis(250);
/// Nothing has changed.
const HEARTBEAT: &[u8] = b": still here\n\n";
/// Where it ends, browsers are to come again after two seconds.
const BEGIN: &[u8] = b"retry: 2000\n: listening\n\n";

/// Who is told.
pub(super) struct Listeners(Arc<Semaphore>);

impl Listeners {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }
}

/// Whether pages look different now.
pub(super) fn matters(event: &Event) -> bool {
    match event {
        Event::StepEnded { .. } => false,
        // What is told of an incident is on its page; a sweep of green keys is nobody's news.
        Event::Told { incident, .. } => incident.is_some(),
        Event::RunStarted { .. }
        | Event::RunEnded(_)
        | Event::ScheduleChanged(_)
        | Event::MissedRun { .. }
        | Event::IncidentChanged(_)
        | Event::StoreTrouble { .. }
        | Event::StoreWell
        | Event::RunLost { .. } => true,
    }
}

pub(super) async fn events(From(state): From<State>, headers: HeaderMap) -> Response {
    let Ok(place) = Arc::clone(&state.listeners.0).try_acquire_owned() else {
        let why = "too many pages are told of changes already; close some, or ask again later";
        let mut response = problem(&state, Wanted::of(&headers), StatusCode::SERVICE_UNAVAILABLE, why);
        set(&mut response, axum::http::header::RETRY_AFTER, "10");
        return response;
    };
    let mut events = state.service.events();
    let (sender, receiver) = mpsc::channel(4);
    let heartbeat: Duration = state.options.limits.heartbeat;
    let closing = state.closing.clone();
    tokio::spawn(async move {
        let _place = place;
        let mut next = BEGIN;
        loop {
            // Who reads nothing holds this up, and nobody else.
            let sent = tokio::select! {
                () = closing.cancelled() => return,
                sent = sender.send(Bytes::from_static(next)) => sent,
            };
            if sent.is_err() {
                return;
            }
            if next == CHANGED {
                // What happens meanwhile waits, and makes one event.
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = tokio::time::sleep(APART) => (),
                }
                if gathered(&mut events) {
                    continue;
                }
            }
            next = loop {
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = sender.closed() => return,
                    () = tokio::time::sleep(heartbeat) => break HEARTBEAT,
                    event = events.recv() => match event {
                        Ok(event) if matters(&event) => break CHANGED,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break CHANGED,
                        Err(RecvError::Closed) => return,
                    },
                }
            };
        }
    });
    let mut response = text(StatusCode::OK, "text/event-stream", Body::new(Feed(receiver)));
    // Proxies that gather answers would keep events back.
    set(&mut response, axum::http::HeaderName::from_static("x-accel-buffering"), "no");
    response
}

/// Whether something that matters has happened by now.
fn gathered(events: &mut Receiver<Arc<Event>>) -> bool {
    let mut matter = false;
    loop {
        match events.try_recv() {
            Ok(event) => matter |= matters(&event),
            Err(TryRecvError::Lagged(_)) => matter = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return matter,
        }
    }
}

/// A body that goes on as long as there is something to say.
struct Feed(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|it| it.map(|bytes| Ok(Frame::data(bytes))))
    }
}
