//! Connections: how many, how slow, how large.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, http::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    idle::{Idle, Seat},
    options::ServerLimits,
    patient::Patient,
};

/// How long to wait if the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// How long to wait at least before another connection is ended to make room.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The other end.
    pub(super) peer: SocketAddr,
    /// This end: who listens everywhere is called by the address that was reached.
    pub(super) local: SocketAddr,
}

/// What ends connections.
#[derive(Clone)]
pub(super) struct Ends {
    /// No new requests.
    pub(super) closing: CancellationToken,
    /// At once.
    pub(super) abort: CancellationToken,
    /// Those that are open.
    pub(super) open: TaskTracker,
}

/// Accepts connections until the server closes.
pub(super) async fn accept(listener: TcpListener, router: Router, limits: ServerLimits, ends: Ends) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let idle = Idle::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = ends.closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Too many open files, most likely. Asking again at once would only heat the room.
            tokio::time::sleep(NO_ROOM).await;
            continue;
        };
        let place = tokio::select! {
            biased;
            () = ends.closing.cancelled() => return,
            place = place(&places, &idle, limits.idle) => place,
        };
        let (router, ends_of_it, seat) = (router.clone(), ends.clone(), idle.seat());
        ends.open.spawn(async move {
            let _place = place;
            serve(stream, peer, router, limits, ends_of_it, seat).await;
        });
    }
}

/// Waits for a place. Whoever has said nothing for longest makes room: many who say nothing lock nobody out.
async fn place(places: &Arc<Semaphore>, idle: &Idle, patience: Duration) -> Option<OwnedSemaphorePermit> {
    let mut place = pin!(Arc::clone(places).acquire_owned());
    loop {
        if places.available_permits() == 0 {
            // One that is cut takes a moment to go; then another one may be looked at.
            let again = idle.cut_longest(patience).unwrap_or(patience).max(LOOK_AGAIN);
            match tokio::time::timeout(again, place.as_mut()).await {
                Ok(place) => return place.ok(),
                Err(_) => continue,
            }
        }
        // Nobody closes it.
        return place.await.ok();
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ServerLimits,
    ends: Ends,
    seat: Seat,
) {
    let Ok(local) = stream.local_addr() else { return };
    // Events are small, and are not to wait for more.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let own = seat.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let answering = seat.answer();
        request.extensions_mut().insert(Caller { peer, local });
        let response = router.call(request);
        async move { response.await.map(|it| it.map(|body| answering.until_sent(body))) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.headers)
        .max_header_size(limits.head)
        .max_buf_size(limits.head.max(8 << 10) * 2)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.write_time)), service);
    let mut connection = pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            () = ends.abort.cancelled() => return,
            () = own.cut() => return,
            // What went wrong with a connection is its client's business.
            _ = connection.as_mut() => return,
            () = ends.closing.cancelled(), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
        }
    }
}
