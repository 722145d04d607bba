//! The way from the proxy to the product: pooled connections, whole bodies.

use std::{error::Error, fmt, pin::Pin, time::Duration};

use axum::body::{Body, HttpBody};
use hyper::{
    HeaderMap, Request, Response, Uri, Version,
    body::Bytes,
    header::{CONNECTION, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
    http::uri,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::failure::chain;

/// Idle connections are given up before any usual server does so: a request on a connection that the server is just
/// closing would fail through no fault of the product.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

/// A product behind a base address.
pub(super) struct Upstream {
    base: Uri,
    /// The longest that a whole exchange may take.
    timeout: Duration,
    /// The longest body, in bytes.
    body_limit: usize,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

/// Why there is no answer from the product; a text for people.
#[derive(Debug)]
pub(super) struct NoAnswer(pub(super) String);

impl Upstream {
    /// `base` has a scheme and an authority.
    pub(super) fn new(
        base: Uri,
        mut tls: rustls::ClientConfig,
        timeout: Duration,
        body_limit: usize,
    ) -> Self {
        // The connector sets the protocols itself, and insists on it.
        tls.alpn_protocols.clear();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .http1_preserve_header_case(true)
            .build(connector.wrap_connector(tcp));
        Self { base, timeout, body_limit, client }
    }

    /// Sends a request on and takes in the whole answer.
    pub(super) async fn send<B>(&self, request: Request<B>) -> Result<Response<Bytes>, NoAnswer>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
    {
        let asked = format!("{} {}{}", request.method(), self.base(), request.uri().path());
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer.map_err(|why| NoAnswer(format!("{why}, for {asked}"))),
            Err(_) => Err(NoAnswer(format!("no answer within {:?}, for {asked}", self.timeout))),
        }
    }

    async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Bytes>, String>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
    {
        let (mut parts, body) = request.into_parts();
        let body = collect(body, self.body_limit, Excess::Drain)
            .await
            .map_err(|why| format!("the request's body {why}"))?;
        parts.uri = self.address(&parts.uri)?;
        parts.version = Version::HTTP_11;
        end_to_end(&mut parts.headers);
        let request =
            Request::from_parts(parts, if body.is_empty() { Body::empty() } else { Body::from(body) });
        let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (mut parts, body) = answer.into_parts();
        let body = collect(body, self.body_limit, Excess::Stop)
            .await
            .map_err(|why| format!("the answer's body {why}"))?;
        end_to_end(&mut parts.headers);
        parts.version = Version::HTTP_11;
        Ok(Response::from_parts(parts, body))
    }

    /// Takes in a request's body that nobody needs.
    pub(super) async fn discard<B>(&self, body: B)
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
    {
        let _ = tokio::time::timeout(self.timeout, collect(body, 0, Excess::Drain)).await;
    }

    fn base(&self) -> String {
        self.base.to_string().trim_end_matches('/').to_owned()
    }

    /// The base with path and query of the request, which stay as they were written.
    fn address(&self, asked: &Uri) -> Result<Uri, String> {
        let mut parts: uri::Parts = self.base.clone().into_parts();
        parts.path_and_query = asked.path_and_query().cloned();
        Uri::from_parts(parts).map_err(|error| format!("`{asked}` cannot be asked of the product ({error})"))
    }
}

/// Removes what concerns one connection only. The framing is made anew for the next one.
fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE]
        .into_iter()
        .chain(["keep-alive", "proxy-connection"].map(HeaderName::from_static));
    for name in fixed.chain(named) {
        headers.remove(name);
    }
}

/// What to do with a body that is longer than the limit.
#[derive(Clone, Copy)]
enum Excess {
    /// Read on and throw it away: a client reads the answer only once it has sent everything.
    Drain,
    /// Give up at once.
    Stop,
}

/// A body as a whole. Trailers are dropped.
async fn collect<B>(mut body: B, limit: usize, excess: Excess) -> Result<Bytes, String>
where
    B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    let too_long = || format!("is longer than {limit} bytes, and the proxy takes no longer ones");
    let mut whole = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| format!("broke off ({})", chain(&*error.into())))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        match excess {
            _ if length <= limit => whole.extend_from_slice(&data),
            Excess::Drain => whole = Vec::new(),
            Excess::Stop => return Err(too_long()),
        }
    }
    if length > limit { Err(too_long()) } else { Ok(whole.into()) }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("base", &self.base).finish_non_exhaustive()
    }
}
