//! What everything that starts here has in common: sockets, and threads that stop.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use crate::StartError;

/// Listens; the second is where, which for port 0 is only known then.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| StartError::Bind(address, error))
}

/// A runtime of its own, so that it works from tests that have none and does not slow down those that have one.
pub(crate) fn runtime(name: &str) -> Result<Runtime, StartError> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(StartError::Runtime)
}

/// Ends a runtime. It must not be waited for inside another one, and tests often are inside one.
pub(crate) fn stop(runtime: Runtime) {
    let waiting = thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(1)));
    drop(waiting.join());
}
