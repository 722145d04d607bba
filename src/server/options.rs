//! How the server is started, and why it would not.

use std::{fmt, io, net::SocketAddr, time::Duration};

use crate::secret::Secret;

/// The shortest token that is taken: a shorter one can be guessed.
pub const SHORTEST_TOKEN: usize = 16;

/// How the service is served.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Who knows it is let in. Without one everybody is, and the server listens on loopback only.
    pub token: Option<Secret>,
    /// Names by which it may be called beside its own address and localhost; without a port, at any.
    pub hosts: Vec<String>,
    /// Where people find it, without a slash at the end, for links in pages; if nothing is said, where it listens.
    pub public_url: Option<String>,
    /// What is too much.
    pub limits: ServerLimits,
}

/// What is too much for a request, a connection, and all of them together.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Bytes of a request's line and headers. At least 8 KB, or somewhat less than is said may be refused.
    pub head: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's path with its query.
    pub path: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// How long a connection may take for a request's headers, the time between two requests included.
    pub head_time: Duration,
    /// How long a request's body may take.
    pub body_time: Duration,
    /// How long a client may take nothing of an answer.
    pub write_time: Duration,
    /// Connections at a time. Another one waits until there is room.
    pub connections: usize,
    /// A connection on which nothing was asked for this long is ended if others need its place, the longest first.
    pub idle: Duration,
    /// Of them, those that are told of changes.
    pub listeners: usize,
    /// How often something that says nothing new is said to them, so that nobody between closes the connection.
    pub heartbeat: Duration,
    /// How often runs may be asked for.
    pub runs: Rate,
    /// How often one address may try to log in.
    pub logins: Rate,
    /// How long a login holds.
    pub session: Duration,
    /// How long a stopping server waits for requests that are being answered.
    pub end: Duration,
}

/// So many at once, and again one per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many at once.
    pub burst: u32,
    /// After that one more each time that this has passed.
    pub every: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            headers: 64,
            path: 2048,
            body: 64 << 10,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
            connections: 256,
            idle: Duration::from_secs(1),
            listeners: 64,
            heartbeat: Duration::from_secs(15),
            runs: Rate { burst: 60, every: Duration::from_millis(100) },
            logins: Rate { burst: 5, every: Duration::from_secs(12) },
            session: Duration::from_secs(7 * 24 * 3600),
            end: Duration::from_secs(25),
        }
    }
}

/// Why the server does not start.
#[derive(Debug)]
pub enum ServerError {
    /// Other machines could reach it, and everybody would be let in.
    Open(SocketAddr),
    /// The token can be guessed.
    ShortToken,
    /// The token cannot be sent in a header.
    OddToken,
    /// That is no name of a host.
    Host(String),
    /// The system refuses it.
    Listen(SocketAddr, io::Error),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(address) => write!(
                f,
                "{address} can be reached by other machines, and without a token everybody would be let in\n  remedy: \
                 set COALMINE_TOKEN or --token-file (`openssl rand -hex 32` makes one), or listen on 127.0.0.1"
            ),
            Self::ShortToken => write!(
                f,
                "the token is too short: expected at least {SHORTEST_TOKEN} characters\n  remedy: make one with \
                 `openssl rand -hex 32`"
            ),
            Self::OddToken => f.write_str(
                "the token has characters that a header cannot carry: expected visible ASCII without spaces\n  remedy: \
                 make one with `openssl rand -hex 32`",
            ),
            Self::Host(name) => write!(
                f,
                "`{name}` is no host: expected a name with or without a port, such as `canaries.example.com`\n  \
                 remedy: correct --host"
            ),
            Self::Listen(address, error) => write!(
                f,
                "cannot listen at {address}: {error}\n  remedy: end the program that is there, or choose another \
                 address with --listen, such as 127.0.0.1:0 for any free port"
            ),
        }
    }
}

impl std::error::Error for ServerError {}

impl ServerOptions {
    /// Whether a server could start with them at this address.
    ///
    /// # Errors
    /// The first that is wrong with them.
    pub fn check(&self, address: SocketAddr) -> Result<(), ServerError> {
        match self.token.as_ref().map(Secret::expose) {
            None if !address.ip().is_loopback() => return Err(ServerError::Open(address)),
            Some(token) if token.len() < SHORTEST_TOKEN => return Err(ServerError::ShortToken),
            Some(token) if !token.bytes().all(|it| it.is_ascii_graphic()) => {
                return Err(ServerError::OddToken);
            }
            None | Some(_) => (),
        }
        let usable = |name: &str| {
            name.parse::<axum::http::uri::Authority>()
                .is_ok_and(|it| !it.host().is_empty() && !name.contains('@'))
        };
        match self.hosts.iter().find(|name| !usable(name)) {
            Some(name) => Err(ServerError::Host(name.clone())),
            None => Ok(()),
        }
    }
}
