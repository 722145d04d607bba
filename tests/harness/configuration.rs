//! What is wrong with settings, paths and the suite itself is said at once, before anything runs.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

use crate::{
    Case,
    child::{Ended, Fixture},
};

pub(crate) const CASES: &[Case] = &[
    ("unknown_names_are_refused", unknown_names_are_refused),
    ("every_problem_is_said_at_once", every_problem_is_said_at_once),
    ("a_value_that_is_no_text_is_refused", a_value_that_is_no_text_is_refused),
    ("empty_values_count_as_not_set", empty_values_count_as_not_set),
    ("reports_below_a_file_are_refused", reports_below_a_file_are_refused),
    ("a_journal_below_a_file_is_refused", a_journal_below_a_file_is_refused),
    ("reports_go_below_the_workspace", reports_go_below_the_workspace),
    ("every_problem_of_the_plan_is_said_at_once", every_problem_of_the_plan),
    #[cfg(all(feature = "drill", feature = "server"))]
    ("an_unknown_policy_is_no_service", an_unknown_policy_is_no_service),
];

/// Nothing was run, and no report was touched.
fn refused(fixture: Fixture) -> Ended {
    let ended = fixture.file("reports/junit.xml", "an earlier run").run().expect_code(64);
    ended.ran_nothing();
    untouched(&ended);
    ended
}

fn untouched(ended: &Ended) {
    assert_eq!(ended.report("junit.xml"), "an earlier run");
    assert_eq!(fs::read_dir(ended.path("reports")).unwrap().count(), 1);
    assert_eq!(ended.stdout, "", "{}", ended.all());
}

fn unknown_names_are_refused() {
    let ended = refused(Fixture::new("shop", &[]).var("COALMINE_REPORT", "elsewhere"));
    ended.warns("COALMINE_REPORT: there is no such setting").warns("did you mean `COALMINE_REPORTS`?");
    refused(Fixture::new("shop", &[]).var("FIXTURE_LSATING", "1")).warns("did you mean `FIXTURE_LASTING`?");
    refused(Fixture::new("shop", &[]).var("COALMINE_QUITE_DIFFERENT", "1"))
        .warns("correct the name, or unset it");
}

fn every_problem_is_said_at_once() {
    let fixture = Fixture::new("shop", &[]).var("COALMINE_LOCATIN", "here").var("FIXTURE_LASTING", "yes");
    let ended = refused(fixture.var("FIXTURE_MARK", "1").without("FIXTURE_MARKS"));
    ended
        .warns("the configuration is not usable; nothing was run")
        .warns("did you mean `COALMINE_LOCATION`?")
        .warns("did you mean `FIXTURE_MARKS`?")
        .warns("FIXTURE_MARKS: not set\n  remedy: name a file to leave marks in")
        .warns("FIXTURE_LASTING: expected 1 or 0, found `yes`");
}

fn a_value_that_is_no_text_is_refused() {
    let ended = refused(Fixture::new("shop", &[]).var("FIXTURE_TARGET", OsStr::from_bytes(b"sh\xffp")));
    ended.warns("FIXTURE_TARGET: ").warns("UTF-8");
    let unknown = Fixture::new("shop", &[]).var("COALMINE_TRAGET", OsStr::from_bytes(b"sh\xffp"));
    refused(unknown).warns("COALMINE_TRAGET: there is no such setting");
    // What is none of ours may be anything.
    Fixture::new("shop", &[]).var("OTHER", OsStr::from_bytes(b"sh\xffp")).run().expect_code(0);
}

fn empty_values_count_as_not_set() {
    let fixture = Fixture::new("shop", &[]).var("COALMINE_NONSENSE", "").var("FIXTURE_TARGET", "");
    fixture.run().expect_code(0).warns("watching shop at a fixture");
}

fn reports_below_a_file_are_refused() {
    let fixture = Fixture::new("shop", &[]).file("a_file", "");
    let path = fixture.path().join("a_file/reports");
    let ended = refused(fixture.var("COALMINE_REPORTS", &path));
    ended.warns("COALMINE_REPORTS: ").warns(path.to_str().unwrap()).warns("remedy: ");
}

fn a_journal_below_a_file_is_refused() {
    let fixture = Fixture::new("shop", &[]).var("FIXTURE_LASTING", "1").file("a_file", "");
    let path = fixture.path().join("a_file/journal");
    let fixture = fixture.var("COALMINE_JOURNAL", &path).file("reports/junit.xml", "an earlier run");
    let ended = fixture.run().expect_code(64);
    ended.warns("COALMINE_JOURNAL: ").warns(path.to_str().unwrap()).warns("remedy: name a writable folder");
    // The journal is the target's, so the target is set up; nothing is asked of it.
    assert_eq!(ended.marks(), ["start"]);
    untouched(&ended);
}

fn reports_go_below_the_workspace() {
    let fixture = Fixture::new("shop", &[]).file("Cargo.lock", "").file("package/Cargo.toml", "");
    let ended = fixture.without("COALMINE_REPORTS").current_dir("package").run().expect_code(0);
    assert!(ended.path("target/canaries/junit.xml").is_file(), "{}", ended.all());
    assert!(!ended.path("package/target").exists());
    // Outside of a workspace there is only the folder that it was started in.
    let fixture = Fixture::new("shop", &[]).file("package/Cargo.toml", "").without("COALMINE_REPORTS");
    let ended = fixture.current_dir("package").run().expect_code(0);
    assert!(ended.path("package/target/canaries/junit.xml").is_file(), "{}", ended.all());
}

fn every_problem_of_the_plan() {
    for args in [&[][..], &["--list"], &["my_unit_test"]] {
        let ended = refused(Fixture::new("misplanned", args));
        ended
            .warns("the suite has 4 problems:")
            .warns("the operation `list-things` has no prover")
            .warns("two steps are called `front::twice`")
            .warns("`front::twice` names `nowhere`")
            .warns("`front::wants` needs `Nobody`, which no step returns");
    }
}

/// Nobody finds out at night that the page which should have come was to follow a policy that there is not.
#[cfg(all(feature = "drill", feature = "server"))]
fn an_unknown_policy_is_no_service() {
    let ended = refused(Fixture::program("mispoliced", &["serve", "--listen", "127.0.0.1:0"]));
    ended.warns(
        "- the canary `front` alerts by `nightly`, which is no policy of the suite; did you mean `nightli`?",
    );
}
