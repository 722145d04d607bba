//! JUnit in both profiles, and reports on disk.
#![cfg(test)]
#![cfg(feature = "harness")]

use coalmine::{
    RunRecord, Verdict,
    record::{AttemptRecord, Exchange, FailureRecord, StepKind, StepRecord},
    report::junit::{JunitOptions, junit, strict, unfinished},
    verdict::Cause,
};
use quick_junit::Report;

mod files;
mod hostile;
mod properties;
mod schema;
mod surface;

use schema::check_strict;

/// A run with these steps.
fn run(steps: Vec<StepRecord>) -> RunRecord {
    RunRecord {
        version: 1,
        suite: "shop".into(),
        canary: "api".into(),
        run: "r1".into(),
        trace: "t1".into(),
        target: "https://x".into(),
        location: "ci".into(),
        started: "2026-01-31T12:00:00Z".parse().unwrap(),
        duration_ms: 1500.0,
        verdict: Verdict::worst(steps.iter().map(|it| it.verdict)),
        filtered: false,
        steps,
        cleanup: Vec::new(),
        certificates: Vec::new(),
    }
}

fn step(name: &str, verdict: Verdict) -> StepRecord {
    StepRecord { name: name.into(), verdict, ..StepRecord::default() }
}

fn failure(cause: Cause, message: &str) -> Box<FailureRecord> {
    Box::new(FailureRecord {
        message: message.into(),
        causes: Vec::new(),
        cause,
        remedy: None,
        exchange: None,
        text: message.into(),
    })
}

fn attempt(number: u32, failure: Option<Box<FailureRecord>>) -> AttemptRecord {
    let verdict = failure.as_ref().map_or(Verdict::Passed, |it| it.cause.verdict());
    AttemptRecord {
        number,
        started_ms: f64::from(number) * 100.0,
        duration_ms: 50.0,
        verdict,
        failure,
        exchanges: Vec::new(),
        notes: Vec::new(),
        mails: Vec::new(),
    }
}

fn extended(records: &[RunRecord]) -> String {
    junit("shop", records, &[], &JunitOptions::default()).unwrap()
}

