//! The strict profile: what a reader with the strictest known schema accepts.

use super::{JunitError, rewrite::Attributes, rewrite::rewrite};

/// The extended report without what the strict schema refuses: an allow-list of elements and attributes. What stays
/// says the same as before, in the same order.
///
/// Properties are kept on suites only; cases have a name, a class name, a time and a group; every rerun has a type;
/// the time of a suite has at most three decimals.
///
/// # Errors
/// If the text is no well-formed XML, or no JUnit.
pub fn strict(extended: &str) -> Result<String, JunitError> {
    rewrite(
        extended,
        |parent, name, mut attributes| {
            let allowed = allowed(parent, name)?;
            attributes.retain(|(name, _)| allowed.contains(&name.as_str()));
            match name {
                "testsuites" | "testsuite" => three_decimals(&mut attributes),
                "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError"
                    if !attributes.iter().any(|(name, _)| name == "type") =>
                {
                    attributes.push(("type".to_owned(), "unknown".to_owned()));
                }
                _ => {}
            }
            Some(attributes)
        },
        // What a skipped case says stands in its message too.
        |element, text| if element == "skipped" { String::new() } else { text },
    )
}

/// The attributes that an element may have in that place; `None` if it may not stand there.
fn allowed(parent: &str, name: &str) -> Option<&'static [&'static str]> {
    Some(match (parent, name) {
        ("", "testsuites") => &["name", "time", "tests", "failures", "errors"],
        ("" | "testsuites" | "testsuite", "testsuite") => &[
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
            "version",
            "group",
        ],
        ("testsuite", "properties") => &[],
        ("properties", "property") => &["name", "value"],
        ("testsuite", "testcase") => &["name", "classname", "time", "group"],
        ("testcase", "failure" | "error") => &["message", "type"],
        ("testcase", "skipped") => &["message"],
        ("testcase", "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError") => &["message", "type"],
        ("flakyFailure" | "flakyError" | "rerunFailure" | "rerunError", "stackTrace")
        | (
            "testsuite" | "testcase" | "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError",
            "system-out" | "system-err",
        ) => &[],
        _ => return None,
    })
}

/// A time that is no number is left out; one that is gets the form `0.123`.
fn three_decimals(attributes: &mut Attributes) {
    attributes.retain_mut(|(name, value)| {
        if name != "time" {
            return true;
        }
        match value.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                *value = format!("{seconds:.3}");
                true
            }
            _ => false,
        }
    });
}
