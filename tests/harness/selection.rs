//! Which steps a command line asks for, and what is said if it asks for none.

use std::fs;

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("everything_runs_and_is_reported", everything_runs_and_is_reported),
    ("a_list_starts_nothing", a_list_starts_nothing),
    ("a_list_needs_no_settings", a_list_needs_no_settings),
    ("a_substring_runs_its_matches_and_their_prerequisites", a_substring_runs_its_matches),
    ("exact_runs_one_step_and_its_prerequisites", exact_runs_one_step),
    ("an_exact_name_that_nobody_has_is_refused", an_exact_name_that_nobody_has),
    ("an_exact_name_of_an_ignored_step_is_refused_as_such", an_exact_name_of_an_ignored_step),
    ("an_exact_name_that_is_skipped_is_refused_as_such", an_exact_name_that_is_skipped),
    ("a_substring_without_a_match_leaves_the_reports_alone", a_substring_without_a_match),
    ("a_substring_of_ignored_steps_says_so", a_substring_of_ignored_steps),
    ("skip_leaves_steps_out", skip_leaves_steps_out),
    ("ignored_steps_run_on_request", ignored_steps_run_on_request),
    ("include_ignored_runs_everything", include_ignored_runs_everything),
    ("a_suite_of_ignored_steps_is_not_green", a_suite_of_ignored_steps),
    ("bench_runs_nothing", bench_runs_nothing),
    ("unknown_options_are_refused_with_the_usage", unknown_options),
    ("help_is_no_mistake", help_is_no_mistake),
];

fn shop(args: &[&str]) -> Ended {
    Fixture::new("shop", args).run()
}

fn everything_runs_and_is_reported() {
    let ended = shop(&[]).expect_code(0);
    let first = ended.stderr.lines().next().unwrap();
    assert_eq!(first, "watching shop at a fixture", "{}", ended.all());
    let mut trials = ended.trials();
    trials.sort_unstable();
    assert_eq!(
        trials,
        [
            ("back::count", "ok"),
            ("back::prune", "ignored (prunes too much)"),
            ("front::audit", "ignored (takes a day)"),
            ("front::fill_basket", "ok"),
            ("front::look_around", "ok"),
            ("front::open", "ok"),
            ("front::pay", "ok"),
        ]
    );
    assert_eq!(ended.cases("front"), ["open", "fill_basket", "pay", "look_around", "audit"]);
    assert_eq!(ended.cases("back"), ["count", "prune"]);
    assert!(ended.report("junit-strict.xml").contains("fill_basket"));
    let records = ended.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|it| !it.filtered && it.target == "a fixture"));
    assert_eq!(ended.junit().failures + ended.junit().errors, 0);
    assert_eq!(ended.marked_sorted("end"), ["count", "fill_basket", "look_around", "open", "pay"]);
}

fn a_list_starts_nothing() {
    let all = "front::open: test\nfront::fill_basket: test\nfront::pay: test\nfront::look_around: test\n\
               front::audit: test\nback::count: test\nback::prune: test\n";
    for (args, expected) in [
        (&["--list"][..], all),
        (&["--list", "--format", "terse"], all),
        (&["--list", "--format", "json"], all),
        (&["--list", "--ignored"], "front::audit: test\nback::prune: test\n"),
        (&["--list", "--ignored", "--format", "terse"], "front::audit: test\nback::prune: test\n"),
        (&["--list", "pay"], "front::pay: test\n"),
        (&["--list", "--skip", "front"], "back::count: test\nback::prune: test\n"),
        (&["--list", "--exact", "front::pa"], ""),
    ] {
        let ended = shop(args).expect_code(0);
        assert_eq!(ended.stdout, expected, "{args:?}");
        ended.ran_nothing();
        assert!(!ended.path("reports").exists(), "{args:?}");
    }
}

fn a_list_needs_no_settings() {
    let ended = Fixture::new("shop", &["--list"]).var("COALMINE_NONSENSE", "1").run().expect_code(0);
    assert_eq!(ended.stdout.lines().count(), 7);
}

fn a_substring_runs_its_matches() {
    let ended = shop(&["fill"]).expect_code(0);
    assert_eq!(ended.trials(), [("front::fill_basket", "ok")]);
    assert_eq!(ended.marked("end"), ["open", "fill_basket"]);
    let records = ended.records();
    assert_eq!((records.len(), records[0].filtered), (1, true));
    ended.says("6 filtered out");
}

fn exact_runs_one_step() {
    let ended = shop(&["--exact", "front::pay"]).expect_code(0);
    assert_eq!(ended.trials(), [("front::pay", "ok")]);
    assert_eq!(ended.marked("end"), ["open", "fill_basket", "pay"]);
}

fn an_exact_name_that_nobody_has() {
    let ended = shop(&["--exact", "front::fil_basket"]).expect_code(64);
    ended.warns("--exact front::fil_basket: no step has this name; did you mean `front::fill_basket`?");
    ended.ran_nothing();
    let ended = shop(&["--exact", "something quite different"]).expect_code(64);
    ended.warns("`--list` shows all names").ran_nothing();
}

