//! E-mail by SMTP (RFC 5321). A message is handed in once and cannot be taken back, so that it matters until when nothing
//! has been handed in: up to the end of the text all that goes wrong is known not to have arrived.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail as From, Rcpt},
        extension::ClientId,
    },
};

use super::{Action, Manner, Notifier, Outcome, Sending};
use crate::{
    alert::{
        Page,
        page::{Field, first, share, short},
    },
    clock::Clock,
    config::{ConfigError, MailSettings, SmtpServer, SmtpTls},
    http::Roots,
    redact::Redactor,
    report::text::one_line,
};

/// How long it may take until the server asks for the text.
const BEFORE: Duration = Duration::from_secs(15);

/// How long the server may take for the text, and to say that it has it.
const TEXT: Duration = Duration::from_secs(30);

/// The longest subject, in characters.
const SUBJECT_LIMIT: usize = 250;

/// The largest text, in bytes.
pub const BODY_LIMIT: usize = 256 << 10;

/// How many steps are told, and what room all texts share, in characters: what is tried until the text fits. A character
/// has up to four bytes.
const LEVELS: [(usize, usize); 2] = [(40, 50_000), (10, 10_000)];

/// How wide labels are.
const LABEL: usize = 16;

/// The message. The subject is the same for all of an incident, and each but the first names the first: so they are one
/// thread. The same message has the same id whenever it is sent, so that a second copy can be told.
///
/// # Errors
/// If an address is none.
pub fn message(
    page: &Page,
    action: Action,
    minimal: bool,
    mail: &MailSettings,
    now: Timestamp,
) -> Result<Message, lettre::error::Error> {
    let from = address(&mail.from)?;
    let domain = from.domain().to_owned();
    let is_first = action == Action::Trigger && page.round <= 1;
    let opening = id(page, 1, Action::Trigger, &domain);
    let subject = short(&page.subject(), SUBJECT_LIMIT);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("Coalmine".to_owned()), from))
        .date(SystemTime::from(now))
        .message_id(Some(id(page, page.round, action, &domain)))
        .subject(if is_first { subject } else { format!("Re: {subject}") })
        // RFC 3834: so that nobody's absence is answered to a machine.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN);
    if !is_first {
        builder = builder.in_reply_to(opening.clone()).references(opening);
    }
    for to in &mail.to {
        builder = builder.to(Mailbox::new(None, address(to)?));
    }
    builder.body(text(page, action, minimal))
}

/// What the message says.
#[must_use]
pub fn text(page: &Page, action: Action, minimal: bool) -> String {
    let headline = short(&page.headline(action), 4000);
    if minimal {
        return format!("{headline}\n");
    }
    for (steps, room) in LEVELS {
        let characters = share(room, page.roots.len().min(steps));
        let text = at_level(page, &headline, steps, characters);
        if text.len() <= BODY_LIMIT {
            return text;
        }
    }
    format!("{headline}\n\nThe details were left out: with them the mail would be too large.\n")
}

fn at_level(page: &Page, headline: &str, steps: usize, characters: usize) -> String {
    let (shown, left) = first(&page.roots, steps);
    let mut parts = vec![format!("{headline}\n")];
    parts.extend(shown.iter().map(|it| lines(&page.evidence(it), characters)));
    if left > 0 {
        parts.push(format!("{left} more steps have failed.\n"));
    }
    parts.push(lines(&page.about(), characters));
    // What programs look for that sort mail.
    parts.push(format!("-- \nCoalmine, incident {}, key {}\n", page.incident, short(&page.key, characters)));
    parts.join("\n")
}

