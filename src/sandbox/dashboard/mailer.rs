//! Mail out: one message per event, handed to an SMTP relay as any product does it.
//!
//! There are no headers or attachments that would be easier to read for a machine: a canary reads the text.

use std::{error::Error, net::SocketAddr, time::Duration};

use lettre::{
    Message,
    message::{Mailbox, MultiPart},
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
use tokio::{net::TcpStream, time::timeout};

use crate::{clock::Clock, faults::Faults, random};

/// How long the relay may take.
const PATIENCE: Duration = Duration::from_secs(10);

const SENDER: &str = "Sequence <no-reply@sandbox.test>";

/// One mail to one person.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    to: String,
    subject: String,
    text: String,
    html: String,
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
            let twice = self.faults.on("mail_duplicated").then(|| letter.clone());
            for message in
                [Some(letter), twice].into_iter().flatten().filter_map(|letter| self.message(letter))
            {
                drop(timeout(PATIENCE, self.deliver(&message)).await);
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
        connection.send(message.envelope(), &message.formatted()).await?;
        connection.quit().await?;
        Ok(())
    }

    fn message(&self, letter: Letter) -> Option<Message> {
        let Letter { mut to, subject, text, html } = letter;
        if self.faults.on("mail_to_wrong_person") {
            let domain = to.rsplit_once('@').map_or("sandbox.test", |(_, domain)| domain);
            to = format!("somebody.else@{domain}");
        }
        Message::builder()
            .from(SENDER.parse::<Mailbox>().ok()?)
            .to(Mailbox::new(None, to.parse().ok()?))
            .subject(subject)
            .date(self.clock.now().into())
            .message_id(Some(format!("<{}@sandbox.test>", random::hex::<12>())))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .ok()
    }
}
