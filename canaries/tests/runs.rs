//! Nothing is configured: the suite runs against a sandbox in its own process.

use std::fs;

use canaries::suite;
use coalmine::Verdict;

use crate::program::{Suite, count};

/// `canary::step` of every test case.
pub(crate) fn cases() -> Vec<String> {
    let plan = suite().plan().unwrap();
    let of = |canary: &coalmine::suite::CanaryPlan| {
        let names = canary.cases().map(|(_, name)| format!("{}::{name}", canary.name()));
        names.collect::<Vec<_>>()
    };
    let operations = plan.operations.iter().map(|it| format!("surface::{it}"));
    plan.canaries.iter().flat_map(|it| of(it)).chain(operations).collect()
}

#[test]
fn without_any_setting_it_passes_against_its_own_sandbox_and_says_so() {
    let suite = Suite::new();
    let ended = suite.run();
    ended.expect_code(0);
    assert!(ended.err.contains("/no-such-operation, by api::refuse_unknown_operation\n"), "{}", ended.said());
    assert_eq!(ended.err.lines().next(), Some("watching sequence at sandbox in this process"));

    let cases = cases();
    assert!(cases.len() > 20, "{cases:?}");
    for case in &cases {
        let line = ended.out.lines().find(|line| line.split_whitespace().nth(1) == Some(case));
        assert!(line.is_some_and(|it| it.ends_with("... ok")), "{case}: {line:?}{}", ended.said());
    }
    assert_eq!(
        ended.out.lines().filter(|it| it.starts_with("test ") && it.contains("::")).count(),
        cases.len()
    );

    for profile in ["junit.xml", "junit-strict.xml"] {
        let xml = suite.report(profile);
        assert_eq!(xml.matches("<testsuite ").count(), 3, "{profile}");
        assert_eq!(xml.matches("<testcase ").count(), cases.len(), "{profile}");
        for case in &cases {
            let (canary, step) = case.split_once("::").unwrap();
            assert!(xml.contains(&format!("name=\"{canary}\"")), "{profile}: {canary}");
            assert!(xml.contains(&format!("name=\"{step}\"")), "{profile}: {step}");
        }
        assert!(xml.contains("sandbox in this process"), "{profile} names the target");
    }
    let passed: usize = suite.records().iter().map(|it| count(it, Verdict::Passed)).sum();
    assert_eq!(passed, cases.iter().filter(|it| !it.starts_with("surface::")).count());
    assert_eq!(suite.journal_files().len(), 0, "a sandbox in the process needs no journal");
}

#[test]
fn a_required_target_is_not_replaced_by_a_sandbox() {
    let suite = Suite::new().set("COALMINE_REQUIRE_TARGET", "1");
    let ended = suite.run();
    ended.expect_code(64);
    assert!(ended.err.contains("- COALMINE_TARGET: not set\n  remedy: "), "{}", ended.said());
    assert_eq!(ended.out, "");
}

#[test]
fn reports_go_below_the_workspace_though_cargo_runs_tests_in_their_package() {
    let suite = Suite::new().unset("COALMINE_REPORTS").arguments(&["--exact", "api::hello"]);
    let workspace = suite.folder();
    fs::write(workspace.join("Cargo.lock"), "").unwrap();
    let package = workspace.join("package");
    fs::create_dir(&package).unwrap();
    suite.start_in(&package).wait(crate::program::PATIENCE).expect_code(0);
    assert!(workspace.join("target/canaries/junit.xml").is_file());
    assert_eq!(fs::read_dir(&package).unwrap().count(), 0, "nothing beside it");
}
