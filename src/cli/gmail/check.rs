//! `gmail check`: whether the mailbox can be read, and what opens it.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{TESTING, runtime};
use crate::{
    cli::{sandbox::print, say, trouble::Trouble},
    clock::Clock,
    config::{ConfigError, Environment, Settings},
    failure::Failure,
    http::{Roots, client_config},
    inbox::{Credential, GmailSettings, Headline, Look, Mailbox, ServiceAccount, UserCredential, days_left},
    redact::{REDACTED, Redactor},
    report::text::one_line,
    verdict::Verdict,
};

/// The scope that is enough, as people call it.
const ENOUGH: &str = "gmail.readonly";

/// How much of a header is shown, in bytes.
const SHOWN: usize = 60;

#[derive(Args)]
pub(super) struct CheckArguments {
    /// How many of the newest mails to show, by their headers.
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u8).range(0..=20))]
    mails: u8,
    /// Prints JSON, and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<Verdict, Trouble> {
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let roots = settings.roots("COALMINE_CA");
    let gmail = GmailSettings::read(&mut settings, true);
    settings.finish_asked()?;
    let gmail = gmail.ok_or_else(|| Trouble::Usage("no credential".to_owned()))?;
    let tls = client_config(&roots.unwrap_or(Roots::System)).map_err(|error| {
        ConfigError::one("COALMINE_CA", error.to_string(), "correct the machine's or the named authorities")
    })?;
    let opener = Opener::of(&gmail.credential);
    let redactor = Redactor::new();
    let looked = runtime()?.block_on(async {
        let mailbox = Mailbox::new(gmail.config(tls), &redactor);
        mailbox.look(arguments.mails.into()).await
    });
    let look = looked.map_err(|failure| elsewhere(&failure, &redactor))?;
    let now = Clock::system().now();
    let warnings = warnings(&look, now);
    let text = if arguments.json {
        format!("{:#}\n", as_json(&look, &opener, &warnings))
    } else {
        as_text(&look, &opener, now)
    };
    print(&redactor.clean(&text))?;
    if !arguments.json {
        for warning in warnings {
            say(redactor.clean(&format!("warning: {warning}")));
        }
    }
    Ok(Verdict::Passed)
}

fn elsewhere(failure: &Failure, redactor: &Redactor) -> Trouble {
    let remedy = failure.remedy.as_ref().map(|it| format!("; {it}")).unwrap_or_default();
    Trouble::Elsewhere(redactor.clean(&format!("{}{remedy}", failure.message)).into_owned())
}

/// What opens the mailbox, as far as it is no secret.
enum Opener {
    User { client_id: String },
    ServiceAccount { email: String, subject: String },
}

