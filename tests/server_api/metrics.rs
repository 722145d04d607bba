//! `/metrics`, as a scraper sees it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::*;

/// The body at a path, whatever it is.
pub(super) async fn text(rig: &Rig, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(rig.address()).await.unwrap();
    let host = rig.address();
    let request = format!("GET {path} HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn runs_and_steps_are_counted() {
    let rig = Rig::new().await;
    let text = text(&rig, "/metrics").await;
    for line in [
        "coalmine_up{canary=\"front\"} 1",
        "coalmine_up{canary=\"back\"} 0",
        "coalmine_runs_total{canary=\"front\",verdict=\"passed\",trigger=\"request\"} 2",
        "coalmine_runs_total{canary=\"front\",verdict=\"failed\",trigger=\"schedule\"} 0",
        "coalmine_runs_total{canary=\"back\",verdict=\"failed\",trigger=\"request\"} 1",
        "coalmine_all_runs_total{canary=\"front\",verdict=\"passed\"} 2",
        "coalmine_run_duration_seconds_count{canary=\"front\"} 2",
        "coalmine_step_outcomes_total{canary=\"back\",step=\"enter\",verdict=\"blocked\"} 1",
        "coalmine_step_outcomes_total{canary=\"front\",step=\"look\",verdict=\"passed\"} 2",
        "coalmine_step_duration_seconds_count{canary=\"front\",step=\"look\"} 2",
        "coalmine_step_duration_seconds_count{canary=\"back\",step=\"enter\"} 0",
        "coalmine_last_success_timestamp_seconds{canary=\"front\"} 1767225600",
        "coalmine_paused{canary=\"front\"} 0",
        "coalmine_running{canary=\"front\"} 0",
        "coalmine_schedule_lateness_seconds_count{canary=\"front\"} 0",
        "coalmine_schedule_missed_total{canary=\"front\"} 0",
        "coalmine_schedule_skipped_total{canary=\"front\"} 0",
        "coalmine_mail_delivery_seconds_bucket{canary=\"front\",le=\"1\"} 0",
        "coalmine_mail_delivery_seconds_bucket{canary=\"front\",le=\"2\"} 2",
        "coalmine_mail_delivery_seconds_sum{canary=\"front\"} 3",
        "coalmine_mail_delivery_seconds_count{canary=\"back\"} 0",
        "coalmine_certificate_expiry_timestamp_seconds{canary=\"front\",host=\"shop.test\"} 1769904000",
        "coalmine_trace_exports_total 0",
        "coalmine_trace_export_failures_total 0",
        "coalmine_incidents_open{canary=\"back\",severity=\"critical\"} 0",
        "coalmine_incidents_open{canary=\"front\",severity=\"warning\"} 0",
        "coalmine_page_attempts_total{outcome=\"accepted\"} 0",
        "coalmine_pages_undelivered 0",
        "coalmine_pages_undelivered_oldest_seconds 0",
        "coalmine_pager_drilled 0",
        "coalmine_pager_drills_total{outcome=\"failed\"} 0",
        "coalmine_silences 0",
        "coalmine_store_up 1",
        concat!("coalmine_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|it| it == line), "no `{line}` in\n{text}");
    }
    assert!(text.lines().any(|it| it.starts_with("coalmine_store_bytes ")), "{text}");
    for absent in
        ["coalmine_up{canary=\"never\"}", "coalmine_last_success_timestamp_seconds{canary=\"back\"}"]
    {
        assert!(!text.contains(absent), "{text}");
    }
    assert!(text.ends_with('\n'));
}

#[tokio::test]
async fn incidents_and_notifiers_are_counted() {
    let rig = Rig::wrong().await;
    let text = text(&rig, "/metrics").await;
    for line in [
        "coalmine_incidents_open{canary=\"back\",severity=\"critical\"} 1",
        "coalmine_incidents_open{canary=\"front\",severity=\"critical\"} 0",
        "coalmine_notifier_failures_in_a_row{notifier=\"pager\"} 0",
    ] {
        assert!(text.lines().any(|it| it == line), "no `{line}` in\n{text}");
    }
    assert!(text.contains("coalmine_notifier_waiting{notifier=\"pager\"} "), "{text}");
}

#[tokio::test]
async fn runs_add_no_series() {
    let rig = Rig::new().await;
    let series =
        |text: &str| text.lines().map(|it| it.rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>();
    let before = series(&text(&rig, "/metrics").await);
    rig.run("front").await;
    rig.run("back").await;
    assert_eq!(series(&text(&rig, "/metrics").await), before);
}

/// What Prometheus itself says of it, where it is installed.
#[tokio::test]
async fn promtool_finds_nothing_wrong() {
    let rig = Rig::new().await;
    let text = text(&rig, "/metrics").await;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        println!("not checked: promtool is not installed");
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}

/// The rules and the dashboard name only metrics that there are.
#[tokio::test]
async fn rules_and_dashboard_name_metrics_that_there_are() {
    let rig = Rig::new().await;
    let text = text(&rig, "/metrics").await;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/ci/");
    for file in ["prometheus/alerts.yml", "grafana/dashboard.json"] {
        let file = std::fs::read_to_string(format!("{root}{file}")).unwrap();
        let names = file.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        for name in names.filter(|it| it.starts_with("coalmine_")) {
            let sample = |it: &str| it.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            // Some have no sample as long as nothing has happened.
            let family = text.contains(&format!("# TYPE {name} "));
            assert!(family || text.lines().any(sample), "no `{name}`");
        }
    }
}
