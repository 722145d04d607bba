//! What pages cost: how long each takes and how large it is, for the largest suites that we expect.
//!
//! `cargo bench --bench pages`. To look at the pages themselves:
//! `cargo test --bench pages -- --write FOLDER [record.json [of the last good run]]`.

use std::{
    error::Error,
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use coalmine::{
    RunRecord, Verdict,
    pages::{
        self, Alerts, CanaryRow, CanaryView, IncidentView, IncidentsView, Login, Message, OpenIncident,
        OperationRow, Overview, Running, RunsShown, StepFailure, StepRow, StepView, SurfaceView,
    },
    report::html::{Assets, RunView, Site, report, run},
    store::{Pause, StepPoint, StepStatistics},
};
use jiff::SignedDuration;

#[path = "../tests/html/fixture.rs"]
mod fixture;
#[path = "../tests/html/wrong.rs"]
mod wrong;

/// How often each thing is done before the median is taken.
const TIMES: usize = 25;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|it| it == "--write") {
        let [folder, records @ ..] = &arguments[at + 1..] else { return Err("--write FOLDER".into()) };
        return write(Path::new(folder), records);
    }
    // `cargo test` starts benchmarks as well, to see whether they can be built.
    if !arguments.iter().any(|it| it == "--bench") {
        return Ok(());
    }
    println!("{:<32} {:>10} {:>10}", "page", "time", "size");
    for canaries in [2, 20, 50] {
        let view = fixture::overview_of(rows(canaries));
        measure(&format!("overview, {canaries} canaries"), || pages::overview(&fixture::SITE, &view));
    }
    for steps in [170, 1000] {
        let (now, good) = (large(steps, true), large(steps, false));
        let view = RunView { last_good: Some(&good), ..RunView::new(&now) };
        measure(&format!("run, {steps} steps"), || run(&fixture::SITE, &view));
        measure(&format!("report, {steps} steps"), || report("shop", std::slice::from_ref(&now), &[]));
    }
    let row = fixture::canary("api", Verdict::Failed);
    let steps = step_rows(110);
    let view = canary_view(&row, &steps);
    measure("canary, 110 steps, 40 runs", || pages::canary(&fixture::SITE, &view));
    for runs in [300, 2000] {
        let (points, statistics) = (points(runs), statistics());
        let view = step_view(&points, &statistics, &[]);
        measure(&format!("step, {runs} runs"), || pages::step(&fixture::SITE, &view));
    }
    Ok(())
}

fn measure(name: &str, page: impl Fn() -> String) {
    let size = page().len();
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let begun = Instant::now();
            black_box(page());
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!("{name:<32} {:>10.1?} {:>7} kB", times[TIMES / 2], size / 1000);
}

fn rows(count: usize) -> Vec<CanaryRow> {
    let verdict = |it: usize| if it.is_multiple_of(7) { Verdict::Failed } else { Verdict::Passed };
    (0..count).map(|it| fixture::canary(&format!("canary_{it}"), verdict(it))).collect()
}

/// Steps with two requests each, needing one another in rows of ten.
fn large(steps: usize, fails: bool) -> RunRecord {
    let body =
        format!(r#"{{"items":[{}]}}"#, [r#"{"id":"a1","amount":100,"tags":{"kind":"gold"}}"#; 12].join(","));
    let step = |index: usize| {
        let name = format!("step_{index}");
        let mut step = if fails && index % 40 == 7 {
            fixture::failed(&name, fixture::exchange(500, &body.replacen("100", "99", 1)))
        } else {
            fixture::passed(&name, vec![fixture::exchange(200, &body); 2])
        };
        if index == 0 {
            step = fixture::fixture(step);
        } else if fails && index % 40 > 35 {
            step = fixture::blocked(&name, &format!("step_{}", index / 40 * 40 + 7));
        }
        step.needs = if index.is_multiple_of(10) { vec![] } else { vec![format!("step_{}", index - 1)] };
        step
    };
    fixture::record((0..steps).map(step).collect())
}

fn points(count: u32) -> Vec<StepPoint> {
    let point = |it: u32| StepPoint {
        run: format!("r{it}"),
        started: fixture::now() - SignedDuration::from_mins(i64::from(it) * 5),
        verdict: if it % 60 == 17 { Verdict::Failed } else { Verdict::Passed },
        flaky: it % 50 == 9,
        duration_ms: 90.0 + f64::from(it * 7919 % 97) + if it % 31 == 5 { 140.0 } else { 0.0 },
    };
    (0..count).map(point).collect()
}

fn statistics() -> Vec<StepStatistics> {
    [
        "workspace",
        "sign_in",
        "create_key",
        "create_account",
        "list_accounts",
        "count_pages_of_a_very_long_list_of_things",
    ]
    .iter()
    .enumerate()
    .map(|(index, name)| StepStatistics {
        step: (*name).into(),
        runs: 2016,
        failed: if index == 2 { 34 } else { 0 },
        p50_ms: 138.0,
        p90_ms: 181.0,
        p99_ms: 262.0,
        max_ms: 1326.0,
    })
    .collect()
}

fn step_view<'a>(
    points: &'a [StepPoint],
    statistics: &'a [StepStatistics],
    failures: &'a [StepFailure],
) -> StepView<'a> {
    StepView {
        now: fixture::now(),
        canary: "api",
        step: "create_key",
        promise: "a key can be created under a name",
        covers: &[],
        runbook: Some("https://wiki.shop.test/runbooks/keys"),
        place: "canaries/api/mod.rs:36",
        points,
        statistics,
        since: fixture::now() - SignedDuration::from_hours(24 * 7),
        failures,
    }
}

