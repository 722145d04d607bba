//! Why a sandbox did not start.

use std::{error::Error, fmt, io, net::SocketAddr};

use crate::faults::UnknownFault;

/// Why a sandbox did not start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Bind(SocketAddr, io::Error),
    /// There is no such fault.
    Fault(UnknownFault),
    /// A team cannot have that name.
    Team(String),
    /// No client could send that credential. Without its text: it may be a real one.
    Credential,
    /// `/hello` cannot announce that.
    Announce(String),
    /// No client could ask for that name.
    Name(String),
    /// A ledger cannot have that name, or two have it.
    Ledger(String),
    /// Mail cannot be sent to that address.
    Email(String),
    /// PagerDuty gives no routing keys of that form. Without its text: it may be a real one.
    RoutingKey,
    /// The certificate cannot be made, most likely because of one of its names.
    Certificate(io::Error),
    /// The machine gives no threads or sockets.
    Runtime(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind(address, _) => write!(f, "cannot listen on {address}"),
            StartError::Fault(_) => f.write_str("unknown fault"),
            StartError::Team(name) => {
                write!(
                    f,
                    "`{name}` cannot be a team: 1 to 64 letters, digits and hyphens, and not `hello` or `dashboard`"
                )
            }
            StartError::Credential => f.write_str(
                "a credential is 1 to 256 characters of ASCII without spaces, because it is sent as a header",
            ),
            StartError::Announce(address) => {
                write!(
                    f,
                    "`{address}` cannot be announced: expected `host` or `host:port`, without a scheme or a path"
                )
            }
            StartError::Name(name) => {
                write!(f, "`{name}` cannot stand in a certificate: expected a host name or an IP address")
            }
            StartError::Ledger(name) => {
                write!(f, "`{name}` cannot be a ledger: 1 to 64 letters, digits and hyphens, and used once")
            }
            StartError::Email(email) => write!(f, "`{email}` is not a mail address"),
            StartError::RoutingKey => f.write_str("a routing key is 32 letters and digits"),
            StartError::Certificate(_) => f.write_str("cannot make the certificate"),
            StartError::Runtime(_) => f.write_str("cannot start the servers"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Bind(_, error) | StartError::Certificate(error) | StartError::Runtime(error) => {
                Some(error)
            }
            StartError::Fault(fault) => Some(fault),
            StartError::Team(_)
            | StartError::Credential
            | StartError::Announce(_)
            | StartError::Name(_)
            | StartError::Ledger(_)
            | StartError::Email(_)
            | StartError::RoutingKey => None,
        }
    }
}

impl From<UnknownFault> for StartError {
    fn from(fault: UnknownFault) -> StartError {
        StartError::Fault(fault)
    }
}
