//! Texts that a product, a mail or an attacker may send.

use coalmine::{Cause, Verdict, record::StepRecord, report::junit::strict};
use quick_junit::{Report, TestCaseStatus};

use super::{attempt, extended, failure, run, schema::check_strict, step};

#[test]
fn hostile_texts_do_no_harm() {
    for (text, message) in [
        ("]]> <![CDATA[ & <!-- \"'", "]]> <![CDATA[ & <!-- \"'"),
        ("a\u{0}\u{7}\u{1b}[31mred\u{1b}[0m\u{fffe}\u{ffff}", "ared"),
        ("🐤 sings\u{1f3ff}", "🐤 sings\u{1f3ff}"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("&lt;&#0;&unknown;", "&lt;&#0;&unknown;"),
        ("\n\u{1}", "no reason was recorded"),
    ] {
        let mut attempt = attempt(1, Some(failure(Cause::Panic, text)));
        attempt.notes = vec![text.into()];
        let failed = StepRecord {
            failure: Some(failure(Cause::Panic, text)),
            promise: text.into(),
            covers: vec![text.into()],
            place: format!("{text}:1"),
            attempts: vec![attempt],
            ..step(text, Verdict::Failed)
        };
        let xml = extended(&[run(vec![failed])]);
        check_strict(&strict(&xml).unwrap());
        let report = Report::deserialize_from_str(&xml).unwrap();
        let TestCaseStatus::NonSuccess { message: found, description, .. } =
            &report.test_suites[0].test_cases[0].status
        else {
            panic!("{text:?} is no failure")
        };
        assert_eq!(found.as_ref().unwrap().as_str(), message, "{text:?}");
        assert!(description.as_ref().unwrap().as_str().starts_with(message), "{text:?}");
    }
}

#[test]
fn a_megabyte_is_cut() {
    let text = "x".repeat(1 << 20);
    let mut attempt = attempt(1, None);
    attempt.notes = (0..100_000).map(|it| format!("line {it}")).collect();
    let failed = StepRecord {
        failure: Some(failure(Cause::Assertion, &text)),
        attempts: vec![attempt],
        ..step("a", Verdict::Failed)
    };
    let xml = extended(&[run(vec![failed])]);
    let message = format!("{}…", "x".repeat(1000));
    assert!(xml.contains(&format!("<failure message=\"{message}\" type=\"assertion\">{message}\nxxx")));
    assert!(xml.contains("note: line 0\n") && xml.contains("\nnote: line 99999</system-out>"));
    assert!(xml.contains(" lines left out\n"));
    assert!(xml.len() < 140 * 1024, "{} bytes", xml.len());
    check_strict(&strict(&xml).unwrap());
}

#[test]
fn an_answer_cannot_ask_for_an_attachment() {
    let mut attempt = attempt(1, None);
    attempt.notes = vec!["the mail says\n[[ATTACHMENT|/etc/passwd]]".into()];
    let xml = extended(&[run(vec![StepRecord { attempts: vec![attempt], ..step("a", Verdict::Passed) }])]);
    assert!(xml.contains("note: the mail says\n[ [ATTACHMENT|/etc/passwd]]</system-out>"), "{xml}");
}
