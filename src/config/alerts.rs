//! Who is told of what goes wrong, and how: every variable that alerts have.

mod address;
#[cfg(test)]
mod tests;
mod ways;

use std::time::Duration;

use jiff::SignedDuration;

#[cfg(feature = "server")]
pub(crate) use self::address::is_on_this_machine;
use self::address::{Rule, is_loopback};
pub use self::ways::{
    AlertmanagerSettings, MailSettings, PagerDutySettings, SlackSettings, SmtpServer, SmtpTls,
    WebhookSettings,
};
use super::Settings;
use crate::{nearest, redact::Redactor, secret::Secret};

/// What notifiers are called, in the order in which one of them is chosen where nobody has chosen.
pub const NOTIFIERS: [&str; 5] = ["pagerduty", "alertmanager", "slack", "webhook", "mail"];

/// How often the heartbeat is pinged if nothing else is said.
const EVERY: Duration = Duration::from_secs(60);

/// The shortest time between two pings: healthchecks.io may drop what is more than five a minute.
const SHORTEST_EVERY: Duration = Duration::from_secs(15);

/// The shortest time between two drills.
const SHORTEST_DRILL: Duration = Duration::from_secs(60);

/// Who is told of what goes wrong, and how.
///
/// | variable | what it is |
/// |---|---|
/// | `COALMINE_PAGERDUTY_KEY` … `COALMINE_MAIL_TO` | the notifiers: see [`PagerDutySettings`], [`SlackSettings`], [`AlertmanagerSettings`], [`WebhookSettings`], [`MailSettings`] |
/// | `COALMINE_NOTIFY` | the notifiers that are told of incidents, separated by commas; all but the second |
/// | `COALMINE_SECOND` | the notifier that is told when a page is not taken; the first other one, or `none` |
/// | `COALMINE_OWNERS` | the notifiers that are told what concerns a canary's owners only; all but PagerDuty, or `none` |
/// | `COALMINE_HEARTBEAT` | the address that is pinged while the service does its work |
/// | `COALMINE_HEARTBEAT_EVERY` | how often; `60s` |
/// | `COALMINE_PAGER_DRILL` | when a page is sent to try the way: `24h`, or `0 10 * * MON Europe/Berlin` |
/// | `COALMINE_PUBLIC_URL` | where people find the service: the start of the links in pages |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// `pagerduty`.
    pub pagerduty: Option<PagerDutySettings>,
    /// `alertmanager`.
    pub alertmanager: Option<AlertmanagerSettings>,
    /// `slack`.
    pub slack: Option<SlackSettings>,
    /// `webhook`.
    pub webhook: Option<WebhookSettings>,
    /// `mail`.
    pub mail: Option<MailSettings>,
    /// The names of those that are told of incidents. Empty only if no notifier is configured.
    pub notify: Vec<String>,
    /// The name of the one that is told when one of the others does not take a page.
    pub second: Option<String>,
    /// The names of those that are told what concerns a canary's owners only.
    pub owners: Vec<String>,
    /// What is pinged while the service does its work.
    pub heartbeat: Option<HeartbeatSettings>,
    /// When a page is sent to try the way.
    pub pager_drill: Option<DrillTimes>,
    /// Where people find the service, without a slash at the end; if nothing is said, where it listens.
    pub public_url: Option<String>,
}

/// What is pinged while the service does its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// `COALMINE_HEARTBEAT`: who knows it can keep the alarm silent.
    pub url: Secret,
    /// `COALMINE_HEARTBEAT_EVERY`.
    pub every: Duration,
}

/// When a page is sent to try the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrillTimes {
    /// So long from one to the next.
    Every(Duration),
    /// At the times of a cron expression in a zone.
    Cron {
        /// The expression.
        expression: String,
        /// The zone, by its name in the IANA database.
        zone: String,
    },
}

