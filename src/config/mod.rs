//! Configuration: read in one place, with every problem at once, each by the name of its variable and with its
//! remedy.

mod alerts;
mod anchors;
mod environment;
mod otlp;

use std::{collections::BTreeSet, fmt, fs, path::PathBuf, sync::Arc};

#[cfg(feature = "server")]
pub(crate) use alerts::is_on_this_machine;
pub use alerts::{
    AlertSettings, AlertmanagerSettings, DrillTimes, HeartbeatSettings, MailSettings, NOTIFIERS,
    PagerDutySettings, SlackSettings, SmtpServer, SmtpTls, WebhookSettings,
};
pub use anchors::Anchor;
pub use environment::Environment;
pub use otlp::OtlpSettings;

use crate::{
    http::{Roots, client_config},
    nearest,
    redact::Redactor,
    secret::Secret,
    suite::Resources,
    world::World,
};

/// Reads settings from an [`Environment`] and gathers what is wrong with them.
///
/// Every name that is asked for is known from then on; a name with one of our prefixes that nobody asks for is an
/// error, because a mistyped secret must not leave a canary watching its own sandbox for ever. So ask for all
/// names, in every case.
pub struct Settings<'e> {
    environment: &'e Environment,
    prefixes: Vec<&'static str>,
    known: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl<'e> Settings<'e> {
    /// Settings from an environment, with the library's own prefix `COALMINE_`.
    #[must_use]
    pub fn new(environment: &'e Environment) -> Self {
        Self { environment, prefixes: vec!["COALMINE_"], known: BTreeSet::new(), problems: Vec::new() }
    }

    /// Claims all variables with this prefix: those that nobody asks for are errors.
    pub fn claim(&mut self, prefix: &'static str) {
        self.prefixes.push(prefix);
    }

    /// A value that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        self.environment.get(name).map(ToOwned::to_owned)
    }

    /// A secret that may be missing.
    pub fn optional_secret(&mut self, name: &'static str) -> Option<Secret> {
        self.optional(name).map(Secret::new)
    }

    /// A switch: `1` or `true` is on; `0`, `false` and nothing are off.
    pub fn flag(&mut self, name: &'static str) -> bool {
        match self.optional(name).as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => {
                let found = format!("expected 1 or 0, found `{other}`");
                self.problem(name, found, "set it to 1, or unset it");
                false
            }
        }
    }

    /// The trusted authorities: those of the machine, and those of the PEM file that the variable names.
    pub fn roots(&mut self, name: &'static str) -> Option<Roots> {
        let Some(path) = self.optional(name) else { return Some(Roots::System) };
        let remedy = "name a readable file with the PEM certificates of the authority";
        match fs::read_to_string(&path) {
            Ok(pem) => {
                // Whether the PEM is any good must be said here, by the variable's name.
                if let Err(error) = client_config(&Roots::Only(pem.clone())) {
                    self.problem(name, format!("`{path}`: {error}"), remedy);
                    return None;
                }
                Some(Roots::SystemAnd(pem))
            }
            Err(error) => {
                self.problem(name, format!("cannot read `{path}`: {error}"), remedy);
                None
            }
        }
    }

    /// An `https` address without a path, query or user name.
    pub fn base_url(&mut self, name: &'static str) -> Option<String> {
        let text = self.optional(name)?;
        let url = reqwest::Url::parse(&text).ok().filter(|url| {
            url.scheme() == "https"
                && url.host_str().is_some()
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        match url {
            Some(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
            None => {
                self.problem(
                    name,
                    "expected an address such as `https://api.example.com`",
                    "correct the address",
                );
                None
            }
        }
    }

    /// Whether any of these variables, or any with one of these prefixes, is set at all.
    #[must_use]
    pub fn any_set(&self, names: &[&str], prefixes: &[&str]) -> bool {
        self.environment
            .names()
            .any(|name| names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix)))
    }

    /// Notes that a variable is missing.
    pub fn missing(&mut self, name: &'static str, remedy: impl fmt::Display) {
        self.problem(name, "not set", remedy);
    }

    /// Notes that something is wrong with a variable. Neither text may contain a secret value.
    pub fn problem(&mut self, name: &str, found: impl fmt::Display, remedy: impl fmt::Display) {
        let problem = Problem { name: name.to_owned(), found: found.to_string(), remedy: remedy.to_string() };
        // Two may have read the same variable.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// All problems, those with unknown names included.
    ///
    /// # Errors
    /// If there is any.
    pub fn finish(mut self) -> Result<(), ConfigError> {
        let unknown: Vec<_> = self
            .environment
            .names()
            .filter(|name| {
                self.prefixes.iter().any(|prefix| name.starts_with(prefix)) && !self.known.contains(name)
            })
            .map(ToOwned::to_owned)
            .collect();
        for name in unknown {
            let remedy = match nearest(&name, self.known.iter().copied()) {
                Some(known) => format!("did you mean `{known}`? correct the name, or unset it"),
                None => "correct the name, or unset it".to_owned(),
            };
            self.problem(&name, "there is no such setting", remedy);
        }
        self.finish_asked()
    }

    /// The problems with what was asked for: for commands that need few of a suite's settings. Unlike with
    /// [`Self::finish`], names that nobody asked for are no problem.
    ///
    /// # Errors
    /// If there is any.
    pub fn finish_asked(mut self) -> Result<(), ConfigError> {
        let garbled: Vec<_> = self
            .environment
            .garbled()
            .filter(|name| self.known.contains(name))
            .map(ToOwned::to_owned)
            .collect();
        for name in garbled {
            self.problem(&name, "the value is no text in UTF-8", "correct the value, or unset it");
        }
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError { problems: self.problems }) }
    }
}

