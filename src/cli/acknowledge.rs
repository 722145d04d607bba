//! `ack` and `unack`: who takes care of an incident.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::{
    explain::what_of,
    sandbox::print,
    service::{Remote, ServiceArguments, id},
    silence::who,
    store::runtime,
    trouble::{Trouble, code},
};
use crate::{alert::Incident, config::Environment, verdict::Verdict};

#[derive(Args)]
pub(super) struct AcknowledgeArguments {
    /// The incident's id, as the page and `incidents` have it.
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// Who does it; without it, what `USER` says.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
}

pub(super) fn run(arguments: &AcknowledgeArguments, takes: bool) -> ExitCode {
    code(told(arguments, takes))
}

/// What is read of the service's answer.
#[derive(Deserialize)]
struct Story {
    incident: Incident,
}

fn told(arguments: &AcknowledgeArguments, takes: bool) -> Result<Verdict, Trouble> {
    let AcknowledgeArguments { incident, by, service } = arguments;
    let environment = Environment::of_process();
    let remote = Remote::new(service, &environment)?;
    let path = format!("/incidents/{}/{}", id(incident), if takes { "acknowledge" } else { "unacknowledge" });
    let by = who(by.as_deref(), &environment);
    let form: Vec<_> = by.iter().map(|it| ("by", it.clone())).collect();
    let Story { incident } = runtime()?.block_on(remote.post(&path, &form))?;
    print(&text_of(&incident, by.as_deref()))?;
    Ok(Verdict::Passed)
}

/// What has come of it for `asked`, who may have come second.
fn text_of(incident: &Incident, asked: Option<&str>) -> String {
    let what = what_of(incident);
    let id = &incident.id;
    match &incident.acknowledged {
        Some(it) if asked.is_some_and(|asked| asked != it.by) => format!(
            "{} takes care of {id} ({what}) already, since {:.0}: that stays, and nobody is reminded of it\n\
             take it over with: canaries unack {id}, then canaries ack {id}\n",
            it.by, it.at
        ),
        Some(it) => format!(
            "{} takes care of {id} ({what}): nobody is reminded of it\ngive it back with: canaries unack {id}\n",
            it.by
        ),
        None => format!("nobody takes care of {id} ({what}) any more: reminders begin anew\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alert::Acknowledged, cli::explain::sample};

    #[test]
    fn who_takes_it_is_said_by_the_answer() {
        let (mut incident, _) = sample();
        assert_eq!(
            text_of(&incident, Some("anna")),
            "nobody takes care of i-7k2m9q4xwz (api::create_key failed) any more: reminders begin anew\n"
        );
        incident.acknowledged = Some(Acknowledged { at: incident.opened, by: "anna".into() });
        assert_eq!(
            text_of(&incident, Some("anna")),
            "anna takes care of i-7k2m9q4xwz (api::create_key failed): nobody is reminded of it\n\
             give it back with: canaries unack i-7k2m9q4xwz\n"
        );
        assert_eq!(text_of(&incident, None), text_of(&incident, Some("anna")));
    }

    #[test]
    fn who_comes_second_is_told_so() {
        let (mut incident, _) = sample();
        let at = "2026-03-07T03:12:09.5Z".parse().unwrap();
        incident.acknowledged = Some(Acknowledged { at, by: "anna".into() });
        assert_eq!(
            text_of(&incident, Some("ben")),
            "anna takes care of i-7k2m9q4xwz (api::create_key failed) already, since 2026-03-07T03:12:09Z: that stays, \
             and nobody is reminded of it\n\
             take it over with: canaries unack i-7k2m9q4xwz, then canaries ack i-7k2m9q4xwz\n"
        );
    }
}