fn an_exact_name_of_an_ignored_step() {
    let ended = shop(&["--exact", "front::audit"]).expect_code(64);
    ended.warns("front::audit").warns("is ignored (takes a day)").warns("--include-ignored").ran_nothing();
    assert!(!ended.stderr.contains("no step has this name"), "{}", ended.all());
    let ended = shop(&["--exact", "front::audit", "--include-ignored"]).expect_code(0);
    assert_eq!(ended.marked("end"), ["audit"]);
}

fn an_exact_name_that_is_skipped() {
    let ended = shop(&["--exact", "front::pay", "--skip", "front::pay"]).expect_code(64);
    ended.warns("front::pay").warns("left out by the other options").ran_nothing();
    let ended = shop(&["--exact", "front::pay", "--ignored"]).expect_code(64);
    ended.warns("left out by the other options").ran_nothing();
}

fn a_substring_without_a_match() {
    let fixture = Fixture::new("shop", &["my_unit_test"]).file("reports/junit.xml", "an earlier run");
    let path = fixture.path().join("reports/junit.xml");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let ended = fixture.run().expect_code(0);
    ended.warns("warning: no step matches").says("running 0 tests").ran_nothing();
    assert_eq!(ended.report("junit.xml"), "an earlier run");
    let after = fs::metadata(ended.path("reports/junit.xml")).unwrap().modified().unwrap();
    assert_eq!(before, after);
    assert_eq!(fs::read_dir(ended.path("reports")).unwrap().count(), 1);
    // Somebody else's test run must not fail over settings of the canaries.
    Fixture::new("shop", &["my_unit_test"]).var("COALMINE_NONSENSE", "1").run().expect_code(0);
}

fn a_substring_of_ignored_steps() {
    let ended = shop(&["audit"]).expect_code(0);
    ended
        .warns("warning: every step that matches is ignored, and `--include-ignored` would run it")
        .ran_nothing();
    assert_eq!(ended.trials(), [("front::audit", "ignored")]);
}

fn skip_leaves_steps_out() {
    let ended = shop(&["--skip", "basket", "--skip", "count"]).expect_code(0);
    let mut trials: Vec<_> = ended.trials().iter().map(|(name, _)| *name).collect();
    trials.sort_unstable();
    assert_eq!(trials, ["back::prune", "front::audit", "front::look_around", "front::open", "front::pay"]);
    // The basket is a prerequisite of paying: it runs, but is no trial.
    assert_eq!(ended.marked_sorted("end"), ["fill_basket", "look_around", "open", "pay"]);
    let ended = shop(&["--skip", ""]).expect_code(0);
    ended.warns("warning: no step matches").ran_nothing();
}

fn ignored_steps_run_on_request() {
    let ended = shop(&["--ignored"]).expect_code(0);
    assert_eq!(ended.marked_sorted("end"), ["audit", "prune"]);
    assert_eq!(ended.trials().len(), 2);
    assert!(ended.records().iter().all(|it| it.filtered));
    let ended = shop(&["--ignored", "pay"]).expect_code(0);
    ended.warns("warning: no step matches").ran_nothing();
}

fn include_ignored_runs_everything() {
    let ended = shop(&["--include-ignored"]).expect_code(0);
    let expected = ["audit", "count", "fill_basket", "look_around", "open", "pay", "prune"];
    assert_eq!(ended.marked_sorted("end"), expected);
    assert!(ended.trials().iter().all(|(_, outcome)| *outcome == "ok"), "{}", ended.all());
}

fn a_suite_of_ignored_steps() {
    for nextest in [false, true] {
        let fixture = Fixture::new("all_ignored", if nextest { &["--exact", "suite"] } else { &[] });
        let fixture =
            if nextest { fixture.var("NEXTEST_EXECUTION_MODE", "process-per-test") } else { fixture };
        let ended = fixture.file("reports/junit.xml", "an earlier run").run().expect_code(1);
        ended.warns("nothing was checked");
        assert_eq!(ended.marked("begin"), [""; 0]);
        // An earlier green report would otherwise stand for this run.
        assert_eq!(ended.junit().errors, 1, "{}", ended.report("junit.xml"));
        if nextest {
            assert_eq!(ended.trial("suite"), "FAILED");
        } else {
            assert_eq!(ended.trial("front::audit"), "ignored (takes a day)");
        }
    }
}

fn bench_runs_nothing() {
    let ended = shop(&["--bench"]).expect_code(0);
    ended.ran_nothing();
    assert!(ended.trials().iter().all(|(_, outcome)| *outcome == "ignored"), "{}", ended.all());
    shop(&["--bench", "--exact", "front::pay"]).expect_code(0).ran_nothing();
}

fn unknown_options() {
    for args in [&["--shuffle"][..], &["one", "two"], &["--format", "junit"], &["--test-threads", "many"]] {
        let ended = shop(args).expect_code(64);
        ended.warns("error:").ran_nothing();
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    shop(&["--shuffle"]).warns("Usage: ");
    let ended = shop(&["--test-threads", "0"]).expect_code(64);
    ended.warns("--test-threads 0: expected at least 1").ran_nothing();
}

fn help_is_no_mistake() {
    let ended = shop(&["--help"]).expect_code(0);
    ended.says("USAGE").ran_nothing();
    assert_eq!(ended.stderr, "");
}
