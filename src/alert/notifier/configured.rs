//! The notifiers that the settings name.

use super::{
    Notifier, alertmanager::Alertmanager, mail::Mail, pagerduty::PagerDuty, slack::Slack, webhook::Webhook,
};
use crate::{
    config::{AlertSettings, ConfigError},
    http::Roots,
    redact::Redactor,
};

impl AlertSettings {
    /// All that are configured, in the order of [`NOTIFIERS`](crate::config::NOTIFIERS). `roots` are the authorities
    /// that are trusted: the machine's, and those that `COALMINE_CA` names.
    ///
    /// # Errors
    /// If one cannot be made; then with the problems of all.
    pub fn notifiers(&self, roots: &Roots) -> Result<Vec<Box<dyn Notifier>>, ConfigError> {
        // What a service answers may repeat what it was sent.
        let redactor = Redactor::new();
        self.teach(&redactor);
        let mut notifiers: Vec<Box<dyn Notifier>> = Vec::new();
        let mut problems = Vec::new();
        let mut add = |made: Option<Result<Box<dyn Notifier>, ConfigError>>| match made {
            Some(Ok(notifier)) => notifiers.push(notifier),
            Some(Err(error)) => problems.extend(error.problems),
            None => (),
        };
        let Self { pagerduty, alertmanager, slack, webhook, mail, .. } = self;
        add(pagerduty.as_ref().map(|it| Ok(Box::new(PagerDuty::new(it, roots, &redactor)?) as _)));
        add(alertmanager.as_ref().map(|it| Ok(Box::new(Alertmanager::new(it, roots, &redactor)?) as _)));
        add(slack.as_ref().map(|it| Ok(Box::new(Slack::new(it, roots, &redactor)?) as _)));
        add(webhook.as_ref().map(|it| Ok(Box::new(Webhook::new(it, roots, &redactor)?) as _)));
        add(mail.as_ref().map(|it| Ok(Box::new(Mail::new(it, roots, &redactor)?) as _)));
        if problems.is_empty() { Ok(notifiers) } else { Err(ConfigError { problems }) }
    }
}
