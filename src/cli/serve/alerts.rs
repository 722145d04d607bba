//! Who is told of what fails, as `serve` puts it together from the settings and the target; and what it refuses.

use std::sync::Arc;

use super::super::say;
use crate::{
    alert::{heartbeat::Heartbeat, notifier::Notifier},
    config::{
        AlertSettings, Anchor, ConfigError, DrillTimes, OwnSettings, PagerDutySettings, Problem, Start,
        TargetAlerts, is_on_this_machine,
    },
    http::Roots,
    schedule::Rhythm,
    service::Alerts,
};

/// The notifiers of a service.
///
/// # Errors
/// If nobody would be told of a real target, or somebody real of a sandbox; with all that is wrong and its remedy.
pub(in crate::cli) fn alerts(
    own: &OwnSettings,
    start: &Start,
    roots: &Roots,
    without: bool,
) -> Result<Alerts, ConfigError> {
    let mut problems = Vec::new();
    match &start.alerts {
        // Whether or not anybody is told: a heartbeat that beats for a sandbox says that somebody watches the product.
        Some(_) => refuse_real(&own.alerts, &mut problems),
        None if own.alerts.notify.is_empty() && !without => problems.push(problem(
            "alerts",
            "nobody is told if a canary of this target fails: no notifier is configured",
            "set COALMINE_PAGERDUTY_KEY, or another notifier's variables (see the README); or start with --no-alerts",
        )),
        None => (),
    }
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let settings = match &start.alerts {
        _ if without => AlertSettings { heartbeat: own.alerts.heartbeat.clone(), ..AlertSettings::default() },
        Some(target) => with_pagerduty(&own.alerts, &target.settings),
        None => own.alerts.clone(),
    };
    build(&settings, roots, start.alerts.as_ref().filter(|_| !without))
}

/// What is asked whether this machine is offline. A target on this machine is reached without a network.
pub(super) fn anchors(own: &OwnSettings, start: &Start) -> Vec<Anchor> {
    if own.anchors.is_empty() {
        return Vec::new();
    }
    if !start.lasting || is_on_this_machine(&start.target) {
        say("no anchor is asked: the target is on this machine");
        return Vec::new();
    }
    let names: Vec<String> = own.anchors.iter().map(ToString::to_string).collect();
    say(format_args!("whether this machine is offline is asked of {}", names.join(" and ")));
    own.anchors.clone()
}

/// A sandbox must not wake anybody.
fn refuse_real(settings: &AlertSettings, problems: &mut Vec<Problem>) {
    let mut names = settings.leaves_machine();
    if settings.pagerduty.is_some() && !names.contains(&"COALMINE_PAGERDUTY_KEY") {
        names.push("COALMINE_PAGERDUTY_KEY");
    }
    for name in names {
        problems.push(problem(
            name,
            "it would tell somebody real of what fails in a sandbox",
            "unset it: a sandbox has a PagerDuty of its own; or name a real target in COALMINE_TARGET",
        ));
    }
}

fn build(
    settings: &AlertSettings,
    roots: &Roots,
    target: Option<&TargetAlerts>,
) -> Result<Alerts, ConfigError> {
    // The target's own PagerDuty shows a certificate of its own authority.
    let roots = match target {
        Some(target) => &target.roots,
        None => roots,
    };
    let notifiers: Vec<Arc<dyn Notifier>> = settings.notifiers(roots)?.into_iter().map(Arc::from).collect();
    let drills = settings.pager_drill.as_ref().map(|it| rhythm(it, &notifiers)).transpose()?;
    let heartbeat = settings.heartbeat.as_ref().map(|it| Heartbeat::new(it, roots)).transpose()?;
    Ok(Alerts {
        notifiers,
        notify: settings.notify.clone(),
        second: settings.second.clone(),
        owners: settings.owners.clone(),
        drills,
        heartbeat: heartbeat.map(Arc::new),
    })
}

fn rhythm(times: &DrillTimes, notifiers: &[Arc<dyn Notifier>]) -> Result<Rhythm, ConfigError> {
    const NAME: &str = "COALMINE_PAGER_DRILL";
    if !notifiers.iter().any(|it| it.remote().is_some()) {
        return Err(ConfigError::one(
            NAME,
            "nobody could see whether the drill's page exists",
            "set COALMINE_PAGERDUTY_TOKEN to a token that may read incidents, or unset it",
        ));
    }
    match times {
        DrillTimes::Every(interval) => Ok(Rhythm::Every(*interval)),
        DrillTimes::Cron { expression, zone } => {
            Rhythm::cron(expression, zone).map_err(|error| ConfigError::one(NAME, error.found, error.remedy))
        }
    }
}

/// The sandbox's PagerDuty first, and whoever else on this machine is to be told.
fn with_pagerduty(own: &AlertSettings, pagerduty: &PagerDutySettings) -> AlertSettings {
    let name = "pagerduty".to_owned();
    let notify = std::iter::once(name).chain(own.notify.iter().cloned()).collect();
    AlertSettings { pagerduty: Some(pagerduty.clone()), notify, ..own.clone() }
}

/// Says who is told.
pub(super) fn announce(alerts: &Alerts) {
    let Alerts { notify, second, owners, .. } = alerts;
    if notify.is_empty() {
        say("nobody is told of what fails");
        return;
    }
    let second = second.as_ref().map(|it| format!(", {it} if that does not take it")).unwrap_or_default();
    let owners = if owners.is_empty() { "nobody".to_owned() } else { owners.join(" and ") };
    say(format_args!("{} told of what fails{second}; owners of canaries: {owners}", verb(notify)));
}

fn verb(names: &[String]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
}

fn problem(name: &str, found: &str, remedy: &str) -> Problem {
    Problem { name: name.to_owned(), found: found.to_owned(), remedy: remedy.to_owned() }
}
