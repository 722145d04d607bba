//! What a mail host knows of a mail beside its text, and what it writes on top of it.

use std::{fmt::Write as _, net::IpAddr};

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use mail_parser::MessageParser;

use crate::random;

/// The host that the sandbox plays towards senders. It is also the authserv-id of `Authentication-Results`, the
/// only one that a reader may believe.
pub(super) const HOST: &str = "mx.google.com";

/// The SMTP side of one mail: who handed it over, and in whose name.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// What the client called itself in EHLO or HELO.
    pub(super) helo: String,
    /// Where the client came from.
    pub(super) peer: IpAddr,
    /// Whether the client greeted with EHLO; `Received` tells the two apart.
    pub(super) extended: bool,
    /// The address of MAIL FROM; empty for a bounce.
    pub(super) sender: String,
}

impl Envelope {
    /// The mail as the mailbox keeps it: the headers of the last hop, then every byte that was sent.
    ///
    /// Nothing here looks at DNS or at signatures. The verdicts say "pass", because a sandbox is no place to find
    /// out about a domain's records; they have Google's wording [V], so that a reader's parser has work to do.
    pub(super) fn stamp(&self, recipient: &str, at: Timestamp, sent: &[u8]) -> Vec<u8> {
        let Envelope { helo, peer, extended, sender } = self;
        let protocol = if *extended { "ESMTP" } else { "SMTP" };
        let id = random::hex::<12>();
        let date = rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_else(|_| at.to_string());
        // A bounce has no sender: SPF then judges the name in the greeting.
        let mail_from = if sender.is_empty() { format!("postmaster@{helo}") } else { sender.clone() };
        let author = author_domain(sent).unwrap_or_else(|| domain(&mail_from).to_owned());

        let mut stamped = String::new();
        // `Delivered-To` keeps the tag [M]; it is how two mails to one mailbox are told apart.
        let written = write!(
            stamped,
            "Delivered-To: {recipient}\r\n\
             Return-Path: <{sender}>\r\n\
             Received: from {helo} ({helo}. [{peer}])\r\n        \
             by {HOST} with {protocol} id {id}\r\n        \
             for <{recipient}>;\r\n        \
             {date}\r\n\
             Received-SPF: pass (google.com: domain of {mail_from} designates {peer} as permitted sender) \
             client-ip={peer};\r\n\
             Authentication-Results: {HOST};\r\n       \
             dkim=pass header.i=@{author} header.s=sandbox header.b=c29tZXRo;\r\n       \
             spf=pass (google.com: domain of {mail_from} designates {peer} as permitted sender) \
             smtp.mailfrom={mail_from};\r\n       \
             dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from={author}\r\n",
        );
        debug_assert!(written.is_ok(), "a string takes any text");
        let mut raw = stamped.into_bytes();
        raw.extend_from_slice(sent);
        raw
    }
}

/// The domain of the first `From` address, which DMARC is about.
fn author_domain(sent: &[u8]) -> Option<String> {
    let message = MessageParser::default().parse(sent)?;
    let address = message.from()?.first()?.address()?.to_owned();
    address.contains('@').then(|| domain(&address).to_owned())
}

/// What stands after the last `@`; all of it where there is none.
pub(super) fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}
