//! The strict profile against the schema, and the schema against what it has to refuse.

use coalmine::report::junit::{JunitError, strict};
use fastxml::schema::{Schema, Validator};

const SCHEMA: &str = include_str!("../fixtures/junit-strict.xsd");

/// What the schema says against the text.
fn problems(xml: &str) -> Vec<String> {
    let schema = Schema::from_xsd(SCHEMA).unwrap();
    match Validator::from(xml).schema(schema).run() {
        Ok(report) => report.errors().iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Fails unless the schema accepts the text.
pub(super) fn check_strict(xml: &str) {
    let problems = problems(xml);
    assert!(problems.is_empty(), "{problems:#?}\n{xml}");
}

/// Uses everything that is allowed.
const ALLOWED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="s" time="1.5" tests="1" failures="1" errors="0">
  <testsuite name="c" tests="1" failures="1" errors="0" skipped="0" time="12.345" timestamp="2026-01-31T12:00:00"
      hostname="h" id="1" package="p" file="f" log="l" url="u" version="1" group="g">
    <properties><property name="a" value="b"/></properties>
    <testcase name="a" classname="s.c" time="1e-9" group="g">
      <failure message="m" type="t">text</failure>
      <failure>another</failure>
      <rerunFailure type="t" message="m">text<stackTrace>at</stackTrace><system-out>o</system-out></rerunFailure>
      <system-out>out</system-out>
    </testcase>
    <testsuite name="nested" tests="0" failures="0" errors="0"/>
    <system-err>err</system-err>
  </testsuite>
</testsuites>
"#;

#[test]
fn the_schema_accepts_what_is_allowed() {
    check_strict(ALLOWED);
    for (from, to) in [
        ("time=\"12.345\"", "time=\"12\""),
        ("time=\"12.345\"", "time=\"0.1\""),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.123Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.000+00:00"),
        ("<failure message=\"m\" type=\"t\">text</failure>", "<error message=\"m\" type=\"t\"/>"),
        ("<failure message=\"m\" type=\"t\">text</failure>", "<skipped/>"),
        ("<failure message=\"m\" type=\"t\">text</failure>", "<skipped message=\"m\"/>"),
        ("<system-out>out</system-out>", "<flakyError type=\"t\"/><flakyFailure type=\"t\">x</flakyFailure>"),
        (" classname=\"s.c\" time=\"1e-9\" group=\"g\"", ""),
    ] {
        check_strict(&changed(from, to));
    }
    check_strict("<testsuite name=\"c\" tests=\"0\" failures=\"0\" errors=\"0\"/>");
    check_strict("<testsuites/>");
}

/// What is allowed, with one thing changed to what must be refused.
const REFUSED: &[(&str, &str)] = &[
    ("<testcase ", "<testcase file=\"f\" "),
    ("<testcase ", "<testcase line=\"1\" "),
    ("<testcase ", "<testcase status=\"run\" "),
    ("<testcase ", "<testcase timestamp=\"2026-01-31T12:00:00\" "),
    ("<testcase ", "<testcase assertions=\"1\" "),
    ("<failure message", "<properties><property name=\"a\" value=\"b\"/></properties><failure message"),
    ("<failure message", "text<failure message"),
    ("<failure message", "<unknown/><failure message"),
    ("<testsuite name=\"c\"", "<testsuite assertions=\"1\" name=\"c\""),
    ("<testsuite name=\"c\"", "<testsuite disabled=\"0\" name=\"c\""),
    ("<testsuite name=\"c\"", "<testsuite uuid=\"0\" name=\"c\""),
    ("<testsuites ", "<testsuites timestamp=\"2026-01-31T12:00:00\" "),
    ("<testsuites ", "<testsuites skipped=\"0\" "),
    ("<testsuites ", "<testsuites id=\"1\" "),
    ("<testsuites ", "<testsuites uuid=\"1\" "),
    ("<failure message", "<failure line=\"1\" message"),
    ("<rerunFailure type=\"t\"", "<rerunFailure"),
    ("<rerunFailure type=\"t\"", "<rerunFailure timestamp=\"2026-01-31T12:00:00\" type=\"t\""),
    ("<system-out>out</system-out>", "<flakyFailure/>"),
    ("<system-out>out</system-out>", "<flakyError/>"),
    ("<system-out>out</system-out>", "<rerunError/>"),
    (
        "<testsuite name=\"c\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "<testsuite name=\"c\" failures=\"1\" errors=\"0\"",
    ),
    (
        "<testsuite name=\"c\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "<testsuite name=\"c\" tests=\"1\" errors=\"0\"",
    ),
    (
        "<testsuite name=\"c\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "<testsuite name=\"c\" tests=\"1\" failures=\"1\"",
    ),
    ("<testsuite name=\"c\"", "<testsuite"),
    ("time=\"12.345\"", "time=\"12.3456\""),
    ("time=\"12.345\"", "time=\"1e3\""),
    ("time=\"12.345\"", "time=\"-1\""),
    ("<property name=\"a\" value=\"b\"/>", "<property name=\"a\"/>"),
    ("<testcase name=\"a\"", "<testcase"),
];

#[test]
fn the_schema_refuses_what_must_be_refused() {
    for (from, to) in REFUSED {
        assert!(!problems(&changed(from, to)).is_empty(), "accepted: {to}");
    }
    for root in ["<testcase2/>", "<report/>"] {
        assert!(!problems(root).is_empty(), "accepted: {root}");
    }
}

/// Values that only their writer can set right; everything else the strict profile has to mend.
const BEYOND_MENDING: &[&str] =
    &["<testsuite", "<property name=\"a\"/>", "<testcase", "text<failure message"];

#[test]
fn the_strict_profile_mends_what_the_schema_refuses() {
    for (from, to) in REFUSED {
        let missing = BEYOND_MENDING.contains(to) || to.starts_with("<testsuite name=\"c\" ");
        if !missing {
            check_strict(&strict(&changed(from, to)).unwrap());
        }
    }
}

#[test]
fn the_strict_profile_keeps_what_is_allowed() {
    let kept = strict(ALLOWED).unwrap();
    check_strict(&kept);
    let words = |xml: &str| xml.split_whitespace().collect::<String>();
    // Only times are written anew.
    assert_eq!(words(&kept), words(&ALLOWED.replace("time=\"1.5\"", "time=\"1.500\"")));
    assert_eq!(strict(&kept).unwrap(), kept, "strict is strict already");
}

#[test]
fn what_is_no_junit_is_an_error() {
    for text in [
        "",
        "text",
        "<testsuites",
        "<testsuites>",
        "<testsuites></testsuite>",
        "<testsuites><testsuite></testsuites>",
        "<testsuites/><testsuites/>",
        "<testsuites/>text",
        "<testsuites>&unknown;</testsuites>",
        "<testsuites name=\"&unknown;\"/>",
        "<html/>",
        "<html>text</html>",
    ] {
        assert!(matches!(strict(text), Err(JunitError::Read(_))), "{text:?}: {:?}", strict(text));
    }
}

fn changed(from: &str, to: &str) -> String {
    assert!(ALLOWED.contains(from), "{from}");
    ALLOWED.replacen(from, to, 1)
}
