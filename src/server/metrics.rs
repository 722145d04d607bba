//! `/metrics`: how everything stands, for Prometheus, in its text format 0.0.4.
//!
//! The text is written here and not by `prometheus-client`, which writes OpenMetrics: there a counter's family has
//! another name than its samples (`x` and `x_total`), so that readers of the older format, which is what every
//! scraper understands, take all counters for untyped.
//!
//! Numbers come from [`Service::snapshot`] and [`Service::alerts`] and not from events, because who reads events may lose some. The labels are
//! names of the plan and a few fixed words, so that there are never more series than the suite has steps.

mod alerts;
mod text;

use std::time::Duration;

use axum::http::header;
use jiff::Timestamp;

use self::text::{Kind, Text};
use crate::{
    service::{AlertView, CanaryView, LATENESS_BOUNDS, Service, Snapshot},
    store::Trigger,
    verdict::Verdict,
};

/// What the text is, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long the store may think about its size: a scrape waits for ten seconds, often.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer to `GET /metrics`.
pub async fn answer(service: &Service) -> impl axum::response::IntoResponse + use<> {
    let size = tokio::time::timeout(PATIENCE, service.store().size()).await;
    let size = size.ok().and_then(Result::ok);
    let text = render(&service.snapshot(), &service.alerts(), service.clock().now(), size);
    ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text)
}

/// How everything stands, as Prometheus reads it. The store's size is left out where it is not known.
#[must_use]
pub fn render(snapshot: &Snapshot, alerts: &AlertView, now: Timestamp, store_bytes: Option<u64>) -> String {
    let mut text = Text::default();
    about_service(&mut text, snapshot, store_bytes);
    about_canaries(&mut text, &snapshot.canaries);
    about_schedule(&mut text, &snapshot.canaries);
    about_steps(&mut text, &snapshot.canaries);
    about_the_way(&mut text, &snapshot.canaries);
    let canaries: Vec<_> = snapshot.canaries.iter().map(|it| &*it.canary).collect();
    alerts::about(&mut text, &canaries, alerts, now);
    text.end()
}

type Views = [std::sync::Arc<CanaryView>];

fn about_service(text: &mut Text, snapshot: &Snapshot, store_bytes: Option<u64>) {
    text.family("coalmine_build_info", Kind::Gauge, "Always 1; the version is the label.");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("coalmine_start_timestamp_seconds", Kind::Gauge, "When the service started.");
    text.sample(&[], seconds(snapshot.started));
    text.family("coalmine_stopping", Kind::Gauge, "1 while the service stops and starts no runs.");
    text.sample(&[], u8::from(snapshot.closing));
    if let Some(bytes) = store_bytes {
        text.family("coalmine_store_bytes", Kind::Gauge, "How much room the store takes.");
        text.sample(&[], bytes);
    }
    text.family("coalmine_store_up", Kind::Gauge, "1 if the store takes what it is given, 0 if it does not.");
    text.sample(&[], u8::from(snapshot.store.trouble.is_none()));
    text.family("coalmine_store_waiting_runs", Kind::Gauge, "How many runs wait in memory for the store.");
    text.sample(&[], snapshot.store.waiting);
    text.family("coalmine_store_lost_runs_total", Kind::Counter, "Runs that the store did not take in time.");
    text.sample(&[], snapshot.store.lost);
    text.family("coalmine_trace_exports_total", Kind::Counter, "Runs whose trace the receiver took.");
    text.sample(&[], snapshot.traces.exported);
    text.family(
        "coalmine_trace_export_failures_total",
        Kind::Counter,
        "Runs whose trace was lost: the receiver did not take it, or not in time.",
    );
    text.sample(&[], snapshot.traces.lost);
}

