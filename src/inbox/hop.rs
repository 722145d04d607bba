//! The way of a mail from host to host, by what each has written on it.

use jiff::{SignedDuration, Timestamp};
use mail_parser::{DateTime, HeaderName, HeaderValue, Message, Received};

/// One host that has taken a mail: a `Received` header. Only what the mailbox's own host wrote, which is the last, is
/// beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Who handed it in, by their own word.
    pub from: Option<String>,
    /// Who took it.
    pub by: Option<String>,
    /// Such as `ESMTPS`; the `S` stands for TLS.
    pub protocol: Option<String>,
    /// The version of TLS, such as `TLSv1.3`, if it was written down.
    pub tls: Option<String>,
    /// When it was taken, by that host's clock, to the second.
    pub at: Option<Timestamp>,
}

/// How long the two parts of a mail's way took, as far as its headers tell. Several clocks are compared, and headers
/// have whole seconds: either may be below nought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverySplit {
    /// Until the first host took it: in the product, and in the queue of its sender.
    pub sending: SignedDuration,
    /// From the first host to the mailbox.
    pub transit: SignedDuration,
}

/// All hops that can be read, the sender's first.
pub(super) fn all(message: &Message<'_>) -> Vec<Hop> {
    let received = message.header_values(HeaderName::Received).filter_map(|value| match value {
        HeaderValue::Received(received) => Some(hop(received)),
        HeaderValue::Address(_)
        | HeaderValue::Text(_)
        | HeaderValue::TextList(_)
        | HeaderValue::DateTime(_)
        | HeaderValue::ContentType(_)
        | HeaderValue::Empty => None,
    });
    let mut hops: Vec<Hop> = received.collect();
    hops.reverse();
    hops
}

fn hop(received: &Received<'_>) -> Hop {
    Hop {
        from: received.from.as_ref().map(ToString::to_string),
        by: received.by.as_ref().map(ToString::to_string),
        protocol: received.with.map(|it| it.to_string()),
        tls: received.tls_version.map(|it| it.to_string()),
        at: received.date.as_ref().and_then(time),
    }
}

/// A date of a header, if there is such a date.
pub(super) fn time(date: &DateTime) -> Option<Timestamp> {
    if date.is_valid() { Timestamp::from_second(date.to_timestamp()).ok() } else { None }
}