fn step_rows(count: usize) -> Vec<StepRow> {
    let known = statistics();
    let row = |number: usize| {
        let statistics = known[number % known.len()].clone();
        let verdict = if number == 40 { Verdict::Failed } else { Verdict::Passed };
        StepRow {
            step: format!("{}_{number}", statistics.step),
            promise: "what was promised of it stands here in a sentence".into(),
            verdict: Some(verdict),
            statistics: Some(statistics),
        }
    };
    (0..count).map(row).collect()
}

fn canary_view<'a>(row: &'a CanaryRow, steps: &'a [StepRow]) -> CanaryView<'a> {
    let runs = RunsShown { runs: &row.runs, next: Some("older"), ..RunsShown::default() };
    let since = fixture::now() - SignedDuration::from_hours(24 * 30);
    CanaryView { now: fixture::now(), row, steps, since, runs, alerts: None }
}

fn operations() -> Vec<OperationRow> {
    let row = |number: usize| OperationRow {
        operation: format!("operation-{number}"),
        prover: (number != 7).then(|| ("api".to_owned(), format!("prove_{number}"))),
        verdict: [None, Some(Verdict::Failed), Some(Verdict::Inconclusive), Some(Verdict::Blocked)]
            .get(number)
            .copied()
            .unwrap_or(Some(Verdict::Passed)),
        message: (number == 1).then(|| "expected success, got 500 internal error".to_owned()),
        answers: vec![(200, 12), (404, 3), (500, number)],
        duration_ms: 412.0,
        ..OperationRow::default()
    };
    (0..47).map(row).collect()
}

