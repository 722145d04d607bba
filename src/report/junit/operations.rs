//! A case for each operation of the product: `SUITE.surface`.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{JunitOptions, MESSAGE, capped, date, dotted, duration, left_out, one_line, plain, property};
use crate::{
    record::RunRecord,
    report::surface::{SurfaceCase, worst},
    suite::SURFACE,
    verdict::Verdict,
};

/// The suite of all operations; `run` is one of those that they were seen in.
pub(super) fn test_suite(
    suite: &str,
    cases: &[SurfaceCase],
    run: &RunRecord,
    options: &JunitOptions,
) -> TestSuite {
    let mut out = TestSuite::new(SURFACE);
    out.set_timestamp(date(run.started));
    for (name, value) in [
        ("target", run.target.as_str()),
        ("location", &run.location),
        ("verdict", worst(&[], cases).as_str()),
    ] {
        out.add_property(property(name, value));
    }
    let classname = dotted(&format!("{suite}.{SURFACE}"));
    for case in cases {
        out.add_test_case(test_case(case, &classname, options));
    }
    out
}

fn test_case(case: &SurfaceCase, classname: &str, options: &JunitOptions) -> TestCase {
    let SurfaceCase { operation, verdict, prover, message, cause, also, root: _, answers, duration_ms } =
        case;
    let reason = message.as_deref().unwrap_or("no reason was recorded");
    let not_passed = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        let mut text = plain(reason);
        for other in also {
            text.push_str("\nalso: ");
            text.push_str(&plain(other));
        }
        status.set_type(cause.map_or(verdict.as_str(), |it| it.as_str()));
        status.set_message(one_line(reason, MESSAGE)).set_description(capped(&text, options.text_limit));
        status
    };
    let status = match verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => not_passed(NonSuccessKind::Failure),
        Verdict::Inconclusive => not_passed(NonSuccessKind::Error),
        Verdict::Blocked | Verdict::Skipped => left_out(reason),
    };
    let mut out = TestCase::new(one_line(operation, MESSAGE), status);
    out.set_classname(classname).set_time(duration(*duration_ms));
    if let Some(prover) = prover {
        out.add_property(property("prover", prover));
    }
    let answers: Vec<_> =
        answers.iter().map(|(status, count)| format!("{count} of status {status}")).collect();
    if !answers.is_empty() {
        out.add_property(property("answers", &answers.join(", ")));
    }
    out
}
