//! Whatever a record holds, the reports of it can be read.

use coalmine::{
    Cause, Redactor, RunRecord, Verdict,
    record::{AttemptRecord, Exchange, StepKind, StepRecord},
    report::{
        console::summary,
        junit::{redacted, strict},
    },
};
use proptest::prelude::*;
use quick_junit::Report;

use super::{attempt, extended, failure, run, schema::check_strict, step};

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        Just("]]>".to_owned()),
        Just("\u{1b}[".to_owned()),
        Just("\u{1b}]".to_owned()),
        Just("\u{9b}".to_owned()),
        Just("&#0;".to_owned()),
        Just("\u{ffff}".to_owned()),
        Just("\r\n".to_owned()),
        Just("\"'<>&".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Passed,
        Verdict::Failed,
        Verdict::Inconclusive,
        Verdict::Blocked,
        Verdict::Skipped,
    ])
}

fn attempts() -> impl Strategy<Value = AttemptRecord> {
    (prop::option::of((text(), prop::sample::select(Cause::ALL))), text(), any::<f64>()).prop_map(
        |(failed, text, number)| AttemptRecord {
            started_ms: number,
            duration_ms: number,
            exchanges: vec![Exchange {
                url: text.clone(),
                request_id: Some(text.clone()),
                duration_ms: number,
                ..Exchange::default()
            }],
            notes: vec![text],
            ..attempt(1, failed.map(|(message, cause)| failure(cause, &message)))
        },
    )
}

fn steps() -> impl Strategy<Value = StepRecord> {
    (verdict(), any::<bool>(), text(), text(), prop::collection::vec(attempts(), 0..3), any::<f64>())
        .prop_map(|(verdict, is_fixture, name, text, attempts, number)| StepRecord {
            kind: if is_fixture { StepKind::Fixture } else { StepKind::Step },
            promise: text.clone(),
            covers: vec![text.clone()],
            place: format!("{text}:1"),
            failure: attempts.last().and_then(|it| it.failure.clone()),
            root: Some(text.clone()),
            reason: Some(text),
            started_ms: number,
            duration_ms: number,
            attempts,
            ..step(&name, verdict)
        })
}

fn records() -> impl Strategy<Value = RunRecord> {
    (text(), any::<f64>(), prop::collection::vec(steps(), 0..4)).prop_map(|(text, number, steps)| RunRecord {
        canary: text.clone(),
        target: text,
        duration_ms: number,
        ..run(steps)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_record_gives_reports_that_can_be_read(records in prop::collection::vec(records(), 0..3)) {
        let xml = extended(&records);
        check_strict(&strict(&xml).unwrap());
        let report = Report::deserialize_from_str(&xml).unwrap();
        let cases: usize = report.test_suites.iter().map(|it| it.test_cases.len()).sum();
        prop_assert_eq!(report.tests, cases);
        prop_assert_eq!(report.to_string().unwrap(), xml.as_str(), "read and written again, it is the same");

        let clean = redacted(&xml, &Redactor::new()).unwrap();
        prop_assert_eq!(Report::deserialize_from_str(&clean).unwrap().tests, cases);
        check_strict(&strict(&clean).unwrap());

        let page = summary(&records, &[], false);
        prop_assert!(page.chars().all(|it| it == '\n' || !it.is_control()));
    }
}
