//! The SMTP sink: anybody may hand in mail for anybody, as at a development server's relay.
//!
//! A [`Session`] is a plain state machine from bytes to replies; only [`serve`] and [`converse`] wait. Each client
//! has a task and time limits of its own, so that a slow or a rude one keeps nobody else waiting. Mail is in its
//! mailbox before the 250 is written.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use smtp_proto::{
    Error, Request,
    request::receiver::{DataReceiver, DummyDataReceiver, DummyLineReceiver, RequestReceiver},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    envelope::{Envelope, HOST, Trouble},
    mailbox::{Folder, Store},
    payload,
};
use crate::{faults::Faults, random};

/// The largest mail that is taken, in octets as they are stored.
pub(super) const MAX_SIZE: usize = 10 << 20;

/// The most parts of one mail. A mail in a mail in a mail takes stack to read, and some are sent to exhaust it.
pub(super) const MAX_PARTS: usize = 200;

/// The most recipients of one mail; RFC 5321 asks for at least this many.
const MAX_RECIPIENTS: usize = 100;

/// How long a client may say nothing, or not read its replies. RFC 5321 asks for at least this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes mail from every client of `listener` until `stop`, and then drops all of them.
pub(super) async fn serve(listener: TcpListener, store: Arc<Store>, faults: Faults, stop: CancellationToken) {
    // Owns the clients' tasks: dropping it ends them.
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let session = Session::new(Arc::clone(&store), faults.clone(), peer.ip());
                    clients.spawn(async move {
                        // A connection that breaks is the client's affair and ends this conversation only.
                        drop(converse(stream, session).await);
                    });
                }
                // Out of file descriptors, or a client that was gone before we looked: let others finish first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

/// Carries bytes between one client and its session, to the end of either.
async fn converse(mut stream: TcpStream, mut session: Session) -> io::Result<()> {
    drop(stream.set_nodelay(true));
    let mut replies = format!("220 {HOST} ESMTP ready\r\n").into_bytes();
    let mut heard = vec![0; 16 << 10];
    loop {
        timeout(PATIENCE, stream.write_all(&replies)).await??;
        replies.clear();
        if session.closed {
            return stream.shutdown().await;
        }
        match timeout(PATIENCE, stream.read(&mut heard)).await {
            Ok(read) => match read? {
                0 => return Ok(()),
                length => session.hear(&heard[..length], &mut replies),
            },
            Err(_) => {
                reply(&mut replies, "421 4.4.2", "You said nothing for too long");
                session.closed = true;
            }
        }
    }
}

/// One client's conversation.
struct Session {
    store: Arc<Store>,
    faults: Faults,
    peer: IpAddr,
    phase: Phase,
    /// From EHLO or HELO: the client's name, and whether it was EHLO.
    greeting: Option<(String, bool)>,
    /// From MAIL. Empty for a bounce.
    sender: Option<String>,
    /// From RCPT, in the order given.
    recipients: Vec<String>,
    /// Set once the last reply has been said.
    closed: bool,
}

/// What the next bytes are.
enum Phase {
    Command(RequestReceiver),
    /// The rest of a line that is too long to be a command.
    RestOfLine(DummyLineReceiver),
    Data {
        receiver: DataReceiver,
        mail: Vec<u8>,
    },
    /// The rest of a mail that is too large to be kept.
    RestOfData(DummyDataReceiver),
}

impl Session {
    fn new(store: Arc<Store>, faults: Faults, peer: IpAddr) -> Session {
        Session {
            store,
            faults,
            peer,
            phase: Phase::Command(RequestReceiver::default()),
            greeting: None,
            sender: None,
            recipients: Vec::new(),
            closed: false,
        }
    }

    /// Takes what has arrived, however it was cut into pieces, and adds the replies to it.
    fn hear(&mut self, bytes: &[u8], replies: &mut Vec<u8>) {
        let mut bytes = bytes.iter();
        while !bytes.as_slice().is_empty() && !self.closed {
            match &mut self.phase {
                Phase::Command(receiver) => match receiver.ingest(&mut bytes) {
                    Ok(request) => {
                        let request = request.into_owned();
                        self.obey(request, replies);
                    }
                    Err(error) => self.object(error, replies),
                },
                Phase::RestOfLine(receiver) => {
                    if receiver.ingest(&mut bytes) {
                        reply(replies, "500 5.5.6", "Line too long");
                        self.phase = Phase::Command(RequestReceiver::default());
                    }
                }
                Phase::Data { receiver, mail } => {
                    let complete = receiver.ingest(&mut bytes, mail);
                    if mail.len() > MAX_SIZE && !complete {
                        self.phase = Phase::RestOfData(DummyDataReceiver::new_data(receiver));
                    } else if complete {
                        let mail = std::mem::take(mail);
                        self.take_mail(&mail, replies);
                    }
                }
                Phase::RestOfData(receiver) => {
                    if receiver.ingest(&mut bytes) {
                        self.refuse_size(replies);
                    }
                }
            }
        }
    }

