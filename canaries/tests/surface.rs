//! Each operation of the product is a case of its own.

use std::sync::Arc;

use canaries::{
    suite,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{
    Verdict,
    report::surface::{self, SurfaceCase},
    suite::{Plan, Run, RunOptions},
};

use crate::program::Suite;

/// Runs a suite as it is planned, in this process; what that says of every operation.
fn judge(plan: &Plan, world: &SandboxWorld) -> Vec<SurfaceCase> {
    let start = world.access().connect("sandbox of this test", false).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options =
        RunOptions { redactor: start.redactor.clone(), ..RunOptions::new(&start.target, start.resources) };
    let runs: Vec<_> = plan.canaries.iter().map(|it| Run::new(Arc::clone(it), options.clone())).collect();
    let records: Vec<_> = runtime.block_on(async {
        runs.iter().for_each(Run::start);
        let mut records = Vec::new();
        for run in &runs {
            records.push(run.finish().await);
        }
        records
    });
    for record in &records {
        assert_eq!(record.verdict, Verdict::Passed, "{:#?}", record.roots().next());
    }
    surface::cases(plan, plan.operations.iter().map(String::as_str), &records)
}

#[test]
fn an_operation_whose_prover_is_left_out_fails_and_no_other_does() {
    let world = SandboxWorld::start(WorldOptions::default()).unwrap();
    let whole = suite().plan().unwrap();
    assert_eq!(whole.operations.len(), 47);
    for operation in &whole.operations {
        let (canary, step) = whole.prover(operation).unwrap();
        let canary = &whole.canaries[canary];
        let prover = format!("{}::{}", canary.name(), canary.title(step));
        let plan = suite().without(&prover).plan().unwrap();
        let cases = judge(&plan, &world);
        assert_eq!(cases.len(), 47);
        for case in cases {
            let expected = if case.operation == *operation { Verdict::Failed } else { Verdict::Passed };
            assert_eq!(case.verdict, expected, "without `{prover}`: {case:#?}");
            if case.operation == *operation {
                assert_eq!(
                    case.message,
                    Some(format!("nobody proves it: `{prover}` is left out")),
                    "{case:#?}"
                );
            }
        }
    }
}

/// Each trial of the surface with its outcome, in the order of the outcomes' names.
fn trials(out: &str) -> Vec<(&str, &str)> {
    let mut trials: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("test surface::")?.split_once(" ... "))
        .map(|(name, outcome)| (name.trim_end(), outcome))
        .collect();
    trials.sort_unstable();
    trials
}

#[test]
fn every_operation_is_a_trial_and_a_case_of_junit() {
    let suite = Suite::new().arguments(&["surface::"]);
    let ended = suite.run();
    ended.expect_code(0);
    let trials = trials(&ended.out);
    assert_eq!(trials.len(), 47, "{}", ended.said());
    assert!(trials.iter().all(|(_, outcome)| *outcome == "ok"), "{}", ended.said());
    assert!(ended.err.contains("\nsurface: passed (47 of 47 operations passed)\n"), "{}", ended.said());
    for profile in ["junit.xml", "junit-strict.xml"] {
        let xml = suite.report(profile);
        assert_eq!(xml.matches("classname=\"sequence.surface\"").count(), 47, "{profile}");
        for (operation, _) in &trials {
            let case = format!("<testcase name=\"{operation}\" classname=\"sequence.surface\"");
            assert!(xml.contains(&case), "{profile}: {operation}");
        }
    }
    assert!(suite.report("junit.xml").contains("name=\"prover\" value=\"api::create_key\""));
}

#[test]
fn an_operation_alone_runs_the_step_that_proves_it() {
    for threads in ["1", "4"] {
        let arguments = ["--exact", "surface::create-account", "--test-threads", threads];
        let suite = Suite::new().arguments(&arguments);
        let ended = suite.run();
        ended.expect_code(0);
        assert_eq!(trials(&ended.out), [("create-account", "ok")]);
        let records = suite.records();
        let ran = |name: &str| records[0].step(name).map(|it| it.verdict);
        assert_eq!(records.len(), 1);
        assert_eq!(ran("create_account"), Some(Verdict::Passed));
        assert_eq!(ran("create_key"), Some(Verdict::Passed));
        assert_eq!(ran("create_flavor"), None);
        assert!(records[0].filtered);
    }
}