impl AlertSettings {
    /// Reads them.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let mut it = Self {
            pagerduty: PagerDutySettings::read(settings),
            alertmanager: AlertmanagerSettings::read(settings),
            slack: SlackSettings::read(settings),
            webhook: WebhookSettings::read(settings),
            mail: MailSettings::read(settings),
            heartbeat: heartbeat(settings),
            pager_drill: drill(settings),
            public_url: public_url(settings),
            ..Self::default()
        };
        let configured = configured(settings);
        let notify = names(settings, "COALMINE_NOTIFY", &configured, false);
        let second = names(settings, "COALMINE_SECOND", &configured, true);
        let owners = names(settings, "COALMINE_OWNERS", &configured, true);
        if second.as_ref().is_some_and(|it| it.len() > 1) {
            let found = "expected one notifier, found several";
            settings.problem("COALMINE_SECOND", found, "name one, and the others in COALMINE_NOTIFY");
        }
        let chosen = notify.is_some();
        it.second = match (second, &notify) {
            (Some(second), _) => second.into_iter().next(),
            (None, Some(notify)) => configured.iter().find(|it| !notify.contains(it)).cloned(),
            (None, None) => configured.get(1).cloned(),
        };
        it.notify = notify.unwrap_or_else(|| {
            let others = configured.iter().filter(|name| it.second.as_ref() != Some(name));
            others.cloned().collect()
        });
        // What is wrong with those that were named has been said.
        if it.notify.is_empty() && !configured.is_empty() && !chosen {
            let found = "nobody but the second is told of incidents";
            settings.problem("COALMINE_SECOND", found, "configure another notifier, or unset it");
        }
        if it.second.as_ref().is_some_and(|second| it.notify.contains(second)) {
            let found = "it is among COALMINE_NOTIFY, so it is told anyway";
            settings.problem("COALMINE_SECOND", found, "name another one, or set it to `none`");
        }
        it.owners =
            owners.unwrap_or_else(|| configured.into_iter().filter(|name| name != "pagerduty").collect());
        it
    }

    /// The names of all notifiers that are configured.
    #[must_use]
    pub fn configured(&self) -> Vec<&'static str> {
        let there = [
            self.pagerduty.is_some(),
            self.alertmanager.is_some(),
            self.slack.is_some(),
            self.webhook.is_some(),
            self.mail.is_some(),
        ];
        NOTIFIERS.into_iter().zip(there).filter_map(|(name, there)| there.then_some(name)).collect()
    }

    /// The variables that name a way out: somebody may be told through them, so that they must not be set where a
    /// sandbox is watched.
    #[must_use]
    pub fn is_real(&self) -> Vec<&'static str> {
        self.ways().into_iter().map(|(name, _)| name).collect()
    }

    /// Of them, those that lead beyond this machine.
    #[must_use]
    pub fn leaves_machine(&self) -> Vec<&'static str> {
        self.ways().into_iter().filter(|(_, loopback)| !loopback).map(|(name, _)| name).collect()
    }

    /// The variables that name a way out, and whether it ends on this machine.
    fn ways(&self) -> Vec<(&'static str, bool)> {
        let local = |address: &str| reqwest::Url::parse(address).is_ok_and(|it| is_loopback(&it));
        let Self { pagerduty, alertmanager, slack, webhook, mail, heartbeat, .. } = self;
        let mut ways = Vec::new();
        if let Some(it) = pagerduty {
            ways.push(("COALMINE_PAGERDUTY_KEY", local(&it.events)));
            if it.token.is_some() {
                ways.push(("COALMINE_PAGERDUTY_TOKEN", local(&it.api)));
            }
        }
        if let Some(it) = alertmanager {
            ways.push(("COALMINE_ALERTMANAGER", local(&it.root)));
        }
        if let Some(it) = slack {
            ways.push(("COALMINE_SLACK_WEBHOOK", local(it.webhook.expose())));
        }
        if let Some(it) = webhook {
            ways.push(("COALMINE_WEBHOOK", local(it.url.expose())));
        }
        if let Some(it) = mail {
            ways.push(("COALMINE_SMTP", it.server.is_loopback()));
        }
        if let Some(it) = heartbeat {
            ways.push(("COALMINE_HEARTBEAT", local(it.url.expose())));
        }
        ways
    }

    /// Makes all that is secret in them known.
    pub fn teach(&self, redactor: &Redactor) {
        let Self { pagerduty, alertmanager, slack, webhook, mail, heartbeat, .. } = self;
        let keys = pagerduty.iter().flat_map(|it| [Some(&it.key), it.token.as_ref()]);
        let keys = keys.chain(alertmanager.iter().map(|it| it.token.as_ref()));
        let keys = keys.chain(webhook.iter().map(|it| it.secret.as_ref()));
        let keys = keys.chain(mail.iter().map(|it| it.server.password.as_ref()));
        for key in keys.flatten() {
            redactor.learn(key.expose());
        }
        let addresses = [
            slack.as_ref().map(|it| &it.webhook),
            webhook.as_ref().map(|it| &it.url),
            heartbeat.as_ref().map(|it| &it.url),
        ];
        for url in addresses.into_iter().flatten() {
            address::teach(url.expose(), redactor);
        }
    }
}

