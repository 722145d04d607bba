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
    let form: Vec<_> = who(by.as_deref(), &environment).map(|it| ("by", it)).into_iter().collect();
    let Story { incident } = runtime()?.block_on(remote.post(&path, &form))?;
    print(&text_of(&incident))?;
    Ok(Verdict::Passed)
}

fn text_of(incident: &Incident) -> String {
    let what = what_of(incident);
    let id = &incident.id;
    match &incident.acknowledged {
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
            text_of(&incident),
            "nobody takes care of i-7k2m9q4xwz (api::create_key failed) any more: reminders begin anew\n"
        );
        incident.acknowledged = Some(Acknowledged { at: incident.opened, by: "anna".into() });
        assert_eq!(
            text_of(&incident),
            "anna takes care of i-7k2m9q4xwz (api::create_key failed): nobody is reminded of it\n\
             give it back with: canaries unack i-7k2m9q4xwz\n"
        );
    }
}