/// The cases of a report, from the first `<testcase` to the end of the last one.
fn cases(xml: &str) -> String {
    let start = xml.find("<testcase").unwrap_or(xml.len());
    let end = xml.find("</testsuite>").unwrap_or(xml.len());
    xml[start..end].lines().map(str::trim).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Both profiles of one step, without what stands in every case.
fn check(step: StepRecord, extended_inner: &str, strict_inner: &str) {
    const PROPERTIES: &str = "<properties>\n<property name=\"run\" value=\"r1\"/>\n\
                              <property name=\"trace\" value=\"t1\"/>\n</properties>\n";
    let xml = extended(&[run(vec![step])]);
    let start = "<testcase name=\"a\" classname=\"shop.api\" time=\"0.000\"";
    let found =
        cases(&xml).replace(PROPERTIES, "").replace(" timestamp=\"2026-01-31T12:00:00.000+00:00\"", "");
    assert_eq!(found, format!("{start}>\n{extended_inner}</testcase>"), "extended");
    let core = strict(&xml).unwrap();
    check_strict(&core);
    let expected = if strict_inner.is_empty() {
        format!("{start}/>")
    } else {
        format!("{start}>\n{strict_inner}</testcase>")
    };
    assert_eq!(cases(&core), expected, "strict");
}

#[test]
fn every_verdict_has_its_element() {
    let refused = failure(Cause::Assertion, "expected 200, got 503");
    let offline = failure(Cause::Prober, "offline");

    check(step("a", Verdict::Passed), "", "");

    let flaky = StepRecord {
        flaky: true,
        attempts: vec![
            attempt(1, Some(refused.clone())),
            attempt(2, Some(offline.clone())),
            attempt(3, None),
        ],
        ..step("a", Verdict::Passed)
    };
    check(
        flaky,
        "<flakyFailure timestamp=\"2026-01-31T12:00:00.100+00:00\" time=\"0.050\" message=\"expected 200, got 503\" type=\"assertion\">\n\
         <stackTrace>expected 200, got 503</stackTrace>\n\
         </flakyFailure>\n\
         <flakyError timestamp=\"2026-01-31T12:00:00.200+00:00\" time=\"0.050\" message=\"offline\" type=\"prober\">\n\
         <stackTrace>offline</stackTrace>\n\
         </flakyError>\n\
         <system-out>attempt 1: failed\nattempt 2: inconclusive\nattempt 3: passed</system-out>\n",
        "<flakyFailure message=\"expected 200, got 503\" type=\"assertion\">\n\
         <stackTrace>expected 200, got 503</stackTrace>\n\
         </flakyFailure>\n\
         <flakyError message=\"offline\" type=\"prober\">\n\
         <stackTrace>offline</stackTrace>\n\
         </flakyError>\n\
         <system-out>attempt 1: failed\nattempt 2: inconclusive\nattempt 3: passed</system-out>\n",
    );

    let failed = StepRecord {
        failure: Some(refused.clone()),
        attempts: vec![attempt(1, Some(refused.clone()))],
        ..step("a", Verdict::Failed)
    };
    let element =
        "<failure message=\"expected 200, got 503\" type=\"assertion\">expected 200, got 503</failure>\n";
    check(failed, element, element);

    let inconclusive = StepRecord {
        failure: Some(offline.clone()),
        attempts: vec![attempt(1, Some(refused)), attempt(2, Some(offline.clone()))],
        ..step("a", Verdict::Inconclusive)
    };
    check(
        inconclusive,
        "<error message=\"offline\" type=\"prober\">offline</error>\n\
         <rerunFailure timestamp=\"2026-01-31T12:00:00.100+00:00\" time=\"0.050\" message=\"expected 200, got 503\" type=\"assertion\">\n\
         <stackTrace>expected 200, got 503</stackTrace>\n\
         </rerunFailure>\n\
         <system-out>attempt 1: failed\nattempt 2: inconclusive</system-out>\n",
        "<error message=\"offline\" type=\"prober\">offline</error>\n\
         <rerunFailure message=\"expected 200, got 503\" type=\"assertion\">\n\
         <stackTrace>expected 200, got 503</stackTrace>\n\
         </rerunFailure>\n\
         <system-out>attempt 1: failed\nattempt 2: inconclusive</system-out>\n",
    );

    let blocked =
        StepRecord { failure: Some(offline), root: Some("b".into()), ..step("a", Verdict::Blocked) };
    check(
        blocked,
        "<skipped message=\"blocked by `b`: offline\">blocked by `b`: offline</skipped>\n",
        "<skipped message=\"blocked by `b`: offline\"/>\n",
    );

    let skipped = StepRecord { reason: Some("not yet".into()), ..step("a", Verdict::Skipped) };
    check(skipped, "<skipped message=\"not yet\">not yet</skipped>\n", "<skipped message=\"not yet\"/>\n");

    check(
        step("a", Verdict::Failed),
        "<failure message=\"no reason was recorded\" type=\"failed\">no reason was recorded</failure>\n",
        "<failure message=\"no reason was recorded\" type=\"failed\">no reason was recorded</failure>\n",
    );
}

#[test]
fn the_whole_document() {
    let mut attempt = attempt(1, None);
    attempt.verdict = Verdict::Failed;
    attempt.exchanges = vec![Exchange {
        method: "GET".into(),
        url: "https://x/keys?a=1&b=2".into(),
        status: Some(503),
        request_id: Some("q-1".into()),
        duration_ms: 120.0,
        ..Exchange::default()
    }];
    attempt.notes = vec!["the mail took\ttwo ways".into()];
    let failed = StepRecord {
        place: "canaries/api/keys.rs:12".into(),
        promise: "a key <lists>".into(),
        covers: vec!["create-key".into(), "list-keys".into()],
        started_ms: 100.0,
        duration_ms: 250.4,
        failure: Some(Box::new(FailureRecord {
            text: "bad answer\n  caused by: 503\n  remedy: wait".into(),
            ..*failure(Cause::Contract, "bad answer")
        })),
        attempts: vec![attempt],
        ..step("list_keys", Verdict::Failed)
    };
    let quiet = StepRecord { kind: StepKind::Fixture, ..step("client", Verdict::Passed) };
    let broken = StepRecord {
        kind: StepKind::Fixture,
        place: "canaries/api/keys.rs:3".into(),
        root: Some("client".into()),
        ..step("inbox", Verdict::Blocked)
    };
    let mut record = run(vec![quiet, failed, broken]);
    record.target = "https://api.example.com".into();
    let xml = extended(&[record]);
    assert_eq!(
        xml,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="shop" tests="2" skipped="1" failures="1" errors="0" timestamp="2026-01-31T12:00:00.000+00:00" time="1.500">
    <testsuite name="api" tests="2" skipped="1" errors="0" failures="1" timestamp="2026-01-31T12:00:00.000+00:00" time="1.500" file="canaries/api/keys.rs">
        <properties>
            <property name="target" value="https://api.example.com"/>
            <property name="run" value="r1"/>
            <property name="location" value="ci"/>
            <property name="verdict" value="failed"/>
            <property name="trace" value="t1"/>
        </properties>
        <testcase name="list_keys" classname="shop.api" timestamp="2026-01-31T12:00:00.100+00:00" time="0.250" file="canaries/api/keys.rs" line="12">
            <properties>
                <property name="run" value="r1"/>
                <property name="trace" value="t1"/>
                <property name="covers" value="create-key, list-keys"/>
                <property name="promise" value="a key &lt;lists&gt;"/>
            </properties>
            <failure message="bad answer" type="contract">bad answer
  caused by: 503
  remedy: wait
promise: a key &lt;lists&gt;
exchanges:
  0: GET https://x/keys?a=1&amp;b=2 -&gt; 503 in 120 ms, request id q-1</failure>
            <system-out>GET https://x/keys?a=1&amp;b=2 -&gt; 503 in 120 ms, request id q-1
note: the mail took    two ways</system-out>
        </testcase>
        <testcase name="fixture inbox" classname="shop.api" time="0.000" file="canaries/api/keys.rs" line="3">
            <properties>
                <property name="run" value="r1"/>
                <property name="trace" value="t1"/>
            </properties>
            <skipped message="blocked by `fixture client`">blocked by `fixture client`</skipped>
        </testcase>
    </testsuite>
</testsuites>
"#
    );
    let core = strict(&xml).unwrap();
    check_strict(&core);
    assert_eq!(
        core,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="shop" tests="2" failures="1" errors="0" time="1.500">
    <testsuite name="api" tests="2" skipped="1" errors="0" failures="1" timestamp="2026-01-31T12:00:00.000+00:00" time="1.500" file="canaries/api/keys.rs">
        <properties>
            <property name="target" value="https://api.example.com"/>
            <property name="run" value="r1"/>
            <property name="location" value="ci"/>
            <property name="verdict" value="failed"/>
            <property name="trace" value="t1"/>
        </properties>
        <testcase name="list_keys" classname="shop.api" time="0.250">
            <failure message="bad answer" type="contract">bad answer
  caused by: 503
  remedy: wait
promise: a key &lt;lists&gt;
exchanges:
  0: GET https://x/keys?a=1&amp;b=2 -&gt; 503 in 120 ms, request id q-1</failure>
            <system-out>GET https://x/keys?a=1&amp;b=2 -&gt; 503 in 120 ms, request id q-1
note: the mail took    two ways</system-out>
        </testcase>
        <testcase name="fixture inbox" classname="shop.api" time="0.000">
            <skipped message="blocked by `fixture client`"/>
        </testcase>
    </testsuite>
</testsuites>
"#
    );
}

#[test]
fn names_are_unique_and_class_names_have_no_spaces() {
    let steps =
        || vec![step("a", Verdict::Passed), step("a", Verdict::Passed), step("a (2)", Verdict::Passed)];
    let xml = junit(
        "my shop",
        &[run(steps()), run(vec![step("a", Verdict::Passed)])],
        &[],
        &JunitOptions::default(),
    );
    let report = Report::deserialize_from_str(&xml.unwrap()).unwrap();
    let names: Vec<_> = report
        .test_suites
        .iter()
        .flat_map(|suite| &suite.test_cases)
        .map(|case| (case.classname.as_ref().unwrap().as_str(), case.name.as_str()))
        .collect();
    let class = "my_shop.api";
    assert_eq!(names, [(class, "a"), (class, "a (2)"), (class, "a (2) (2)"), (class, "a (3)")]);
}

#[test]
fn counts_and_wall_time_are_right() {
    let first = run(vec![
        step("a", Verdict::Passed),
        step("b", Verdict::Failed),
        step("c", Verdict::Inconclusive),
        step("d", Verdict::Blocked),
        step("e", Verdict::Skipped),
        StepRecord { kind: StepKind::Fixture, ..step("f", Verdict::Passed) },
        StepRecord { kind: StepKind::Fixture, ..step("g", Verdict::Failed) },
    ]);
    // Begins half a second later and takes two seconds: they end together at 2.5 s.
    let mut second = run(vec![step("a", Verdict::Passed)]);
    second.canary = "web".into();
    second.started = "2026-01-31T12:00:00.5Z".parse().unwrap();
    second.duration_ms = 2000.0;
    let report = Report::deserialize_from_str(&extended(&[first, second])).unwrap();
    let counts = |tests, failures, errors, skipped| (tests, failures, errors, skipped);
    assert_eq!((report.tests, report.failures, report.errors, report.skipped), counts(7, 2, 1, 2));
    let [api, web] = &report.test_suites[..] else { panic!("two suites") };
    assert_eq!((api.tests, api.failures, api.errors, api.skipped), counts(6, 2, 1, 2));
    assert_eq!((web.tests, web.failures, web.errors, web.skipped), counts(1, 0, 0, 0));
    let seconds = |time: Option<std::time::Duration>| time.unwrap().as_secs_f64();
    assert_eq!((seconds(report.time), seconds(api.time), seconds(web.time)), (2.5, 1.5, 2.0));
}

#[test]
fn having_checked_nothing_is_an_error() {
    for (xml, class, message) in [
        (extended(&[]), "shop", "nothing was checked: no canary ran"),
        (extended(&[run(Vec::new())]), "shop.api", "nothing was checked: the run has no steps"),
    ] {
        assert_eq!(
            cases(&xml),
            format!(
                "<testcase name=\"run\" classname=\"{class}\">\n\
                 <error message=\"{message}\" type=\"nothing_checked\">{message}</error>\n</testcase>"
            )
        );
        check_strict(&strict(&xml).unwrap());
    }
}

#[test]
fn an_unfinished_run_is_an_error_of_each_canary() {
    let xml = unfinished("shop", &["api", "web shop"], "https://x & y");
    assert_eq!(
        xml,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="shop" tests="2" skipped="0" failures="0" errors="2">
    <testsuite name="api" tests="1" skipped="0" errors="1" failures="0">
        <properties>
            <property name="target" value="https://x &amp; y"/>
        </properties>
        <testcase name="run" classname="shop.api">
            <error message="the run did not finish: it was killed, or it is still going on" type="unfinished">the run did not finish: it was killed, or it is still going on</error>
        </testcase>
    </testsuite>
    <testsuite name="web shop" tests="1" skipped="0" errors="1" failures="0">
        <properties>
            <property name="target" value="https://x &amp; y"/>
        </properties>
        <testcase name="run" classname="shop.web_shop">
            <error message="the run did not finish: it was killed, or it is still going on" type="unfinished">the run did not finish: it was killed, or it is still going on</error>
        </testcase>
    </testsuite>
</testsuites>
"#
    );
    check_strict(&strict(&xml).unwrap());
    let none = unfinished("shop", &[], "https://x");
    assert!(none.contains("<testcase name=\"run\" classname=\"shop\">"), "{none}");
    check_strict(&strict(&none).unwrap());
}
