//! HTTP as a step does it: recorded, redacted, limited in time and size, and with failures that name the exchange.
//!
//! [`HttpPool`] holds the connections of a process; [`Api`] is one step's view of it. Failures leave here with the
//! method, path, status, request id and a redacted excerpt, because the engineer on call starts from them.

mod answer;
mod certificate;
#[cfg(feature = "harness")]
pub(crate) mod peer;
mod request;
mod tls;

use std::{sync::Arc, time::Duration};

pub use answer::Answer;
use certificate::Certificates;
pub use request::RequestBuilder;
#[cfg(feature = "harness")]
pub(crate) use tls::trusting_nobody;
pub use tls::{Roots, TlsError, client_config};

#[cfg(feature = "surface")]
use crate::surface::Surface;
use crate::{
    failure::{Failure, Result},
    operations::Operations,
    suite::Context,
    verdict::Cause,
};

/// How long one request may take, connecting included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
pub const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// The connections that all steps of a process share. Clones are the same pool.
#[derive(Clone)]
pub struct HttpPool {
    client: reqwest::Client,
    timeout: Duration,
    answer_limit: usize,
    certificates: Certificates,
}

impl HttpPool {
    /// A pool that trusts what `tls` trusts. Redirects are answers like any other and are not followed.
    ///
    /// # Errors
    /// If the client cannot be built.
    pub fn new(mut tls: rustls::ClientConfig) -> Result<Self> {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // Runs record until when the target's certificate is valid.
            .tls_info(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION"), " (canary)"))
            .no_proxy()
            // Balancers and routers drop idle connections without a word, often after 60 s, and a suite idles that
            // long while it waits for a mail. A request on such a connection would look like a product that hangs.
            .pool_idle_timeout(Duration::from_secs(20))
            .tcp_keepalive(Duration::from_secs(10))
            .http2_keep_alive_interval(Duration::from_secs(5))
            .http2_keep_alive_timeout(Duration::from_secs(3))
            .http2_keep_alive_while_idle(true)
            .build()
            .map_err(|error| {
                Failure::of(Cause::Prober, "the HTTP client cannot be set up").caused_by(&error)
            })?;
        Ok(Self {
            client,
            timeout: REQUEST_TIMEOUT,
            answer_limit: ANSWER_LIMIT,
            certificates: Certificates::default(),
        })
    }

    /// How long one request may take. Default: [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The longest answer that is read, in bytes. Default: [`ANSWER_LIMIT`].
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }
}

/// One step's client for one API: every request that goes through it is recorded under the step.
///
/// Typed clients wrap it and implement [`FromContext`](crate::FromContext):
///
/// ```
/// use coalmine::{Context, FromContext, Needs, Result, http::{Api, HttpPool}};
///
/// /// The shop, as one step sees it.
/// struct Shop(Api);
///
/// impl FromContext for Shop {
///     fn needs(needs: &mut Needs) {
///         needs.resource::<HttpPool>();
///     }
///
///     fn from_context(cx: &Context) -> Self {
///         Self(Api::new(cx, &cx.resource::<HttpPool>(), "https://shop.example"))
///     }
/// }
///
/// impl Shop {
///     async fn price(&self, article: &str) -> Result<u64> {
///         let answer = self.0.get(&format!("/price/{article}")).send().await?;
///         answer.ensure_status(200)?;
///         answer.json()
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Api {
    cx: Context,
    pool: HttpPool,
    base: Arc<str>,
    operations: Option<Arc<Operations>>,
    #[cfg(feature = "surface")]
    surface: Option<Arc<Surface>>,
    request_id_header: Option<&'static str>,
}

impl Api {
    /// A client for the API at `base`, such as `https://host:8443`.
    #[must_use]
    pub fn new(cx: &Context, pool: &HttpPool, base: &str) -> Self {
        Self {
            cx: cx.clone(),
            pool: pool.clone(),
            base: base.trim_end_matches('/').into(),
            operations: None,
            #[cfg(feature = "surface")]
            surface: None,
            request_id_header: None,
        }
    }

    /// Gives each exchange the name of the operation that it calls.
    #[must_use]
    pub fn operations(mut self, operations: Arc<Operations>) -> Self {
        self.operations = Some(operations);
        self
    }

    /// Holds each answer against the product's document when it arrives, and gives each exchange the name of its
    /// operation. An answer that the document does not allow fails [`RequestBuilder::send`] with the cause
    /// *contract*, unless the request says [`RequestBuilder::expect_breach`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use coalmine::{Context, http::{Api, HttpPool}, surface::Surface};
    /// # fn client(cx: &Context) -> Api {
    /// // The document is read once for the process, and handed to steps as a resource.
    /// let surface: Arc<Surface> = cx.resource::<Surface>();
    /// Api::new(cx, &cx.resource::<HttpPool>(), "https://shop.example").surface(surface)
    /// # }
    /// ```
    #[cfg(feature = "surface")]
    #[must_use]
    pub fn surface(mut self, surface: Arc<Surface>) -> Self {
        self.operations = Some(surface.shared_operations());
        self.surface = Some(surface);
        self
    }

    /// The answer header in which the product names the request for its support.
    #[must_use]
    pub fn request_id_header(mut self, name: &'static str) -> Self {
        self.request_id_header = Some(name);
        self
    }

    /// The context of the step.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// A `GET` request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(reqwest::Method::GET, path)
    }

    /// A `POST` request.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(reqwest::Method::POST, path)
    }

    /// A request of any method. `path` begins with a slash and may carry a query.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        RequestBuilder::new(self, method, path)
    }
}