/// The notifiers that somebody wanted to configure, whether or not that went well: what is wrong with one is said once.
fn configured(settings: &Settings<'_>) -> Vec<String> {
    let by = |name: &str| match name {
        "pagerduty" => "COALMINE_PAGERDUTY_KEY",
        "alertmanager" => "COALMINE_ALERTMANAGER",
        "slack" => "COALMINE_SLACK_WEBHOOK",
        "webhook" => "COALMINE_WEBHOOK",
        _ => "COALMINE_SMTP",
    };
    let there = NOTIFIERS.into_iter().filter(|name| settings.any_set(&[by(name)], &[]));
    there.map(ToOwned::to_owned).collect()
}

/// The notifiers that a variable names; nothing if it is not set.
fn names(
    settings: &mut Settings<'_>,
    variable: &'static str,
    configured: &[String],
    may_be_none: bool,
) -> Option<Vec<String>> {
    let text = settings.optional(variable)?;
    if may_be_none && text.trim() == "none" {
        return Some(Vec::new());
    }
    let mut found: Vec<String> = Vec::new();
    if text.split(',').all(|it| it.trim().is_empty()) {
        settings.problem(variable, "it names no notifier", "name one, or unset it");
    }
    for name in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        if !NOTIFIERS.contains(&name) {
            let remedy = match nearest(name, NOTIFIERS) {
                Some(known) => format!("did you mean `{known}`? there are {}", NOTIFIERS.join(", ")),
                None => format!("there are {}", NOTIFIERS.join(", ")),
            };
            settings.problem(variable, format!("there is no notifier `{name}`"), remedy);
        } else if !configured.iter().any(|it| it == name) {
            let remedy = "configure it, or leave it out";
            settings.problem(variable, format!("the notifier `{name}` is not configured"), remedy);
        } else if !found.iter().any(|it| it == name) {
            found.push(name.to_owned());
        }
    }
    Some(found)
}

fn heartbeat(settings: &mut Settings<'_>) -> Option<HeartbeatSettings> {
    let url = address::read(settings, "COALMINE_HEARTBEAT", Rule::SECRET);
    let every = settings.optional("COALMINE_HEARTBEAT_EVERY");
    let is_set = settings.any_set(&["COALMINE_HEARTBEAT"], &[]);
    if every.is_some() && !is_set {
        settings.missing(
            "COALMINE_HEARTBEAT",
            "name the address that is to be pinged, or unset COALMINE_HEARTBEAT_EVERY",
        );
    }
    let every = match every.as_deref().map(interval) {
        None => EVERY,
        Some(Some(every)) if every >= SHORTEST_EVERY => every,
        Some(_) => {
            let found = format!("expected at least {SHORTEST_EVERY:?}, such as `60s` or `5m`");
            settings.problem("COALMINE_HEARTBEAT_EVERY", found, "correct it, or unset it");
            EVERY
        }
    };
    Some(HeartbeatSettings { url: Secret::new(url?.into()), every })
}

/// An interval, or a cron expression with its zone as the last word.
fn drill(settings: &mut Settings<'_>) -> Option<DrillTimes> {
    const NAME: &str = "COALMINE_PAGER_DRILL";
    let text = settings.optional(NAME)?;
    let text = text.trim();
    if let Some(every) = interval(text) {
        if every < SHORTEST_DRILL {
            settings.problem(NAME, format!("expected at least {SHORTEST_DRILL:?}"), "such as `24h`");
        }
        return Some(DrillTimes::Every(every));
    }
    let is_cron = |expression: &str| {
        expression.starts_with('@') || matches!(expression.split_whitespace().count(), 5 | 6)
    };
    let Some((expression, zone)) = text.rsplit_once(char::is_whitespace).filter(|(it, _)| is_cron(it)) else {
        let found = "expected an interval, or a cron expression with a time zone";
        settings.problem(NAME, found, "write it as `24h`, or as `0 10 * * MON Europe/Berlin`");
        return None;
    };
    let times = DrillTimes::Cron { expression: expression.trim().to_owned(), zone: zone.to_owned() };
    // Whether the expression makes sense is for the scheduler to say, when it is asked for its times.
    if jiff::tz::TimeZone::get(zone).is_err() {
        let remedy = "name one of the IANA database, such as `Europe/Berlin` or `UTC`";
        settings.problem(NAME, format!("there is no time zone `{zone}`"), remedy);
    }
    Some(times)
}

fn public_url(settings: &mut Settings<'_>) -> Option<String> {
    let url = address::read(settings, "COALMINE_PUBLIC_URL", Rule::PUBLIC)?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// A duration as people write it.
fn interval(text: &str) -> Option<Duration> {
    let duration = text.parse::<SignedDuration>().ok()?;
    Duration::try_from(duration).ok().filter(|it| !it.is_zero())
}