/// Every page as a file, with everything in it that a page can show.
fn write(folder: &Path, records: &[String]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let site = Site { assets: Assets::Embedded { nonce: None }, logout: Some("token"), ..fixture::SITE };
    let put = |name: &str, page: String| fs::write(folder.join(name).with_extension("html"), page);

    let mut busy = fixture::canary("onboarding", Verdict::Passed);
    busy.running = Some(Running { run: None, since: fixture::now() - SignedDuration::from_secs(12) });
    let mut paused = fixture::canary("billing", Verdict::Inconclusive);
    if let Some(schedule) = &mut paused.schedule {
        let reason = "the payment provider is being replaced".to_owned();
        schedule.paused =
            Some(Pause { since: fixture::now() - SignedDuration::from_mins(90), reason, until: None });
        (schedule.skipped, schedule.missed) = (3, 1);
    }
    let never =
        CanaryRow { canary: "search".into(), rhythm: Some("every hour".into()), ..CanaryRow::default() };
    let canaries = vec![fixture::canary("api", Verdict::Failed), busy, paused, never];
    let overview = Overview { alerts: Some(wrong::alerts()), ..fixture::overview_of(canaries) };
    put("overview", pages::overview(&site, &overview))?;
    let green = vec![fixture::canary("api", Verdict::Passed), fixture::canary("onboarding", Verdict::Passed)];
    let green = Overview {
        alerts: Some(Alerts { pager: wrong::pager(), ..Alerts::default() }),
        ..fixture::overview_of(green)
    };
    put("overview-green", pages::overview(&site, &green))?;
    for (name, may_change) in [("incident", true), ("incident-linked", false)] {
        let open = OpenIncident { incident: wrong::acknowledged(), tellings: vec![wrong::telling()] };
        let (log, alerts) = (wrong::log(), wrong::alerts());
        let view = IncidentView { now: fixture::now(), open: &open, log: &log, alerts: &alerts, may_change };
        put(name, pages::incident(&site, &view))?;
    }
    let canaries = ["api".to_owned(), "billing".to_owned()];
    let view = IncidentsView {
        now: fixture::now(),
        alerts: &wrong::alerts(),
        canaries: &canaries,
        history: &wrong::past(),
        later: true,
        next: Some(wrong::ago(9000)),
        may_change: true,
    };
    put("incidents", pages::incidents(&site, &view))?;
    put("overview-50", pages::overview(&site, &fixture::overview_of(rows(50))))?;

    let read = |file: &String| -> Result<Records, Box<dyn Error>> {
        Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
    };
    let now =
        records.first().map(read).transpose()?.unwrap_or_else(|| Records { runs: vec![large(170, true)] });
    let good = records.get(1).map(read).transpose()?.unwrap_or_default();
    for record in &now.runs {
        let last_good = good.runs.iter().find(|it| it.canary == record.canary);
        let view = RunView {
            trigger: Some("recheck"),
            last_good,
            previous: Some("r6"),
            next: Some("r8"),
            ..RunView::new(record)
        };
        put(&format!("run-{}", record.canary), run(&site, &view))?;
    }
    put("report", report("shop", &now.runs, &[]))?;
    let hostile = format!("</pre><script>alert(1)</script>\u{202e}{}{}", "x".repeat(20_000), "[".repeat(500));
    let mut steps = vec![fixture::failed("hostile", fixture::exchange(500, &hostile))];
    steps.extend(
        (0..1000).map(|it| fixture::passed(&format!("step_{it}"), vec![fixture::exchange(200, "{}")])),
    );
    put("run-hostile", run(&site, &RunView::new(&fixture::record(steps))))?;

    let long = |name: &str| format!("{name}_{}", "of_a_very_long_name".repeat(12));
    let mut row = fixture::canary(&long("canary"), Verdict::Failed);
    for it in &mut row.runs {
        it.root = it.root.as_deref().map(long);
        it.message = it.message.as_ref().map(|text| format!("{text} {}", "0123456789abcdef".repeat(60)));
    }
    if let Some(schedule) = &mut row.schedule {
        let (reason, until) = (long("because"), Some(fixture::now() + SignedDuration::from_hours(9)));
        schedule.paused = Some(Pause { since: fixture::now(), reason, until });
    }
    let mut steps = step_rows(110);
    steps[3].step = long("step");
    put("canary-long", pages::canary(&site, &canary_view(&row, &steps)))?;
    put("overview-long", pages::overview(&site, &fixture::overview_of(vec![row])))?;
    let row = fixture::canary("api", Verdict::Failed);
    put("canary", pages::canary(&site, &canary_view(&row, &step_rows(110))))?;
    let runs = [("api".to_owned(), "r7".to_owned(), fixture::now())];
    let operations = operations();
    let surface = SurfaceView { now: fixture::now(), runs: &runs, operations: &operations };
    put("surface", pages::surface(&site, &surface))?;

    let (points, statistics) = (points(300), statistics());
    let failures: Vec<_> = points
        .iter()
        .filter(|it| it.verdict == Verdict::Failed)
        .map(|it| StepFailure {
            run: it.run.clone(),
            started: it.started,
            verdict: it.verdict,
            cause: Some(coalmine::Cause::Assertion),
            message: Some("expected success, got 500 internal error".into()),
        })
        .collect();
    put("step", pages::step(&site, &step_view(&points, &statistics, &failures)))?;
    put("not-found", pages::message(&site, &Message::NOT_FOUND))?;
    put("error", pages::message(&site, &Message::ERROR))?;
    let form = Login { action: "/login", csrf: "c", next: None, problem: Some("That is not the password.") };
    put("login", pages::login(&site, &form))?;
    Ok(())
}

/// What is needed of `record.json`.
#[derive(Default, serde::Deserialize)]
struct Records {
    runs: Vec<RunRecord>,
}
