//! `gmail login`: a refresh token from the mailbox's user, by way of a browser on this machine.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use jiff::Timestamp;

use super::{TESTING, browser::Browser, runtime};
use crate::{
    cli::{sandbox::print, say, trouble::Trouble},
    clock::Clock,
    config::{ConfigError, Environment, Settings},
    http::{Roots, client_config},
    inbox::{ClientSecrets, Granted, Login, LoginSettings, Returned, Whose, days_left},
    redact::Redactor,
    report::text::one_line,
    secret::Secret,
    verdict::Verdict,
};

/// How much is shown of what Google says, in bytes.
const SHOWN: usize = 300;

#[derive(Args)]
pub(super) struct LoginArguments {
    /// The file of client secrets of an OAuth client of the type "Desktop app"; without it, the client is the one of
    /// `GMAIL_CLIENT_ID` and `GMAIL_CLIENT_SECRET`.
    #[arg(long, value_name = "FILE")]
    client: Option<PathBuf>,
    /// How many seconds to wait for the browser.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u16).range(1..=3600))]
    timeout: u16,
}

pub(super) fn run(arguments: &LoginArguments) -> Result<Verdict, Trouble> {
    let environment = Environment::of_process();
    let mut settings = Settings::new(&environment);
    let roots = settings.roots("COALMINE_CA");
    let mut found = LoginSettings::read(&mut settings);
    if let Some(path) = &arguments.client {
        let ClientSecrets { client_id, client_secret, auth_uri, token_uri } = of_file(path)?;
        (found.client_id, found.client_secret) = (Some(client_id), Some(client_secret));
        found.auth_uri = found.auth_uri.or(auth_uri);
        found.token_uri = found.token_uri.or(token_uri);
    }
    let remedy = "set it, or name the file of client secrets with `--client`: Google's console gives both for an OAuth \
                  client of the type \"Desktop app\"";
    if found.client_id.is_none() {
        settings.missing("GMAIL_CLIENT_ID", remedy);
    }
    if found.client_secret.is_none() {
        settings.missing("GMAIL_CLIENT_SECRET", remedy);
    }
    settings.finish_asked()?;
    let tls = client_config(&roots.unwrap_or(Roots::System)).map_err(|error| {
        ConfigError::one("COALMINE_CA", error.to_string(), "correct the machine's or the named authorities")
    })?;
    let endpoints = found.endpoints();
    let client_secret = found.client_secret.unwrap_or_else(|| Secret::new(String::new()));
    let client_id = found.client_id.unwrap_or_default();
    let patience = Duration::from_secs(arguments.timeout.into());

    runtime()?.block_on(async {
        let browser = Browser::listen().await?;
        let login = Login::new(client_id, client_secret, endpoints, browser.redirect_uri());
        let redactor = Redactor::new();
        for secret in login.secrets() {
            redactor.learn(secret);
        }
        invite(&login.address()?, browser.port());
        let Ok(returned) = tokio::time::timeout(patience, browser.answer(&login)).await else {
            let message = format!("nobody has come back from the browser within {} s; log in again", patience.as_secs());
            return Err(Trouble::Elsewhere(message));
        };
        match returned? {
            Returned::Code(code) => {
                redactor.learn(code.expose());
                exchange(&login, &code, tls, &redactor).await
            }
            Returned::Denied(error) => {
                let error = one_line(&redactor.clean(&error), SHOWN);
                say(format_args!(
                    "error: the canaries were not let in: `{error}`; log in again and allow it, as the user whose \
                     mailbox is to be read"
                ));
                Ok(Verdict::Failed)
            }
            Returned::Foreign => unreachable!("that is waited past"),
        }
    })
}

fn of_file(path: &std::path::Path) -> Result<ClientSecrets, ConfigError> {
    let name = format!("--client {}", path.display());
    let text = fs::read_to_string(path).map_err(|error| {
        ConfigError::one(&name, format!("cannot be read: {error}"), "name a file of client secrets")
    })?;
    ClientSecrets::parse(&text).map_err(|problem| {
        let (found, remedy) = problem.split_once("; ").unwrap_or((&problem, "name a file of client secrets"));
        ConfigError::one(&name, found, remedy)
    })
}

fn invite(address: &str, port: u16) {
    say(format_args!(
        "Open this address in a browser on this machine, as the user whose mailbox is to be read:\n\n  {address}\n\n\
         If the browser is on another machine, forward the port first: `ssh -L {port}:127.0.0.1:{port} …`\n"
    ));
}

async fn exchange(
    login: &Login,
    code: &Secret,
    tls: rustls::ClientConfig,
    redactor: &Redactor,
) -> Result<Verdict, Trouble> {
    let Granted { credential, grant } = match login.exchange(code, tls).await {
        Ok(granted) => granted,
        Err(error) => {
            let message = one_line(&redactor.clean(&error.to_string()), 3 * SHOWN);
            return match error.whose {
                Whose::Ours => Err(Trouble::Usage(message)),
                Whose::Endpoint => Err(Trouble::Elsewhere(message)),
                Whose::User => {
                    say(format_args!("error: {message}"));
                    Ok(Verdict::Failed)
                }
            };
        }
    };
    // Whoever cannot take the variables has no use for what follows.
    print(&exports(&[
        ("GMAIL_CLIENT_ID", &credential.client_id),
        ("GMAIL_CLIENT_SECRET", credential.client_secret.expose()),
        ("GMAIL_CREDENTIAL", credential.refresh_token.expose()),
    ]))?;
    say(until(grant.ends, Clock::system().now()));
    say("The variables are on standard output. `canaries gmail check` looks whether they open the mailbox.");
    Ok(Verdict::Passed)
}

fn exports(variables: &[(&str, &str)]) -> String {
    let line = |(name, value): &(&str, &str)| format!("export {name}='{}'\n", value.replace('\'', r"'\''"));
    variables.iter().map(line).collect()
}

/// For how long a new grant is good.
fn until(ends: Option<Timestamp>, now: Timestamp) -> String {
    match ends {
        Some(ends) => {
            // An answer takes a moment to arrive.
            let days = days_left(ends + jiff::SignedDuration::from_mins(5), now);
            let at = ends.strftime("%Y-%m-%d %H:%M");
            format!("warning: this grant ends by itself in {days} days, at {at} UTC; {TESTING}")
        }
        None => format!(
            "note: while the application's publishing status is \"Testing\", Google ends this grant after seven days, and \
             may not say so; {TESTING}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_through_a_shell() {
        let text = exports(&[("A", "b c"), ("D", "it's $HOME")]);
        assert_eq!(text, "export A='b c'\nexport D='it'\\''s $HOME'\n");
    }

    #[test]
    fn the_seven_days_are_always_said() {
        let now: Timestamp = "2026-12-01T00:00:10Z".parse().unwrap();
        let week = "2026-12-08T00:00:00Z".parse().unwrap();
        assert!(
            until(Some(week), now)
                .starts_with("warning: this grant ends by itself in 7 days, at 2026-12-08 00:00")
        );
        assert!(until(None, now).contains("after seven days"));
    }
}
