//! Whether somebody is told of what fails.
//!
//! The series are the same before the first incident as behind it: who asks for an increase needs the zero.

use jiff::Timestamp;

use super::{
    seconds,
    text::{Kind, Text},
};
use crate::{service::AlertView, verdict::Severity};

pub(super) fn about(text: &mut Text, canaries: &[&str], view: &AlertView, now: Timestamp) {
    about_incidents(text, canaries, view, now);
    about_delivery(text, view, now);
    about_the_pager(text, view);
}

fn about_incidents(text: &mut Text, canaries: &[&str], view: &AlertView, now: Timestamp) {
    text.family("coalmine_incidents_open", Kind::Gauge, "Incidents that are open; drills are not counted.");
    for canary in canaries {
        for (severity, word) in [(Severity::Critical, "critical"), (Severity::Warning, "warning")] {
            let of = view.open.iter().filter(|it| it.canary == *canary && it.severity == severity);
            text.sample(&[("canary", canary), ("severity", word)], of.count());
        }
    }
    text.family("coalmine_silences", Kind::Gauge, "Mutes and maintenance windows that hold.");
    text.sample(&[], view.silences.iter().filter(|it| it.holds(now)).count());
}

fn about_delivery(text: &mut Text, view: &AlertView, now: Timestamp) {
    text.family(
        "coalmine_page_attempts_total",
        Kind::Counter,
        "Attempts to tell a notifier something, since the service started.",
    );
    for (outcome, count) in ["accepted", "refused", "failed"].into_iter().zip(view.attempts) {
        text.sample(&[("outcome", outcome)], count);
    }
    text.family("coalmine_pages_undelivered", Kind::Gauge, "Pages that no notifier at all has taken.");
    text.sample(&[], view.undelivered.map_or(0, |it| it.1));
    text.family(
        "coalmine_pages_undelivered_oldest_seconds",
        Kind::Gauge,
        "For how long the oldest of these waits; 0 if there is none.",
    );
    text.sample(
        &[],
        view.undelivered.map_or(0.0, |(since, _)| now.duration_since(since).as_secs_f64().max(0.0)),
    );
    text.family(
        "coalmine_notifier_failures_in_a_row",
        Kind::Gauge,
        "Attempts that the notifier has not taken since it last took one.",
    );
    for it in &view.notifiers {
        text.sample(&[("notifier", &it.notifier)], it.failures);
    }
    text.family("coalmine_notifier_waiting", Kind::Gauge, "Things that the notifier is still to be told.");
    for it in &view.notifiers {
        text.sample(&[("notifier", &it.notifier)], it.waiting);
    }
    text.family(
        "coalmine_notifier_last_accepted_timestamp_seconds",
        Kind::Gauge,
        "When the notifier last took something; absent before it has, since the service started.",
    );
    for it in &view.notifiers {
        if let Some(at) = it.last_accepted {
            text.sample(&[("notifier", &it.notifier)], seconds(at));
        }
    }
}

fn about_the_pager(text: &mut Text, view: &AlertView) {
    text.family("coalmine_pager_drilled", Kind::Gauge, "1 if the pager is drilled on a schedule.");
    text.sample(&[], u8::from(view.drilled));
    text.family(
        "coalmine_pager_proven_timestamp_seconds",
        Kind::Gauge,
        "When a page was last seen to be where it should be; absent before that.",
    );
    if let Some(at) = view.drill.proven {
        text.sample(&[], seconds(at));
    }
    text.family("coalmine_pager_drills_total", Kind::Counter, "Drills of the pager, since the store exists.");
    text.sample(&[("outcome", "succeeded")], view.drill.succeeded);
    text.sample(&[("outcome", "failed")], view.drill.failures);
    text.family(
        "coalmine_heartbeat_total",
        Kind::Counter,
        "Signs of life, since the service started: taken, not taken, and not given on purpose.",
    );
    if let Some((counts, _)) = &view.heartbeat {
        for (outcome, count) in [("pinged", counts.pinged), ("failed", counts.failed), ("held", counts.held)]
        {
            text.sample(&[("outcome", outcome)], count);
        }
    }
}
