//! `alert drill`: a labelled incident through everything that a real one goes through, in the service that runs.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::{
    sandbox::print,
    say,
    service::{Remote, ServiceArguments},
    store::runtime,
    trouble::Trouble,
};
use crate::{
    alert::drill::DRILL_LIMIT, clock::Clock, config::Environment, report::text::time, verdict::Verdict,
};

/// How often it is looked how the drill stands.
const LOOK: Duration = Duration::from_secs(1);

/// How much longer than a drill may take it is waited for. The service ends it by its own clock.
const MARGIN: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(super) struct DrillArguments {
    #[command(flatten)]
    service: ServiceArguments,
}

/// What is read of the service's answers.
#[derive(Deserialize)]
struct Begun {
    incident: String,
}

#[derive(Deserialize)]
struct Alerts {
    pager: Pager,
}

#[derive(Deserialize)]
struct Pager {
    /// The incident of the drill that goes on.
    drill: Option<String>,
    /// Why the last one has failed; none if it has not.
    failure: Option<WentWrong>,
    /// Why it cannot be seen what is there.
    blind: Option<WentWrong>,
}

#[derive(Deserialize)]
struct WentWrong {
    #[serde(rename = "at")]
    _at: Timestamp,
    error: String,
}

pub(super) fn run(arguments: &DrillArguments) -> Result<Verdict, Trouble> {
    let remote = Remote::new(&arguments.service, &Environment::of_process())?;
    runtime()?.block_on(async {
        let begun = Clock::instant();
        let Begun { incident } = remote.post("/alerts/drill", &[]).await?;
        say(format_args!(
            "drill {incident} has begun; it is over when its page was seen, after a minute at the earliest"
        ));
        let verdict = wait(&remote, &incident, begun).await?;
        say(format_args!("`canaries explain {incident}` tells what happened"));
        Ok(verdict)
    })
}

/// Until the service says how it ended. A service that does not answer for a moment may do so again.
async fn wait(remote: &Remote, incident: &str, begun: Instant) -> Result<Verdict, Trouble> {
    let limit = Duration::try_from(DRILL_LIMIT).unwrap_or_default() + MARGIN;
    let mut blind = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let over = begun.elapsed() >= limit;
        match remote.get::<Alerts>("/api/v1/alerts").await {
            Ok(Alerts { pager }) if pager.drill.as_deref() != Some(incident) => {
                let (verdict, line) = ended(pager.failure.as_ref(), begun.elapsed());
                print(&line)?;
                return Ok(verdict);
            }
            Ok(Alerts { pager }) => {
                let why = pager.blind.map(|it| it.error);
                if let Some(why) = why.as_ref().filter(|_| why != blind) {
                    say(format_args!("warning: it cannot be seen what is there: {why}"));
                }
                blind = why;
            }
            Err(trouble) if over => return Err(trouble),
            Err(Trouble::Usage(message)) => return Err(Trouble::Usage(message)),
            Err(Trouble::Elsewhere(_)) => (),
        }
        if over {
            return Err(Trouble::Elsewhere(format!(
                "drill {incident} has not ended within {limit:?}\n  remedy: `canaries explain {incident}` tells what \
                 happened so far"
            )));
        }
    }
}

fn ended(failure: Option<&WentWrong>, took: Duration) -> (Verdict, String) {
    let took = time(took.as_secs_f64() * 1e3);
    match failure {
        None => (Verdict::Passed, format!("the pager works: the page was seen to be there, after {took}\n")),
        Some(WentWrong { error, .. }) => {
            (Verdict::Failed, format!("the pager does not work, after {took}: {error}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_ends_by_what_the_service_says() {
        let took = Duration::from_millis(64_200);
        let proven = "the pager works: the page was seen to be there, after 1 min 4 s\n";
        assert_eq!(ended(None, took), (Verdict::Passed, proven.to_owned()));
        let answer = r#"{"pager": {"drill": null, "blind": null,
            "failure": {"at": "2026-11-30T12:00:00Z", "error": "pagerduty has taken it and does not show it"}}}"#;
        let Alerts { pager } = serde_json::from_str(answer).unwrap();
        let failed =
            "the pager does not work, after 1 min 4 s: pagerduty has taken it and does not show it\n";
        assert_eq!(ended(pager.failure.as_ref(), took), (Verdict::Failed, failed.to_owned()));
    }
}