/// Labels and texts in two columns.
fn lines(fields: &[Field], characters: usize) -> String {
    let mut out = String::new();
    for field in fields {
        let text = if field.is_link { field.text.clone() } else { short(&field.text, characters) };
        for (number, line) in text.split('\n').enumerate() {
            let label = if number == 0 { field.label } else { "" };
            out.push_str(format!("{label:LABEL$} {line}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn id(page: &Page, round: u32, action: Action, domain: &str) -> String {
    let fit = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let incident: String = page.incident.chars().map(|it| if fit(it) { it } else { '-' }).take(100).collect();
    format!("<coalmine.{incident}.{round}.{}@{domain}>", action.as_str())
}

fn address(text: &str) -> Result<Address, lettre::error::Error> {
    text.parse().map_err(|_| lettre::error::Error::NonAsciiChars)
}

/// Hands mail in.
pub struct Mail {
    manner: Manner,
    settings: MailSettings,
    tls: TlsParameters,
    redactor: Redactor,
}

impl Mail {
    /// A sender.
    ///
    /// # Errors
    /// If an address is none, or nobody is trusted, so that no connection can be made.
    pub fn new(settings: &MailSettings, roots: &Roots, redactor: &Redactor) -> Result<Self, ConfigError> {
        let named = [("COALMINE_MAIL_FROM", &settings.from)].into_iter();
        for (name, text) in named.chain(settings.to.iter().map(|it| ("COALMINE_MAIL_TO", it))) {
            if text.parse::<Address>().is_err() {
                let found = format!("`{text}` is no mail address");
                return Err(ConfigError::one(name, found, "write it as `canaries@example.com`"));
            }
        }
        let tls = tls(&settings.server.host, roots).map_err(|error| {
            let remedy = "correct the server's name, or the authorities that COALMINE_CA names";
            ConfigError::one("COALMINE_SMTP", error.to_string(), remedy)
        })?;
        let manner = Manner {
            name: "mail".to_owned(),
            absorbs: false,
            acknowledges: false,
            refresh: None,
            burst: 10,
            per_minute: 30,
        };
        Ok(Self { manner, settings: settings.clone(), tls, redactor: redactor.clone() })
    }

    async fn hand_in(&self, page: &Page, action: Action, minimal: bool) -> Outcome {
        let now = Clock::system().now();
        let message = match message(page, action, minimal, &self.settings, now) {
            Ok(message) => message,
            Err(error) => return Outcome::Refused { answer: error.to_string() },
        };
        let (mut connection, refused) = match tokio::time::timeout(BEFORE, self.open(&message)).await {
            Ok(Ok(open)) => open,
            Ok(Err(error)) => return self.before(&error),
            Err(_) => {
                let why = format!("the server has not asked for the text within {BEFORE:?}");
                return Outcome::NotTaken { why, retry_after: None };
            }
        };
        let taken = tokio::time::timeout(TEXT, connection.message(&message.formatted())).await;
        let outcome = match taken {
            Ok(Ok(response)) => {
                let said: Vec<_> = response.message().collect();
                let refused = if refused.is_empty() {
                    String::new()
                } else {
                    format!(", but not for {}", refused.join(", "))
                };
                Outcome::Accepted {
                    answer: self.clean(&format!("{} {}{refused}", response.code(), said.join(" "))),
                }
            }
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => self.before(&error),
            Ok(Err(error)) => Outcome::Unknown { why: self.clean(&whole(&error)) },
            Err(_) => {
                let why = format!("the server has not said within {TEXT:?} whether it took the text");
                return Outcome::Unknown { why };
            }
        };
        // Whether it says goodbye changes nothing.
        drop(tokio::time::timeout(Duration::from_secs(1), connection.quit()).await);
        outcome
    }

    /// A connection on which the server has asked for the text, and for whom it will not take it. It is enough that it
    /// takes it for one: a mistyped address must not keep the page from all others.
    async fn open(&self, message: &Message) -> Result<(AsyncSmtpConnection, Vec<String>), SmtpError> {
        let SmtpServer { host, port, tls, user, password } = &self.settings.server;
        let implicit = (*tls == SmtpTls::Implicit).then(|| self.tls.clone());
        let name = ClientId::default();
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(BEFORE / 2), &name, implicit, None).await?;
        match tls {
            SmtpTls::Starttls => connection.starttls(self.tls.clone(), &name).await?,
            SmtpTls::IfThere if connection.can_starttls() => {
                connection.starttls(self.tls.clone(), &name).await?;
            }
            SmtpTls::IfThere | SmtpTls::Implicit => (),
        }
        if let (Some(user), Some(password)) = (user, password) {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        connection.command(From::new(message.envelope().from().cloned(), Vec::new())).await?;
        let mut refused = Vec::new();
        let mut worst = None;
        for to in message.envelope().to() {
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => (),
                Err(error) if error.is_permanent() || error.is_transient() => {
                    refused.push(format!("{to} ({})", whole(&error)));
                    // Whoever may be let in later is worth another attempt.
                    if worst.as_ref().is_none_or(SmtpError::is_permanent) {
                        worst = Some(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        match worst {
            Some(error) if refused.len() == message.envelope().to().len() => Err(error),
            _ => {
                connection.command(Data).await?;
                Ok((connection, refused))
            }
        }
    }

    /// What is said of an error after which nothing has been handed in.
    fn before(&self, error: &SmtpError) -> Outcome {
        let why = self.clean(&whole(error));
        if error.is_permanent() {
            Outcome::Refused { answer: why }
        } else {
            Outcome::NotTaken { why, retry_after: None }
        }
    }

    fn clean(&self, text: &str) -> String {
        one_line(&self.redactor.clean(text), 400)
    }
}

impl Notifier for Mail {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn send<'a>(&'a self, page: &'a Page, action: Action, minimal: bool) -> Sending<'a, Outcome> {
        Box::pin(self.hand_in(page, action, minimal))
    }
}

fn tls(host: &str, roots: &Roots) -> Result<TlsParameters, SmtpError> {
    let builder = TlsParameters::builder(host.to_owned());
    match roots {
        Roots::System => builder.build_rustls(),
        Roots::SystemAnd(pem) => {
            builder.add_root_certificate(Certificate::from_pem(pem.as_bytes())?).build_rustls()
        }
        Roots::Only(pem) => builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem.as_bytes())?)
            .build_rustls(),
    }
}

/// An error with what lies below it.
fn whole(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = error.source();
    }
    text
}
