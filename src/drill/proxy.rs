//! A proxy in front of any HTTPS target, which makes the faults that any HTTP API can have.
//!
//! It knows operations and HTTP, and nothing of the product: what passes through it without a fault comes out as it
//! went in. Bodies are taken as a whole; streams, trailers and upgrades do not pass.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::body::Body;
use hyper::{
    HeaderMap, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{ClientConfig, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::{
    background::Background,
    fault::{self, FaultName, Kind, Switches},
    rewrite,
    start_error::StartError,
    upstream::{NoAnswer, Upstream},
};
use crate::{
    operations::{Operation, Operations},
    world::UnknownFault,
};

/// Makes the answer of `error_500` for one operation, from the request's headers: some clients take an answer for the
/// product's only if it has a certain header, and would repeat the request for minutes otherwise.
pub type ErrorAnswer = dyn Fn(&Operation, &HeaderMap) -> Response<Bytes> + Send + Sync;

/// How long a client may take for the handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How long a client may keep a connection without asking anything.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// What a [`Proxy`] is started with.
#[derive(Clone)]
pub struct ProxyOptions {
    /// What clients verify.
    pub server_tls: Arc<ServerConfig>,
    /// The product's base address, `https://host` or `https://host:port`.
    pub upstream: String,
    /// How to verify the product.
    pub upstream_tls: ClientConfig,
    /// The product's operations: faults are of one each.
    pub operations: Operations,
    /// Added to every answer.
    pub latency: Duration,
    /// Added to the answers of an operation with the fault `slow`.
    pub slow_by: Duration,
    /// The longest that the product may take for an answer.
    pub upstream_timeout: Duration,
    /// The longest body in either direction, in bytes.
    pub body_limit: usize,
    /// Makes the answers of the fault `error_500`.
    pub error_answer: Arc<ErrorAnswer>,
}

impl ProxyOptions {
    /// Without latency, and with a neutral error answer.
    #[must_use]
    pub fn new(
        server_tls: Arc<ServerConfig>,
        upstream: impl Into<String>,
        upstream_tls: ClientConfig,
        operations: Operations,
    ) -> Self {
        Self {
            server_tls,
            upstream: upstream.into(),
            upstream_tls,
            operations,
            latency: Duration::ZERO,
            slow_by: Duration::from_millis(2500),
            upstream_timeout: Duration::from_secs(60),
            body_limit: 16 * 1024 * 1024,
            error_answer: Arc::new(|_, _| own_answer(StatusCode::INTERNAL_SERVER_ERROR, "injected")),
        }
    }
}

/// A running proxy; dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _background: Background,
}

impl Proxy {
    /// Starts a proxy at a listener, on a thread of its own: it answers while the caller's runtime is blocked.
    ///
    /// # Errors
    /// If `upstream` is no base address, or the system refuses the listener or the thread.
    pub fn start(listener: TcpListener, options: ProxyOptions) -> Result<Self, StartError> {
        let ProxyOptions {
            server_tls,
            upstream,
            upstream_tls,
            operations,
            latency,
            slow_by,
            upstream_timeout,
            body_limit,
            error_answer,
        } = options;
        let base = base_address(&upstream).ok_or(StartError::Upstream(upstream))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let mut server_tls = ServerConfig::clone(&server_tls);
        server_tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let shared = Arc::new(Shared {
            operations,
            switches: Switches::default(),
            latency: RwLock::new(latency),
            slow_by,
            error_answer,
            upstream: Upstream::new(base, upstream_tls, upstream_timeout, body_limit),
        });
        let serving = Arc::clone(&shared);
        let background = Background::start("drill-proxy", move || async move {
            // Fails only without a runtime; and there is one.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                accept(listener, TlsAcceptor::from(Arc::new(server_tls)), serving).await;
            }
        })?;
        Ok(Self { address, shared, _background: background })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches a fault on or off, from the next request on. The names are those of [`Kind`].
    ///
    /// # Errors
    /// If there is no such fault.
    pub fn switch(&self, fault: &str, on: bool) -> Result<(), UnknownFault> {
        self.shared.switches.switch(FaultName::parse(fault, &self.shared.operations)?, on);
        Ok(())
    }

    /// The faults that are on.
    #[must_use]
    pub fn faults_on(&self) -> Vec<String> {
        self.shared.switches.names()
    }

    /// The faults that need no more than an operation, as `(name, what the product does then)`.
    #[must_use]
    pub fn catalogue(&self) -> Vec<(String, String)> {
        fault::catalogue(&self.shared.operations)
    }

    /// How many answers a fault has changed since it was switched on: a fault that nobody noticed because it never
    /// came to effect says nothing about the canaries.
    ///
    /// # Errors
    /// If there is no such fault.
    pub fn effects(&self, fault: &str) -> Result<u64, UnknownFault> {
        Ok(self.shared.switches.effects(&FaultName::parse(fault, &self.shared.operations)?))
    }

    /// Adds so much to every answer, from now on.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.write().unwrap_or_else(PoisonError::into_inner) = latency;
    }
}

