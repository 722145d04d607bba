//! What a service prints while it goes on: a line per finished run on standard output, the rest on standard error.

use std::{io::Write as _, sync::Arc};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::super::say;
use crate::{
    report::text,
    service::Event,
    store::{Summary, Trigger},
};

/// Prints a line per finished run, until it is over and everything has been printed.
pub(super) async fn announce(mut events: Receiver<Arc<Event>>, over: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            () = over.cancelled() => return,
        };
        match event {
            Ok(event) => print(&event),
            Err(RecvError::Lagged(lost)) => {
                say(format_args!("warning: {lost} events came too fast to be printed"));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn print(event: &Event) {
    match event {
        Event::RunEnded(summary) => {
            let mut out = std::io::stdout().lock();
            // That nobody reads it is no reason to stop.
            let _ = writeln!(out, "{}", line(summary)).and_then(|()| out.flush());
        }
        Event::MissedRun { canary, planned, late_ms } => say(format_args!(
            "warning: {canary} should have run at {planned:.0}, {} ago; it runs now",
            text::time(*late_ms)
        )),
        Event::Told { incident: Some(_), notifier, action, accepted, answer, .. } if !accepted => {
            say(format_args!("warning: {notifier} has not taken `{}`: {answer}", action.as_str()));
        }
        Event::Told { incident: Some(incident), key, notifier, action, took_ms, .. } => say(format_args!(
            "{notifier} was told: {} of {incident}, {key}, in {}",
            action.as_str(),
            text::time(*took_ms)
        )),
        Event::StoreTrouble { error } => {
            say(format_args!("warning: runs cannot be kept, and wait in memory: {error}"));
        }
        Event::StoreWell => say("runs are being kept again"),
        Event::RunLost { canary, run } => say(format_args!(
            "error: the run {run} of {canary} is lost: too many wait for the store\n  remedy: make the store writable"
        )),
        Event::RunStarted { .. }
        | Event::StepEnded { .. }
        | Event::ScheduleChanged(_)
        | Event::IncidentChanged(_)
        | Event::Told { incident: None, .. } => (),
    }
}

/// A run in one line: when, which, how, why.
fn line(summary: &Summary) -> String {
    let Summary { run, canary, verdict, trigger, started, duration_ms, counts, root, cause, message, .. } =
        summary;
    let trigger = match trigger {
        Trigger::Schedule => "",
        Trigger::Recheck => ", recheck",
        Trigger::Request => ", on request",
    };
    let mut line =
        format!("{started:.0} {canary} {verdict} in {} (run {run}{trigger})", text::time(*duration_ms));
    let parts = [
        (counts.passed, "passed"),
        (counts.flaky, "of them flaky"),
        (counts.failed, "failed"),
        (counts.inconclusive, "inconclusive"),
        (counts.blocked, "blocked"),
        (counts.skipped, "skipped"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")).collect();
    line.push_str(&format!(": {}", parts.join(", ")));
    if let Some(root) = root {
        line.push_str(&format!("; {root}"));
        cause.iter().for_each(|cause| line.push_str(&format!(": {cause}")));
        message.iter().for_each(|message| line.push_str(&format!(": {message}")));
    }
    text::plain(&line).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::Counts,
        verdict::{Cause, Verdict},
    };

    #[test]
    fn a_run_is_one_line() {
        let summary = Summary {
            run: "k3".into(),
            canary: "front".into(),
            verdict: Verdict::Failed,
            trigger: Trigger::Recheck,
            started: "2026-01-31T12:00:00.5Z".parse().unwrap(),
            duration_ms: 1234.0,
            target: "memory:".into(),
            location: "here".into(),
            filtered: false,
            counts: Counts { passed: 2, failed: 1, blocked: 3, ..Counts::default() },
            root: Some("pay".into()),
            cause: Some(Cause::Assertion),
            message: Some("expected\n200\u{1b}[31m".into()),
        };
        assert_eq!(
            line(&summary),
            "2026-01-31T12:00:00Z front failed in 1.2 s (run k3, recheck): 2 passed, 1 failed, 3 blocked; pay: \
             assertion: expected 200"
        );
    }
}