/// What a suite is configured with, and how it reaches its target. Each product implements it once.
pub trait Setup: Sized {
    /// Reads the suite's own settings. Problems are noted in `settings`; with any, the result is not used.
    fn read(settings: &mut Settings<'_>) -> Option<Self>;

    /// Makes everything that steps hold. Nothing is requested of the target yet.
    ///
    /// # Errors
    /// If something is wrong that could not be seen from the settings alone.
    fn start(self) -> Result<Start, ConfigError>;

    /// The same, where faults of the target are to be switched while it runs: [`Start::world`] knows them all, if the
    /// target is one that may be broken.
    ///
    /// # Errors
    /// As [`Self::start`].
    fn start_breakable(self) -> Result<Start, ConfigError> {
        self.start()
    }
}

/// All that runs against one target share.
pub struct Start {
    /// The product instance under watch, as people should read it.
    pub target: String,
    /// What steps hold.
    pub resources: Resources,
    /// Knows every configured secret.
    pub redactor: Redactor,
    /// Whether the target outlives the process. One that does not needs no journal.
    pub lasting: bool,
    /// The target, if it is one that may be broken.
    pub world: Option<Arc<dyn World>>,
    /// Where pages go if the target is a sandbox: it has a PagerDuty of its own, and nobody real is to be woken by it.
    pub alerts: Option<TargetAlerts>,
    /// Kept until the process has finished with the target: a sandbox, for example.
    pub keep: Box<dyn std::any::Any + Send>,
}

/// Where pages go if the target is a sandbox.
#[derive(Clone, Debug)]
pub struct TargetAlerts {
    /// Its PagerDuty.
    pub settings: PagerDutySettings,
    /// Whom its clients trust.
    pub roots: Roots,
}

/// Everything wrong with the configuration, all at once. Nothing was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Each with the variable's name and the remedy.
    pub problems: Vec<Problem>,
}

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable, flag or path.
    pub name: String,
    /// What is wrong; never a secret.
    pub found: String,
    /// What to do about it.
    pub remedy: String,
}

impl ConfigError {
    /// A single problem.
    pub fn one(name: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problems: vec![Problem { name: name.into(), found: found.into(), remedy: remedy.into() }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable; nothing was run")?;
        for Problem { name, found, remedy } in &self.problems {
            write!(f, "\n- {name}: {found}\n  remedy: {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Where reports go when nothing else is said, below the workspace's folder.
pub const REPORTS: &str = "target/canaries";

/// The library's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSettings {
    /// `COALMINE_REPORTS`: the folder of the reports; without it, [`REPORTS`].
    pub reports: PathBuf,
    /// `COALMINE_JOURNAL`: the folder of the journals; without it, one in the folder of the reports.
    pub journal: PathBuf,
    /// `COALMINE_LOCATION`: where runs are made from.
    pub location: String,
    /// `COALMINE_TOKEN`: who knows it may ask the service.
    pub token: Option<Secret>,
    /// `COALMINE_SERVICE`: where commands find the service that runs.
    pub service: Option<String>,
    /// `OTEL_…`: where traces go, if anywhere.
    pub traces: Option<OtlpSettings>,
    /// `COALMINE_NOTIFY` and others: who is told of what goes wrong. Only the service tells anybody.
    pub alerts: AlertSettings,
    /// `COALMINE_ANCHORS`: what answers as long as the network of this machine works. Only the service asks.
    pub anchors: Vec<Anchor>,
}

impl OwnSettings {
    /// Reads them.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let reports: PathBuf = settings
            .optional("COALMINE_REPORTS")
            .map_or_else(|| environment::workspace().join(REPORTS), Into::into);
        Self {
            journal: settings
                .optional("COALMINE_JOURNAL")
                .map_or_else(|| reports.join("journal"), Into::into),
            reports,
            location: settings.optional("COALMINE_LOCATION").unwrap_or_else(|| "local".to_owned()),
            token: settings.optional_secret("COALMINE_TOKEN"),
            service: settings.optional("COALMINE_SERVICE"),
            traces: OtlpSettings::read(settings),
            alerts: AlertSettings::read(settings),
            anchors: Anchor::read(settings),
        }
    }
}
