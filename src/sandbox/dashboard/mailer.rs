//! Mail out: one message per event, handed to an SMTP relay as any product does it.
//!
//! There are no headers or attachments that would be easier to read for a machine: a canary reads the text.

use std::{error::Error, net::SocketAddr, time::Duration};

use lettre::{
    Message,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
use tokio::{net::TcpStream, time::timeout};

use crate::{clock::Clock, faults::Faults, random};

/// How long the relay may take.
const PATIENCE: Duration = Duration::from_secs(10);

const SENDER: &str = "Sequence <no-reply@sandbox.test>";

/// Who is not the product.
const WRONG_SENDER: &str = "Sequence <sequence@freemail.test>";

/// One mail to one person.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    to: String,
    subject: String,
    text: String,
    html: String,
    /// What only its reader is to know: the code. Empty if it carries none.
    code: String,
}

impl Letter {
    /// The code that confirms an address, alone on its line \[15\].
    pub(super) fn confirm(to: &str, code: &str) -> Letter {
        Letter {
            to: to.to_owned(),
            subject: "Confirm your address".to_owned(),
            text: format!("Welcome!\n\nYour confirmation code is\n\n{code}\n\nIt is valid for 15 minutes.\n"),
            html: format!(
                "<p>Welcome!</p>\n<p>Your confirmation code is <b>{code}</b></p>\n<p>It is valid for 15 minutes.</p>\n"
            ),
            code: code.to_owned(),
        }
    }

    /// What somebody gets who is signed up already \[15\].
    pub(super) fn taken(to: &str) -> Letter {
        let told = "Somebody asked to sign up with this address, which has an account already. \
                    If it was you, sign in instead; if not, there is nothing to do.";
        Letter {
            to: to.to_owned(),
            subject: "You already have an account".to_owned(),
            text: format!("{told}\n"),
            html: format!("<p>{told}</p>\n"),
            code: String::new(),
        }
    }

    /// The link that makes somebody a member \[15\].
    pub(super) fn invite(to: &str, team: &str, link: &str) -> Letter {
        Letter {
            to: to.to_owned(),
            subject: format!("You are invited to join {team}"),
            text: format!(
                "You are invited to join the team {team}:\n\n{link}\n\nThe link is valid for 7 days.\n"
            ),
            html: format!(
                "<p>You are invited to join the team {team}:</p>\n<p><a href=\"{link}\">{link}</a></p>\n\
                 <p>The link is valid for 7 days.</p>\n"
            ),
            code: link.rsplit_once('=').map_or("", |(_, code)| code).to_owned(),
        }
    }

    /// A template that was not filled in.
    pub(super) fn leave_placeholder(&mut self) {
        self.html.insert_str(0, "<p>Hello {{name}},</p>\n");
    }

    /// Goes wrong as the faults say, as far as its words do.
    fn garble(&mut self, faults: &Faults) {
        if faults.on("mail_to_wrong_person") {
            let domain = self.to.rsplit_once('@').map_or("sandbox.test", |(_, domain)| domain);
            self.to = format!("somebody.else@{domain}");
        }
        if faults.on("mail_placeholder_left") {
            self.leave_placeholder();
        }
        if faults.on("mail_parts_differ") && !self.code.is_empty() {
            // Still a code to look at: each is a string of digits and letters from `a` to `f`.
            let (rest, last) = self.code.split_at(self.code.len() - 1);
            let other = format!("{rest}{}", if last == "0" { "1" } else { "0" });
            self.html = self.html.replace(&self.code, &other);
        }
        if faults.on("mail_link_elsewhere") {
            for part in [&mut self.text, &mut self.html] {
                *part = part.replace("https://", "https://click.tracker.test/to/");
            }
        }
    }
}

/// Sends letters.
pub(crate) struct Mailer {
    relay: SocketAddr,
    clock: Clock,
    faults: Faults,
}

impl Mailer {
    pub(crate) fn new(relay: SocketAddr, clock: Clock, faults: Faults) -> Mailer {
        Mailer { relay, clock, faults }
    }

    /// Hands letters to the relay. One that it does not take is lost: the product's answer does not depend on mail.
    pub(crate) async fn send(&self, letters: Vec<Letter>) {
        for letter in letters {
            let times = if self.faults.on("mail_duplicated") { 2 } else { 1 };
            for _ in 0..times {
                if let Some(message) = self.message(letter.clone()) {
                    drop(timeout(PATIENCE, self.deliver(&message)).await);
                }
            }
        }
    }

    async fn deliver(&self, message: &Message) -> Result<(), Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(self.relay).await?;
        // The end of a mail is a short write behind a longer one, which would otherwise wait 40 ms for the other
        // side's delayed acknowledgement. lettre's own connections leave no place to say so.
        stream.set_nodelay(true)?;
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &ClientId::default()).await?;
        connection.send(message.envelope(), &self.written(message)).await?;
        connection.quit().await?;
        Ok(())
    }

    fn message(&self, mut letter: Letter) -> Option<Message> {
        letter.garble(&self.faults);
        let Letter { to, subject, text, html, code: _ } = letter;
        let wrong_sender = self.faults.on("mail_from_wrong_sender");
        let sender = if wrong_sender { WRONG_SENDER } else { SENDER };
        let mut message = Message::builder()
            .from(sender.parse::<Mailbox>().ok()?)
            .to(Mailbox::new(None, to.parse().ok()?))
            .subject(subject)
            .date(self.clock.now().into())
            .message_id(Some(format!("<{}@sandbox.test>", random::hex::<12>())));
        // Each of the two faults leaves the other header right.
        if self.faults.on("mail_reply_elsewhere") || wrong_sender {
            let answered = if wrong_sender { SENDER } else { WRONG_SENDER };
            message = message.reply_to(answered.parse::<Mailbox>().ok()?);
        }
        if self.faults.on("mail_html_missing") {
            return message.singlepart(SinglePart::plain(text)).ok();
        }
        message.multipart(MultiPart::alternative_plain_html(text, html)).ok()
    }

    /// The mail's bytes, gone wrong as the faults say.
    fn written(&self, message: &Message) -> Vec<u8> {
        let mut written = message.formatted();
        if self.faults.on("mail_unauthenticated") {
            let forged =
                b"Authentication-Results: mx.google.com; dkim=pass header.i=@sandbox.test;\r\n spf=pass \
                           smtp.mailfrom=no-reply@sandbox.test; dmarc=pass header.from=sandbox.test\r\n";
            written.splice(0..0, forged.iter().copied());
        }
        if self.faults.on("mail_broken_mime")
            && let Some(last) = written.windows(4).rposition(|it| it == b"\r\n--")
        {
            written.truncate(last + 2);
        }
        if self.faults.on("mail_charset_unknown") {
            let text = String::from_utf8_lossy(&written).replace("charset=utf-8", "charset=x-unknown");
            written = text.into_bytes();
        }
        written
    }
}