fn about_canaries(text: &mut Text, views: &Views) {
    text.family(
        "coalmine_up",
        Kind::Gauge,
        "1 if the newest run that could tell passed, 0 if it failed; absent before there is one.",
    );
    for view in views {
        if let Some(up) = up(view) {
            text.sample(&[("canary", &view.canary)], u8::from(up));
        }
    }
    text.family("coalmine_last_run_timestamp_seconds", Kind::Gauge, "When the newest run began.");
    for view in views {
        if let Some(last) = view.last() {
            text.sample(&[("canary", &view.canary)], seconds(last.started));
        }
    }
    text.family(
        "coalmine_last_success_timestamp_seconds",
        Kind::Gauge,
        "When the newest run began that passed; absent before there is one.",
    );
    for view in views {
        if let Some(at) = view.last_passed() {
            text.sample(&[("canary", &view.canary)], seconds(at));
        }
    }
    text.family("coalmine_running", Kind::Gauge, "1 while a run is in flight.");
    for view in views {
        text.sample(&[("canary", &view.canary)], u8::from(view.running.is_some()));
    }
    text.family("coalmine_runs_total", Kind::Counter, "Runs that ended, since the service started.");
    for view in views {
        for (verdict, trigger, count) in view.measures.runs() {
            let labels =
                [("canary", &*view.canary), ("verdict", verdict.as_str()), ("trigger", word(trigger))];
            text.sample(&labels, count);
        }
    }
    text.family(
        "coalmine_all_runs_total",
        Kind::Counter,
        "Runs that ended since the store exists; goes on after a restart.",
    );
    for view in views {
        let totals = &view.totals;
        for (verdict, count) in [
            (Verdict::Passed, totals.passed),
            (Verdict::Failed, totals.failed),
            (Verdict::Inconclusive, totals.inconclusive),
            (Verdict::Skipped, totals.skipped),
        ] {
            text.sample(&[("canary", &view.canary), ("verdict", verdict.as_str())], count);
        }
    }
    text.family(
        "coalmine_run_duration_seconds",
        Kind::Histogram,
        "From a run's start to the end of clean-up.",
    );
    for view in views {
        let spread = &view.measures.duration;
        text.histogram(&[("canary", &view.canary)], spread.bounds(), spread.buckets(), spread.sum());
    }
}

fn about_schedule(text: &mut Text, views: &Views) {
    text.family(
        "coalmine_paused",
        Kind::Gauge,
        "1 if the canary does not run by itself because somebody said so.",
    );
    for view in views {
        text.sample(&[("canary", &view.canary)], u8::from(view.schedule.paused.is_some()));
    }
    text.family(
        "coalmine_next_run_timestamp_seconds",
        Kind::Gauge,
        "When the canary is to run next; absent if it does not run by itself.",
    );
    for view in views {
        if let Some(next) = view.schedule.next {
            text.sample(&[("canary", &view.canary)], seconds(next));
        }
    }
    text.family(
        "coalmine_schedule_skipped_total",
        Kind::Counter,
        "Times that a canary was not run because it was still running.",
    );
    for view in views {
        text.sample(&[("canary", &view.canary)], view.schedule.skipped);
    }
    text.family("coalmine_schedule_missed_total", Kind::Counter, "Times of a canary that passed unseen.");
    for view in views {
        text.sample(&[("canary", &view.canary)], view.schedule.missed);
    }
    text.family(
        "coalmine_schedule_lateness_seconds",
        Kind::Histogram,
        "Start minus planned start of runs on schedule.",
    );
    for view in views {
        let late = &view.lateness;
        text.histogram(&[("canary", &view.canary)], &LATENESS_BOUNDS, &late.buckets, late.sum);
    }
}

fn about_steps(text: &mut Text, views: &Views) {
    let steps = || views.iter().flat_map(|view| view.measures.steps.iter().map(move |it| (view, it)));
    text.family(
        "coalmine_step_outcomes_total",
        Kind::Counter,
        "Steps that ended, since the service started.",
    );
    for (view, step) in steps() {
        for (verdict, count) in step.outcomes() {
            let labels = [("canary", &*view.canary), ("step", &*step.step), ("verdict", verdict.as_str())];
            text.sample(&labels, count);
        }
    }
    text.family(
        "coalmine_step_duration_seconds",
        Kind::Histogram,
        "How long all attempts of a step took, whatever came of it.",
    );
    for (view, step) in steps() {
        let spread = &step.duration;
        let labels = [("canary", &*view.canary), ("step", &*step.step)];
        text.histogram(&labels, spread.bounds(), spread.buckets(), spread.sum());
    }
}

/// What lies between the canaries and the product.
fn about_the_way(text: &mut Text, views: &Views) {
    text.family(
        "coalmine_mail_delivery_seconds",
        Kind::Histogram,
        "How long mails took that steps had waited for; one that never came is in no bucket.",
    );
    for view in views {
        let spread = &view.measures.mails;
        text.histogram(&[("canary", &view.canary)], spread.bounds(), spread.buckets(), spread.sum());
    }
    text.family(
        "coalmine_certificate_expiry_timestamp_seconds",
        Kind::Gauge,
        "When the certificate ends that a host of the target has shown last.",
    );
    for view in views {
        for (host, end) in view.measures.certificates() {
            text.sample(&[("canary", &view.canary), ("host", host)], seconds(end));
        }
    }
}

/// Whether the product works, by the newest run that could tell. An inconclusive run changes nothing: an alert must
/// neither begin nor end because a mailbox could not be read; that nothing passes any more, the time of the last
/// success says.
fn up(view: &CanaryView) -> Option<bool> {
    view.runs.iter().find_map(|run| match run.verdict {
        Verdict::Passed => Some(true),
        Verdict::Failed => Some(false),
        Verdict::Inconclusive | Verdict::Blocked | Verdict::Skipped => None,
    })
}

fn word(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Recheck => "recheck",
        Trigger::Request => "request",
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