impl Opener {
    fn of(credential: &Credential) -> Self {
        match credential {
            Credential::User(UserCredential { client_id, .. }) => Self::User { client_id: client_id.clone() },
            Credential::ServiceAccount(ServiceAccount { client_email, subject, .. }) => {
                Self::ServiceAccount { email: client_email.clone(), subject: subject.clone() }
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::User { client_id } => format!("its user's grant to the client {client_id}"),
            Self::ServiceAccount { email, subject } => {
                format!("the service account {email} in the name of {subject}")
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::User { client_id } => json!({ "kind": "user", "client_id": client_id }),
            Self::ServiceAccount { email, subject } => {
                json!({ "kind": "service_account", "client_email": email, "subject": subject })
            }
        }
    }
}

/// What is not wrong yet.
fn warnings(look: &Look, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    let excess = look.grant.excess();
    if !excess.is_empty() {
        warnings.push(format!(
            "the grant allows more than reading ({}); {ENOUGH} is enough, and `canaries gmail login` asks for no more",
            excess.join(" ")
        ));
    }
    if let Some(ends) = look.grant.ends {
        let days = days_left(ends, now);
        warnings.push(format!("the grant ends by itself in {days} days; {TESTING}"));
    }
    warnings
}

fn as_text(look: &Look, opener: &Opener, now: Timestamp) -> String {
    let Look { address, history, grant, newest, usage, units_per_minute } = look;
    let scopes = match &grant.scopes {
        Some(scopes) => scopes.join(" "),
        None => format!("not said; {ENOUGH} was asked for"),
    };
    let ends = match grant.ends {
        Some(ends) => format!("in {} days, at {} UTC", days_left(ends, now), ends.strftime("%Y-%m-%d %H:%M")),
        None => "no end is known".to_owned(),
    };
    let mut text = String::new();
    for (name, value) in [
        ("mailbox", address.clone()),
        ("opened by", opener.text()),
        ("scopes", scopes),
        ("grant ends", ends),
        ("history id", history.to_string()),
        ("quota", format!("{} units used by this look; at most {units_per_minute} in a minute", usage.units)),
    ] {
        let _ = writeln!(text, "{name:10}  {}", one_line(&value, 1000));
    }
    if newest.is_empty() {
        return text;
    }
    let _ = writeln!(text, "\nnewest mails (times in UTC)");
    for mail in newest {
        let Headline { received, folder, from, to, subject } = mail;
        let received =
            received.map_or_else(|| "-".to_owned(), |it| it.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let [from, to] = [from, to].map(|it| one_line(it, SHOWN));
        let _ = writeln!(text, "  {received:19}  {folder:7}  to {to}  from {from}  {}", masked(subject));
    }
    text
}

fn as_json(look: &Look, opener: &Opener, warnings: &[String]) -> Value {
    let Look { address, history, grant, newest, usage, units_per_minute } = look;
    let mails: Vec<_> = newest
        .iter()
        .map(|Headline { received, folder, from, to, subject }| {
            json!({
                "received": received,
                "folder": folder.as_str(),
                "to": one_line(to, SHOWN),
                "from": one_line(from, SHOWN),
                "subject": masked(subject),
            })
        })
        .collect();
    json!({
        "mailbox": address,
        "opened_by": opener.json(),
        "scopes": grant.scopes,
        "grant_ends": grant.ends,
        // As Gmail writes it: the number may not fit into a double.
        "history_id": history.to_string(),
        "units": { "used": usage.units, "per_minute": units_per_minute },
        "mails": mails,
        "warnings": warnings,
    })
}

/// A subject without what could be a code or a link in it.
fn masked(subject: &str) -> String {
    let is_secret = |word: &str| {
        let bare = word.chars().filter(|c| c.is_alphanumeric()).count();
        word.contains("://")
            || word.contains("www.")
            || (bare >= 4 && word.contains(|c: char| c.is_ascii_digit()))
    };
    let words = subject.split_whitespace().map(|word| if is_secret(word) { REDACTED } else { word });
    one_line(&words.collect::<Vec<_>>().join(" "), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::{Folder, Grant, Usage};

    fn look() -> Look {
        let mail = Headline {
            received: Some("2026-11-30T12:00:07Z".parse().unwrap()),
            folder: Folder::Spam,
            from: "Shop <no-reply@shop.test>".to_owned(),
            to: "canary+k3-1-owner@example.com".to_owned(),
            subject: "Your code is 730514\r\n, see https://shop.test/confirm".to_owned(),
        };
        Look {
            address: "canary@example.com".to_owned(),
            history: 12_345,
            grant: Grant {
                scopes: Some(vec!["https://mail.google.com/".to_owned()]),
                ends: Some("2026-12-07T00:00:00Z".parse().unwrap()),
            },
            newest: vec![mail],
            usage: Usage { units: 26, ..Usage::default() },
            units_per_minute: 750,
        }
    }

    #[test]
    fn everything_is_said_but_codes_and_links() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let opener = Opener::User { client_id: "id".to_owned() };
        assert_eq!(
            as_text(&look(), &opener, now),
            "\
mailbox     canary@example.com
opened by   its user's grant to the client id
scopes      https://mail.google.com/
grant ends  in 6 days, at 2026-12-07 00:00 UTC
history id  12345
quota       26 units used by this look; at most 750 in a minute

newest mails (times in UTC)
  2026-11-30 12:00:07  spam     to canary+k3-1-owner@example.com  from Shop <no-reply@shop.test>  Your code is [redacted] , see [redacted]
"
        );
        let warnings = warnings(&look(), now);
        assert!(warnings[0].contains("(https://mail.google.com/); gmail.readonly is enough"), "{warnings:?}");
        assert!(warnings[1].contains("in 6 days"), "{warnings:?}");
        let json = as_json(&look(), &opener, &warnings);
        assert_eq!(json["history_id"], "12345");
        assert_eq!(json["mails"][0]["subject"], "Your code is [redacted] , see [redacted]");
    }

    #[test]
    fn the_least_that_works_is_no_warning() {
        let readonly = "https://www.googleapis.com/auth/gmail.readonly".to_owned();
        let grant = Grant { scopes: Some(vec![readonly]), ends: None };
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        assert_eq!(warnings(&Look { grant, ..look() }, now), Vec::<String>::new());
        assert_eq!(warnings(&Look { grant: Grant::default(), ..look() }, now), Vec::<String>::new());
    }
}