/// Scheme and authority, and nothing else.
fn base_address(text: &str) -> Option<Uri> {
    let base: Uri = text.parse().ok()?;
    let scheme_fits = matches!(base.scheme_str(), Some("https" | "http"));
    (scheme_fits && base.host().is_some() && base.path() == "/" && base.query().is_none()).then_some(base)
}

/// What all requests share.
struct Shared {
    operations: Operations,
    switches: Switches,
    /// Written by [`Proxy::set_latency`], read for every answer.
    latency: RwLock<Duration>,
    slow_by: Duration,
    error_answer: Arc<ErrorAnswer>,
    upstream: Upstream,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("upstream", &self.upstream)
            .field("switches", &self.switches)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: tokio::net::TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, tls.clone(), Arc::clone(&shared)));
            }
            // A client that is gone already, or too many open files: the latter takes a moment to get better.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One connection. Whatever ends it early is the client's affair.
async fn serve(stream: tokio::net::TcpStream, tls: TlsAcceptor, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await else { return };
    let service = service_fn(|request: Request<Incoming>| {
        // A task of its own: once the product was asked, it is not un-asked by a client that hangs up.
        let answer = tokio::spawn(answer(Arc::clone(&shared), request));
        async move {
            let answer = answer.await.unwrap_or_else(|error| {
                own_answer(StatusCode::BAD_GATEWAY, &format!("the proxy failed within itself: {error}"))
            });
            Ok::<_, std::convert::Infallible>(answer.map(Body::from))
        }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_LIMIT)
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(shared: Arc<Shared>, mut request: Request<Incoming>) -> Response<Bytes> {
    let operation = shared.operations.of(request.method().as_str(), request.uri().path());
    let faults = operation.map(|operation| shared.switches.of(&operation.name)).unwrap_or_default();
    let mut delay = Duration::ZERO;
    for fault in faults.iter().filter(|fault| fault.kind == Kind::Slow) {
        delay += shared.slow_by;
        shared.switches.took_effect(fault);
    }
    let error = faults.iter().find(|fault| fault.kind == Kind::Error500);
    let mut answer = match (error, operation) {
        (Some(error), Some(operation)) => {
            shared.switches.took_effect(error);
            let answer = (shared.error_answer)(operation, request.headers());
            // The connection can be used again only if nothing of the request is left on it.
            shared.upstream.discard(request.into_body()).await;
            answer
        }
        (_, _) => {
            rewrite::ask_for_plain_text(request.headers_mut(), &faults);
            match shared.upstream.send(request).await {
                Ok(answer) => answer,
                Err(NoAnswer(why)) => own_answer(StatusCode::BAD_GATEWAY, &why),
            }
        }
    };
    for fault in &faults {
        if rewrite::rewrite(&mut answer, fault) {
            shared.switches.took_effect(fault);
        }
    }
    delay += *shared.latency.read().unwrap_or_else(PoisonError::into_inner);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    answer
}

/// An answer that does not come from the product.
fn own_answer(status: StatusCode, error: &str) -> Response<Bytes> {
    let mut answer = Response::new(serde_json::json!({ "error": error }).to_string().into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
