//! What every handler is given.

use std::sync::{Arc, atomic::AtomicU64};

use tokio_util::sync::CancellationToken;

use super::{ServerOptions, feed::Listeners, key::Key, overview::Cache, promised::Promised, rate::Rates};
use crate::service::Service;

/// What every handler is given. Clones share everything.
#[derive(Clone)]
pub(crate) struct State {
    /// What is served.
    pub(crate) service: Arc<Service>,
    /// How it is served.
    pub(crate) options: Arc<ServerOptions>,
    /// Signs cookies, forms and links; none if everybody is let in, on loopback.
    pub(super) key: Option<Arc<Key>>,
    /// How often somebody may ask.
    pub(super) rates: Arc<Rates>,
    /// The overview as it was rendered last.
    pub(super) cache: Arc<Cache>,
    /// Who is told of changes.
    pub(super) listeners: Arc<Listeners>,
    /// Runs that somebody was told to look at later.
    pub(super) promised: Arc<Promised>,
    /// How many requests have been let in.
    pub(super) requests: Arc<AtomicU64>,
    /// The server is stopping.
    pub(crate) closing: CancellationToken,
}