    fn obey(&mut self, request: Request<String>, replies: &mut Vec<u8>) {
        match request {
            Request::Ehlo { host } => {
                replies.extend_from_slice(
                    format!(
                        "250-{HOST} at your service, [{}]\r\n250-SIZE {MAX_SIZE}\r\n250-8BITMIME\r\n\
                         250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n",
                        self.peer
                    )
                    .as_bytes(),
                );
                self.forget_mail();
                self.greeting = Some((one_word(&host), true));
            }
            Request::Helo { host } => {
                reply(replies, "250", &format!("{HOST} at your service"));
                self.forget_mail();
                self.greeting = Some((one_word(&host), false));
            }
            Request::Mail { from } => {
                if self.greeting.is_none() {
                    reply(replies, "503 5.5.1", "EHLO/HELO first");
                } else if self.sender.is_some() {
                    reply(replies, "503 5.5.1", "There is a sender already; RSET to begin anew");
                } else if from.size > MAX_SIZE {
                    self.refuse_size(replies);
                } else {
                    self.sender = Some(from.address);
                    reply(replies, "250 2.1.0", "OK");
                }
            }
            Request::Rcpt { to } => {
                if self.sender.is_none() {
                    reply(replies, "503 5.5.1", "MAIL first");
                } else if to.address.is_empty() {
                    reply(replies, "553 5.1.3", "The recipient address is not a valid one");
                } else if self.recipients.len() == MAX_RECIPIENTS {
                    reply(replies, "452 4.5.3", "Too many recipients");
                } else {
                    self.recipients.push(to.address);
                    reply(replies, "250 2.1.5", "OK");
                }
            }
            Request::Data => {
                if self.sender.is_none() {
                    reply(replies, "503 5.5.1", "MAIL first");
                } else if self.recipients.is_empty() {
                    reply(replies, "503 5.5.1", "RCPT first");
                } else {
                    self.phase = Phase::Data { receiver: at_line_start(), mail: Vec::new() };
                    reply(replies, "354", "Go ahead");
                }
            }
            Request::Rset => {
                self.forget_mail();
                reply(replies, "250 2.1.5", "Flushed");
            }
            Request::Noop { .. } => reply(replies, "250 2.0.0", "OK"),
            Request::Quit => {
                reply(replies, "221 2.0.0", "Closing connection");
                self.closed = true;
            }
            Request::Vrfy { .. } => reply(replies, "252 2.1.5", "Send some mail, I'll try my best"),
            Request::Help { .. } => reply(replies, "214 2.0.0", "See RFC 5321"),
            Request::Bdat { .. } | Request::Burl { .. } => {
                // Not offered. What follows would be mail and must not be taken for commands.
                reply(replies, "502 5.5.1", "Not implemented, closing connection");
                self.closed = true;
            }
            Request::Auth { .. }
            | Request::StartTls
            | Request::Expn { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. } => reply(replies, "502 5.5.1", "Not implemented"),
            Request::Lhlo { .. } => reply(replies, "500 5.5.1", "This is SMTP, not LMTP"),
        }
    }

    /// Answers what could not be understood.
    fn object(&mut self, error: Error, replies: &mut Vec<u8>) {
        match error {
            // The rest of the command is still on its way.
            Error::NeedsMoreData { .. } => {}
            Error::ResponseTooLong => self.phase = Phase::RestOfLine(DummyLineReceiver::default()),
            Error::UnknownCommand => reply(replies, "500 5.5.1", "Unrecognized command"),
            Error::InvalidSenderAddress => {
                reply(replies, "553 5.1.7", "The sender address is not a valid one")
            }
            Error::InvalidRecipientAddress => {
                reply(replies, "553 5.1.3", "The recipient address is not a valid one");
            }
            Error::SyntaxError { syntax } => {
                reply(replies, "501 5.5.4", &format!("Syntax error, expected {syntax}"));
            }
            Error::InvalidParameter { param } => {
                reply(replies, "501 5.5.4", &format!("Invalid parameter {param}"));
            }
            Error::UnsupportedParameter { param } => {
                reply(replies, "555 5.5.4", &format!("Unsupported parameter {}", one_word(&param)));
            }
            // Of replies, which only a client reads.
            Error::InvalidResponse { .. } => reply(replies, "500 5.5.1", "Unrecognized command"),
        }
    }

    /// The final dot has come: files the mail, then says so.
    fn take_mail(&mut self, mail: &[u8], replies: &mut Vec<u8>) {
        if mail.len() > MAX_SIZE {
            self.refuse_size(replies);
            return;
        }
        if payload::content_types(mail) > MAX_PARTS {
            self.forget_mail();
            reply(replies, "554 5.6.0", "The mail has too many parts");
            return;
        }
        let (helo, extended) = self.greeting.clone().unwrap_or_default();
        let sender = self.sender.clone().unwrap_or_default();
        let trouble = Trouble::of(&self.faults);
        let envelope = Envelope { helo, peer: self.peer, extended, sender, trouble };
        let folder = if self.faults.on("mail_spam") { Folder::Spam } else { Folder::Inbox };
        if !self.faults.on("mail_lost") {
            for recipient in &self.recipients {
                self.store.deliver(&envelope, recipient, mail, folder);
            }
        }
        self.forget_mail();
        // A lost mail is acknowledged just as a kept one: that is the fault.
        reply(replies, "250 2.0.0", &format!("OK {}", random::hex::<8>()));
    }

    fn refuse_size(&mut self, replies: &mut Vec<u8>) {
        self.forget_mail();
        reply(replies, "552 5.3.4", &format!("The mail is larger than {MAX_SIZE} octets"));
    }

    /// Back to where MAIL is expected. The greeting stays.
    fn forget_mail(&mut self) {
        self.sender = None;
        self.recipients.clear();
        self.phase = Phase::Command(RequestReceiver::default());
    }
}

/// A receiver for the lines after DATA.
fn at_line_start() -> DataReceiver {
    // It sees a dot as the first of a line only after a line's end, but the first line of a mail counts too.
    let mut receiver = DataReceiver::new();
    receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
    receiver
}

fn reply(replies: &mut Vec<u8>, code: &str, text: &str) {
    replies.extend_from_slice(format!("{code} {text}\r\n").as_bytes());
}

/// Text of the client's that goes into a header or a reply: without anything that could end the line.
fn one_word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}
