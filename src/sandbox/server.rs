//! One TLS listener that speaks HTTP/1.1: the part that the product, the mail API and PagerDuty have in common.
//!
//! Handshakes happen in the connection's own task, so that a client which connects and says nothing (or a great
//! many that stay connected) does not keep others waiting. Clients of the product do both (facts, section 1).

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use hyper::{
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection may idle between two requests; clients keep theirs open \[S, 1\].
const IDLE: Duration = Duration::from_secs(60);

/// In the extensions of an answer: it is not given, and the connection is cut instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

/// Serves `router` on `listener` until `stop`, and then drops every connection at once.
///
/// Must be called inside the runtime that is to do the work; returns as soon as the listener is in its hands.
pub(crate) fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: axum::Router,
    stop: CancellationToken,
) -> io::Result<()> {
    serve_while(|| true, listener, tls, router, stop)
}

/// The same, but who comes while the door is not `open` is reset at once.
pub(crate) fn serve_while(
    open: impl Fn() -> bool + Send + 'static,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: axum::Router,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let acceptor = TlsAcceptor::from(tls);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                // Without lingering, closing is a reset.
                Ok((stream, _)) if !open() => drop(stream.set_zero_linger()),
                Ok((stream, _)) => {
                    let connection = connection(stream, acceptor.clone(), router.clone());
                    let stop = stop.clone();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = connection => {}
                        }
                    });
                }
                // Out of file descriptors, or a client that was gone before we looked: let others finish first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(())
}

/// Serves one connection to its end. What goes wrong here is the client's affair and ends only this connection.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, router: axum::Router) {
    // Answers are small and awaited: without this each could wait for the client's delayed acknowledgement.
    drop(stream.set_nodelay(true));
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answer = router.call(request);
        async move {
            match answer.await {
                Ok(answer) if answer.extensions().get::<Cut>().is_some() => Err(io::Error::other("cut")),
                Ok(answer) => Ok(answer),
                Err(never) => match never {},
            }
        }
    });
    // The time limit for reading a request's head also runs between requests, so it is the idle limit.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served);
}