#[test]
fn an_operation_fails_with_its_prover_and_others_are_blocked() {
    let suite = Suite::new().set("COALMINE_FAULT", "error_500:create-key").arguments(&["surface::"]);
    let ended = suite.run();
    ended.expect_code(1);
    let trials = trials(&ended.out);
    let outcome = |name: &str| trials.iter().find(|it| it.0 == name).unwrap().1;
    assert_eq!(outcome("create-key"), "FAILED");
    assert_eq!(outcome("hello"), "ok");
    assert_eq!(outcome("sign-up"), "ok");
    let blocked = outcome("create-account");
    assert!(
        blocked.starts_with("ignored (`api::create_account`, which proves it, is blocked by"),
        "{blocked}"
    );
    let text = "`api::create_key`, which proves it, failed: expected success, got 500";
    assert!(ended.out.contains(text), "{}", ended.said());
    assert!(suite.report("junit.xml").contains("api::create_key`, which proves it, failed"));
}

#[test]
fn an_operation_that_is_blocked_and_stands_alone_is_not_green() {
    let suite = Suite::new()
        .set("COALMINE_FAULT", "error_500:create-key")
        .arguments(&["--exact", "surface::create-account"]);
    let ended = suite.run();
    ended.expect_code(1);
    assert_eq!(trials(&ended.out), [("create-account", "FAILED")]);
    assert!(ended.out.contains("is blocked by `api::create_key`: expected success"), "{}", ended.said());
}

#[test]
fn an_answer_that_breaks_the_contract_fails_its_operation_whoever_saw_it() {
    // `create_key` takes an answer without the header; another step asks for it.
    let arguments = ["--skip", "name_requests"];
    let fault = "header_missing:create-key:Chain-Request-Id";
    let suite = Suite::new().set("COALMINE_FAULT", fault).arguments(&arguments);
    let ended = suite.run();
    ended.expect_code(1);
    let failed: Vec<_> = trials(&ended.out).into_iter().filter(|it| it.1 != "ok").collect();
    assert_eq!(failed, [("create-key", "FAILED")], "{}", ended.said());
    assert!(ended.out.lines().filter(|it| it.ends_with("FAILED")).count() == 1, "{}", ended.said());
    let text = "header `Chain-Request-Id`: expected the header, got none";
    assert!(ended.out.contains(text), "{}", ended.said());
    assert!(ended.err.contains("overall: failed, as an operation says; no canary does"), "{}", ended.said());
}

#[test]
fn who_leaves_a_step_out_does_not_get_it_back_by_its_operation() {
    let suite = Suite::new().arguments(&["--skip", "onboarding::", "--skip", "api::list_feeds"]);
    let ended = suite.run();
    ended.expect_code(0);
    let trials = trials(&ended.out);
    let outcome = |name: &str| trials.iter().find(|it| it.0 == name).unwrap().1;
    assert_eq!(outcome("create-key"), "ok");
    assert_eq!(outcome("sign-up"), "ignored (not selected)");
    assert_eq!(outcome("list-feeds"), "ignored (not selected)");
    assert_eq!(suite.records().len(), 1, "the other canary did not run");
}

#[test]
fn what_is_left_out_is_never_green() {
    for arguments in [
        &["--skip", "api::", "--skip", "onboarding::"][..],
        &["--skip", "create_key", "create-key"],
        &["--skip", "api::create_key", "--exact", "surface::create-key"],
    ] {
        let ended = Suite::new().arguments(arguments).run();
        assert!(matches!(ended.code, Some(1 | 64)), "{arguments:?}: {:?}{}", ended.code, ended.said());
        assert!(trials(&ended.out).iter().all(|(_, outcome)| *outcome != "ok"), "{}", ended.said());
    }
}

#[test]
fn the_console_says_blocked_where_nothing_else_is_known() {
    let fault = "error_500:create-key";
    let ended = Suite::new().set("COALMINE_FAULT", fault).arguments(&["--exact", "surface::list-keys"]).run();
    ended.expect_code(1);
    assert!(ended.err.contains("surface: blocked (0 of 1 operations passed)"), "{}", ended.said());
}
