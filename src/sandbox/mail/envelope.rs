//! What a mail host knows of a mail beside its text, and what it writes on top of it.

use std::{fmt::Write as _, net::IpAddr};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822, tz::TimeZone};
use mail_parser::MessageParser;

use crate::{faults::Faults, random};

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
    /// What goes wrong with this mail at the host.
    pub(super) trouble: Trouble,
}

/// The faults that show in what the host writes on a mail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// The mail was under way for longer than anybody waits.
    late: bool,
    /// The client is none that the sender's domain names.
    spf: bool,
    /// Nobody has signed the mail.
    unsigned: bool,
    /// It passes SPF and DKIM for somebody else's domain, or does not pass at all.
    dmarc: bool,
}

impl Trouble {
    pub(super) fn of(faults: &Faults) -> Trouble {
        let nothing = faults.on("mail_unauthenticated");
        Trouble {
            late: faults.on("mail_late"),
            spf: nothing || faults.on("mail_spf_fails"),
            unsigned: nothing || faults.on("mail_unsigned"),
            dmarc: nothing || faults.on("mail_dmarc_fails"),
        }
    }
}

/// How much later than it was sent a late mail is taken: longer than the minute that mails are given.
const DELAY: SignedDuration = SignedDuration::from_secs(90);

impl Envelope {
    /// When the host takes the mail, by its own word. A late mail only says so: nobody has to wait for it.
    pub(super) fn taken(&self, now: Timestamp) -> Timestamp {
        if self.trouble.late { now.saturating_add(DELAY).unwrap_or(now) } else { now }
    }

    /// The mail as the mailbox keeps it: the headers of the last hop, then every byte that was sent.
    ///
    /// Nothing here looks at DNS or at signatures. The verdicts say "pass" unless a fault is on, because a sandbox is
    /// no place to find out about a domain's records; they have Google's wording [V], so that a reader's parser has
    /// work to do.
    pub(super) fn stamp(&self, recipient: &str, at: Timestamp, sent: &[u8]) -> Vec<u8> {
        let Envelope { helo, peer, extended, sender, trouble: _ } = self;
        let protocol = if *extended { "ESMTP" } else { "SMTP" };
        let id = random::hex::<12>();
        let date = rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_else(|_| at.to_string());
        let verdicts = self.verdicts(sent);

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
             {verdicts}",
        );
        debug_assert!(written.is_ok(), "a string takes any text");
        let mut raw = stamped.into_bytes();
        raw.extend_from_slice(sent);
        raw
    }

    /// What the host has found out about the sender, in two headers.
    fn verdicts(&self, sent: &[u8]) -> String {
        let Envelope { helo, peer, extended: _, sender, trouble } = self;
        // A bounce has no sender: SPF then judges the name in the greeting.
        let mail_from = if sender.is_empty() { format!("postmaster@{helo}") } else { sender.clone() };
        let author = author_domain(sent).unwrap_or_else(|| domain(&mail_from).to_owned());
        // Whoever passes for a domain of their own is not the author.
        let mail_from = if trouble.dmarc { format!("bounces@{STRANGER}") } else { mail_from };
        let signer = if trouble.dmarc { STRANGER } else { &author };
        let spf = if trouble.spf {
            format!(
                "softfail (google.com: domain of transitioning {mail_from} does not designate {peer} as permitted \
                 sender)"
            )
        } else {
            format!("pass (google.com: domain of {mail_from} designates {peer} as permitted sender)")
        };
        // There is no entry for a signature that is not there.
        let dkim = if trouble.unsigned {
            String::new()
        } else {
            format!("dkim=pass header.i=@{signer} header.s=sandbox header.b=c29tZXRo;\r\n       ")
        };
        let dmarc = if trouble.dmarc { "fail" } else { "pass" };
        format!(
            "Received-SPF: {spf} client-ip={peer};\r\n\
             Authentication-Results: {HOST};\r\n       \
             {dkim}spf={spf} smtp.mailfrom={mail_from};\r\n       \
             dmarc={dmarc} (p=REJECT sp=REJECT dis=NONE) header.from={author}\r\n"
        )
    }
}

/// In whose name mail passes that is not the author's.
const STRANGER: &str = "relay.test";

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
