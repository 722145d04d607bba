//! PagerDuty without the rest of a sandbox.

use std::{fmt, net::SocketAddr};

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{Options, PagerDutyService};
use crate::{Clock, StartError, start, tls};

/// A running PagerDuty of its own, with its own clock and authority. Dropping it stops it at once.
pub struct PagerDuty {
    service: PagerDutyService,
    ca_pem: String,
    stop: CancellationToken,
    /// Only `None` while dropping.
    runtime: Option<Runtime>,
}

impl PagerDuty {
    /// Starts it. When this returns it can be used.
    ///
    /// # Errors
    /// If the address cannot be listened on, or the routing key or the token is of a form that there is not.
    pub fn start(options: Options) -> Result<PagerDuty, StartError> {
        PagerDuty::start_with(Clock::default(), options)
    }

    /// The same, by a clock that others go by as well.
    ///
    /// # Errors
    /// As [`PagerDuty::start`].
    pub fn start_with(clock: Clock, options: Options) -> Result<PagerDuty, StartError> {
        // Whoever finds it by another address than 127.0.0.1 wants to see that address in the certificate.
        let listen = options.listen.ip();
        let names: Vec<String> = (!listen.is_unspecified()).then(|| listen.to_string()).into_iter().collect();
        let (listener, address) = start::bind(options.listen)?;
        let identity = tls::identity(&names).map_err(StartError::Certificate)?;
        let runtime = start::runtime("pagerduty")?;
        let stop = CancellationToken::new();
        let service = {
            let _inside = runtime.enter();
            PagerDutyService::start(options, clock, identity.server, (listener, address), stop.clone())?
        };
        Ok(PagerDuty { service, ca_pem: identity.ca_pem, stop, runtime: Some(runtime) })
    }

    /// What it does, and what can be done to it.
    #[must_use]
    pub fn service(&self) -> &PagerDutyService {
        &self.service
    }

    /// The authority that clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Drop for PagerDuty {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            start::stop(runtime);
        }
    }
}
