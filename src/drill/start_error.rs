//! Why something of the drill did not start.

use std::{error::Error, fmt, io, net::SocketAddr};

/// Why a [`Proxy`](super::Proxy) or a [`Control`](super::Control) did not start.
#[derive(Debug)]
pub enum StartError {
    /// The product's address is not of the form `https://host:port`.
    Upstream(String),
    /// The address is reachable from other machines.
    NotLoopback(SocketAddr),
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(text) => {
                write!(f, "`{text}` is no base address; write it as `https://host:port`, without a path")
            }
            Self::NotLoopback(address) => {
                write!(f, "`{address}` can be reached by other machines; listen on 127.0.0.1 or [::1]")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Upstream(_) | Self::NotLoopback(_) => None,
            Self::Io(error) => error.source(),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
