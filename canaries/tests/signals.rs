//! A run is ended from outside while it has things open: by a signal that it can answer, and by one that it cannot.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use coalmine::{
    Verdict,
    record::{StepKind, StepRecord},
};
use serde_json::Value;

use crate::{
    process::{Process, until},
    program::{PATIENCE, Standalone, Suite, count, roots},
    runs::cases,
};

/// How long a run may go on after it was told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A run that waits for a mail that never comes, with an unconfirmed user and three ledgers open.
fn in_the_middle(sandbox: &Standalone, suite: &Suite) -> Process {
    let mut process = suite.start();
    until(PATIENCE, "a user and three ledgers", || {
        assert!(!process.has_ended(), "it has ended{}", process.said());
        let census = sandbox.census();
        let count = |kind: &str| census[kind].as_array().map_or(0, Vec::len);
        // One user is the standing one, and one ledger its team's production ledger.
        (count("users") == 2 && count("ledgers") == 4).then_some(())
    });
    process
}

#[test]
fn a_run_that_is_told_to_stop_cleans_up_and_reports() {
    let sandbox = Standalone::start(&["--fault", "mail_lost"]);
    let before = sandbox.census();
    for signal in ["INT", "TERM"] {
        let suite = Suite::with(&sandbox.exports);
        let process = in_the_middle(&sandbox, &suite);
        process.signal(signal);
        let told = Instant::now();
        let ended = process.wait(PATIENCE);
        assert!(told.elapsed() < STOP_LIMIT, "SIG{signal}: it took {:?}", told.elapsed());
        ended.expect_code(75);
        assert!(ended.err.contains(&format!("SIG{signal}: stopping the run")), "{}", ended.said());
        assert_eq!(sandbox.census(), before, "after SIG{signal}{}", ended.said());
        assert_eq!(suite.journal_files().len(), 0);

        // The answer to the sign-up may have been on its way still.
        let record = suite.record("onboarding");
        let cut_off = roots(&record);
        let at = [("sign_up".to_owned(), "cancelled"), ("receive_code".to_owned(), "cancelled")];
        assert!(cut_off.len() == 1 && at.contains(&cut_off[0]), "{cut_off:?}");
        assert!(count(&record, Verdict::Blocked) >= 19, "the others were not begun");
        assert_eq!(record.cleanup.len(), 1, "the user was removed");
        let api = suite.record("api");
        assert_eq!(api.cleanup.len(), 3, "the ledgers were removed");
        // A fixture is a case only if something went wrong in it.
        let wrong = |it: &&StepRecord| it.kind == StepKind::Fixture && it.verdict != Verdict::Passed;
        let fixtures = api.steps.iter().chain(&record.steps).filter(wrong).count();
        for profile in ["junit.xml", "junit-strict.xml"] {
            let xml = suite.report(profile);
            assert_eq!(xml.matches("<testcase ").count(), cases().len() + fixtures, "{profile}");
            assert!(xml.contains("<error"), "{profile} shows what was cut off");
        }
    }
}

#[test]
fn what_a_killed_run_leaves_is_what_its_journal_names() {
    let sandbox = Standalone::start(&["--fault", "mail_lost"]);
    let before = sandbox.census();
    let suite = Suite::with(&sandbox.exports);
    let mut process = in_the_middle(&sandbox, &suite);
    process.kill();

    let entries = suite.left_over(sandbox.target());
    let named: BTreeSet<_> = entries.iter().map(|it| (it.kind.clone(), it.name.clone())).collect();
    let after = sandbox.census();
    let mut left = BTreeSet::new();
    for (plural, kind) in [("users", "user"), ("teams", "team"), ("ledgers", "ledger")] {
        for name in names(&after[plural]).difference(&names(&before[plural])) {
            left.insert((kind.to_owned(), name.trim_end_matches(" (unconfirmed)").to_owned()));
        }
    }
    assert_eq!(named, left);
    assert_eq!(
        named.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
        ["ledger", "ledger", "ledger", "user"]
    );
    for kind in ["members", "credentials", "invites"] {
        assert_eq!(after[kind], before[kind], "{kind}");
    }
    let xml = suite.report("junit.xml");
    assert!(xml.contains("did not finish"), "the reports of a killed run say so: {xml}");
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
